/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading the time around one request, as cheaply as the machine permits. */
#ifndef HERMES_BENCH_TIMER_H
#define HERMES_BENCH_TIMER_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

enum timer_kind { TIMER_AUTO, TIMER_CLOCK, TIMER_TSC };

/**
 * struct timer - how to read and convert.
 * @tsc: read the time-stamp counter rather than clock_gettime(CLOCK_MONOTONIC)
 * @ns_per_tick: 1 for the clock
 */
struct timer {
	bool tsc;
	double ns_per_tick;
};

static inline int64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/** clock_sleep_until() - return when clock_ns() is @ns, at once when that has been. */
void clock_sleep_until(int64_t ns);

static inline int64_t timer_read(const struct timer *t)
{
#if defined(__x86_64__)
	unsigned int cpu;

	/* rdtscp waits for the loads and calculations before it: they belong to the interval. */
	if (t->tsc)
		return (int64_t)__rdtscp(&cpu);
#else
	(void)t;
#endif
	return clock_ns();
}

static inline int64_t timer_ns(const struct timer *t, int64_t ticks)
{
	/* Between processors the counters may differ by a few ticks: never below zero. */
	if (ticks < 0)
		return 0;
	return t->tsc ? (int64_t)((double)ticks * t->ns_per_tick) : ticks;
}

/**
 * timer_init() - choose and calibrate (50 ms).
 * @kind: TIMER_AUTO takes the counter when the kernel itself keeps time by it
 *
 * Return: 0, or -1 when TIMER_TSC was asked for and this machine has none.
 */
int timer_init(struct timer *t, enum timer_kind kind);

/** timer_overhead_ns() - median of what two reads back to back say; not subtracted anywhere. */
double timer_overhead_ns(const struct timer *t);

#endif
