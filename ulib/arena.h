/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Arenas: aligned address space with its metadata at its head.
 *
 *	base			struct hu_arena (one page)
 *	+ HU_SPANS_OFFSET	struct hu_span for every unit of a full arena
 *	+ tags			struct hu_run for every page of this arena
 *	(one page without access)
 *	+ user_page * HU_PAGE	memory for objects
 *
 * The metadata of a pointer is found by arithmetic alone.
 */
#ifndef HU_ARENA_H
#define HU_ARENA_H

#include "internal.h"
#include "span.h"

#define HU_SPANS_OFFSET	HU_PAGE
/* Arena numbers and page numbers share the 32 bits of a run's identity. */
#define HU_RUN_PAGE_BITS	(HU_ARENA_SHIFT - HU_PAGE_SHIFT)
#define HU_ARENAS_MAX		((size_t)1 << (32 - HU_RUN_PAGE_BITS))
/* 48-bit user addresses (arm64); x86-64 uses 47. */
#define HU_SLOTS		((size_t)1 << (48 - HU_ARENA_SHIFT))

enum hu_run_state {
	HU_RUN_NONE,	/* not the first or last page of anything below */
	HU_RUN_HOT,	/* free, mapped, dirty */
	HU_RUN_ZERO,	/* free, mapped, zero: was made ready, not yet used */
	HU_RUN_COLD,	/* free, not mapped, reads zero */
	HU_RUN_LARGE,	/* a large object starts here */
};

#define HU_RUN_FREE_STATES	3	/* HOT, ZERO, COLD */

/*
 * Tag of a page. Of a free run the first page's tag has all fields and the
 * last page's has pages and state; of a large object the first page's has
 * pages and state. All other tags have HU_RUN_NONE. Protected by
 * hu_pages_lock; the owner of a large object may read its tag without.
 */
struct hu_run {
	uint32_t next, prev;		/* bin of the index */
	uint32_t older, newer;		/* order of release, HOT and ZERO only */
	uint32_t pages;
	uint32_t stamp;			/* hu_os_clock_ms() of the release */
	uint8_t state;
	uint8_t pad[7];
};

struct hu_arena {
	struct hu_run *tags;
	uint32_t id;			/* index in hu_arenas[], from 1 */
	uint32_t client;		/* of which reserve client; 0: none */
	uint32_t user_page;		/* first page for objects */
	uint32_t pages;			/* page after the last one */
	uint32_t frontier;		/* pages from here on were never used, see frontier.c */
};

/* A piece of an arena's metadata. */
struct hu_meta {
	uintptr_t addr;
	size_t bytes;
};

#define HU_META_PARTS	2	/* tags, span slots */

extern uint8_t hu_slots[HU_SLOTS];
extern struct hu_arena *hu_arenas[HU_ARENAS_MAX];

/* Whether @addr is in the 1 GiB slot of an arena (but see hu_arena_of()). */
static inline bool hu_in_arena(uintptr_t addr)
{
	uintptr_t slot = addr >> HU_ARENA_SHIFT;

	return likely(slot < HU_SLOTS) && hu_slots[slot];
}

/* The span slot of a unit: NULL ->heap when the unit is in no span. */
static inline struct hu_span *hu_span_slot(uintptr_t addr)
{
	uintptr_t base = addr & ~(HU_ARENA_MAX - 1);
	size_t unit = (addr & (HU_ARENA_MAX - 1)) >> HU_UNIT_SHIFT;

	return (struct hu_span *)(base + HU_SPANS_OFFSET) + unit;
}

static inline struct hu_span *hu_span_of(uintptr_t addr)
{
	struct hu_span *span = hu_span_slot(addr);

	return span - span->head_offset;
}

/* The arena of any address, NULL when there is none. */
static inline struct hu_arena *hu_arena_of(uintptr_t addr)
{
	struct hu_arena *arena;
	size_t page;

	if (!hu_in_arena(addr))
		return NULL;
	arena = (struct hu_arena *)(addr & ~(HU_ARENA_MAX - 1));
	page = (addr & (HU_ARENA_MAX - 1)) >> HU_PAGE_SHIFT;
	return page >= arena->user_page && page < arena->pages ? arena : NULL;
}

static inline uint32_t hu_page_of(uintptr_t addr)
{
	return (uint32_t)((addr & (HU_ARENA_MAX - 1)) >> HU_PAGE_SHIFT);
}

static inline uintptr_t hu_page_address(const struct hu_arena *arena, uint32_t page)
{
	return (uintptr_t)arena + ((uintptr_t)page << HU_PAGE_SHIFT);
}

struct hu_arena *hu_arena_create(size_t pages);
uint32_t hu_arena_commit(struct hu_arena *arena, uint32_t start, uint32_t least, uint32_t end);
void hu_arena_meta(const struct hu_arena *arena, uint32_t start, uint32_t end,
		   struct hu_meta meta[HU_META_PARTS]);
void hu_arena_populate(const struct hu_arena *arena, uintptr_t addr, size_t bytes);
void hu_arena_warm(const struct hu_arena *arena, uint32_t start, uint32_t end);

#endif /* HU_ARENA_H */
