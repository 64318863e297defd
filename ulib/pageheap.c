// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The page heap. Where memory for a request comes from, in this order:
 *
 *	1. freed and still mapped (hot)
 *	2. made ready, left over from an earlier request
 *	3. popped from the reserve
 *	4. cold, made ready at once by one call (hu_reserve_take())
 *	5. cold: the program's first touches fault (a miss)
 *
 * Freed memory stays mapped until nobody wanted it for the decay time.
 *
 * Decisions are made under hu_pages_lock; system calls are made outside.
 */
#include <errno.h>
#include "conf.h"
#include "frontier.h"
#include "giveback.h"
#include "latency.h"
#include "lock.h"
#include "os.h"
#include "os_file.h"
#include "pageheap.h"
#include "ready.h"
#include "reserve.h"
#include "worker.h"

/* Most that one request makes ready by itself, and gives back for others. */
#define TAKE_MAX	(4 * MIB)
/*
 * A process gets a background thread, and a forked child a reserve of its own,
 * when it has grown by so much.
 */
#define REAL_GROWTH	((size_t)(2 * MIB / HU_PAGE))
/* A request of at most so much may wait so often for what is being made. */
#define WAIT_PAGES	((size_t)(2 * MIB / HU_PAGE))
#define WAITS_MAX	2
/*
 * A large object waits no longer than its faults would take; for a span, which
 * serves many requests, the backend knows what is worth it.
 */
#define WAIT_PAGE_US	2

static size_t cold_pages;		/* handed out since a fork left the client behind */
static uint64_t consumed_pages;		/* fresh ones handed out, ready or cold */
static uint64_t start_at = REAL_GROWTH;	/* when it gets there a thread is started */
static size_t live_pages;
static atomic_bool adopt_refused;

/* What remains to be done for a request after the lock is released. */
struct chores {
	enum hu_from from;
	bool cold;		/* the memory is cold: make it ready, or count a miss */
	bool kick;		/* the backend wants to be woken */
	bool start;		/* there should be a background thread */
	bool wait;		/* nothing is ready, but more is just being made */
};

/* Take hu_pages_lock, and in a forked child leave the parent's reserve behind. */
void hu_pages_enter(void)
{
	hu_lock(&hu_pages_lock);
	if (unlikely(hu_reserve_check_fork())) {
		cold_pages = 0;
		start_at = consumed_pages + REAL_GROWTH;
	}
}

/* The gauges of the page heap. Context: hu_pages_lock held. */
static void get_stats(struct hu_pages_stats *stats)
{
	*stats = (struct hu_pages_stats){
		.arena_bytes = hu_frontier_arena_bytes(),
		.live_bytes = live_pages * HU_PAGE,
		.resident_free_bytes = (hu_runs_pages(HU_RUN_HOT) + hu_runs_pages(HU_RUN_ZERO) +
					hu_ready_pages()) * HU_PAGE,
		.ready_bytes = hu_reserve->ready(),
		.holes_bytes = hu_reserve_holes(),
	};
}

static HU_COLD void publish(void)
{
	struct hu_pages_stats now;

	get_stats(&now);
	hu_gauge_set(HU_GAUGE_MAPPED_BYTES, HU_PART_PAGES, now.arena_bytes);
	hu_gauge_set(HU_GAUGE_LIVE_BYTES, HU_PART_PAGES, now.live_bytes);
	hu_gauge_set(HU_GAUGE_RESIDENT_FREE_BYTES, HU_PART_PAGES, now.resident_free_bytes);
	hu_gauge_set(HU_GAUGE_READY_BYTES, HU_PART_PAGES, now.ready_bytes);
	hu_gauge_set(HU_GAUGE_HOLES_BYTES, HU_PART_PAGES, now.holes_bytes);
}

/* Release hu_pages_lock after the state of the page heap has changed. */
void hu_pages_leave(void)
{
	if (unlikely(hu_table_is_shared()))
		publish();
	hu_unlock(&hu_pages_lock);
}

static void hand_out(const struct hu_run_ref *ref, bool large)
{
	struct hu_run *tag = &ref->arena->tags[ref->page];

	live_pages += ref->pages;
	if (large) {
		tag->pages = ref->pages;
		tag->state = HU_RUN_LARGE;
	}
}

/**
 * hu_pages_add_cold() - take in memory that reads zero and is not mapped
 * @addr: its first page
 * @bytes: length
 *
 * Context: hu_pages_lock held.
 */
void hu_pages_add_cold(uintptr_t addr, size_t bytes)
{
	struct hu_arena *arena = hu_arena_of(addr);

	if (arena && bytes)
		hu_runs_insert(arena, hu_page_of(addr), (uint32_t)(bytes / HU_PAGE),
			       HU_RUN_COLD, 0);
}

static struct hu_run_ref find_cold(uint32_t pages, uint32_t align, struct chores *chores)
{
	struct hu_run_ref ref = { NULL, 0, 0 };

	/* A forked child that really grows starts over with its own reserve. */
	if (hu_reserve_lost() && cold_pages + pages > REAL_GROWTH)
		return ref;
	ref = hu_runs_take(HU_RUN_COLD, pages, align);
	if (ref.arena) {
		cold_pages += pages;
		chores->cold = true;
	}
	return ref;
}

/* What a request is for: a run of @pages, or shorter, if no such one is mapped. */
struct want {
	uint32_t pages, least, align;
};

static struct hu_run_ref find_run(enum hu_run_state state, const struct want *want)
{
	struct hu_run_ref ref = hu_runs_take(state, want->pages, want->align);
	uint32_t pages = want->pages;

	while (!ref.arena && pages > want->least) {
		pages = hu_max(pages / 2, want->least);
		ref = hu_runs_take(state, pages, want->align);
	}
	return ref;
}

static struct hu_run_ref find_ready(const struct want *want)
{
	struct hu_run_ref ref = find_run(HU_RUN_ZERO, want);
	uint32_t pages = want->pages;

	if (ref.arena || !hu_reserve_client)
		return ref;
	ref = hu_ready_take(pages, want->align);
	while (!ref.arena && pages > want->least) {
		pages = hu_max(pages / 2, want->least);
		ref = hu_ready_take(pages, want->align);
	}
	/* What was popped in vain, because it was not adjacent, is there now. */
	return ref.arena ? ref : find_run(HU_RUN_ZERO, want);
}

/* @waits: so often may the request still wait. */
static struct hu_run_ref find(const struct want *want, bool *zero, unsigned int waits,
			      struct chores *chores)
{
	struct hu_run_ref ref = find_run(HU_RUN_HOT, want);

	*zero = !ref.arena;
	if (ref.arena) {
		hu_count_add(HU_COUNT_REUSES, 1);
		chores->from = HU_FROM_REUSE;
		return ref;
	}
	ref = find_ready(want);
	chores->from = HU_FROM_READY;
	if (ref.arena)
		hu_count_add(HU_COUNT_HITS, 1);
	else if (waits && hu_reserve->making())
		chores->wait = true;
	else
		ref = find_cold(want->least, want->align, chores);
	if (ref.arena)
		consumed_pages += ref.pages;
	hu_frontier_post();
	chores->kick = hu_reserve->needs_kick(chores->cold ? want->least : 0);
	chores->start = consumed_pages >= start_at && hu_worker_missing() && !hu_reserve_lost();
	if (chores->start)
		start_at = consumed_pages * 2;
	return ref;
}

/**
 * hu_pages_take_cold() - cold memory to be made ready, or to be replaced
 * @pages: length
 * @align: alignment in pages
 * @in_flight: out, under hu_pages_lock: the run, which is in no index now
 *
 * Context: no lock held.
 * Return: the run; without an arena when the kernel has no address space.
 */
struct hu_run_ref hu_pages_take_cold(uint32_t pages, uint32_t align,
				     struct hu_run_ref *in_flight)
{
	struct hu_run_ref ref;
	uint64_t seen;

	do {
		hu_lock(&hu_pages_lock);
		seen = hu_frontier_grows();
		ref = hu_runs_take(HU_RUN_COLD, pages, align);
		*in_flight = ref;
		hu_pages_leave();
	} while (!ref.arena && hu_frontier_grow(pages, align, seen));
	return ref;
}

/* Fresh pages handed out so far, ready or cold; needs hu_pages_lock. */
uint64_t hu_pages_consumed(void)
{
	return consumed_pages;
}

/* Pages in use by objects and spans; needs hu_pages_lock. */
size_t hu_pages_live(void)
{
	return live_pages;
}

/* After the lock: cold memory is made ready, as far as that is cheap. */
static void do_chores(struct chores *chores, uint32_t client, uintptr_t addr, size_t bytes)
{
	size_t got = 0;

	if (chores->kick)
		hu_reserve->kick();
	if (chores->start)
		hu_worker_start();
	if (!chores->cold)
		return;
	if (client && client == hu_reserve_client)
		got = hu_reserve_take(client, addr, hu_min(bytes, TAKE_MAX));
	hu_count_add(got ? HU_COUNT_TAKES : HU_COUNT_MISSES, 1);
	chores->from = got ? HU_FROM_TAKE : HU_FROM_MISS;
}

/**
 * hu_pages_alloc() - get a run of pages
 * @least: length, at most HU_LARGE_MAX / HU_PAGE
 * @pages: in: length wanted, if so much is mapped in one run; out: length got,
 *	this, or a half of it and so on, or @least
 * @align: alignment in pages, a power of two
 * @large: it becomes a large object
 * @zero: out: whether it reads zero
 *
 * Return: its address, NULL when there is no memory.
 */
void *hu_pages_alloc(size_t least, size_t *pages, size_t align, bool large, bool *zero)
{
	const struct want want = { (uint32_t)*pages, (uint32_t)least, (uint32_t)align };
	unsigned int waits = least <= WAIT_PAGES ? WAITS_MAX : 0;
	uint32_t most_us = large ? WAIT_PAGE_US * (uint32_t)least : UINT32_MAX;
	uint64_t start = hu_latency_start(), seen;
	struct hu_run_ref ref;
	bool grown = false;
	uintptr_t addr;

	for (;;) {
		struct chores chores = { 0 };

		hu_pages_enter();
		seen = hu_frontier_grows();
		ref = find(&want, zero, waits, &chores);
		if (ref.arena)
			hand_out(&ref, large);
		hu_pages_leave();
		if (ref.arena) {
			addr = hu_page_address(ref.arena, ref.page);
			*pages = ref.pages;
			do_chores(&chores, ref.arena->client, addr, *pages * HU_PAGE);
			hu_latency_pages(grown ? HU_FROM_GROW : chores.from, start);
			return (void *)addr;
		}
		if (chores.wait) {
			waits = hu_reserve->wait(most_us) ? waits - 1 : 0;
			continue;
		}
		if (!hu_frontier_grow(least, want.align, seen))
			return NULL;
		grown = true;
	}
}

/**
 * hu_pages_free() - free a run of pages
 * @addr: its first page
 * @pages: its length
 *
 * Where there is no background thread, or freed memory shall not stay mapped at
 * all, gives back a bounded part of what nobody wanted for the decay time.
 */
void hu_pages_free(void *addr, size_t pages)
{
	hu_pages_shrink(addr, pages, 0);
}

/**
 * hu_pages_shrink() - free the tail of a large object
 * @addr: its first page
 * @pages: its length
 * @new_pages: its length afterwards
 */
void hu_pages_shrink(void *addr, size_t pages, size_t new_pages)
{
	struct hu_arena *arena = hu_arena_of((uintptr_t)addr);
	uint32_t page = hu_page_of((uintptr_t)addr), now = hu_os_clock_ms();
	uint32_t freed = (uint32_t)(pages - new_pages);
	uint32_t most = freed > HU_GIVEBACK_PAGES ? freed : HU_GIVEBACK_PAGES, decay;
	struct hu_run_ref old = { NULL, 0, 0 };

	hu_pages_enter();
	if (new_pages)
		arena->tags[page].pages = (uint32_t)new_pages;
	else
		arena->tags[page].state = HU_RUN_NONE;
	hu_runs_insert(arena, page + (uint32_t)new_pages, freed, HU_RUN_HOT, now);
	live_pages -= freed;
	decay = __atomic_load_n(&hu_conf.decay_ms, __ATOMIC_RELAXED);
	if (decay != HU_DECAY_NEVER && (!decay || hu_worker_missing()))
		old = hu_runs_take_oldest(now, decay, most, 0);
	hu_pages_leave();
	if (old.arena)
		hu_giveback(old);
	else if (unlikely(hu_worker_idle()))
		hu_worker_wake();
}

/* Free a large object whose pages were moved away: cold memory is left. */
void hu_pages_free_moved(void *addr, size_t pages)
{
	struct hu_arena *arena = hu_arena_of((uintptr_t)addr);

	hu_pages_enter();
	arena->tags[hu_page_of((uintptr_t)addr)].state = HU_RUN_NONE;
	hu_pages_add_cold((uintptr_t)addr, pages * HU_PAGE);
	live_pages -= pages;
	hu_pages_leave();
}

/* Where address space or memory is limited, what is kept would be missed elsewhere. */
static bool may_adopt(char *from, size_t pages)
{
	return __atomic_load_n(&hu_conf.decay_ms, __ATOMIC_RELAXED) &&
	       !atomic_load_explicit(&adopt_refused, memory_order_relaxed) &&
	       /* The memory of the module's arenas is no place for anonymous pages. */
	       !hu_reserve_client && !hu_reserve_lost() && !hu_os_memory_limited() &&
	       !hu_os_commit_is_strict() && hu_os_may_move(from + (pages - 1) * HU_PAGE);
}

/**
 * hu_pages_adopt() - make the pages of a freed huge object a free run
 * @from: where they are; one mapping
 * @pages: how many, at most HU_LARGE_MAX / HU_PAGE
 *
 * They are moved over a cold run and not copied, and from there on are freed
 * memory like any other: used again, or given back after the decay time. When
 * the kernel refuses in a way that costs a cold run, it is not asked again.
 *
 * Return: whether that was done; otherwise the mapping is as it was.
 */
bool hu_pages_adopt(void *from, size_t pages)
{
	struct hu_run_ref ref, unused;
	int ret = -EINVAL;
	void *to;

	if (!may_adopt(from, pages))
		return false;
	ref = hu_pages_take_cold((uint32_t)pages, 1, &unused);
	if (!ref.arena)
		return false;
	to = (void *)hu_page_address(ref.arena, ref.page);
	if (!ref.arena->client)
		ret = hu_os_move_over(from, pages * HU_PAGE, to);
	hu_pages_enter();
	if (!ret)
		live_pages += pages;
	else if (ret < 0)
		hu_pages_add_cold((uintptr_t)to, pages * HU_PAGE);
	else
		atomic_store_explicit(&adopt_refused, true, memory_order_relaxed);
	hu_pages_leave();
	if (!ret)
		hu_pages_free(to, pages);
	return !ret;
}

/* Whether freed memory that is still mapped could serve so many pages. */
bool hu_pages_reusable(size_t pages)
{
	bool can;

	hu_lock(&hu_pages_lock);
	can = hu_runs_have(HU_RUN_HOT, (uint32_t)pages);
	hu_pages_leave();
	return can;
}

static bool extend_locked(struct hu_arena *arena, uint32_t end, uint32_t extra,
			  struct chores *chores)
{
	bool zero = true;

	if (end >= arena->frontier)
		return false;
	if (arena->tags[end].state == HU_RUN_COLD)
		chores->cold = true;
	if (hu_runs_take_at(arena, end, extra, &zero)) {
		if (!chores->cold)
			hu_count_add(zero ? HU_COUNT_HITS : HU_COUNT_REUSES, 1);
		chores->from = zero ? HU_FROM_READY : HU_FROM_REUSE;
		consumed_pages += zero ? extra : 0;
		return true;
	}
	chores->cold = false;
	if (hu_ready_take_at(arena, end, extra)) {
		hu_count_add(HU_COUNT_HITS, 1);
		chores->from = HU_FROM_READY;
		return true;
	}
	return false;
}

/**
 * hu_pages_extend() - lengthen a large object in place
 * @addr: its first page
 * @pages: its length
 * @new_pages: the length wanted
 *
 * Return: whether that was possible. The new pages need not be zero.
 */
bool hu_pages_extend(void *addr, size_t pages, size_t new_pages)
{
	struct hu_arena *arena = hu_arena_of((uintptr_t)addr);
	uint32_t end = hu_page_of((uintptr_t)addr) + (uint32_t)pages;
	uint32_t extra = (uint32_t)(new_pages - pages);
	uint64_t start = hu_latency_start();
	struct chores chores = { 0 };
	bool ok, at_frontier;
	uint64_t seen;

	if (end + extra > arena->pages)
		return false;
	do {
		hu_pages_enter();
		seen = hu_frontier_grows();
		ok = extend_locked(arena, end, extra, &chores);
		at_frontier = !ok && !hu_reserve_lost() && hu_frontier_at(arena, end);
		if (ok) {
			live_pages += extra;
			chores.kick = hu_reserve->needs_kick(chores.cold ? extra : 0);
			arena->tags[end - pages].pages = (uint32_t)new_pages;
		}
		hu_pages_leave();
	} while (at_frontier && hu_frontier_grow(extra, 1, seen));
	if (!ok)
		return false;
	do_chores(&chores, arena->client, hu_page_address(arena, end), (size_t)extra * HU_PAGE);
	hu_latency_pages(chores.from, start);
	return true;
}

/* The pages of the large object at @addr; 0 when there is none. */
size_t hu_pages_large(uintptr_t addr)
{
	struct hu_arena *arena = hu_arena_of(addr);
	const struct hu_run *tag;

	if (!arena || addr % HU_PAGE)
		return 0;
	tag = &arena->tags[hu_page_of(addr)];
	return tag->state == HU_RUN_LARGE ? tag->pages : 0;
}

void hu_pages_get_stats(struct hu_pages_stats *stats)
{
	hu_pages_enter();
	get_stats(stats);
	/* A table that was made anew gets its gauges. */
	hu_pages_leave();
}
