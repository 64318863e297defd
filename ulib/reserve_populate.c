// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The backend without the module: the background thread populates anonymous
 * memory ahead of use.
 *
 * What it made ready are runs of HU_RUN_ZERO in the index of free runs, where
 * every request looks before it takes cold memory. There is no queue between
 * the thread and a request, and ready memory that nobody wants grows old and
 * is given back like any other free memory.
 *
 * How much: target = max(minimum, consumption of the last interval x factor),
 * within the maximum, as in the paper (Pi et al., Middleware 2021) and as the
 * module does. In one run for the longest request that found nothing: pages
 * that lie scattered are of no use to it. In which pieces: 2 MiB pages while
 * memory is ample, which costs a third of what 4 KiB pages cost; else short
 * runs of these, because the kernel holds mmap_lock meanwhile; nothing where
 * memory is short.
 *
 * A burst that is faster than the thread finds the reserve dry while the next
 * 2 MiB page is being made. One thread may wait for it (populate_wait()):
 * faulting in 4 KiB pages instead would take as long, and spoil 512 requests
 * instead of one. Everybody else takes cold memory.
 *
 * The fields are protected by hu_pages_lock but where noted.
 */
#include <errno.h>
#include <stdatomic.h>
#include "arena.h"
#include "conf.h"
#include "frontier.h"
#include "giveback.h"
#include "headroom.h"
#include "lock.h"
#include "os.h"
#include "pageheap.h"
#include "populate.h"
#include "reserve.h"
#include "worker.h"

/*
 * The default minimum is that part of what the process uses, within bounds: a
 * small program shall not grow by a half.
 */
#define MIN_SHARE	8
#define MIN_BYTES_LEAST	(512 * KIB)
#define MIN_BYTES_DEF	(4 * MIB)
#define MAX_BYTES_DEF	(64 * MIB)
#define FACTOR_DEF	200
#define INTERVAL_US_DEF	2000
/* Intervals without consumption after which the thread sleeps. */
#define QUIET_MAX	16
/* However much was consumed, the target is at most that part of what is used. */
#define MAX_SHARE	2
/* What a target that is not reached any more loses in an interval of use. */
#define DECAY_SHIFT	3
/*
 * Without use it is held for so long, if the decay time is not shorter: the next
 * burst will be like the last.
 */
#define HOLD_MS		1000
/* Pieces: 2 MiB, 128 KiB, and 64 KiB where memory is not ample. */
#define HUGE_PAGES	((uint32_t)(2 * MIB / HU_PAGE))
#define AMPLE_PAGES	32
#define TIGHT_PAGES	HU_UNIT_PAGES
/* Always left to others, besides the reserve itself. */
#define MARGIN_BYTES	(32 * MIB)
/* Memory is ample as long as there is so many times the target. */
#define AMPLE_FACTOR	4
/* A page whose first access takes longer had an exit; looked at so often. */
#define EXIT_NS		500
#define PROBE_PIECES	64
/*
 * 2 MiB that take longer are dearer than 4 KiB pages: the kernel compacts, or a
 * hypervisor has to find the memory first. Then so many pieces of the latter.
 */
#define HUGE_DEAR_NS	4000000
#define HUGE_PAUSE	256
/* The kernel refused to open more: not again for so many pieces. */
#define OPEN_PAUSE	64
/* Where memory is short the next look is after so many intervals. */
#define STARVED_INTERVALS	8
/*
 * A waiting request spins, if there is another processor, then sleeps: at most
 * for so long, and for so many times what the last piece took.
 */
#define SPINS_MAX	2000
#define SPINS_BRIEF	8
#define WAIT_US		1000
#define WAIT_FACTOR	3

static size_t min_bytes, max_bytes;
static bool min_given;			/* by the user */
static uint64_t interval_ns;
static uint32_t factor_pct;
static size_t target;			/* pages */
static uint64_t seen_consumed, seen_at, busy_at;
static uint32_t wanted;			/* pages of the longest request in vain */
static unsigned int quiet = QUIET_MAX;
static unsigned int spins;		/* of a waiting request */
/* Cold memory in no index: being populated, and to be populated next. */
static struct hu_run_ref in_flight, stripe;
static bool starved;			/* the last piece was not to be had */
/* The thread only. */
static bool opened;
static unsigned int until_probe;	/* pieces */
static bool must_touch;
static unsigned int huge_pause;		/* pieces until 2 MiB pages are tried again */
static unsigned int open_pause;		/* pieces until opening is tried again */
static bool huge_fast = true;		/* the last one was worth waiting for */

/* Another value after every 2 MiB piece; odd while one is made. No lock. */
static atomic_uint pieces;
static atomic_int waiting;
/* The piece that somebody waited for in vain. */
static atomic_uint given_up;
static atomic_uint wait_us = WAIT_US;

/**
 * hu_populate_open() - set up the backend
 *
 * Context: hu_grow_lock held.
 */
void hu_populate_open(void)
{
	size_t min = hu_conf.reserve_min, max = hu_conf.reserve_max;

	if (max == SIZE_MAX)
		max = min == SIZE_MAX ? MAX_BYTES_DEF : hu_max(min, MAX_BYTES_DEF);
	max_bytes = max;
	min_given = min != SIZE_MAX;
	min_bytes = hu_min(min_given ? min : MIN_BYTES_DEF, max);
	factor_pct = hu_conf.factor_pct ? hu_conf.factor_pct : FACTOR_DEF;
	interval_ns = (hu_conf.interval_us ? hu_conf.interval_us : INTERVAL_US_DEF) * 1000ULL;
	spins = hu_os_cpus() > 1 ? SPINS_MAX : 0;
	target = 0;
	wanted = 0;
	quiet = QUIET_MAX;
	starved = false;
	opened = false;
}

/* What is kept ready also while nothing is consumed, pages. */
static size_t floor_pages(void)
{
	size_t share = hu_pages_live() * HU_PAGE / MIN_SHARE;

	if (min_given)
		return min_bytes / HU_PAGE;
	return hu_min(hu_max(share, MIN_BYTES_LEAST), min_bytes) / HU_PAGE;
}

/* The thread is woken below it. */
static size_t low_pages(void)
{
	return target / 2;
}

/* Whether ready memory is less than that, or of no use to a request like those in vain. */
static bool lacks(size_t level)
{
	size_t run = hu_min(hu_min(wanted, target), HUGE_PAGES), ready = hu_runs_pages(HU_RUN_ZERO);

	return ready < level ||
	       (run && ready < level + target && !hu_runs_have(HU_RUN_ZERO, (uint32_t)run));
}

static uint64_t hold_ns(void)
{
	uint32_t decay = __atomic_load_n(&hu_conf.decay_ms, __ATOMIC_RELAXED);

	return (decay < HOLD_MS ? decay : HOLD_MS) * 1000000ULL;
}

/* The target after what was consumed since the last look. */
static void adapt(void)
{
	uint64_t now = hu_os_clock_ns(), consumed;
	size_t want;

	if (now - seen_at < interval_ns)
		return;
	consumed = hu_pages_consumed() - seen_consumed;
	seen_consumed += consumed;
	seen_at = now;
	quiet = consumed ? 0 : quiet + (quiet < QUIET_MAX);
	want = hu_min((size_t)consumed * factor_pct / 100, hu_pages_live() / MAX_SHARE);
	want = hu_max(want, floor_pages());
	if (consumed)
		busy_at = now;
	if (want < target && now - busy_at < hold_ns())
		want = consumed ? target - ((target - want) >> DECAY_SHIFT) : target;
	target = hu_min(want, max_bytes / HU_PAGE);
}

/* How long the next piece is; 0: leave the memory to others. */
static uint32_t piece_pages(size_t goal)
{
	size_t room = hu_headroom(), bytes = goal * HU_PAGE;
	bool ample = room > AMPLE_FACTOR * bytes + MARGIN_BYTES;

	if (room < bytes + MARGIN_BYTES)
		return 0;
	if (hu_conf.thp == HU_THP_ALWAYS && hu_headroom_huge_pages())
		return HUGE_PAGES;
	if (!ample)
		return TIGHT_PAGES;
	if (hu_conf.thp != HU_THP_AUTO || !hu_headroom_huge_pages() || goal < 2 * HUGE_PAGES)
		return AMPLE_PAGES;
	if (!huge_pause)
		return HUGE_PAGES;
	huge_pause--;
	return AMPLE_PAGES;
}

/*
 * Read every page once. Where a hypervisor keeps page tables of its own
 * (nested virtualisation), the first access to a page that the kernel has
 * mapped still costs an exit, some 10 us, and this takes it. Elsewhere it is
 * a waste, so it is tried on a piece now and then.
 */
static void touch(uintptr_t addr, size_t bytes)
{
	uint64_t start;
	size_t i;

	if (until_probe && !must_touch) {
		until_probe--;
		return;
	}
	start = hu_os_clock_ns();
	for (i = 0; i < bytes; i += HU_PAGE)
		(void)*(volatile char *)(addr + i);
	must_touch = hu_os_clock_ns() - start > bytes / HU_PAGE * EXIT_NS;
	until_probe = PROBE_PIECES;
}

static bool make_ready(struct hu_run_ref ref)
{
	uintptr_t addr = hu_page_address(ref.arena, ref.page);
	size_t bytes = (size_t)ref.pages * HU_PAGE;

	if (ref.pages == HUGE_PAGES)
		hu_os_huge_pages((void *)addr, bytes);
	if (!hu_os_populate((void *)addr, bytes))
		return false;
	touch(addr, bytes);
	return true;
}

/* From now on it is worth waiting. */
static void begin_piece(void)
{
	if (!(atomic_load_explicit(&pieces, memory_order_relaxed) & 1))
		atomic_fetch_add(&pieces, 1);
}

static void end_piece(bool more)
{
	uint32_t now = atomic_load_explicit(&pieces, memory_order_relaxed);

	/* Always a new value; pairs with the load in populate_wait(). */
	atomic_store(&pieces, (now | 1) + (more ? 2 : 1));
	if (atomic_load(&waiting))
		hu_os_futex_wake_word(&pieces);
}

static void judge_huge(uint64_t ns)
{
	huge_fast = ns < WAIT_US * 1000;
	atomic_store_explicit(&wait_us, (unsigned int)hu_min(WAIT_FACTOR * ns / 1000, WAIT_US),
			      memory_order_relaxed);
	if (ns > HUGE_DEAR_NS)
		huge_pause = HUGE_PAUSE;
}

/* What is left of the stripe becomes an ordinary cold run; under hu_pages_lock. */
static void return_stripe(void)
{
	if (stripe.pages)
		hu_runs_insert(stripe.arena, stripe.page, stripe.pages, HU_RUN_COLD, 0);
	stripe.pages = 0;
}

static bool cut_stripe(uint32_t pages)
{
	bool ok;

	hu_lock(&hu_pages_lock);
	ok = stripe.pages >= pages;
	if (ok) {
		in_flight = (struct hu_run_ref){ stripe.arena, stripe.page, pages };
		stripe.page += pages;
		stripe.pages -= pages;
	} else {
		return_stripe();
	}
	hu_unlock(&hu_pages_lock);
	return ok;
}

/*
 * Cold memory for a piece: the next of a stripe of 2 MiB that nobody else gets
 * a part of, so that ready pieces lie side by side.
 */
static struct hu_run_ref next_cold(uint32_t pages)
{
	struct hu_run_ref none = { NULL, 0, 0 };

	if (cut_stripe(pages))
		return in_flight;
	hu_pages_take_cold(HUGE_PAGES, HUGE_PAGES, &stripe);
	return cut_stripe(pages) ? in_flight : none;
}

/* One piece; false when there is none to be had. */
static bool populate_piece(uint32_t pages)
{
	struct hu_run_ref ref;
	uint64_t start;
	bool ok;

	if (pages == HUGE_PAGES && huge_fast)
		begin_piece();
	ref = next_cold(pages);
	if (!ref.arena)
		return false;
	start = hu_os_clock_ns();
	ok = make_ready(ref);
	if (pages == HUGE_PAGES)
		judge_huge(hu_os_clock_ns() - start);
	hu_lock(&hu_pages_lock);
	hu_runs_insert(ref.arena, ref.page, ref.pages, ok ? HU_RUN_ZERO : HU_RUN_COLD,
		       hu_os_clock_ms());
	in_flight.arena = NULL;
	hu_pages_leave();
	return ok;
}

/* Pages of the next piece; 0: the reserve is full, or memory is short. */
static uint32_t next_piece(void)
{
	size_t goal;

	hu_lock(&hu_pages_lock);
	adapt();
	goal = lacks(target) ? target : 0;
	starved = false;
	hu_unlock(&hu_pages_lock);
	return goal ? piece_pages(goal) : 0;
}

/*
 * Opening more of an arena takes mmap_lock for writing, so a request that has to
 * do it waits for the piece that is being populated under that lock. Where there
 * is as much cold memory as there is to be ready, a burst that outruns the
 * reserve finds that.
 */
static void open_ahead(void)
{
	uint64_t seen;
	bool lacking;

	if (open_pause) {
		open_pause--;
		return;
	}
	hu_lock(&hu_pages_lock);
	seen = hu_frontier_grows();
	lacking = !quiet && hu_runs_pages(HU_RUN_COLD) < hu_max(target, HUGE_PAGES);
	hu_unlock(&hu_pages_lock);
	if (lacking && !hu_frontier_grow(HUGE_PAGES, 1, seen))
		open_pause = OPEN_PAUSE;
}

/* Up to the target; returns microseconds until the next look. */
static uint64_t populate_refill(void)
{
	bool more, asleep;
	uint32_t pages;

	if (!opened)
		hu_headroom_open();
	opened = true;
	do {
		pages = next_piece();
		/* Not where memory is to be left to others. */
		if (pages)
			open_ahead();
		more = pages && populate_piece(pages);
		if (atomic_load_explicit(&pieces, memory_order_relaxed) & 1)
			end_piece(more && pages == HUGE_PAGES);
	} while (more);
	hu_lock(&hu_pages_lock);
	starved = lacks(target);
	asleep = quiet == QUIET_MAX;
	hu_unlock(&hu_pages_lock);
	if (asleep)
		return HU_NEVER;
	return (starved ? STARVED_INTERVALS : 1) * interval_ns / 1000;
}

/* Under hu_pages_lock. */
static bool is_low(void)
{
	return lacks(low_pages());
}

static bool populate_refill_due(void)
{
	bool due;

	hu_lock(&hu_pages_lock);
	due = is_low() && !starved;
	hu_unlock(&hu_pages_lock);
	return due;
}

/* Under hu_pages_lock. A thread that slept as memory was short looks again. */
static bool populate_needs_kick(uint32_t missed)
{
	if (missed > wanted)
		wanted = missed;
	return is_low() && (!starved || quiet == QUIET_MAX) && hu_worker_resting();
}

static bool populate_making(void)
{
	uint32_t now = atomic_load_explicit(&pieces, memory_order_relaxed);

	return (now & 1) && now != atomic_load_explicit(&given_up, memory_order_relaxed) &&
	       !atomic_load_explicit(&waiting, memory_order_relaxed);
}

/*
 * Wait for the 2 MiB that the thread is making, for a bounded time; no lock
 * held. Returns whether it is worth to look once more.
 */
static bool populate_wait(uint32_t us)
{
	uint32_t most = atomic_load_explicit(&wait_us, memory_order_relaxed);
	uint32_t seen = atomic_load(&pieces);
	bool done, brief = us < most;
	unsigned int i, n = brief ? spins / SPINS_BRIEF : spins;

	if (!(seen & 1) || atomic_exchange(&waiting, 1))
		return false;
	for (i = 0; i < n; i++) {
		if (atomic_load_explicit(&pieces, memory_order_relaxed) != seen)
			break;
		hu_cpu_relax();
	}
	hu_os_futex_wait_for(&pieces, seen, brief ? us : most);
	done = atomic_load(&pieces) != seen;
	/* Who had little time says nothing of the others. */
	if (!done && !brief)
		atomic_store(&given_up, seen);
	atomic_store(&waiting, 0);
	return done || !brief;
}

/* In a forked child; under hu_pages_lock. */
static void populate_abandon(void)
{
	if (in_flight.arena)
		hu_runs_insert(in_flight.arena, in_flight.page, in_flight.pages,
			       HU_RUN_COLD, 0);
	in_flight.arena = NULL;
	return_stripe();
	atomic_store(&pieces, 0);
	atomic_store(&waiting, 0);
}

static int populate_set_bounds(size_t min, size_t max)
{
	hu_lock(&hu_pages_lock);
	/* A forked child starts with these. */
	hu_conf.reserve_min = min;
	hu_conf.reserve_max = max;
	min_given = true;
	min_bytes = min;
	max_bytes = max;
	target = hu_min(hu_max(target, min / HU_PAGE), max / HU_PAGE);
	hu_unlock(&hu_pages_lock);
	hu_worker_start();
	hu_worker_wake();
	return 0;
}

static int populate_get_bounds(size_t *min, size_t *max)
{
	hu_lock(&hu_pages_lock);
	*min = min_bytes;
	*max = max_bytes;
	hu_unlock(&hu_pages_lock);
	return 0;
}

/* Under hu_pages_lock. */
static size_t populate_ready(void)
{
	return hu_runs_pages(HU_RUN_ZERO) * HU_PAGE;
}

/* Under hu_pages_lock. */
static size_t populate_minimum(void)
{
	return floor_pages() * HU_PAGE;
}

/* Under hu_pages_lock. */
static void populate_calm(void)
{
	seen_consumed = hu_pages_consumed();
	quiet = QUIET_MAX;
	target = hu_min(floor_pages(), max_bytes / HU_PAGE);
}

const struct hu_backend hu_backend_populate = {
	.pop = hu_no_pop,
	.ready = populate_ready,
	.wants = hu_no,
	.post = hu_no_post,
	.needs_kick = populate_needs_kick,
	.kick = hu_worker_wake,
	.take = hu_no_take,
	.give = hu_no_give,
	.refill = populate_refill,
	.refill_due = populate_refill_due,
	.making = populate_making,
	.wait = populate_wait,
	.minimum = populate_minimum,
	.calm = populate_calm,
	.abandon = populate_abandon,
	.set_bounds = populate_set_bounds,
	.get_bounds = populate_get_bounds,
};
