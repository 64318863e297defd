// SPDX-License-Identifier: LGPL-2.1-or-later
/* Parsing HERMES_CONF: comma-separated key=value pairs, without libc's help. */
#include <string.h>
#include "conf.h"
#include "os.h"

struct hu_conf hu_conf = {
	.reserve_min = SIZE_MAX,
	.reserve_max = SIZE_MAX,
	.decay_ms = 10000,
	.background = true,
};

struct suffix {
	const char *text;
	uint64_t scale;
};

static const struct suffix size_suffixes[] = {
	{ "", 1 }, { "K", 1 << 10 }, { "M", 1 << 20 }, { "G", 1 << 30 },
	{ "k", 1 << 10 }, { "m", 1 << 20 }, { "g", 1 << 30 }, { NULL, 0 },
};

/* Microseconds. */
static const struct suffix time_suffixes[] = {
	{ "us", 1 }, { "ms", 1000 }, { "s", 1000000 }, { NULL, 0 },
};

/* Per cent. */
static const struct suffix factor_suffixes[] = {
	{ "", 100 }, { NULL, 0 },
};

static bool equal(const char *text, size_t len, const char *word)
{
	return strlen(word) == len && !memcmp(text, word, len);
}

/* "12.5ms" and the like; at most three decimals. */
static bool parse_number(const char *text, size_t len, const struct suffix *suffix, uint64_t *out)
{
	uint64_t value = 0, unit = 1;
	size_t i = 0, digits = 0;
	bool fraction = false;

	for (; i < len; i++) {
		if (text[i] == '.' && !fraction) {
			fraction = true;
			continue;
		}
		if (text[i] < '0' || text[i] > '9')
			break;
		if (value > UINT64_MAX / 100 || unit == 1000)
			return false;
		value = value * 10 + (uint64_t)(text[i] - '0');
		unit *= fraction ? 10 : 1;
		digits++;
	}
	if (!digits)
		return false;
	for (; suffix->text; suffix++) {
		if (!equal(text + i, len - i, suffix->text))
			continue;
		if (value > UINT64_MAX / suffix->scale)
			return false;
		*out = value * suffix->scale / unit;
		return true;
	}
	return false;
}

static bool parse_ranged(const char *text, size_t len, const struct suffix *suffix,
			 uint64_t least, uint64_t most, uint64_t *out)
{
	return parse_number(text, len, suffix, out) && *out >= least && *out <= most;
}

static bool set_size(const char *text, size_t len, size_t *out)
{
	uint64_t v;

	if (!parse_ranged(text, len, size_suffixes, 0, 1ULL << 40, &v))
		return false;
	*out = hu_align_up(v, HU_PAGE);
	return true;
}

static bool set_reserve_min(const char *text, size_t len)
{
	return set_size(text, len, &hu_conf.reserve_min);
}

static bool set_reserve_max(const char *text, size_t len)
{
	return set_size(text, len, &hu_conf.reserve_max);
}

static bool set_factor(const char *text, size_t len)
{
	uint64_t v;

	if (!parse_ranged(text, len, factor_suffixes, 1, 1000, &v))
		return false;
	hu_conf.factor_pct = (uint32_t)v;
	return true;
}

static bool set_interval(const char *text, size_t len)
{
	uint64_t v;

	if (!parse_ranged(text, len, time_suffixes, 500, 1000000, &v))
		return false;
	hu_conf.interval_us = (uint32_t)v;
	return true;
}

static bool set_decay(const char *text, size_t len)
{
	uint64_t v;

	if (equal(text, len, "never")) {
		hu_conf.decay_ms = HU_DECAY_NEVER;
		return true;
	}
	if (equal(text, len, "0"))
		v = 0;
	else if (!parse_ranged(text, len, time_suffixes, 0, 86400ULL * 1000000, &v))
		return false;
	hu_conf.decay_ms = (uint32_t)(v / 1000);
	return true;
}

static bool set_backend(const char *text, size_t len)
{
	if (equal(text, len, "auto"))
		hu_conf.backend = HU_CONF_AUTO;
	else if (equal(text, len, "kmod"))
		hu_conf.backend = HU_CONF_KMOD;
	else if (equal(text, len, "populate"))
		hu_conf.backend = HU_CONF_POPULATE;
	else if (equal(text, len, "anon"))
		hu_conf.backend = HU_CONF_ANON;
	else
		return false;
	return true;
}

static bool set_thp(const char *text, size_t len)
{
	if (equal(text, len, "auto"))
		hu_conf.thp = HU_THP_AUTO;
	else if (equal(text, len, "always"))
		hu_conf.thp = HU_THP_ALWAYS;
	else if (equal(text, len, "never"))
		hu_conf.thp = HU_THP_NEVER;
	else
		return false;
	return true;
}

static bool set_flag(const char *text, size_t len, bool *flag)
{
	if (!len || equal(text, len, "1"))
		*flag = true;
	else if (equal(text, len, "0"))
		*flag = false;
	else
		return false;
	return true;
}

static bool set_background(const char *text, size_t len)
{
	return set_flag(text, len, &hu_conf.background);
}

static bool set_verbose(const char *text, size_t len)
{
	return set_flag(text, len, &hu_conf.verbose);
}

static bool set_stats(const char *text, size_t len)
{
	return set_flag(text, len, &hu_conf.stats);
}

static const struct option {
	const char *key;
	bool (*set)(const char *text, size_t len);
	const char *bad;
} options[] = {
	{ "reserve_min", set_reserve_min, "reserve_min is ignored: 0 to 1024G, such as 8M" },
	{ "reserve_max", set_reserve_max, "reserve_max is ignored: 0 to 1024G, such as 256M" },
	{ "factor", set_factor, "factor is ignored: 0.01 to 10, such as 2.0" },
	{ "interval", set_interval, "interval is ignored: 500us to 1s, such as 2ms" },
	{ "decay", set_decay, "decay is ignored: 0s to 86400s, such as 10s; or never" },
	{ "backend", set_backend, "backend is ignored: auto, kmod, populate or anon" },
	{ "thp", set_thp, "thp is ignored: auto, always or never" },
	{ "background", set_background, "background is ignored: 0 or 1" },
	{ "verbose", set_verbose, "verbose is ignored: 0 or 1" },
	{ "stats", set_stats, "stats is ignored: 0 or 1" },
};

static const char known_keys[] =
"reserve_min, reserve_max, factor, interval, decay, backend, thp, background, verbose, stats";

static void parse_pair(const char *pair, size_t len)
{
	static bool complained;
	const char *value = memchr(pair, '=', len);
	size_t key = value ? (size_t)(value - pair) : len;
	size_t i;

	value = value ? value + 1 : pair + len;
	for (i = 0; i < ARRAY_SIZE(options); i++) {
		if (!equal(pair, key, options[i].key))
			continue;
		if (!options[i].set(value, (size_t)(pair + len - value)))
			hu_os_complain("HERMES_CONF: ", options[i].bad);
		return;
	}
	if (!complained)
		hu_os_complain("HERMES_CONF: unknown key is ignored; known are ", known_keys);
	complained = true;
}

void hu_conf_parse(const char *text)
{
	while (*text) {
		size_t len = strcspn(text, ",");

		if (len)
			parse_pair(text, len);
		text += len + (text[len] == ',');
	}
	if (hu_conf.reserve_min != SIZE_MAX && hu_conf.reserve_min > hu_conf.reserve_max) {
		hu_os_complain("HERMES_CONF: reserve_min is ignored: ", "above reserve_max");
		hu_conf.reserve_min = SIZE_MAX;
	}
}

/* Called once, before the first arena is made, under hu_grow_lock. */
void hu_conf_read(void)
{
	const char *text = hu_os_getenv("HERMES_CONF");

	if (text)
		hu_conf_parse(text);
}
