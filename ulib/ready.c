// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The ready run: what was popped from the reserve last, as far as it is
 * adjacent, so that a request may be longer than a batch. It is in no index;
 * what is cut off it or left of it goes to HU_RUN_ZERO.
 *
 * Everything here runs under hu_pages_lock.
 */
#include "os.h"
#include "ready.h"
#include "reserve.h"

static struct hu_run_ref ready;

static void set_aside_ready(void)
{
	if (ready.arena && ready.pages)
		hu_runs_insert(ready.arena, ready.page, ready.pages, HU_RUN_ZERO,
			       hu_os_clock_ms());
	ready.arena = NULL;
	ready.pages = 0;
}

/* Cut an aligned piece off the ready run. */
static struct hu_run_ref ready_cut(uint32_t pages, uint32_t align)
{
	struct hu_run_ref ref = { NULL, 0, 0 };
	uint32_t start, gap;

	if (!ready.arena)
		return ref;
	start = (ready.page + align - 1) & ~(align - 1);
	gap = start - ready.page;
	if (gap + pages > ready.pages)
		return ref;
	if (gap)
		hu_runs_insert(ready.arena, ready.page, gap, HU_RUN_ZERO, hu_os_clock_ms());
	ref = (struct hu_run_ref){ ready.arena, start, pages };
	ready.page = start + pages;
	ready.pages -= gap + pages;
	return ref;
}

/* Put the next ready range of the reserve to the ready run. */
static bool ready_extend(void)
{
	struct hu_arena *arena;
	uintptr_t addr;
	size_t bytes;

	if (!hu_reserve->pop(&addr, &bytes))
		return false;
	arena = hu_arena_of(addr);
	/* Metadata, which was posted before its memory: it only had to be ready. */
	if (!arena)
		return true;
	if (arena != ready.arena || hu_page_of(addr) != ready.page + ready.pages) {
		set_aside_ready();
		ready.arena = arena;
		ready.page = hu_page_of(addr);
	}
	ready.pages += (uint32_t)(bytes / HU_PAGE);
	return true;
}

/*
 * Serve from the reserve. A request for more than it holds is not begun; the
 * number of pops is bounded by the length of the request.
 */
struct hu_run_ref hu_ready_take(uint32_t pages, uint32_t align)
{
	uint32_t budget = pages + align + 8;
	struct hu_run_ref ref = ready_cut(pages, align);

	while (!ref.arena && budget--) {
		if (ready.pages + hu_reserve->ready() / HU_PAGE < pages || !ready_extend())
			break;
		ref = ready_cut(pages, align);
	}
	return ref;
}

/* The start of the ready run, if it is at @page and long enough. */
bool hu_ready_take_at(const struct hu_arena *arena, uint32_t page, uint32_t pages)
{
	if (ready.arena != arena || ready.page != page || ready.pages < pages)
		return false;
	ready.page += pages;
	ready.pages -= pages;
	return true;
}

size_t hu_ready_pages(void)
{
	return ready.pages;
}
