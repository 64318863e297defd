/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The configuration: /etc/hermes.conf, then the environment variable
 * HERMES_CONF, both read once; hermes_u_ctl() at any time.
 */
#ifndef HU_CONF_H
#define HU_CONF_H

#include "internal.h"

#define HU_CONF_FILE	"/etc/hermes.conf"
#define HU_CONF_PATH	256
#define HU_DECAY_NEVER	UINT32_MAX

enum hu_conf_backend {
	HU_CONF_AUTO,
	HU_CONF_KMOD,
	HU_CONF_POPULATE,
	HU_CONF_ANON,
};

enum hu_conf_thp {
	HU_THP_AUTO,
	HU_THP_ALWAYS,
	HU_THP_NEVER,
};

enum hu_conf_latency {
	HU_CONF_LATENCY_OFF,
	HU_CONF_LATENCY_SLOW,
	HU_CONF_LATENCY_ALL,
};

enum hu_conf_misuse {
	HU_CONF_MISUSE_ABORT,
	HU_CONF_MISUSE_REPORT,
};

enum hu_conf_stats {
	HU_CONF_STATS_NONE,
	HU_CONF_STATS_TEXT,
	HU_CONF_STATS_JSON,
};

enum hu_conf_stats_file {
	HU_CONF_STATS_FILE_AUTO,
	HU_CONF_STATS_FILE_OFF,
	HU_CONF_STATS_FILE_ON,
};

/**
 * struct hu_conf - what the user wants
 * @reserve_min: bytes, SIZE_MAX: the default
 * @reserve_max: bytes, SIZE_MAX: the default
 * @factor_pct: of the adaptive target, 0: the default
 * @interval_us: of the adaptive target, 0: the default
 * @batch_bytes: in which pieces the module makes memory ready, 0: the default
 * @decay_ms: how long freed memory stays mapped, HU_DECAY_NEVER: for ever
 * @backend: which backends may be used
 * @thp: whether the populate backend makes 2 MiB pages: never, always, or
 *	while memory is ample
 * @background: whether there may be a background thread
 * @latency: which allocations are timed; may change at any time
 * @misuse: what happens when what was not allocated is freed
 * @stats: how to report on stderr at exit
 * @stats_file: whether to make a statistics file
 * @stats_path: where: a directory, or the file itself
 * @verbose: report the choice of the backend on stderr
 */
struct hu_conf {
	size_t reserve_min;
	size_t reserve_max;
	uint32_t factor_pct;
	uint32_t interval_us;
	size_t batch_bytes;
	uint32_t decay_ms;
	enum hu_conf_backend backend;
	enum hu_conf_thp thp;
	bool background;
	enum hu_conf_latency latency;
	enum hu_conf_misuse misuse;
	enum hu_conf_stats stats;
	enum hu_conf_stats_file stats_file;
	char stats_path[HU_CONF_PATH];
	bool verbose;
};

/**
 * struct hu_option - a key of the configuration
 * @key: its name
 * @set: parse a value into hu_conf; 0, -EINVAL or -ERANGE (nothing is changed)
 * @accepts: what @set accepts, for people
 * @apply: NULL: the key counts only before the first allocation. Else called
 *	without locks when hermes_u_ctl() has set the key later; 0 or -errno
 */
struct hu_option {
	const char *key;
	int (*set)(const char *text, size_t len);
	const char *accepts;
	int (*apply)(void);
};

extern struct hu_conf hu_conf;
extern const struct hu_option hu_options[];

bool hu_conf_is_read(void);
void hu_conf_read(void);
void hu_conf_parse(const char *from, const char *text, size_t len);
void hu_conf_parse_file(const char *path);
const struct hu_option *hu_conf_option(const char *key, size_t len);

#endif /* HU_CONF_H */
