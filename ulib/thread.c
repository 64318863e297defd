// SPDX-License-Identifier: LGPL-2.1-or-later
/* Which heap a thread uses. */
#include <pthread.h>
#include "heap.h"
#include "lock.h"
#include "meta.h"
#include "worker.h"
#include "table.h"

/* Protected by hu_heaps_lock. */
static uint64_t heaps;
static bool initialised, have_key;
static pthread_key_t key;

/*
 * For threads that have given up their heap and still allocate, in late
 * destructors, and for when there is no memory for another heap. Used under
 * hu_heaps_lock.
 */
static struct hu_heap shared_heap;

static __thread bool thread_ended;
static __thread bool end_postponed;

static void thread_end(void *arg)
{
	struct hu_heap *heap = arg;

	/* Let destructors of other libraries run first, they may use the heap. */
	if (!end_postponed && !pthread_setspecific(key, heap)) {
		end_postponed = true;
		return;
	}
	thread_ended = true;
	hu_worker_thread_ends();
	hu_heap_mine = &hu_heap_none;
	hu_heap_own = NULL;
	hu_heap_abandon(heap);
}

static struct hu_heap *create(void)
{
	struct hu_heap *heap = hu_meta_alloc(sizeof(*heap));

	if (heap) {
		hu_heap_init(heap);
		hu_gauge_set(HU_GAUGE_HEAPS, HU_PART_HEAPS, ++heaps);
	}
	return heap;
}

/**
 * hu_thread_heap() - a heap for a thread that has none
 *
 * Return: never NULL; hu_thread_heap_done() must be called with it.
 */
struct hu_heap *hu_thread_heap(void)
{
	struct hu_heap *heap = NULL;
	bool first;

	hu_lock(&hu_heaps_lock);
	first = !initialised;
	if (first) {
		hu_classes_init();
		hu_heap_init(&shared_heap);
		have_key = !pthread_key_create(&key, thread_end);
		initialised = true;
	}
	if (!thread_ended)
		heap = hu_orphan_adopt();
	if (!heap && !thread_ended)
		heap = create();
	if (!heap)
		return &shared_heap;
	hu_unlock(&hu_heaps_lock);
	hu_heap_own = heap;
	hu_heap_mine = heap;
	/* These may allocate, which works by now. */
	if (first)
		hu_process_start();
	if (have_key)
		pthread_setspecific(key, heap);
	return heap;
}

void hu_thread_heap_done(struct hu_heap *heap)
{
	if (heap == &shared_heap)
		hu_unlock(&hu_heaps_lock);
}

uint64_t hu_thread_heaps(void)
{
	uint64_t n;

	hu_lock(&hu_heaps_lock);
	n = heaps;
	/* A table that was made anew gets its gauges. */
	hu_gauge_set(HU_GAUGE_HEAPS, HU_PART_HEAPS, n);
	hu_unlock(&hu_heaps_lock);
	return n;
}
