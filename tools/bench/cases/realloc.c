// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers that grow by realloc().
 *
 * realloc: many at once, as strings and vectors do, half as much again each time; one that has
 * become large is freed and begins anew. realloc-huge: a single one in small steps, then half of
 * it is given back.
 */
#include "../allocbench.h"

#define NR_BUFFERS	2000
#define FIRST_SIZE	24
#define LAST_SIZE	(256 << 10)

#define HUGE_FIRST	(64 << 10)
#define HUGE_STEP	(64 << 10)
/* Grows by this part of itself, but by a step at least. */
#define HUGE_PART	16

static struct block *buffers;

static void grow_one(struct worker *w, struct block *b)
{
	size_t size;

	if (!b->p) {
		block_get(w, b, FIRST_SIZE + random_below(w, FIRST_SIZE));
		return;
	}
	size = b->size + b->size / 2 + random_below(w, FIRST_SIZE);
	if (size > LAST_SIZE)
		block_free(w, b);
	else
		block_resize(w, b, size);
}

static void grow_many(struct worker *w)
{
	struct block *mine = &buffers[(size_t)w->nr * NR_BUFFERS];
	uint64_t rounds = ab.ops / ab.threads;
	uint64_t i;

	for (i = 0; i < rounds; i++)
		grow_one(w, &mine[random_below(w, NR_BUFFERS)]);
}

static void prepare(void)
{
	buffers = table_create(ab.threads * NR_BUFFERS * sizeof(*buffers));
}

static void run(void)
{
	workers_run(grow_many);
}

static void release(void)
{
	size_t i;

	for (i = 0; i < ab.threads * NR_BUFFERS; i++)
		block_free(&ab.workers[0], &buffers[i]);
}

static void grow_huge(struct worker *w)
{
	struct block *b = &buffers[w->nr];
	uint64_t rounds = ab.ops / ab.threads;
	size_t step;
	uint64_t i;

	for (i = 0; i < rounds; i++) {
		if (!b->p) {
			block_get(w, b, HUGE_FIRST);
			continue;
		}
		step = b->size / HUGE_PART;
		if (step < HUGE_STEP)
			step = HUGE_STEP;
		if (b->size + step <= ab.live / ab.threads) {
			block_resize(w, b, b->size + step);
			continue;
		}
		block_resize(w, b, b->size / 2);
		block_free(w, b);
	}
}

static void run_huge(void)
{
	workers_run(grow_huge);
}

const struct ab_case case_realloc = {
	.name = "realloc",
	.ops = 300000,
	.threads = 1,
	.sample = 1,
	.prepare = prepare,
	.run = run,
	.release = release,
};

const struct ab_case case_realloc_huge = {
	.name = "realloc-huge",
	.ops = 200,
	.threads = 1,
	.live = 128 << 20,
	.sample = 1,
	.prepare = prepare,
	.run = run_huge,
	.release = release,
};
