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
#include "heapspan.h"
#include "latency.h"
#include "os.h"
#include "pageheap.h"
#include "shm.h"

/* Notifications handled in one slow-path call. */
#define WOKEN_MAX	16
/* Spans of an adopted heap that are looked at before it gets another one. */
#define REVIVED_MAX	16
/* So much of a cold span is made resident by one call. */
#define WARM_BYTES	HU_UNIT
/* Blocks up to that size are linked when they are carved, a page's worth. */
#define LINKED_MAX	(HU_PAGE / 16)
/* Of larger ones so many are granted at a time, where memory is mapped. */
#define GRANT_BLOCKS	16
/*
 * A class that holds so many units gets spans of two. Longer ones would seldom
 * become free as a whole.
 */
#define LONG_UNITS	2
#define LONG_FROM	4
/*
 * So a heap gets memory for several spans at once: this part of what it holds.
 * Then fewer than one request of 1 KiB in a thousand goes to the page heap.
 */
#define CHUNK_SHARE	8
#define CHUNK_UNITS_MAX	32

struct hu_span hu_span_none;
struct hu_heap hu_heap_none = {
	.current = { [0 ... HU_CLASSES - 1] = &hu_span_none },
};

__thread struct hu_heap *hu_heap_mine = &hu_heap_none;
__thread struct hu_heap *hu_heap_own;

/*
 * A cold span of a class that fills its spans will be used, to the end and
 * soon: one call instead of a page fault in one of every few requests. Of
 * other spans no page is touched before its time.
 */
static void warm(const struct hu_heap *heap, struct hu_span *span, unsigned int units)
{
	if (span->cold && heap->filled[span->class] &&
	    hu_os_populate((void *)span->start, WARM_BYTES))
		span->cold = units > WARM_BYTES / HU_UNIT;
}

static unsigned int units_wanted(const struct hu_heap *heap, unsigned int c)
{
	unsigned int units = hu_classes[c].units;

	return units == 1 && heap->held[c] >= LONG_FROM ? LONG_UNITS : units;
}

/* How much to get at once for spans of @units. */
static size_t chunk_wanted(const struct hu_heap *heap, size_t units)
{
	size_t chunk = CHUNK_UNITS_MAX;

	while (chunk > units && chunk * CHUNK_SHARE > heap->held_units)
		chunk /= 2;
	return hu_max(chunk, units);
}

/* What was got at once and has no span yet; @units: in: wanted, out: cut off. */
static void *cut_chunk(struct hu_heap *heap, unsigned int least, unsigned int *units, bool *zero)
{
	void *start = heap->chunk;

	if (*units > heap->chunk_units)
		*units = least;
	heap->chunk = (char *)start + *units * HU_UNIT;
	heap->chunk_units -= *units;
	*zero = heap->chunk_zero;
	return start;
}

/* Memory for a span; @units: in: wanted, out: got. */
static void *span_memory(struct hu_heap *heap, unsigned int c, unsigned int *units, bool *zero)
{
	unsigned int least = hu_classes[c].units;
	size_t pages = chunk_wanted(heap, *units) * HU_UNIT_PAGES;
	void *start;

	hu_from = HU_FROM_CACHED;
	if (least == 1 && heap->cached_units) {
		*units = 1;
		return heap->cached[--heap->cached_units];
	}
	if (least <= heap->chunk_units)
		return cut_chunk(heap, least, units, zero);
	start = hu_pages_alloc(least * HU_UNIT_PAGES, &pages, HU_UNIT_PAGES, false, zero);
	if (!start || pages / HU_UNIT_PAGES <= *units) {
		*units = (unsigned int)(pages / HU_UNIT_PAGES);
		return start;
	}
	hu_heap_release_chunk(heap);
	heap->chunk = start;
	heap->chunk_units = (unsigned int)(pages / HU_UNIT_PAGES);
	heap->chunk_zero = *zero;
	return cut_chunk(heap, least, units, zero);
}

static struct hu_span *span_create(struct hu_heap *heap, unsigned int c)
{
	unsigned int units = units_wanted(heap, c), i;
	const struct hu_class *class = &hu_classes[c];
	struct hu_span *span;
	bool zero = false;
	void *start = span_memory(heap, c, &units, &zero);

	if (!start)
		return NULL;
	span = hu_span_slot((uintptr_t)start);
	*span = (struct hu_span){
		.class = (uint8_t)c,
		.place = HU_PLACE_CURRENT,
		.bytes = class->bytes,
		.units = (uint8_t)units,
		.uncarved = (uint16_t)(units / class->units * class->blocks),
		.zero = zero,
		.cold = hu_from == HU_FROM_MISS || hu_from == HU_FROM_GROW,
		.fresh = (uintptr_t)start,
		.start = (uintptr_t)start,
	};
	for (i = 0; i < units; i++)
		span[i].head_offset = (uint16_t)i;
	hu_span_set_owner(span, heap);
	warm(heap, span, units);
	return span;
}

/*
 * The next granted block: in the order of addresses, and nothing but the
 * program touches it.
 */
static void *take_granted(struct hu_span *span)
{
	uintptr_t block = span->fresh;

	span->granted--;
	hu_compiler_barrier();
	span->fresh = block + span->bytes;
	span->left++;
	return (void *)block;
}

/* Blocks that the fast path may take; of cold ones those that end in the first one's page. */
static void *grant(struct hu_span *span)
{
	unsigned int blocks = GRANT_BLOCKS;

	if (span->cold)
		blocks = 1 + (unsigned int)(-(span->fresh + span->bytes) % HU_PAGE) / span->bytes;
	if (blocks > span->uncarved)
		blocks = span->uncarved;
	span->uncarved -= (uint16_t)blocks;
	hu_compiler_barrier();
	span->granted = (uint16_t)blocks;
	return take_granted(span);
}

/*
 * A block that was never used. Small ones are linked, a page's worth; the one
 * that is returned is not, and therefore still zero if the span was.
 */
static void *carve(struct hu_span *span)
{
	unsigned int blocks = (unsigned int)HU_PAGE / span->bytes, i;
	uintptr_t first = span->fresh, block;
	void *list = span->free;

	if (span->granted)
		return take_granted(span);
	if (span->bytes > LINKED_MAX)
		return grant(span);
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

	/* Blocks that are kept and not used hold other spans: a class at a time. */
	heap->released = (heap->released + 1) % HU_CLASSES;
	hu_foreign_release(heap, heap->released);
	hu_heap_collect_woken(heap, WOKEN_MAX);
	if (!heap->available[class].first)
		hu_heap_revive(heap, REVIVED_MAX);
	span = heap->available[class].first;
	if (span)
		hu_spans_remove(&heap->available[class], span);
	else
		span = hu_orphan_take_span(heap, class);
	if (span) {
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
			if (span->free || hu_span_collect(heap, span))
				return pop(span);
			if (hu_span_has_fresh(span)) {
				*zero = span->zero;
				return carve(span);
			}
			if (!hu_remote_arm_first(span))
				continue;
			heap->current[class] = &hu_span_none;
			heap->filled[class] = true;
			hu_span_make_full(heap, span);
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
	void *block;

	if (!span->free) {
		block = hu_foreign_pop(heap, class);
		if (block)
			return block;
	}
	if (span == &hu_span_none)
		return NULL;
	if (!span->free && hu_span_collect(heap, span))
		hu_count_add(HU_COUNT_FROM + HU_FROM_COLLECTED, 1);
	if (span->free)
		return pop(span);
	if (!hu_span_has_fresh(span) || (span->cold && span->bytes <= HU_PAGE / 2))
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
		hu_foreign_enable(heap, class);
		block = alloc_from(heap, class, zero);
		if (unlikely(!block))
			return NULL;
		hu_count_add(HU_COUNT_FROM + hu_from, 1);
	}
	if (start)
		hu_latency_alloc(hu_classes[class].bytes, start, slow);
	return block;
}

static HU_NOINLINE void *alloc_slow(unsigned int class, bool *zero)
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

/**
 * hu_heap_alloc_fresh() - allocate a block when hu_heap_mine has no freed one
 * @class: size class
 * @zero: out: whether the block is known to read zero
 *
 * Return: the block; NULL and errno ENOMEM when there is no memory.
 */
HU_NOINLINE void *hu_heap_alloc_fresh(unsigned int class, bool *zero)
{
	struct hu_span *span = hu_heap_mine->current[class];

	if (unlikely(span->free || !span->granted))
		return alloc_slow(class, zero);
	*zero = span->zero;
	return take_granted(span);
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
		hu_span_collect(heap, span);
		if (!span->left) {
			heap->current[c] = &hu_span_none;
			hu_span_retire(heap, span);
		}
	}
	/* Nobody tells of blocks that others freed in a span that has free ones. */
	for (span = heap->available[c].first; span; span = next) {
		next = span->next;
		hu_span_collect(heap, span);
		hu_span_retire_if_empty(heap, span);
	}
}

/* Let go of what is free: spans without a used block. */
void hu_heap_trim(struct hu_heap *heap)
{
	unsigned int c;

	hu_foreign_release_all(heap);
	hu_heap_collect_woken(heap, UINT32_MAX);
	hu_heap_revive(heap, UINT32_MAX);
	for (c = 0; c < HU_CLASSES; c++)
		trim_class(heap, c);
	hu_heap_release_cached(heap);
}
