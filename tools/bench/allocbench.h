/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the cases of hermes-allocbench have in common: workers, blocks with a stamp in them, and
 * the timing of a random sample of the operations.
 *
 * An operation is one call of the allocator. That of getting memory lasts until the block was
 * used for the first time: a word in each of its pages was written. The bench's own tables are
 * never obtained from malloc().
 */
#ifndef HERMES_BENCH_ALLOCBENCH_H
#define HERMES_BENCH_ALLOCBENCH_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "latency.h"
#include "timer.h"

#define AB_PAGE_BYTES	4096
#define AB_MAX_THREADS	256
/* Smallest block: a stamp at either end. */
#define AB_MIN_SIZE	16
/* Odd, so that multiplying by it spreads sizes over all bits of a stamp. */
#define AB_STAMP_FACTOR	0x9e3779b97f4a7c15ULL
/* Where operations are short; timing takes longer than many of them. */
#define AB_SAMPLE	8
/* One block in so many comes from calloc(), where a case says so. */
#define AB_CALLOC_EVERY	16

/**
 * struct worker - one thread's work; outlives the threads that do it in turn.
 * @rng: state of the random sequence, never 0
 * @until_sample: operations until the next that is timed
 * @ops: operations done
 * @live: bytes got minus bytes freed; negative where others' blocks are freed
 * @got: latencies of malloc(), calloc() and realloc(), each with the first use
 * @freed: latencies of free()
 */
struct worker {
	uint64_t rng;
	uint64_t until_sample;
	uint64_t ops;
	int64_t live;
	struct latency *got, *freed;
	unsigned int nr;
} __attribute__((aligned(128)));

struct block {
	char *p;
	size_t size;
};

/**
 * struct allocbench - what was asked for.
 * @ops: operations over all threads, roughly
 * @live: bytes of the live set, for the cases that have one
 * @sample: mean distance of timed operations; 0: none, 1: all
 */
struct allocbench {
	uint64_t ops, live, threads, seed, sample;
	struct timer timer;
	struct worker *workers;
};

extern struct allocbench ab;

/**
 * struct ab_case - one workload.
 * @ops: default of --ops
 * @threads: default of --threads
 * @live: default of --live; 0: has no such thing
 * @sample: default of --sample
 * @prepare: before the clock starts; may be NULL
 * @run: what is measured
 * @release: after the clock stopped: free what is left
 * @print_json: members of the JSON result that only this case has; may be NULL
 * @print_table: the same for people; may be NULL
 */
struct ab_case {
	const char *name;
	uint64_t ops, threads, live, sample;
	void (*prepare)(void);
	void (*run)(void);
	void (*release)(void);
	void (*print_json)(FILE *f);
	void (*print_table)(FILE *f);
};

extern const struct ab_case case_larson, case_handover, case_churn, case_realloc,
	case_realloc_huge, case_threads, case_tree, case_fragment;

/** table_create() - @size bytes of touched, zeroed memory for the bench itself. */
void *table_create(size_t size);

/** histogram_create() - a histogram, counted like a table. */
struct latency *histogram_create(void);

/** tables_kib() - how much that is by now; part of every resident set that is measured. */
uint64_t tables_kib(void);

/** workers_create() - ab.threads workers, each with a random sequence of its own. */
void workers_create(void);

/** workers_begin() - count and time operations from now on. */
void workers_begin(void);

/** workers_live() - bytes that all workers together have got and not freed. */
int64_t workers_live(void);

/** workers_run() - @work in a thread for each worker; a single worker needs no thread. */
void workers_run(void (*work)(struct worker *w));

/** thread_start() - a joinable thread; ends the program on failure. */
pthread_t thread_start(void *(*start)(void *), void *arg);

/** wrong_content() - say that a block is not what it was, and exit EXIT_MISMATCH. */
void wrong_content(const char *what, const void *p, size_t size)
	__attribute__((noreturn, cold));

/** no_memory() - say that the allocator returned NULL, and exit. */
void no_memory(size_t size)
	__attribute__((noreturn, cold));

/**
 * struct sizes - random sizes, log-uniform: each power of two is as frequent as any other.
 * A table, so that drawing one costs a load.
 */
#define AB_NR_SIZES	4096
struct sizes {
	uint32_t table[AB_NR_SIZES];
};

/** sizes_init() - sizes from @min to @max bytes; returns their mean. */
size_t sizes_init(struct sizes *s, size_t min, size_t max);

/* xorshift64*: Vigna; the upper bits are good. */
static inline uint32_t random32(struct worker *w)
{
	w->rng ^= w->rng >> 12;
	w->rng ^= w->rng << 25;
	w->rng ^= w->rng >> 27;
	return (uint32_t)((w->rng * 0x2545f4914f6cdd1dULL) >> 32);
}

/* Below @limit, as even as 32 bits permit. */
static inline uint32_t random_below(struct worker *w, uint32_t limit)
{
	return (uint32_t)(((uint64_t)random32(w) * limit) >> 32);
}

static inline size_t random_size(struct worker *w, const struct sizes *s)
{
	return s->table[random32(w) % AB_NR_SIZES];
}

/*
 * Distances are random from 1 to twice the mean: every n-th operation would always be the same
 * kind in a case that alternates.
 */
static inline uint64_t next_sample(struct worker *w)
{
	if (ab.sample <= 1)
		return ab.sample ? 1 : UINT64_MAX;
	return 1 + random_below(w, (uint32_t)(2 * ab.sample - 1));
}

/** op_begin() - the time, or 0 when this operation is not timed. */
static inline int64_t op_begin(struct worker *w)
{
	w->ops++;
	if (__builtin_expect(--w->until_sample, 1))
		return 0;
	return timer_read(&ab.timer);
}

static inline void op_end(struct worker *w, struct latency *l, int64_t begin)
{
	if (__builtin_expect(!begin, 1))
		return;
	latency_record(l, timer_ns(&ab.timer, timer_read(&ab.timer) - begin));
	w->until_sample = next_sample(w);
}

static inline void put_word(char *p, uint64_t word)
{
	memcpy(p, &word, sizeof(word));
}

static inline uint64_t get_word(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

static inline uint64_t block_stamp(const char *p, size_t size)
{
	return (uint64_t)(uintptr_t)p ^ (size * AB_STAMP_FACTOR);
}

/* First use of the bytes from @from on: a word in every page, and the stamps. */
static inline void block_use(char *p, size_t from, size_t size)
{
	uint64_t stamp = block_stamp(p, size);
	size_t offset = (from + AB_PAGE_BYTES - 1) & ~(size_t)(AB_PAGE_BYTES - 1);

	for (; offset + sizeof(stamp) <= size; offset += AB_PAGE_BYTES)
		put_word(p + offset, stamp);
	put_word(p, stamp);
	put_word(p + size - sizeof(stamp), stamp);
	/* Without this the compiler could drop the writes, and with them malloc(). */
	__asm__ volatile("" : : "r"(p) : "memory");
}

static inline void block_check(const struct block *b)
{
	uint64_t stamp = block_stamp(b->p, b->size);

	if (__builtin_expect(get_word(b->p) != stamp ||
			     get_word(b->p + b->size - sizeof(stamp)) != stamp, 0))
		wrong_content("its stamp is lost", b->p, b->size);
}

/** block_get() - a block of @size bytes, at least AB_MIN_SIZE. */
static inline void block_get(struct worker *w, struct block *b, size_t size)
{
	int64_t begin = op_begin(w);

	b->p = malloc(size);
	if (__builtin_expect(!b->p, 0))
		no_memory(size);
	block_use(b->p, 0, size);
	op_end(w, w->got, begin);
	if (__builtin_expect((uintptr_t)b->p % AB_MIN_SIZE, 0))
		wrong_content("it is not aligned", b->p, size);
	b->size = size;
	w->live += (int64_t)size;
}

/** block_get_zeroed() - the same from calloc(), seen to be zero where the stamps go. */
static inline void block_get_zeroed(struct worker *w, struct block *b, size_t size)
{
	int64_t begin = op_begin(w);

	b->p = calloc(1, size);
	if (__builtin_expect(!b->p, 0))
		no_memory(size);
	if (__builtin_expect(get_word(b->p) || get_word(b->p + size - sizeof(uint64_t)), 0))
		wrong_content("calloc() left it dirty", b->p, size);
	block_use(b->p, 0, size);
	op_end(w, w->got, begin);
	b->size = size;
	w->live += (int64_t)size;
}

/** block_free() - check the content, then free; @b may be empty. */
static inline void block_free(struct worker *w, struct block *b)
{
	int64_t begin;

	if (!b->p)
		return;
	block_check(b);
	begin = op_begin(w);
	free(b->p);
	op_end(w, w->freed, begin);
	w->live -= (int64_t)b->size;
	b->p = NULL;
}

/** block_resize() - realloc() to @size, at least AB_MIN_SIZE; what is kept must be as it was. */
void block_resize(struct worker *w, struct block *b, size_t size);

#endif
