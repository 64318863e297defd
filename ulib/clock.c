// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * How long a tick is. On arm64 the processor says it. On x86-64 it is found by
 * comparing the counter with CLOCK_MONOTONIC twice: at the first use, and when
 * the first interval is converted; that is microseconds later, as the first
 * allocation maps an arena in between, and so already good to a few per cent.
 * It is done again whenever the time since the first use has doubled, until
 * the error is below a millionth. Nobody ever waits.
 */
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include "clock.h"
#include "os.h"

/* Nanoseconds a tick are a fixed-point number with so many bits of fraction. */
#define SCALE_BITS	32
/* Compared often enough. */
#define SETTLED_NS	200000000ULL
/* A comparison that took longer was interrupted. */
#define PROMPT_TICKS	2000
#define PROMPT_TRIES	4

struct pair {
	uint64_t ticks, ns;
};

atomic_uint hu_clock_kind;

static _Atomic uint64_t first_ticks, first_ns;
static _Atomic uint64_t scale = 1ULL << SCALE_BITS;
static _Atomic uint64_t next_ns;	/* after the first time: when to compare again */

static bool counter_is_constant(void)
{
#if defined(__x86_64__)
	unsigned int a, b, c, d;

	/* "Invariant TSC". */
	return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & 1U << 8);
#elif defined(__aarch64__)
	return true;
#else
	return false;
#endif
}

static struct pair compare(void)
{
	uint64_t before, after;
	struct pair pair;
	int tries = 0;

	do {
		before = hu_clock_counter();
		pair.ns = hu_os_clock_ns();
		after = hu_clock_counter();
	} while (after - before > PROMPT_TICKS && ++tries < PROMPT_TRIES);
	pair.ticks = before + (after - before) / 2;
	return pair;
}

static void start(void)
{
#if defined(__aarch64__)
	uint64_t hz;

	__asm__ volatile("mrs %0, cntfrq_el0" : "=r"(hz));
	scale = (1000000000ULL << SCALE_BITS) / hz;
	next_ns = UINT64_MAX;
#else
	struct pair first = compare();

	first_ticks = first.ticks;
	first_ns = first.ns;
#endif
}

/*
 * Two threads may get here at once: then both store what is as good, and a
 * mixture is wrong by no more than the time between them.
 */
HU_NOINLINE uint64_t hu_clock_slow(void)
{
	if (hu_clock_kind == HU_CLOCK_UNKNOWN) {
		if (counter_is_constant()) {
			start();
			hu_clock_kind = HU_CLOCK_COUNTER;
			return hu_clock_counter() | 1;
		}
		hu_clock_kind = HU_CLOCK_MONOTONIC;
	}
	return hu_os_clock_ns() | 1;
}

static HU_NOINLINE void calibrate(void)
{
	struct pair now = compare();
	uint64_t ticks = now.ticks - first_ticks, ns = now.ns - first_ns;

	if ((int64_t)ticks <= 0 || (int64_t)ns <= 0)
		return;
	scale = (uint64_t)(((__uint128_t)ns << SCALE_BITS) / ticks);
	next_ns = ns < SETTLED_NS ? 2 * ns : UINT64_MAX;
}

/**
 * hu_clock_ns() - convert an interval
 * @ticks: difference of two values of hu_clock()
 *
 * Return: nanoseconds; 0 for an interval that seems to be negative, as it can
 * be when the thread was moved to a processor whose counter is behind.
 */
uint64_t hu_clock_ns(uint64_t ticks)
{
	if ((int64_t)ticks <= 0)
		return 0;
	if (hu_clock_kind != HU_CLOCK_COUNTER)
		return ticks;
	if (unlikely(next_ns != UINT64_MAX)) {
		uint64_t age = hu_clock_counter() - first_ticks;

		age = (uint64_t)(((__uint128_t)age * scale) >> SCALE_BITS);
		if (age >= next_ns)
			calibrate();
	}
	return (uint64_t)(((__uint128_t)ticks * scale) >> SCALE_BITS);
}
