/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A cheap clock for short intervals: the processor's counter where it is
 * known to run at a constant rate, else CLOCK_MONOTONIC.
 */
#ifndef HU_CLOCK_H
#define HU_CLOCK_H

#include <stdatomic.h>
#include "internal.h"

enum hu_clock_kind {
	HU_CLOCK_UNKNOWN,
	HU_CLOCK_COUNTER,
	HU_CLOCK_MONOTONIC,
};

/* An enum hu_clock_kind. */
extern atomic_uint hu_clock_kind;

uint64_t hu_clock_slow(void);
uint64_t hu_clock_ns(uint64_t ticks);

static inline uint64_t hu_clock_counter(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t ticks;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks;
#else
	return 0;
#endif
}

/* Ticks since some time in the past; never 0. */
static inline uint64_t hu_clock(void)
{
	if (likely(atomic_load_explicit(&hu_clock_kind, memory_order_relaxed) ==
		   HU_CLOCK_COUNTER))
		return hu_clock_counter() | 1;
	return hu_clock_slow();
}

#endif /* HU_CLOCK_H */
