// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Heaps whose thread has ended: they wait here for a new thread that adopts
 * one; meanwhile other threads take over spans of theirs that have free blocks.
 */
#include "heapspan.h"
#include "lock.h"

/* A thread in need of a span looks at so many heaps, and full spans of each. */
#define HEAPS_MAX	4
#define FULL_MAX	4
/* After a look in vain it does not look for so many times. */
#define PAUSE		8

/* A list, under hu_orphans_lock; somebody may be serving the heaps. */
static struct hu_heap *_Atomic first;
static struct hu_heap *last;

static void set_first(struct hu_heap *heap)
{
	atomic_store_explicit(&first, heap, memory_order_relaxed);
}

static void append(struct hu_heap *heap)
{
	heap->next = NULL;
	if (last)
		last->next = heap;
	else
		set_first(heap);
	last = heap;
}

static struct hu_heap *remove_first(void)
{
	struct hu_heap *heap = first;

	set_first(heap->next);
	if (!heap->next)
		last = NULL;
	return heap;
}

static bool change_state(struct hu_heap *heap, int to)
{
	int orphan = HU_HEAP_ORPHAN;

	/* Acquires what the last one who served the heap did. */
	return atomic_compare_exchange_strong(&heap->state, &orphan, to);
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

	hu_foreign_release_all(heap);
	hu_heap_collect_woken(heap, UINT32_MAX);
	heap->revive = NULL;
	for (c = 0; c < HU_CLASSES; c++) {
		span = heap->current[c];
		heap->current[c] = &hu_span_none;
		if (span == &hu_span_none)
			continue;
		if (span->free || span->spare || hu_span_has_fresh(span))
			hu_span_make_available(heap, span);
		else
			hu_span_make_full(heap, span);
	}
	for (span = heap->full.first; span; span = next) {
		next = span->next;
		hu_span_settle(heap, span);
	}
	for (c = 0; c < HU_CLASSES; c++)
		for (span = heap->available[c].first; span; span = next) {
			next = span->next;
			hu_span_settle(heap, span);
		}
	hu_heap_release_cached(heap);
	/* See notify(): one of both sides sees the other's store. */
	atomic_store(&heap->state, HU_HEAP_ORPHAN);
	hu_remote_serve_orphan(heap);
	hu_lock(&hu_orphans_lock);
	heap->next = first;
	set_first(heap);
	if (!heap->next)
		last = heap;
	hu_unlock(&hu_orphans_lock);
}

/**
 * hu_orphan_adopt() - a heap for a new thread
 *
 * One that is being served is passed over.
 *
 * Return: the heap, NULL when there is none.
 */
struct hu_heap *hu_orphan_adopt(void)
{
	struct hu_heap *heap, *before = NULL;

	hu_lock(&hu_orphans_lock);
	for (heap = first; heap; before = heap, heap = heap->next)
		if (change_state(heap, HU_HEAP_OWNED))
			break;
	if (heap && before) {
		before->next = heap->next;
		if (last == heap)
			last = before;
	} else if (heap) {
		remove_first();
	}
	hu_unlock(&hu_orphans_lock);
	if (heap)
		heap->revive = heap->full.first;
	return heap;
}

/* An orphan that nobody else serves or adopts meanwhile; does not wait for any. */
static struct hu_heap *claim(void)
{
	struct hu_heap *heap = NULL;

	if (!hu_trylock(&hu_orphans_lock))
		return NULL;
	if (first) {
		heap = remove_first();
		/* Whoever serves it may be gone: in a forked child. */
		if (!change_state(heap, HU_HEAP_BUSY)) {
			append(heap);
			heap = NULL;
		}
	}
	hu_unlock(&hu_orphans_lock);
	return heap;
}

/* To the end of the list: others come first next time. */
static void let_go(struct hu_heap *heap)
{
	/* As in hu_heap_abandon(). */
	atomic_store(&heap->state, HU_HEAP_ORPHAN);
	hu_remote_serve_orphan(heap);
	hu_lock(&hu_orphans_lock);
	append(heap);
	hu_unlock(&hu_orphans_lock);
}

/* No notification about the span may be under way: it would go to the orphan. */
static bool silence(struct hu_heap *orphan, struct hu_span *span)
{
	do {
		hu_span_gather(orphan, span);
		if (span->notified)
			return false;
	} while (!hu_remote_silence(span));
	return true;
}

static struct hu_span *take_available(struct hu_heap *orphan, struct hu_heap *heap,
				      unsigned int class)
{
	struct hu_span *span = orphan->available[class].first;

	if (!span || !silence(orphan, span))
		return NULL;
	hu_spans_remove(&orphan->available[class], span);
	hu_span_set_owner(span, heap);
	return span;
}

/* Its full spans, of which blocks may have been freed since; some more each time. */
static void look_at_full(struct hu_heap *orphan)
{
	unsigned int i;

	if (!orphan->revive)
		orphan->revive = orphan->full.first;
	for (i = 0; i < FULL_MAX && orphan->revive; i++) {
		struct hu_span *span = orphan->revive;

		orphan->revive = span->next;
		hu_span_settle(orphan, span);
	}
}

/**
 * hu_orphan_take_span() - take over a span that has free blocks
 * @heap: heap of the caller
 * @class: size class
 *
 * Otherwise what was freed in the heaps of ended threads would be of use only to
 * as many new threads.
 *
 * Return: the span, which is in no list; NULL: none was found.
 */
struct hu_span *hu_orphan_take_span(struct hu_heap *heap, unsigned int class)
{
	struct hu_span *span = NULL;
	struct hu_heap *orphan;
	unsigned int i;

	/* The heap that threads share has no thread that could take over anything. */
	if (likely(!atomic_load_explicit(&first, memory_order_relaxed)) || heap != hu_heap_own)
		return NULL;
	if (heap->orphans_pause) {
		heap->orphans_pause--;
		return NULL;
	}
	for (i = 0; i < HEAPS_MAX && !span; i++) {
		orphan = claim();
		if (!orphan)
			continue;
		span = take_available(orphan, heap, class);
		if (!span) {
			look_at_full(orphan);
			span = take_available(orphan, heap, class);
		}
		let_go(orphan);
	}
	if (!span)
		heap->orphans_pause = PAUSE;
	return span;
}
