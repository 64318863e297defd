/* SPDX-License-Identifier: GPL-2.0-only */
/* When an open-loop client sends: decided before and independent of the replies. */
#ifndef HERMES_BENCH_SCHEDULE_H
#define HERMES_BENCH_SCHEDULE_H

#include <stdint.h>

/* In the order of schedule_names[]. */
enum schedule_kind { SCHEDULE_POISSON, SCHEDULE_UNIFORM };

extern const char *const schedule_names[];

struct schedule {
	enum schedule_kind kind;
	double interval_ns;
	double next_ns;
	uint64_t seed;
	uint64_t position;
};

/**
 * schedule_init() - the first arrival is one interval after time 0.
 * @rate: mean arrivals per second
 */
void schedule_init(struct schedule *s, enum schedule_kind kind, double rate, uint64_t seed);

/** schedule_advance() - the next arrival, ns since time 0; never before the last one. */
int64_t schedule_advance(struct schedule *s);

#endif
