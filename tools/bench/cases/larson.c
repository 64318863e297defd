// SPDX-License-Identifier: GPL-2.0-only
/*
 * A server after Larson and Krishnan (1998): each thread replaces random blocks of its array; from
 * time to time it hands the array to a new thread and exits, so that blocks are freed by others
 * than those who got them, and by threads whose creators are long gone.
 */
#include <semaphore.h>

#include "../allocbench.h"

#define MIN_SIZE	16
#define MAX_SIZE	1024
#define NR_BLOCKS	5000
#define GENERATIONS	50

static struct sizes sizes;
static struct block *blocks;
static sem_t finished;
/* Threads that each worker has had so far. */
static unsigned int generation[AB_MAX_THREADS];

static void *serve(void *arg)
{
	struct worker *w = arg;
	struct block *mine = &blocks[(size_t)w->nr * NR_BLOCKS];
	uint64_t rounds = ab.ops / 2 / ab.threads / GENERATIONS + 1;
	uint64_t i;

	for (i = 0; i < rounds; i++) {
		struct block *b = &mine[random_below(w, NR_BLOCKS)];

		block_free(w, b);
		block_get(w, b, random_size(w, &sizes));
	}
	if (++generation[w->nr] < GENERATIONS)
		pthread_detach(thread_start(serve, w));
	else
		sem_post(&finished);
	return NULL;
}

static void prepare(void)
{
	size_t i;

	sizes_init(&sizes, MIN_SIZE, MAX_SIZE);
	blocks = table_create(ab.threads * NR_BLOCKS * sizeof(*blocks));
	for (i = 0; i < ab.threads * NR_BLOCKS; i++)
		block_get(&ab.workers[0], &blocks[i], random_size(&ab.workers[0], &sizes));
	sem_init(&finished, 0, 0);
}

static void run(void)
{
	unsigned int i;

	for (i = 0; i < ab.threads; i++)
		pthread_detach(thread_start(serve, &ab.workers[i]));
	for (i = 0; i < ab.threads; i++)
		while (sem_wait(&finished))
			;
}

static void release(void)
{
	size_t i;

	for (i = 0; i < ab.threads * NR_BLOCKS; i++)
		block_free(&ab.workers[0], &blocks[i]);
}

const struct ab_case case_larson = {
	.name = "larson",
	.ops = 16000000,
	.threads = 4,
	.sample = AB_SAMPLE,
	.prepare = prepare,
	.run = run,
	.release = release,
};
