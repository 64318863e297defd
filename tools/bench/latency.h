/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Latencies in nanoseconds, kept in a log-linear histogram that lies in memory of its own: touched
 * and, where permitted, locked before the first sample, and never obtained from malloc(), which is
 * what is being measured.
 *
 * Our own because Debian 12 has no package of HdrHistogram_c. Same idea (Gil Tene's HDR histogram):
 * values below 2^LATENCY_SUB_BITS+1 are exact, above each power of two is divided into
 * 2^LATENCY_SUB_BITS equal parts, so that a value is off by less than 0.1 %.
 */
#ifndef HERMES_BENCH_LATENCY_H
#define HERMES_BENCH_LATENCY_H

#include <stdint.h>
#include <stdio.h>

/* Longer samples are counted as this long: one hour. */
#define LATENCY_MAX_NS	(3600LL * 1000 * 1000 * 1000)

#define LATENCY_SUB_BITS	10
/* Shifts that values up to LATENCY_MAX_NS (below 2^42) may need. */
#define LATENCY_SHIFTS		31
#define LATENCY_BUCKETS		((LATENCY_SHIFTS + 2) << LATENCY_SUB_BITS)

struct latency {
	uint64_t count;
	uint64_t sum;
	int64_t max;
	uint64_t buckets[LATENCY_BUCKETS];
};

/** latency_create() - an empty histogram; ends the program when there is no memory. */
struct latency *latency_create(void);

/* The top LATENCY_SUB_BITS + 1 bits of the value select the bucket, with the shift above them. */
static inline unsigned int latency_bucket(int64_t ns)
{
	int bits = 64 - __builtin_clzll((uint64_t)ns | 1);
	int shift = bits > LATENCY_SUB_BITS + 1 ? bits - LATENCY_SUB_BITS - 1 : 0;

	return ((unsigned int)shift << LATENCY_SUB_BITS) + (unsigned int)(ns >> shift);
}

static inline void latency_record(struct latency *l, int64_t ns)
{
	if (ns < 0)
		ns = 0;
	if (ns > LATENCY_MAX_NS)
		ns = LATENCY_MAX_NS;
	l->buckets[latency_bucket(ns)]++;
	l->count++;
	l->sum += (uint64_t)ns;
	if (ns > l->max)
		l->max = ns;
}

/** latency_mean() - nanoseconds, exact; 0 without samples. */
double latency_mean(const struct latency *l);

/** latency_merge() - add the samples of @src to @dst. */
void latency_merge(struct latency *dst, const struct latency *src);

/** latency_print_table() - one column of figures, in microseconds. */
void latency_print_table(FILE *f, const struct latency *l);

/** latency_print_json() - an object {"count": ..., "mean": ..., "p50": ..., ...}, nanoseconds. */
void latency_print_json(FILE *f, const struct latency *l);

/**
 * latency_write_percentiles() - the percentile distribution in the columns of HdrHistogram's tools:
 * value (ns), fraction, count so far, 1/(1-fraction). Ends the program on a write error.
 */
void latency_write_percentiles(const char *path, const struct latency *l);

#endif
