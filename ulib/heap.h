/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Per-thread heaps of small blocks: the fast paths. */
#ifndef HU_HEAP_H
#define HU_HEAP_H

#include "arena.h"
#include "sizeclass.h"

enum hu_heap_state {
	HU_HEAP_OWNED,		/* a thread (or hu_heaps_lock) owns it */
	HU_HEAP_ORPHAN,		/* its thread has ended */
	HU_HEAP_BUSY,		/* orphan, somebody handles its notifications */
};

struct hu_span_list {
	struct hu_span *first, *last;
};

/*
 * Spans that cached[] keeps from going back to the page heap: one unit each,
 * all blocks free. A small number: it only has to absorb the coming and going
 * of a span or two on the edge of being needed.
 */
#define HU_CACHED_UNITS	4

/* Blocks of other heaps, see foreign.h. */
struct hu_foreign {
	void *blocks;
	uint16_t room;		/* for so many more */
	uint16_t refused;	/* since the last one that was of use */
};

struct hu_heap {
	struct hu_span *current[HU_CLASSES];	/* never NULL: &hu_span_none */
	struct hu_span_list available[HU_CLASSES];	/* have free blocks */
	struct hu_span_list full;		/* of all classes */
	struct hu_span *revive;			/* of @full: not looked at since the adoption */
	struct hu_span *woken;			/* taken from @wake, not yet handled */
	bool filled[HU_CLASSES];		/* a span of the class was full */
	uint32_t held[HU_CLASSES];		/* units of its spans of the class */
	uint32_t held_units;			/* of all classes */
	/* Mapped memory without a span. */
	void *chunk;
	unsigned int chunk_units;
	bool chunk_zero;
	void *cached[HU_CACHED_UNITS];
	unsigned int cached_units;
	unsigned int orphans_pause;		/* see orphan.c */
	unsigned int released;			/* class whose foreign blocks went last */
	unsigned int kept;			/* foreign blocks */
	struct hu_foreign foreign[HU_CLASSES];

	/* Shared with threads that free blocks of this heap; see remote.c. */
	struct hu_span *_Atomic wake __attribute__((aligned(64)));
	_Atomic int state;
	struct hu_heap *next;			/* orphans, under hu_heaps_lock */
};

extern struct hu_span hu_span_none;
extern struct hu_heap hu_heap_none;
/*
 * The heap of this thread; &hu_heap_none while it has none, and while every
 * allocation is timed: the fast path finds no block there, so that the slow
 * path is taken and sees to it. No other path pays for that.
 */
extern __thread struct hu_heap *hu_heap_mine __attribute__((tls_model("initial-exec")));
/* The heap of this thread, NULL: none. */
extern __thread struct hu_heap *hu_heap_own __attribute__((tls_model("initial-exec")));

void *hu_heap_alloc_fresh(unsigned int class, bool *zero);
void hu_heap_freed_last(struct hu_heap *heap, struct hu_span *span);
void hu_heap_collect_woken(struct hu_heap *heap, unsigned int most);
void hu_heap_init(struct hu_heap *heap);
void hu_heap_trim(struct hu_heap *heap);

/* orphan.c */
void hu_heap_abandon(struct hu_heap *heap);
struct hu_heap *hu_orphan_adopt(void);
struct hu_span *hu_orphan_take_span(struct hu_heap *heap, unsigned int class);

/* remote.c */
void hu_remote_free(struct hu_span *span, void *block);
uint32_t hu_remote_count(const struct hu_span *span);
void *hu_remote_take(struct hu_span *span, uint32_t *blocks);
bool hu_remote_arm_first(struct hu_span *span);
bool hu_remote_arm_last(struct hu_span *span, uint32_t used);
bool hu_remote_disarm(struct hu_span *span);
bool hu_remote_silence(struct hu_span *span);
struct hu_span *hu_remote_woken(struct hu_heap *heap);
void hu_remote_serve_orphan(struct hu_heap *heap);

/* thread.c */
struct hu_heap *hu_thread_heap(void);
void hu_thread_heap_done(struct hu_heap *heap);
uint64_t hu_thread_heaps(void);

/* init.c */
void hu_process_start(void);

/* Keeps the order of two stores as the program gives it; see init.c, fork. */
#define hu_compiler_barrier()	atomic_signal_fence(memory_order_seq_cst)

/* A block of @class, NULL when there is no memory. */
static inline void *hu_heap_alloc(unsigned int class)
{
	struct hu_span *span = hu_heap_mine->current[class];
	void **block = span->free;
	bool zero;

	if (unlikely(!block))
		return hu_heap_alloc_fresh(class, &zero);
	span->free = *block;
	span->left++;
	return block;
}

/* Return @block to its span, which is of @heap; the owner calls. */
static inline void hu_heap_free_local(struct hu_heap *heap, struct hu_span *span, void *block)
{
	*(void **)block = span->free;
	hu_compiler_barrier();
	span->free = block;
	if (unlikely(!--span->left))
		hu_heap_freed_last(heap, span);
}

#endif /* HU_HEAP_H */
