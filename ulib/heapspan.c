// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The spans of a heap: which list one is in, what happens to it when blocks of
 * it are freed, and when it goes back to the page heap. See heap.c.
 *
 * Only the owner (the thread; for an orphan who made it BUSY) calls these.
 */
#include "heapspan.h"
#include "pageheap.h"

static void hu_spans_append(struct hu_span_list *list, struct hu_span *span)
{
	span->next = NULL;
	span->prev = list->last;
	if (list->last)
		list->last->next = span;
	else
		list->first = span;
	list->last = span;
}

void hu_spans_remove(struct hu_span_list *list, struct hu_span *span)
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

void hu_span_make_available(struct hu_heap *heap, struct hu_span *span)
{
	span->place = HU_PLACE_AVAILABLE;
	hu_spans_append(&heap->available[span->class], span);
}

void hu_span_make_full(struct hu_heap *heap, struct hu_span *span)
{
	span->full_used = (uint16_t)span->left;
	span->left = 1;
	span->place = HU_PLACE_FULL;
	hu_spans_append(&heap->full, span);
}

static void leave_full(struct hu_heap *heap, struct hu_span *span, uint32_t freed)
{
	if (heap->revive == span)
		heap->revive = span->next;
	hu_spans_remove(&heap->full, span);
	span->left = span->full_used - freed;
	hu_span_make_available(heap, span);
}

/* The heap of a span; NULL: it is none any more. The caller owns both heaps. */
void hu_span_set_owner(struct hu_span *span, struct hu_heap *heap)
{
	struct hu_heap *old = span->heap;
	unsigned int i;

	if (old) {
		old->held[span->class] -= span->units;
		old->held_units -= span->units;
	}
	if (heap) {
		heap->held[span->class] += span->units;
		heap->held_units += span->units;
	}
	/* Who frees a block reads it at any time; see remote.c. */
	for (i = 0; i < span->units; i++)
		__atomic_store_n(&span[i].heap, heap, __ATOMIC_RELAXED);
}

/* Give an empty span, which is in no list, back; or wait for its notification. */
void hu_span_retire(struct hu_heap *heap, struct hu_span *span)
{
	unsigned int units = span->units, i;
	void *start = (void *)span->start;

	if (!hu_remote_disarm(span)) {
		span->place = HU_PLACE_LIMBO;
		return;
	}
	hu_span_set_owner(span, NULL);
	for (i = 0; i < units; i++)
		span[i].head_offset = 0;
	if (units == 1 && heap->cached_units < HU_CACHED_UNITS &&
	    atomic_load_explicit(&heap->state, memory_order_relaxed) == HU_HEAP_OWNED)
		heap->cached[heap->cached_units++] = start;
	else
		hu_pages_free(start, units * HU_UNIT_PAGES);
}

void hu_heap_release_chunk(struct hu_heap *heap)
{
	if (heap->chunk_units)
		hu_pages_free(heap->chunk, heap->chunk_units * HU_UNIT_PAGES);
	heap->chunk_units = 0;
}

void hu_heap_release_cached(struct hu_heap *heap)
{
	hu_heap_release_chunk(heap);
	while (heap->cached_units)
		hu_pages_free(heap->cached[--heap->cached_units], HU_UNIT_PAGES);
}

/*
 * Take what others have freed into the free lists. Returns whether there was
 * anything to be taken. A full span becomes available. No list is walked: where
 * both are in use, the blocks stay where they are until they are needed, or
 * until they are the last.
 */
bool hu_span_collect(struct hu_heap *heap, struct hu_span *span)
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

/* One free list out of both. */
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
	hu_spans_remove(&heap->available[span->class], span);
	hu_span_retire(heap, span);
}

void hu_span_retire_if_empty(struct hu_heap *heap, struct hu_span *span)
{
	if (span->place == HU_PLACE_AVAILABLE && !span->left) {
		hu_spans_remove(&heap->available[span->class], span);
		hu_span_retire(heap, span);
	}
}

/* All free blocks into one list; for spans of a heap without a thread. */
void hu_span_gather(struct hu_heap *heap, struct hu_span *span)
{
	join_lists(span);
	hu_span_collect(heap, span);
}

/* Set the alarm of a span of a heap without a thread, or release the span. */
void hu_span_settle(struct hu_heap *heap, struct hu_span *span)
{
	uint32_t used;

	do {
		hu_span_gather(heap, span);
		if (span->place == HU_PLACE_AVAILABLE && !span->left) {
			hu_span_retire_if_empty(heap, span);
			return;
		}
		if (span->notified)
			return;
		used = span->place == HU_PLACE_FULL ? span->full_used : span->left;
	} while (!hu_remote_arm_last(span, used));
}

/* Take what others have freed; a span that stays full tells of the next block. */
static void look_again(struct hu_heap *heap, struct hu_span *span)
{
	while (!hu_span_collect(heap, span) && span->place == HU_PLACE_FULL)
		if (hu_remote_arm_first(span))
			break;
	hu_span_retire_if_empty(heap, span);
}

/*
 * In an adopted heap the full spans tell of their last block only, so that
 * others may have been freed since: look at some more of them.
 */
void hu_heap_revive(struct hu_heap *heap, unsigned int most)
{
	struct hu_span *span;

	while (most-- && (span = heap->revive)) {
		heap->revive = span->next;
		look_again(heap, span);
	}
}

static void woken(struct hu_heap *heap, struct hu_span *span)
{
	if (span->place == HU_PLACE_LIMBO) {
		hu_span_retire(heap, span);
		return;
	}
	if (atomic_load_explicit(&heap->state, memory_order_relaxed) != HU_HEAP_OWNED) {
		hu_span_settle(heap, span);
		return;
	}
	/* The blocks of a current span are collected when they are needed. */
	if (span->place != HU_PLACE_CURRENT)
		look_again(heap, span);
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

