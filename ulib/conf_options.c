// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The keys of the configuration. To add one: a field of struct hu_conf, a
 * function that sets it, a line in hu_options[], a paragraph in hermes-u(7).
 */
#include <errno.h>
#include <hermes-u.h>
#include <string.h>
#include "conf.h"
#include "conf_values.h"
#include "heap.h"
#include "reserve.h"
#include "worker.h"

#define SIZE_MOST	(1ULL << 40)

struct hu_conf hu_conf = {
	.reserve_min = SIZE_MAX,
	.reserve_max = SIZE_MAX,
	.decay_ms = 10000,
	.background = true,
	.latency = HU_CONF_LATENCY_SLOW,
};

static int set_reserve_min(const char *text, size_t len)
{
	return hu_value_size(text, len, SIZE_MOST, &hu_conf.reserve_min);
}

static int set_reserve_max(const char *text, size_t len)
{
	return hu_value_size(text, len, SIZE_MOST, &hu_conf.reserve_max);
}

/* The bound that was set, with the other one as it is in the reserve. */
static int apply_reserve_min(void)
{
	size_t min, max;
	int ret = hermes_u_reserve_get(&min, &max);

	return ret ? ret : hermes_u_reserve_set(hu_conf.reserve_min, max);
}

static int apply_reserve_max(void)
{
	size_t min, max;
	int ret = hermes_u_reserve_get(&min, &max);

	return ret ? ret : hermes_u_reserve_set(min, hu_conf.reserve_max);
}

static int set_factor(const char *text, size_t len)
{
	uint64_t v;
	int ret = hu_value_percent(text, len, 1, 1000, &v);

	if (!ret)
		hu_conf.factor_pct = (uint32_t)v;
	return ret;
}

static int set_interval(const char *text, size_t len)
{
	uint64_t v;
	int ret = hu_value_time_us(text, len, 500, 1000000, &v);

	if (!ret)
		hu_conf.interval_us = (uint32_t)v;
	return ret;
}

static int set_batch(const char *text, size_t len)
{
	size_t bytes;
	int ret = hu_value_size(text, len, 2 * MIB, &bytes);

	if (!ret && (bytes < HU_PAGE || !hu_is_pow2(bytes)))
		ret = -ERANGE;
	if (!ret)
		hu_conf.batch_bytes = bytes;
	return ret;
}

static int set_decay(const char *text, size_t len)
{
	uint32_t ms = 0;
	uint64_t v;
	int ret;

	if (hu_value_is(text, len, "never")) {
		ms = HU_DECAY_NEVER;
	} else if (!hu_value_is(text, len, "0")) {
		ret = hu_value_time_us(text, len, 0, 86400ULL * 1000000, &v);
		if (ret)
			return ret;
		ms = (uint32_t)(v / 1000);
	}
	__atomic_store_n(&hu_conf.decay_ms, ms, __ATOMIC_RELAXED);
	return 0;
}

static int set_backend(const char *text, size_t len)
{
	static const char *const words[] = { "auto", "kmod", "populate", "anon", NULL };

	return hu_value_choice(text, len, words, &hu_conf.backend);
}

static int set_thp(const char *text, size_t len)
{
	static const char *const words[] = { "auto", "always", "never", NULL };

	return hu_value_choice(text, len, words, &hu_conf.thp);
}

static int set_background(const char *text, size_t len)
{
	return hu_value_flag(text, len, &hu_conf.background);
}

static int set_verbose(const char *text, size_t len)
{
	return hu_value_flag(text, len, &hu_conf.verbose);
}

static int set_latency(const char *text, size_t len)
{
	static const char *const words[] = { "off", "slow", "all", NULL };

	return hu_value_choice(text, len, words, &hu_conf.latency);
}

/* Other threads follow at their next slow path. */
static int apply_latency(void)
{
	if (hu_heap_own)
		hu_heap_mine = hu_conf.latency == HU_CONF_LATENCY_ALL ? &hu_heap_none :
			       hu_heap_own;
	return 0;
}

static int set_misuse(const char *text, size_t len)
{
	static const char *const words[] = { "abort", "report", NULL };

	return hu_value_choice(text, len, words, &hu_conf.misuse);
}

static int set_stats(const char *text, size_t len)
{
	static const char *const words[] = { "0", "1", "json", NULL };

	return hu_value_choice(len ? text : "1", len ? len : 1, words, &hu_conf.stats);
}

static int set_stats_file(const char *text, size_t len)
{
	static const char *const words[] = { "auto", "off", NULL };
	unsigned int mode = HU_CONF_STATS_FILE_ON;

	if (hu_value_choice(text, len, words, &mode)) {
		if (!len || text[0] != '/')
			return -EINVAL;
		if (len >= sizeof(hu_conf.stats_path))
			return -ERANGE;
		memcpy(hu_conf.stats_path, text, len);
		hu_conf.stats_path[len] = '\0';
	}
	hu_conf.stats_file = mode;
	return 0;
}

/* The thread may sleep until a later time. */
static int apply_decay(void)
{
	hu_worker_wake();
	return 0;
}

static int apply_nothing(void)
{
	return 0;
}

const struct hu_option hu_options[] = {
	{ "reserve_min", set_reserve_min, "0 to 1024G, such as 8M", apply_reserve_min },
	{ "reserve_max", set_reserve_max, "0 to 1024G, such as 256M", apply_reserve_max },
	{ "factor", set_factor, "0.01 to 10, such as 2.0", NULL },
	{ "interval", set_interval, "500us to 1s, such as 2ms", NULL },
	{ "batch", set_batch, "4K to 2M, a power of two, such as 64K", NULL },
	{ "decay", set_decay, "0s to 86400s, such as 10s; or never", apply_decay },
	{ "backend", set_backend, "auto, kmod, populate or anon", NULL },
	{ "thp", set_thp, "auto, always or never", apply_nothing },
	{ "background", set_background, "0 or 1", NULL },
	{ "verbose", set_verbose, "0 or 1", NULL },
	{ "latency", set_latency, "off, slow or all", apply_latency },
	{ "misuse", set_misuse, "abort or report", apply_nothing },
	{ "stats", set_stats, "0, 1 or json", apply_nothing },
	{ "stats_file", set_stats_file, "auto, off, or the absolute path of a directory or file",
	  NULL },
	{ NULL, NULL, NULL, NULL },
};
