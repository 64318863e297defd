// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The frontier of the newest arena. Memory beyond it was never used, may not be
 * accessible yet, and its metadata has no pages. It moves in two ways:
 *
 *	a request finds no memory	hu_frontier_grow() opens a step: cold memory
 *	the reserve wants more		hu_frontier_post() posts an extent to the module
 *
 * Either way the metadata comes first, so that no request has to fault it in
 * under hu_pages_lock: of a step it is made resident at once, for an extent it
 * is posted before it, and so is ready before any of the memory is. Steps and
 * extents are cut at multiples of 2 MiB, the tags and span slots of which fill
 * whole pages.
 */
#include "conf.h"
#include "frontier.h"
#include "latency.h"
#include "lock.h"
#include "os.h"
#include "pageheap.h"
#include "reserve.h"

/* Whole pages of tags and of span slots. */
#define GRAIN		((uint32_t)(2 * MIB / HU_PAGE))
/* Steps of an arena grow with its use, but not where the module fills it. */
#define STEP_MIN	GRAIN
#define STEP_MAX	((uint32_t)(16 * MIB / HU_PAGE))
/* One posted extent: at most so long, and that part of an arena. */
#define POST_MAX	((uint32_t)(16 * MIB / HU_PAGE))
#define POST_SHARE	8
/* Shorter runs are not worth an entry in the fill ring. */
#define POST_MIN	((uint32_t)(MIB / HU_PAGE))
/*
 * Made ready with the first step: the first requests of a process find it. Of a
 * reserve whose minimum the user gave, what is used before there is a thread.
 */
#define START_PAGES	((uint32_t)(2 * HU_UNIT_PAGES))
#define START_PAGES_MAX	GRAIN

_Static_assert(GRAIN * sizeof(struct hu_run) % HU_PAGE == 0, "tags of a grain");
_Static_assert(2 * MIB / HU_UNIT * sizeof(struct hu_span) % HU_PAGE == 0, "slots of a grain");

static struct hu_arena *newest;		/* changed under hu_grow_lock + hu_pages_lock */
static size_t all_bytes;		/* of arenas; under hu_pages_lock */
static _Atomic uint64_t grows;		/* changed under hu_grow_lock */
static bool prefilled;			/* under hu_grow_lock */

/* Up to where something that begins at @page and is so long should reach. */
static uint32_t step_end(const struct hu_arena *arena, uint32_t page, uint32_t pages)
{
	uint32_t end = (page + pages + GRAIN - 1) & ~(GRAIN - 1);

	return end < arena->pages ? end : arena->pages;
}

/* The longest extent of never used memory that should be posted; 0: none. */
static uint32_t post_pages(const struct hu_arena *arena)
{
	uint32_t most = arena->pages / POST_SHARE, left = arena->pages - arena->frontier;

	most = most < POST_MAX ? most : POST_MAX;
	return (most < left ? most : left) & ~(GRAIN - 1);
}

static bool post_new(struct hu_arena *arena)
{
	struct hu_meta meta[HU_META_PARTS];
	uint32_t start = arena->frontier, end = start + post_pages(arena);
	unsigned int i;

	if (start == end)
		return false;
	end = step_end(arena, start, end - start);
	arena->frontier = end;
	hu_arena_meta(arena, start, end, meta);
	for (i = 0; i < HU_META_PARTS; i++)
		hu_reserve->post(meta[i].addr, meta[i].bytes);
	hu_reserve->post(hu_page_address(arena, start), (size_t)(end - start) * HU_PAGE);
	return true;
}

/**
 * hu_frontier_post() - give the reserve address space to fill
 *
 * Long cold runs, else never used memory.
 *
 * Context: hu_pages_lock held.
 */
void hu_frontier_post(void)
{
	struct hu_run_ref ref;

	if (!hu_reserve_client)
		return;
	while (hu_reserve->wants()) {
		ref = hu_runs_take_largest(HU_RUN_COLD, POST_MIN, POST_MAX);
		if (ref.arena && ref.arena->client == hu_reserve_client) {
			hu_reserve->post(hu_page_address(ref.arena, ref.page),
					 (size_t)ref.pages * HU_PAGE);
			continue;
		}
		if (ref.arena)
			hu_runs_insert(ref.arena, ref.page, ref.pages, HU_RUN_COLD, 0);
		if (!newest || newest->client != hu_reserve_client || !post_new(newest))
			return;
	}
}

/* Whether growing would lengthen what ends before @page; needs hu_pages_lock. */
bool hu_frontier_at(const struct hu_arena *arena, uint32_t page)
{
	return arena == newest && arena->frontier == page && page < arena->pages;
}

/* Length of all arenas; needs hu_pages_lock. */
size_t hu_frontier_arena_bytes(void)
{
	return all_bytes;
}

/* How often hu_frontier_grow() has succeeded. */
uint64_t hu_frontier_grows(void)
{
	return atomic_load_explicit(&grows, memory_order_relaxed);
}

static uint32_t start_pages(void)
{
	size_t min = hu_conf.reserve_min / HU_PAGE;

	if (hu_reserve == &hu_backend_anon)
		return 0;
	if (hu_reserve != &hu_backend_populate || hu_conf.reserve_min == SIZE_MAX)
		return START_PAGES;
	min &= ~(HU_UNIT_PAGES - 1);
	return (uint32_t)(min < START_PAGES ? START_PAGES :
			  min > START_PAGES_MAX ? START_PAGES_MAX : min);
}

/* The first requests of a process find ready memory. */
static void prefill(uint32_t pages)
{
	struct hu_run_ref ref;

	hu_lock(&hu_pages_lock);
	ref = hu_runs_take(HU_RUN_COLD, pages, HU_UNIT_PAGES);
	hu_pages_leave();
	if (!ref.arena)
		return;
	hu_arena_populate(ref.arena, hu_page_address(ref.arena, ref.page), pages * HU_PAGE);
	hu_lock(&hu_pages_lock);
	hu_runs_insert(ref.arena, ref.page, ref.pages, HU_RUN_ZERO, hu_os_clock_ms());
	hu_pages_leave();
}

static void insert_cold(struct hu_arena *arena, uint32_t start, uint32_t end)
{
	hu_lock(&hu_pages_lock);
	if (start < end)
		hu_runs_insert(arena, start, end - start, HU_RUN_COLD, 0);
	hu_pages_leave();
}

/*
 * Move the frontier so that a request of @pages fits behind it. Returns false
 * when that is not possible in this arena: it is used up.
 */
static bool claim_step(struct hu_arena *arena, size_t pages, uint32_t *start, uint32_t *end)
{
	uint32_t step = STEP_MIN, used;
	bool ok;

	hu_lock(&hu_pages_lock);
	*start = arena->frontier;
	ok = pages <= arena->pages - *start;
	if (ok) {
		used = *start - arena->user_page;
		if (!arena->client)
			step = used < STEP_MIN ? STEP_MIN : used > STEP_MAX ? STEP_MAX : used;
		*end = step_end(arena, *start, step > pages ? step : (uint32_t)pages);
		arena->frontier = *end;
	}
	hu_unlock(&hu_pages_lock);
	return ok;
}

/* Returns false when the kernel refuses. */
static bool open_step(struct hu_arena *arena, size_t pages, uint32_t start, uint32_t end)
{
	uint32_t least = step_end(arena, start, (uint32_t)pages);
	uint32_t opened = hu_arena_commit(arena, start, least, end);

	if (opened != end) {
		/* Nobody else moves the frontier of memory that must be opened. */
		hu_lock(&hu_pages_lock);
		arena->frontier = opened;
		hu_unlock(&hu_pages_lock);
	}
	if (opened == start)
		return false;
	hu_arena_warm(arena, start, opened);
	insert_cold(arena, start, opened);
	return true;
}

/* What was not used of an arena that is not the newest any more becomes a cold run. */
static void retire(struct hu_arena *arena)
{
	uint32_t start, end = arena->pages;

	hu_lock(&hu_pages_lock);
	start = arena->frontier;
	arena->frontier = end;
	hu_pages_leave();
	if (start < end)
		insert_cold(arena, start, hu_arena_commit(arena, start, end, end));
}

/*
 * A new newest arena. It is made for a request, which has its step before
 * anybody can post the arena for the reserve: it may be no longer than that.
 */
static bool new_arena(size_t pages)
{
	struct hu_arena *arena = hu_arena_create(pages), *old = newest;
	uint32_t start = 0, end = 0;
	bool ok;

	if (!arena || !claim_step(arena, pages, &start, &end))
		return false;
	hu_lock(&hu_pages_lock);
	newest = arena;
	all_bytes += (size_t)arena->pages * HU_PAGE;
	hu_pages_leave();
	ok = open_step(arena, pages, start, end);
	if (old)
		retire(old);
	return ok;
}

/* The newest arena where that has room, a new one otherwise. */
static bool grow(size_t pages, bool lost)
{
	uint32_t start = 0, end = 0;

	if (!newest || lost || !claim_step(newest, pages, &start, &end))
		return new_arena(pages);
	return open_step(newest, pages, start, end);
}

/**
 * hu_frontier_grow() - memory is short: open more of the arena, or make a new one
 * @pages: length of the request
 * @align: its alignment in pages
 * @seen: hu_frontier_grows() when memory was found short: somebody else may
 *	have grown since
 *
 * Return: whether the request should look again. Context: no lock held.
 */
bool hu_frontier_grow(size_t pages, uint32_t align, uint64_t seen)
{
	bool lost, ok = true;
	uint32_t start = 0;

	hu_lock(&hu_grow_lock);
	if (grows != seen)
		goto out;
	lost = hu_reserve_lost();
	if (lost || !hu_reserve_started())
		hu_reserve_start();
	if (!prefilled)
		start = start_pages();
	pages += align - 1 + start;
	ok = grow(pages, lost && hu_reserve_client);
	if (ok) {
		if (start)
			prefill(start);
		prefilled |= start;
		atomic_store_explicit(&grows, seen + 1, memory_order_relaxed);
		hu_count_add(HU_COUNT_GROWS, 1);
	}
out:
	hu_unlock(&hu_grow_lock);
	return ok;
}
