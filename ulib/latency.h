/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long allocations take, and which source served them. */
#ifndef HU_LATENCY_H
#define HU_LATENCY_H

#include "clock.h"
#include "conf.h"
#include "table.h"

static inline enum hu_conf_latency hu_latency_mode(void)
{
	return __atomic_load_n(&hu_conf.latency, __ATOMIC_RELAXED);
}

/* The time now; 0: nothing is to be timed. */
static inline uint64_t hu_latency_start(void)
{
	return hu_latency_mode() == HU_CONF_LATENCY_OFF ? 0 : hu_clock();
}

/* The group of a request for @bytes. */
static inline unsigned int hu_latency_group(size_t bytes)
{
	if (bytes <= 32 * KIB)
		return bytes <= KIB ? bytes > 128 : bytes <= 8 * KIB ? 2 : 3;
	return bytes <= 256 * KIB ? 4 : bytes <= 4 * MIB ? 5 : 6;
}

void hu_latency_alloc(size_t bytes, uint64_t start, bool slow);
void hu_latency_large(size_t bytes);
void hu_latency_pages(enum hu_from from, uint64_t start);

#endif /* HU_LATENCY_H */
