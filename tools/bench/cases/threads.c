// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that come and go: each gets some blocks, frees most of them and exits; the next thread
 * in its place frees the rest. What an allocator sets up and tears down for a thread shows here.
 */
#include "../allocbench.h"

#define MIN_SIZE	16
#define MAX_SIZE	4096
#define NR_BLOCKS	64
/* Left to the next thread. */
#define NR_LEFT		16
#define OPS_PER_THREAD	(2 * NR_BLOCKS)

static struct sizes sizes;
static struct block *blocks;

static void *live_briefly(void *arg)
{
	struct worker *w = arg;
	struct block *mine = &blocks[(size_t)w->nr * NR_BLOCKS];
	unsigned int i;

	for (i = 0; i < NR_BLOCKS; i++) {
		block_free(w, &mine[i]);
		block_get(w, &mine[i], random_size(w, &sizes));
	}
	for (i = NR_LEFT; i < NR_BLOCKS; i++)
		block_free(w, &mine[i]);
	return NULL;
}

static void prepare(void)
{
	sizes_init(&sizes, MIN_SIZE, MAX_SIZE);
	blocks = table_create(ab.threads * NR_BLOCKS * sizeof(*blocks));
}

static void run(void)
{
	uint64_t rounds = ab.ops / OPS_PER_THREAD / ab.threads + 1;
	pthread_t threads[AB_MAX_THREADS];
	unsigned int j;
	uint64_t i;

	for (i = 0; i < rounds; i++) {
		for (j = 0; j < ab.threads; j++)
			threads[j] = thread_start(live_briefly, &ab.workers[j]);
		for (j = 0; j < ab.threads; j++)
			pthread_join(threads[j], NULL);
	}
}

static void release(void)
{
	size_t i;

	for (i = 0; i < ab.threads * NR_BLOCKS; i++)
		block_free(&ab.workers[0], &blocks[i]);
}

const struct ab_case case_threads = {
	.name = "threads",
	.ops = 256000,
	.threads = 4,
	.sample = AB_SAMPLE,
	.prepare = prepare,
	.run = run,
	.release = release,
};
