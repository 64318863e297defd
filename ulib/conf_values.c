// SPDX-License-Identifier: LGPL-2.1-or-later
/* Parsing the values of the configuration, without libc's help. */
#include <errno.h>
#include <string.h>
#include "conf_values.h"

struct suffix {
	const char *text;
	uint64_t scale;
};

static const struct suffix size_suffixes[] = {
	{ "", 1 }, { "K", 1 << 10 }, { "M", 1 << 20 }, { "G", 1 << 30 },
	{ "k", 1 << 10 }, { "m", 1 << 20 }, { "g", 1 << 30 }, { NULL, 0 },
};

static const struct suffix time_suffixes[] = {
	{ "us", 1 }, { "ms", 1000 }, { "s", 1000000 }, { NULL, 0 },
};

static const struct suffix percent_suffixes[] = {
	{ "", 100 }, { NULL, 0 },
};

bool hu_value_is(const char *text, size_t len, const char *word)
{
	return strlen(word) == len && !memcmp(text, word, len);
}

/* The digits of "12.5ms" and the like; returns their number, 0: no number. */
static size_t parse_digits(const char *text, size_t len, uint64_t *value, uint64_t *unit)
{
	bool fraction = false, any = false;
	size_t i;

	*value = 0;
	*unit = 1;
	for (i = 0; i < len; i++) {
		if (text[i] == '.' && !fraction) {
			fraction = true;
			continue;
		}
		if (text[i] < '0' || text[i] > '9')
			break;
		/* More decimals than three: finer than anything here is. */
		if (*unit == 1000)
			return 0;
		/* Saturates, which is out of every range. */
		*value = *value > UINT64_MAX / 100 ? UINT64_MAX / 10 :
			 *value * 10 + (uint64_t)(text[i] - '0');
		*unit *= fraction ? 10 : 1;
		any = true;
	}
	return any ? i : 0;
}

static int parse_ranged(const char *text, size_t len, const struct suffix *suffix,
			uint64_t least, uint64_t most, uint64_t *out)
{
	uint64_t value, unit;
	size_t digits = parse_digits(text, len, &value, &unit);

	if (!digits)
		return -EINVAL;
	for (; suffix->text; suffix++)
		if (hu_value_is(text + digits, len - digits, suffix->text))
			break;
	if (!suffix->text)
		return -EINVAL;
	if (__builtin_mul_overflow(value, suffix->scale, &value))
		return -ERANGE;
	value /= unit;
	if (value < least || value > most)
		return -ERANGE;
	*out = value;
	return 0;
}

/* Bytes, or with K, M, G; rounded up to whole pages. */
int hu_value_size(const char *text, size_t len, uint64_t most, size_t *out)
{
	uint64_t v;
	int ret = parse_ranged(text, len, size_suffixes, 0, most, &v);

	if (!ret)
		*out = hu_align_up(v, HU_PAGE);
	return ret;
}

int hu_value_time_us(const char *text, size_t len, uint64_t least, uint64_t most, uint64_t *out)
{
	return parse_ranged(text, len, time_suffixes, least, most, out);
}

/* A factor such as 1.5, in per cent. */
int hu_value_percent(const char *text, size_t len, uint64_t least, uint64_t most, uint64_t *out)
{
	return parse_ranged(text, len, percent_suffixes, least, most, out);
}

/* 0 or 1; nothing is 1. */
int hu_value_flag(const char *text, size_t len, bool *out)
{
	if (len && !hu_value_is(text, len, "0") && !hu_value_is(text, len, "1"))
		return -EINVAL;
	*out = !len || text[0] == '1';
	return 0;
}

/* One of @words, which NULL ends; *out is its index. */
int hu_value_choice(const char *text, size_t len, const char *const *words, unsigned int *out)
{
	unsigned int i;

	for (i = 0; words[i]; i++) {
		if (hu_value_is(text, len, words[i])) {
			/* Some are read while the program runs. */
			__atomic_store_n(out, i, __ATOMIC_RELAXED);
			return 0;
		}
	}
	return -EINVAL;
}
