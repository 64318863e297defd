// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>
#include <stddef.h>

#include "schedule.h"
#include "values.h"

const char *const schedule_names[] = { "poisson", "uniform", NULL };

void schedule_init(struct schedule *s, enum schedule_kind kind, double rate, uint64_t seed)
{
	s->kind = kind;
	s->interval_ns = 1e9 / rate;
	s->next_ns = 0;
	s->seed = seed;
	s->position = 0;
}

int64_t schedule_advance(struct schedule *s)
{
	double interval = s->interval_ns;

	if (s->kind == SCHEDULE_POISSON) {
		/* 53 random bits in (0, 1]: the logarithm is finite. */
		uint64_t bits = splitmix64(s->seed + s->position++) >> 11;

		interval *= -log(((double)bits + 1) / (double)(1ULL << 53));
	}
	s->next_ns += interval;
	return (int64_t)s->next_ns;
}
