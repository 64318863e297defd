// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the counting costs: processor time of malloc() and free() in ns a pair, for the fast path,
 * for blocks that are carved, for large objects. No test; observe_cost.sh compares.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BATCH	1000

#define opaque(x) ({							\
	__auto_type opaque_ = (x);					\
	__asm__ volatile("" : "+r"(opaque_));				\
	opaque_;							\
})

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* @batch blocks of @bytes, then their frees, @times times. */
static void measure(const char *name, size_t bytes, int batch, int times)
{
	static void *p[BATCH];
	double best = 1e18, start, ns;
	int i, n, round;

	/* The best of several: the others were disturbed. */
	for (round = 0; round < 10; round++) {
		start = now();
		for (n = 0; n < times; n++) {
			for (i = 0; i < batch; i++)
				p[i] = malloc(opaque(bytes));
			for (i = 0; i < batch; i++)
				free(opaque(p[i]));
		}
		ns = (now() - start) / ((double)times * batch);
		if (ns < best)
			best = ns;
	}
	printf("%s %.2f\n", name, best);
}

int main(void)
{
	measure("64B", 64, 1, 1000000);
	measure("64B-batch", 64, BATCH, 1000);
	measure("1K-batch", 1024, BATCH, 1000);
	measure("5K-batch", 5000, BATCH, 500);
	measure("24K-batch", 24000, BATCH, 200);
	measure("100K", 100000, 1, 200000);
	return 0;
}
