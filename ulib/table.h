/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of counters, gauges and histograms. Threads add to different
 * shards of it; shm.c may move it to a file that other processes read. To add
 * a value: one entry in the enum here and its name in table.c.
 */
#ifndef HU_TABLE_H
#define HU_TABLE_H

#include <hermes-u-shm.h>
#include <stdatomic.h>
#include <sys/single_threaded.h>
#include "internal.h"

/* Which source served a request. The later ones are of requests for pages. */
enum hu_from {
	HU_FROM_COLLECTED,	/* blocks of the current span that others freed */
	HU_FROM_CARVED,		/* its blocks never used before, in memory that is mapped */
	HU_FROM_COLD,		/* the same, but the first touch may fault */
	HU_FROM_SPAN,		/* another span of the heap with free blocks */
	HU_FROM_CACHED,		/* an empty unit that the heap kept */
	HU_FROM_REUSE,		/* freed pages that are still mapped */
	HU_FROM_READY,		/* pages made ready ahead of use */
	HU_FROM_TAKE,		/* pages that the kernel made ready on demand */
	HU_FROM_MISS,		/* cold pages: first touches fault */
	HU_FROM_GROW,		/* as MISS or TAKE, in an arena opened for it */
	HU_FROM_HUGE,		/* a mapping of its own */
	HU_FROMS,
};

enum hu_count {
	HU_COUNT_HITS,
	HU_COUNT_REUSES,
	HU_COUNT_TAKES,
	HU_COUNT_MISSES,
	HU_COUNT_GROWS,
	HU_COUNT_DOORBELLS,
	HU_COUNT_GIVEN_BACK_BYTES,
	HU_COUNT_FROM,			/* one for each enum hu_from */
	HU_COUNTS = HU_COUNT_FROM + HU_FROMS,
};

/* A gauge is the sum of parts, each written under a lock of its own. */
enum hu_gauge {
	HU_GAUGE_MAPPED_BYTES,
	HU_GAUGE_LIVE_BYTES,
	HU_GAUGE_RESIDENT_FREE_BYTES,
	HU_GAUGE_READY_BYTES,
	HU_GAUGE_HOLES_BYTES,
	HU_GAUGE_HEAPS,
	HU_GAUGES,
};

enum hu_gauge_part {
	HU_PART_PAGES,		/* hu_pages_lock */
	HU_PART_HUGE,		/* hu_huge_lock */
	HU_PART_HEAPS = HU_PART_PAGES,	/* hu_heaps_lock; another gauge */
};

/* Requests up to 128 bytes, 1, 8, 32, 256 KiB, 4 MiB, and above. */
#define HU_GROUPS	7

enum hu_hist {
	HU_HIST_SLOW,
	HU_HIST_ALL = HU_HIST_SLOW + HU_GROUPS,
	HU_HIST_PAGES = HU_HIST_ALL + HU_GROUPS,
	HU_HISTS = HU_HIST_PAGES + HU_FROMS - HU_FROM_REUSE,
};

/* At least as many as a gauge has parts, at most HU_SHARDS_MAX; a power of two. */
#define HU_SHARDS_MIN	2
#define HU_SHARDS_MAX	8
#define HU_SHARD_WORDS	512

struct hu_shard {
	uint64_t counts[HU_COUNTS];
	uint64_t gauges[HU_GAUGES];
	uint64_t unused[HU_SHARD_WORDS - HU_COUNTS - HU_GAUGES];
	struct hermes_u_shm_histogram hists[HU_HISTS];
} __attribute__((aligned(HU_PAGE)));

/*
 * One anonymous mapping, which the kernel empties in a forked child, however
 * the child was made: it starts at zero and never writes to its parent's file.
 */
struct hu_table {
	struct hu_shard *_Atomic shared;	/* in the file; NULL: use own[] */
	atomic_int file_state;			/* enum hu_file_state, see shm.c */
	char path[HU_PAGE - 16];		/* of the file, 0-terminated */
	struct hu_shard own[HU_SHARDS_MAX];
};

/* What served the last request of this thread, one of enum hu_from. */
extern __thread uint8_t hu_from;
/* How long its last request for pages took, in ns; see hu_latency_pages(). */
extern __thread uint64_t hu_pages_ns;

extern struct hu_table *_Atomic hu_the_table;
/* The shard of the calling thread, from 1; 0: not chosen yet. */
extern __thread uint8_t hu_my_shard;

struct hu_table *hu_table_make(void);
struct hu_shard *hu_table_shard_slow(void);
unsigned int hu_table_shards(void);
void hu_table_share(struct hu_table *table, struct hu_shard *shared);
const char *hu_hist_name(unsigned int hist);
unsigned int hu_table_entry(unsigned int i, struct hermes_u_shm_entry *entry);

uint64_t hu_count_read(enum hu_count count);
void hu_gauge_set(enum hu_gauge gauge, enum hu_gauge_part part, uint64_t value);
void hu_hist_add(struct hu_shard *shard, unsigned int hist, uint64_t ns);
void hu_hist_read(unsigned int hist, struct hermes_u_shm_histogram *out);

static inline void hu_word_add(uint64_t *word, uint64_t n)
{
	if (__libc_single_threaded)
		__atomic_store_n(word, __atomic_load_n(word, __ATOMIC_RELAXED) + n,
				 __ATOMIC_RELAXED);
	else
		__atomic_fetch_add(word, n, __ATOMIC_RELAXED);
}

/* NULL when there is no memory for it; then nothing is counted. */
static inline struct hu_table *hu_table_get(void)
{
	/* Pairs with the release in hu_table_make(). */
	struct hu_table *table = atomic_load_explicit(&hu_the_table, memory_order_acquire);

	return likely(table) ? table : hu_table_make();
}

static inline struct hu_shard *hu_table_shards_of(struct hu_table *table)
{
	/* Pairs with the release in hu_table_share(). */
	struct hu_shard *shared = atomic_load_explicit(&table->shared, memory_order_acquire);

	return shared ? shared : table->own;
}

/* Gauges are kept for readers outside only; inside, who asks computes them. */
static inline bool hu_table_is_shared(void)
{
	struct hu_table *table = hu_table_get();

	return table && atomic_load_explicit(&table->shared, memory_order_relaxed);
}

/* The shard of the calling thread; NULL: none. */
static inline struct hu_shard *hu_table_shard(void)
{
	struct hu_table *table = hu_table_get();

	if (unlikely(!table || !hu_my_shard))
		return hu_table_shard_slow();
	return hu_table_shards_of(table) + hu_my_shard - 1;
}

static inline void hu_count_add(enum hu_count count, uint64_t n)
{
	struct hu_shard *shard = hu_table_shard();

	if (likely(shard))
		hu_word_add(&shard->counts[count], n);
}

#endif /* HU_TABLE_H */
