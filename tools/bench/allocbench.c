// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <unistd.h>

#include "allocbench.h"
#include "cli.h"
#include "values.h"
#include "warm.h"

/* Bytes. */
static uint64_t tables;

void *table_create(size_t size)
{
	tables += size;
	return map_populated(size);
}

struct latency *histogram_create(void)
{
	tables += sizeof(struct latency);
	return latency_create();
}

uint64_t tables_kib(void)
{
	return tables >> 10;
}

void workers_create(void)
{
	unsigned int i;

	ab.workers = table_create(ab.threads * sizeof(*ab.workers));
	for (i = 0; i < ab.threads; i++) {
		struct worker *w = &ab.workers[i];

		w->nr = i;
		w->rng = splitmix64(ab.seed ^ splitmix64(i)) | 1;
		w->until_sample = UINT64_MAX;
		w->got = histogram_create();
		w->freed = histogram_create();
	}
}

void workers_begin(void)
{
	unsigned int i;

	for (i = 0; i < ab.threads; i++) {
		ab.workers[i].ops = 0;
		ab.workers[i].until_sample = next_sample(&ab.workers[i]);
	}
}

int64_t workers_live(void)
{
	int64_t live = 0;
	unsigned int i;

	for (i = 0; i < ab.threads; i++)
		live += ab.workers[i].live;
	return live;
}

pthread_t thread_start(void *(*start)(void *), void *arg)
{
	pthread_t thread;
	int err = pthread_create(&thread, NULL, start, arg);

	if (err)
		die(err, "thread");
	return thread;
}

struct task {
	pthread_t thread;
	void (*work)(struct worker *w);
	struct worker *worker;
};

static void *run_task(void *arg)
{
	struct task *task = arg;

	task->work(task->worker);
	return NULL;
}

void workers_run(void (*work)(struct worker *w))
{
	static struct task tasks[AB_MAX_THREADS];
	unsigned int i;

	if (ab.threads == 1) {
		work(&ab.workers[0]);
		return;
	}
	for (i = 0; i < ab.threads; i++) {
		tasks[i].work = work;
		tasks[i].worker = &ab.workers[i];
		tasks[i].thread = thread_start(run_task, &tasks[i]);
	}
	for (i = 0; i < ab.threads; i++)
		pthread_join(tasks[i].thread, NULL);
}

/* Nothing here may need the allocator, which just proved broken. */
void wrong_content(const char *what, const void *p, size_t size)
{
	dprintf(STDERR_FILENO, "%s: block %p of %zu bytes: %s\n", program_invocation_short_name, p,
		size, what);
	_exit(EXIT_MISMATCH);
}

void no_memory(size_t size)
{
	dprintf(STDERR_FILENO, "%s: no memory for %zu bytes\n", program_invocation_short_name,
		size);
	_exit(EXIT_FAILURE);
}

size_t sizes_init(struct sizes *s, size_t min, size_t max)
{
	double octaves = log2((double)max / (double)min);
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < AB_NR_SIZES; i++) {
		s->table[i] = (uint32_t)((double)min * exp2(octaves * i / (AB_NR_SIZES - 1)));
		sum += s->table[i];
	}
	return sum / AB_NR_SIZES;
}

void block_resize(struct worker *w, struct block *b, size_t size)
{
	uint64_t stamp = block_stamp(b->p, b->size);
	size_t old_size = b->size;
	int64_t begin;
	char *p;

	block_check(b);
	begin = op_begin(w);
	p = realloc(b->p, size);
	if (!p)
		no_memory(size);
	if (get_word(p) != stamp ||
	    (size >= old_size && get_word(p + old_size - sizeof(stamp)) != stamp))
		wrong_content("realloc() lost its content", p, size);
	block_use(p, old_size, size);
	op_end(w, w->got, begin);
	w->live += (int64_t)size - (int64_t)old_size;
	b->p = p;
	b->size = size;
}
