// SPDX-License-Identifier: GPL-2.0-only
/*
 * Producers and consumers in pairs: one thread gets blocks, the other frees them. The blocks pass
 * through a queue of batches; what the queue itself costs is the same for every allocator.
 */
#include "../allocbench.h"
#include "../cli.h"

#define MIN_SIZE	16
#define MAX_SIZE	2048
#define BATCH_BLOCKS	256
#define QUEUE_BATCHES	8

struct batch {
	struct block blocks[BATCH_BLOCKS];
};

/* Batches from @tail to @head are full; both only grow. */
struct queue {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t head, tail;
	struct batch batches[QUEUE_BATCHES];
};

static struct sizes sizes;
static struct queue *queues;
static uint64_t nr_batches;

static void advance(struct queue *q, uint64_t *cursor)
{
	pthread_mutex_lock(&q->lock);
	(*cursor)++;
	pthread_cond_signal(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

/* Waits while the queue is @full. */
static void wait_while(struct queue *q, uint64_t full)
{
	pthread_mutex_lock(&q->lock);
	while (q->head - q->tail == full)
		pthread_cond_wait(&q->changed, &q->lock);
	pthread_mutex_unlock(&q->lock);
}

static void produce(struct worker *w, struct queue *q)
{
	uint64_t i, j;

	for (i = 0; i < nr_batches; i++) {
		struct batch *batch = &q->batches[i % QUEUE_BATCHES];

		wait_while(q, QUEUE_BATCHES);
		for (j = 0; j < BATCH_BLOCKS; j++)
			block_get(w, &batch->blocks[j], random_size(w, &sizes));
		advance(q, &q->head);
	}
}

static void consume(struct worker *w, struct queue *q)
{
	uint64_t i, j;

	for (i = 0; i < nr_batches; i++) {
		struct batch *batch = &q->batches[i % QUEUE_BATCHES];

		wait_while(q, 0);
		for (j = 0; j < BATCH_BLOCKS; j++)
			block_free(w, &batch->blocks[j]);
		advance(q, &q->tail);
	}
}

static void work(struct worker *w)
{
	struct queue *q = &queues[w->nr / 2];

	if (w->nr % 2)
		consume(w, q);
	else
		produce(w, q);
}

static void prepare(void)
{
	unsigned int pairs = (unsigned int)ab.threads / 2, i;

	if (ab.threads % 2)
		usage_error("--case handover takes an even number of threads");
	sizes_init(&sizes, MIN_SIZE, MAX_SIZE);
	nr_batches = ab.ops / 2 / pairs / BATCH_BLOCKS + 1;
	queues = table_create(pairs * sizeof(*queues));
	for (i = 0; i < pairs; i++) {
		pthread_mutex_init(&queues[i].lock, NULL);
		pthread_cond_init(&queues[i].changed, NULL);
	}
}

static void run(void)
{
	workers_run(work);
}

static void release(void)
{
}

const struct ab_case case_handover = {
	.name = "handover",
	.ops = 10000000,
	.threads = 4,
	.sample = AB_SAMPLE,
	.prepare = prepare,
	.run = run,
	.release = release,
};
