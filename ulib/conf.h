/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The configuration, read once from the environment variable HERMES_CONF. */
#ifndef HU_CONF_H
#define HU_CONF_H

#include "internal.h"

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

/**
 * struct hu_conf - what the user wants
 * @reserve_min: bytes, SIZE_MAX: the default
 * @reserve_max: bytes, SIZE_MAX: the default
 * @factor_pct: of the adaptive target, 0: the default
 * @interval_us: of the adaptive target, 0: the default
 * @decay_ms: how long freed memory stays mapped, HU_DECAY_NEVER: for ever
 * @backend: which backends may be used
 * @thp: whether the populate backend makes 2 MiB pages: never, always, or
 *	while memory is ample
 * @background: whether there may be a background thread
 * @verbose: report the choice of the backend on stderr
 * @stats: report the counters on stderr at exit
 */
struct hu_conf {
	size_t reserve_min;
	size_t reserve_max;
	uint32_t factor_pct;
	uint32_t interval_us;
	uint32_t decay_ms;
	enum hu_conf_backend backend;
	enum hu_conf_thp thp;
	bool background;
	bool verbose;
	bool stats;
};

extern struct hu_conf hu_conf;

void hu_conf_read(void);
void hu_conf_parse(const char *text);

#endif /* HU_CONF_H */
