/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The metadata of one span. See heap.c for its life, remote.c for @remote. */
#ifndef HU_SPAN_H
#define HU_SPAN_H

#include <stdatomic.h>
#include "internal.h"

struct hu_heap;

/* In which list of its heap a span is. */
enum hu_span_place {
	HU_PLACE_CURRENT,	/* heap->current[class] */
	HU_PLACE_AVAILABLE,	/* heap->available[class] */
	HU_PLACE_FULL,		/* heap->full */
	HU_PLACE_LIMBO,		/* empty, waits for its notification */
};

/* What the next remote free is to tell the heap; see remote.c. */
enum hu_span_alarm {
	HU_ALARM_OFF,
	HU_ALARM_FIRST,		/* the first remote free notifies */
	HU_ALARM_LAST,		/* the free of the last used block notifies */
};

/*
 * Two cache lines in the slot of the span's first unit; the slots of its
 * other units have only @heap and @head_offset. All of it is private to the
 * heap's owner but @head_offset and @class, which are constant while a block is
 * in use, @heap (see hu_span_heap()), @remote and @wake_next.
 *
 * Invariant: used blocks = blocks - |free| - |spare| - granted - uncarved, where used
 * is @left, or @full_used while the span is in HU_PLACE_FULL; blocks in @remote are
 * still counted as used.
 */
struct hu_span {
	void *free;		/* blocks, linked through their first word */
	struct hu_heap *heap;	/* owner; NULL: no span here */
	uint32_t left;		/* local frees until the owner must look */
	uint16_t head_offset;	/* units back to the span's first one */
	uint8_t class;
	uint8_t place;
	uint32_t bytes;		/* of one block */
	uint16_t granted;	/* blocks from @fresh on that are next, see heap.c */
	uint16_t uncarved;	/* after these: never handed out, linked or granted */
	bool zero;		/* these and the granted ones read zero */
	bool cold;		/* and their first touch may fault */
	uint8_t alarm;
	uint16_t count_base;	/* minus what the counter in @remote began with */
	bool notified;		/* a notification is under way */
	uint8_t units;		/* its length */
	uint16_t full_used;
	uintptr_t fresh;	/* the first block never handed out or linked */
	void *spare;		/* collected while @free had blocks; used after them */

	_Atomic uint64_t remote __attribute__((aligned(64)));
	struct hu_span *wake_next;
	struct hu_span *next, *prev;
	uintptr_t start;
};

/* The heap of a span that another thread may be taking over. */
static inline struct hu_heap *hu_span_heap(const struct hu_span *span)
{
	return __atomic_load_n(&span->heap, __ATOMIC_RELAXED);
}

/* Whether there are blocks that were never handed out or linked. */
static inline bool hu_span_has_fresh(const struct hu_span *span)
{
	return span->granted || span->uncarved;
}

_Static_assert(sizeof(struct hu_span) == 128, "hu_span_slot() counts on it");

#endif /* HU_SPAN_H */
