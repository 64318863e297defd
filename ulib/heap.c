// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Heaps: the life of a span.
 *
 *	page heap -> CURRENT -> FULL -> AVAILABLE -> CURRENT ... -> page heap
 *
 * A heap allocates from one current span per class. When that has no free
 * block left, not even remotely freed ones, it goes to the full list with an
 * alarm, and the next available span becomes current. A free makes a full
 * span available; it waits at the end of the queue, so that it collects more
 * free blocks before it is used. A span all of whose blocks are free goes
 * back to the page heap, unless it is current.
 *
 * Only the owner (the thread; for an orphan who made it BUSY) calls these.
 */
#include <errno.h>
#include "heap.h"
#include "latency.h"
#include "pageheap.h"
#include "shm.h"

/* Notifications handled in one slow-path call. */
#define WOKEN_MAX	16

struct hu_span hu_span_none;
struct hu_heap hu_heap_none = {
	.current = { [0 ... HU_CLASSES - 1] = &hu_span_none },
};

__thread struct hu_heap *hu_heap_mine = &hu_heap_none;
__thread struct hu_heap *hu_heap_own;

static void list_append(struct hu_span_list *list, struct hu_span *span)
{
	span->next = NULL;
	span->prev = list->last;
	if (list->last)
		list->last->next = span;
	else
		list->first = span;
	list->last = span;
}

static void list_remove(struct hu_span_list *list, struct hu_span *span)
{
	if (span->next)
		span->next->prev = span->prev;
	else
		list->last = span->prev;
	if (span->prev)
		span->prev->next = span->next;
	else
		list->first = span->next;
}

static void make_available(struct hu_heap *heap, struct hu_span *span)
{
	span->place = HU_PLACE_AVAILABLE;
	list_append(&heap->available[span->class], span);
}

static void make_full(struct hu_heap *heap, struct hu_span *span)
{
	span->full_used = (uint16_t)span->left;
	span->left = 1;
	span->place = HU_PLACE_FULL;
	list_append(&heap->full, span);
}

static void leave_full(struct hu_heap *heap, struct hu_span *span, uint32_t freed)
{
	list_remove(&heap->full, span);
	span->left = span->full_used - freed;
	make_available(heap, span);
}

static void set_slots(struct hu_span *span, unsigned int units, struct hu_heap *heap)
{
	unsigned int i;

	for (i = 0; i < units; i++) {
		span[i].heap = heap;
		span[i].head_offset = heap ? (uint16_t)i : 0;
	}
}

static struct hu_span *span_create(struct hu_heap *heap, unsigned int c)
{
	const struct hu_class *class = &hu_classes[c];
	struct hu_span *span;
	bool zero = false;
	void *start;

	hu_from = HU_FROM_CACHED;
	if (class->units == 1 && heap->cached_units)
		start = heap->cached[--heap->cached_units];
	else
		start = hu_pages_alloc(class->units * HU_UNIT_PAGES, HU_UNIT_PAGES, false, &zero);
	if (!start)
		return NULL;
	span = hu_span_slot((uintptr_t)start);
	*span = (struct hu_span){
		.class = (uint8_t)c,
		.place = HU_PLACE_CURRENT,
		.bytes = class->bytes,
		.uncarved = class->blocks,
		.zero = zero,
		.cold = hu_from == HU_FROM_MISS || hu_from == HU_FROM_GROW,
		.fresh = (uintptr_t)start,
		.start = (uintptr_t)start,
	};
	set_slots(span, class->units, heap);
	return span;
}

/* Give an empty span, which is in no list, back; or wait for its notification. */
static void retire(struct hu_heap *heap, struct hu_span *span)
{
	unsigned int units = hu_classes[span->class].units;
	void *start = (void *)span->start;

	if (!hu_remote_disarm(span)) {
		span->place = HU_PLACE_LIMBO;
		return;
	}
	set_slots(span, units, NULL);
	if (units == 1 && heap->cached_units < HU_CACHED_UNITS &&
	    atomic_load_explicit(&heap->state, memory_order_relaxed) == HU_HEAP_OWNED)
		heap->cached[heap->cached_units++] = start;
	else
		hu_pages_free(start, units * HU_UNIT_PAGES);
}

static void release_cached(struct hu_heap *heap)
{
	while (heap->cached_units)
		hu_pages_free(heap->cached[--heap->cached_units], HU_UNIT_PAGES);
}

/*
 * Take what others have freed into the free lists. Returns whether there was
 * anything to be taken. A full span becomes available. No list is walked: where
 * both are in use, the blocks stay where they are until they are needed, or
 * until they are the last.
 */
static bool collect(struct hu_heap *heap, struct hu_span *span)
{
	uint32_t blocks;
	void *list;

	if (span->free && span->spare && hu_remote_count(span) < span->left)
		return false;
	list = hu_remote_take(span, &blocks);
	if (!list)
		return false;
	if (!span->free)
		span->free = list;
	else
		span->spare = list;
	if (span->place == HU_PLACE_FULL)
		leave_full(heap, span, blocks);
	else
		span->left -= blocks;
	return true;
}

/* One free list out of both; for spans of a heap without a thread. */
static void join_lists(struct hu_span *span)
{
	void **tail = span->spare;

	if (!tail)
		return;
	while (*tail)
		tail = *tail;
	*tail = span->free;
	span->free = span->spare;
	span->spare = NULL;
}

/**
 * hu_heap_freed_last() - a local free made span->left 0
 * @heap: the caller's heap
 * @span: its span; the freed block is in the free list already
 */
void hu_heap_freed_last(struct hu_heap *heap, struct hu_span *span)
{
	if (span->place == HU_PLACE_FULL)
		leave_full(heap, span, 1);
	if (span->left || span->place != HU_PLACE_AVAILABLE)
		return;
	list_remove(&heap->available[span->class], span);
	retire(heap, span);
}

static void retire_if_empty(struct hu_heap *heap, struct hu_span *span)
{
	if (span->place == HU_PLACE_AVAILABLE && !span->left) {
		list_remove(&heap->available[span->class], span);
		retire(heap, span);
	}
}

/* Set the alarm of a span of a heap without a thread, or release the span. */
static void settle(struct hu_heap *heap, struct hu_span *span)
{
	uint32_t used;

	do {
		join_lists(span);
		collect(heap, span);
		if (span->place == HU_PLACE_AVAILABLE && !span->left) {
			retire_if_empty(heap, span);
			return;
		}
		if (span->notified)
			return;
		used = span->place == HU_PLACE_FULL ? span->full_used : span->left;
	} while (!hu_remote_arm_last(span, used));
}

static void woken(struct hu_heap *heap, struct hu_span *span)
{
	if (span->place == HU_PLACE_LIMBO) {
		retire(heap, span);
		return;
	}
	if (atomic_load_explicit(&heap->state, memory_order_relaxed) != HU_HEAP_OWNED) {
		settle(heap, span);
		return;
	}
	/* The blocks of a current span are collected when they are needed. */
	if (span->place == HU_PLACE_CURRENT)
		return;
	while (!collect(heap, span) && span->place == HU_PLACE_FULL)
		if (hu_remote_arm_first(span))
			break;
	retire_if_empty(heap, span);
}

/**
 * hu_heap_collect_woken() - handle notifications of remote frees
 * @heap: heap of the caller
 * @most: at most so many
 */
void hu_heap_collect_woken(struct hu_heap *heap, unsigned int most)
{
	struct hu_span *span;

	while (most-- && (span = hu_remote_woken(heap)))
		woken(heap, span);
}

/*
 * Link a page's worth of blocks that were never used (at least one), and
 * return the first of them, which is not linked and therefore still zero if
 * the span was.
 */
static void *carve(struct hu_span *span)
{
	unsigned int blocks = (unsigned int)HU_PAGE / span->bytes, i;
	uintptr_t first = span->fresh, block;
	void *list = span->free;

	if (!blocks)
		blocks = 1;
	if (blocks > span->uncarved)
		blocks = span->uncarved;
	span->uncarved -= (uint16_t)blocks;
	span->fresh = first + blocks * span->bytes;
	for (i = blocks - 1; i > 0; i--) {
		block = first + i * span->bytes;
		*(void **)block = list;
		list = (void *)block;
	}
	hu_compiler_barrier();
	span->free = list;
	span->left++;
	return (void *)first;
}

static void *pop(struct hu_span *span)
{
	void **block = span->free;

	span->free = *block;
	span->left++;
	return block;
}

/* Make a span with free blocks current; false when there is no memory. */
static bool next_current(struct hu_heap *heap, unsigned int class)
{
	struct hu_span *span;

	hu_heap_collect_woken(heap, WOKEN_MAX);
	span = heap->available[class].first;
	if (span) {
		list_remove(&heap->available[class], span);
		span->place = HU_PLACE_CURRENT;
		hu_from = HU_FROM_SPAN;
	} else {
		span = span_create(heap, class);
		if (!span)
			return false;
	}
	heap->current[class] = span;
	return true;
}

static void *alloc_from(struct hu_heap *heap, unsigned int class, bool *zero)
{
	struct hu_span *span;

	*zero = false;
	hu_from = HU_FROM_COLD;
	for (;;) {
		span = heap->current[class];
		if (span != &hu_span_none) {
			if (span->spare && !span->free) {
				span->free = span->spare;
				span->spare = NULL;
			}
			if (span->free || collect(heap, span))
				return pop(span);
			if (span->uncarved) {
				*zero = span->zero;
				return carve(span);
			}
			if (!hu_remote_arm_first(span))
				continue;
			heap->current[class] = &hu_span_none;
			make_full(heap, span);
		}
		if (!next_current(heap, class))
			return NULL;
	}
}

/*
 * A block of the current span, if that takes no more than a few instructions:
 * no other span, and no first touch of memory that may fault. Large blocks are
 * carved without touching any.
 */
static void *alloc_quick(struct hu_heap *heap, unsigned int class, bool *zero)
{
	struct hu_span *span = heap->current[class];

	if (span == &hu_span_none)
		return NULL;
	if (!span->free && collect(heap, span))
		hu_count_add(HU_COUNT_FROM + HU_FROM_COLLECTED, 1);
	if (span->free)
		return pop(span);
	if (!span->uncarved || (span->cold && span->bytes <= HU_PAGE / 2))
		return NULL;
	*zero = span->zero;
	hu_count_add(HU_COUNT_FROM + HU_FROM_CARVED, 1);
	return carve(span);
}

static void *alloc_counted(struct hu_heap *heap, unsigned int class, bool *zero)
{
	bool all = hu_latency_mode() == HU_CONF_LATENCY_ALL;
	uint64_t start = all ? hu_clock() : 0;
	void *block = alloc_quick(heap, class, zero);
	bool slow = !block;

	if (slow) {
		if (!start)
			start = hu_latency_start();
		block = alloc_from(heap, class, zero);
		if (unlikely(!block))
			return NULL;
		hu_count_add(HU_COUNT_FROM + hu_from, 1);
	}
	if (start)
		hu_latency_alloc(hu_classes[class].bytes, start, slow);
	return block;
}

/**
 * hu_heap_alloc_slow() - allocate a block when hu_heap_mine has none
 * @class: size class
 * @zero: out: whether the block is known to read zero
 *
 * Return: the block; NULL and errno ENOMEM when there is no memory.
 */
HU_NOINLINE void *hu_heap_alloc_slow(unsigned int class, bool *zero)
{
	struct hu_heap *own = hu_heap_own, *heap;
	void *block;

	*zero = false;
	heap = likely(own) ? own : hu_thread_heap();
	block = alloc_counted(heap, class, zero);
	if (unlikely(!own))
		hu_thread_heap_done(heap);
	if (likely(hu_heap_own))
		hu_heap_mine = hu_latency_mode() == HU_CONF_LATENCY_ALL ? &hu_heap_none :
			       hu_heap_own;
	if (unlikely(!block))
		errno = ENOMEM;
	hu_shm_check();
	return block;
}

void hu_heap_init(struct hu_heap *heap)
{
	unsigned int c;

	for (c = 0; c < HU_CLASSES; c++)
		heap->current[c] = &hu_span_none;
}

static void trim_class(struct hu_heap *heap, unsigned int c)
{
	struct hu_span *span = heap->current[c], *next;

	if (span != &hu_span_none) {
		collect(heap, span);
		if (!span->left) {
			heap->current[c] = &hu_span_none;
			retire(heap, span);
		}
	}
	/* Nobody tells of blocks that others freed in a span that has free ones. */
	for (span = heap->available[c].first; span; span = next) {
		next = span->next;
		collect(heap, span);
		retire_if_empty(heap, span);
	}
}

/* Let go of what is free: spans without a used block. */
void hu_heap_trim(struct hu_heap *heap)
{
	unsigned int c;

	hu_heap_collect_woken(heap, UINT32_MAX);
	for (c = 0; c < HU_CLASSES; c++)
		trim_class(heap, c);
	release_cached(heap);
}

/**
 * hu_heap_abandon() - make a heap an orphan
 * @heap: heap of a thread that ends
 *
 * Empty spans are released; the others get an alarm, so that whoever frees
 * their last block releases them, until a new thread adopts the heap.
 */
void hu_heap_abandon(struct hu_heap *heap)
{
	struct hu_span *span, *next;
	unsigned int c;

	hu_heap_collect_woken(heap, UINT32_MAX);
	for (c = 0; c < HU_CLASSES; c++) {
		span = heap->current[c];
		if (span != &hu_span_none)
			make_available(heap, span);
		heap->current[c] = &hu_span_none;
	}
	for (span = heap->full.first; span; span = next) {
		next = span->next;
		settle(heap, span);
	}
	for (c = 0; c < HU_CLASSES; c++)
		for (span = heap->available[c].first; span; span = next) {
			next = span->next;
			settle(heap, span);
		}
	release_cached(heap);
	/* See notify(): one of both sides sees the other's store. */
	atomic_store(&heap->state, HU_HEAP_ORPHAN);
	hu_remote_serve_orphan(heap);
}
