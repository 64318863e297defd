// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "../bench/cli.h"
#include "units.h"

#define NANO	1000000000ULL

struct suffix {
	const char *text;
	uint64_t factor;
};

static const struct suffix sizes[] = {
	{ "", 1 }, { "K", 1ULL << 10 }, { "M", 1ULL << 20 }, { "G", 1ULL << 30 },
	{ "T", 1ULL << 40 },
};

static const struct suffix times[] = {
	{ "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", NANO },
};

static const struct suffix plain[] = { { "", 1 } };
static const struct suffix percents[] = { { "", 1 }, { "%", 1 } };
static const struct suffix hundredths[] = { { "", 100 } };

/* How a unit is written: with one of these suffixes, whose factors count @base of the unit. */
static const struct form {
	const char *form;
	const struct suffix *suffixes;
	size_t n;
	uint64_t base;
} forms[] = {
	[UNIT_NONE] = { "a whole number", plain, ARRAY_SIZE(plain), 1 },
	[UNIT_BOOL] = { "yes or no", NULL, 0, 1 },
	[UNIT_BYTES] = { "a size (4096, 64K, 1.5G)", sizes, ARRAY_SIZE(sizes), 1 },
	[UNIT_RATE] = { "a size per second (64K, 512M)", sizes, ARRAY_SIZE(sizes), 1 },
	[UNIT_NS] = { "a time (500us, 20ms, 1.5s)", times, ARRAY_SIZE(times), 1 },
	[UNIT_US] = { "a time (500us, 20ms, 1.5s)", times, ARRAY_SIZE(times), 1000 },
	[UNIT_MS] = { "a time (20ms, 1.5s)", times, ARRAY_SIZE(times), 1000000 },
	[UNIT_PERCENT] = { "a percentage (25 or 25%)", percents, ARRAY_SIZE(percents), 1 },
	[UNIT_FACTOR] = { "a factor (2, 1.25)", hundredths, ARRAY_SIZE(hundredths), 1 },
};

/* Digits with at most nine after the point, as billionths. */
static int parse_decimal(const char *text, const char **end, __uint128_t *nano)
{
	uint64_t whole = 0, fraction = 0, digit = NANO / 10;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	for (; isdigit((unsigned char)*text); text++) {
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, *text - '0', &whole))
			return -ERANGE;
	}
	if (*text == '.') {
		if (!isdigit((unsigned char)*++text))
			return -EINVAL;
		for (; isdigit((unsigned char)*text); text++, digit /= 10) {
			if (!digit)
				return -EINVAL;
			fraction += digit * (uint64_t)(*text - '0');
		}
	}
	*nano = (__uint128_t)whole * NANO + fraction;
	*end = text;
	return 0;
}

static int parse_bool(const char *text, uint64_t *value)
{
	static const char *const words[][2] = {
		{ "no", "yes" }, { "off", "on" }, { "0", "1" }, { "false", "true" },
	};
	size_t i;
	int v;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		for (v = 0; v < 2; v++)
			if (!strcasecmp(text, words[i][v])) {
				*value = (uint64_t)v;
				return 0;
			}
	return -EINVAL;
}

/* Sizes may be rounded down to a byte; of other units there are no parts. */
static bool must_be_whole(enum unit unit)
{
	return unit != UNIT_BYTES && unit != UNIT_RATE;
}

int units_parse(enum unit unit, const char *text, uint64_t *value)
{
	const struct form *form = &forms[unit];
	__uint128_t nano, scaled, divisor;
	const char *end;
	size_t i;
	int ret;

	if (unit == UNIT_BOOL)
		return parse_bool(text, value);
	ret = parse_decimal(text, &end, &nano);
	if (ret)
		return ret;
	/* Nothing has no unit. */
	if (!nano && !*end) {
		*value = 0;
		return 0;
	}
	for (i = 0; i < form->n && strcasecmp(end, form->suffixes[i].text); i++)
		;
	if (i == form->n)
		return -EINVAL;
	divisor = (__uint128_t)NANO * form->base;
	scaled = nano * form->suffixes[i].factor;
	/* A product of 94 and 40 bits may have overflowed. */
	if (scaled / form->suffixes[i].factor != nano || scaled / divisor > UINT64_MAX ||
	    (must_be_whole(unit) && scaled % divisor))
		return -ERANGE;
	*value = (uint64_t)(scaled / divisor);
	return 0;
}

const char *units_form(enum unit unit)
{
	return forms[unit].form;
}

const char *units_exact(char buf[UNITS_LEN], enum unit unit, uint64_t value)
{
	const struct form *form = &forms[unit];
	uint64_t factor;
	size_t i;

	switch (unit) {
	case UNIT_NONE:
		snprintf(buf, UNITS_LEN, "%" PRIu64, value);
		return buf;
	case UNIT_BOOL:
		return strcpy(buf, value ? "yes" : "no");
	case UNIT_PERCENT:
		snprintf(buf, UNITS_LEN, "%" PRIu64 "%%", value);
		return buf;
	case UNIT_FACTOR:
		snprintf(buf, UNITS_LEN, "%" PRIu64 ".%02" PRIu64, value / 100, value % 100);
		return buf;
	default:
		break;
	}
	/* The largest suffix of which it is a multiple. */
	for (i = form->n - 1; i > 0; i--) {
		factor = form->suffixes[i].factor / form->base;
		if (value && factor && value % factor == 0)
			break;
	}
	/* Smaller suffixes than the unit itself are no use. */
	while (form->suffixes[i].factor < form->base)
		i++;
	snprintf(buf, UNITS_LEN, "%" PRIu64 "%s", value / (form->suffixes[i].factor / form->base),
		 form->suffixes[i].text);
	return buf;
}

const char *units_human(char buf[UNITS_LEN], enum unit unit, uint64_t value)
{
	const struct form *form = &forms[unit];
	double scaled;
	size_t i;

	if (!value || (form->suffixes != sizes && form->suffixes != times)) {
		units_exact(buf, unit, value);
	} else {
		scaled = (double)value * (double)form->base;
		for (i = form->n - 1; i > 0 && scaled < (double)form->suffixes[i].factor; i--)
			;
		scaled /= (double)form->suffixes[i].factor;
		/* No point where there is no part. */
		snprintf(buf, UNITS_LEN, "%.*f%s", scaled < 99.95 && scaled != (uint64_t)scaled,
			 scaled, form->suffixes[i].text);
	}
	if (unit == UNIT_RATE)
		strcat(buf, "/s");
	return buf;
}
