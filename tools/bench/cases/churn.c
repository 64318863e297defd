// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random churn: a live set of blocks of all sizes; a random one is freed and another is got in its
 * place, over and over. The steady state of a service that has been running for long.
 */
#include "../allocbench.h"

#define MIN_SIZE	16
#define MAX_SIZE	(64 << 10)

static struct sizes sizes;
static struct block *blocks;
/* Blocks of each worker. */
static uint32_t nr_blocks;

static void fill(struct worker *w)
{
	struct block *mine = &blocks[(size_t)w->nr * nr_blocks];
	uint32_t i;

	for (i = 0; i < nr_blocks; i++)
		block_get(w, &mine[i], random_size(w, &sizes));
}

static void churn(struct worker *w)
{
	struct block *mine = &blocks[(size_t)w->nr * nr_blocks];
	uint64_t rounds = ab.ops / 2 / ab.threads;
	uint64_t i;

	for (i = 0; i < rounds; i++) {
		struct block *b = &mine[random_below(w, nr_blocks)];

		block_free(w, b);
		if (i % AB_CALLOC_EVERY)
			block_get(w, b, random_size(w, &sizes));
		else
			block_get_zeroed(w, b, random_size(w, &sizes));
	}
}

static void release(void)
{
	size_t i;

	for (i = 0; i < (size_t)nr_blocks * ab.threads; i++)
		block_free(&ab.workers[0], &blocks[i]);
}

static void prepare(void)
{
	size_t mean = sizes_init(&sizes, MIN_SIZE, MAX_SIZE);

	nr_blocks = (uint32_t)(ab.live / mean / ab.threads) + 1;
	blocks = table_create((size_t)nr_blocks * ab.threads * sizeof(*blocks));
	workers_run(fill);
}

static void run(void)
{
	workers_run(churn);
}

const struct ab_case case_churn = {
	.name = "churn",
	.ops = 1000000,
	.threads = 1,
	.live = 200 << 20,
	.sample = AB_SAMPLE,
	.prepare = prepare,
	.run = run,
	.release = release,
};
