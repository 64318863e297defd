// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Give-back: what nobody wanted for the decay time goes back to the kernel, in
 * pieces of 2 MiB, so that no system call is long and no lock is held over it.
 *
 * The background thread does that. The minimum of the reserve stays.
 */
#include "conf.h"
#include "giveback.h"
#include "os.h"
#include "pageheap.h"
#include "reserve.h"
#include "table.h"
#include "worker.h"

/* The thread does not wake up for less than this, ms. */
#define PERIOD_MIN	100

/* Give a run back, which is in no index meanwhile, then index it as cold. */
void hu_giveback(struct hu_run_ref ref)
{
	size_t bytes = (size_t)ref.pages * HU_PAGE;
	uintptr_t addr = hu_page_address(ref.arena, ref.page);

	hu_reserve_give(ref.arena->client, addr, bytes);
	hu_count_add(HU_COUNT_GIVEN_BACK_BYTES, bytes);
	hu_pages_enter();
	hu_pages_add_cold(addr, bytes);
	hu_pages_leave();
}

static uint32_t decay_ms(void)
{
	return __atomic_load_n(&hu_conf.decay_ms, __ATOMIC_RELAXED);
}

static size_t kept_pages(void)
{
	return hu_reserve->minimum() / HU_PAGE;
}

/**
 * hu_giveback_all() - give back all free memory that is still mapped
 * @keep_pages: but leave so much, and the minimum of the reserve
 *
 * Return: whether anything was given back.
 */
bool hu_giveback_all(size_t keep_pages)
{
	bool any = false;

	hu_pages_enter();
	hu_reserve->calm();
	hu_pages_leave();
	for (;; any = true) {
		struct hu_run_ref ref = { NULL, 0, 0 };
		size_t mapped;

		hu_pages_enter();
		mapped = hu_runs_pages(HU_RUN_HOT) + hu_runs_pages(HU_RUN_ZERO);
		if (mapped > keep_pages)
			ref = hu_runs_take_oldest(hu_os_clock_ms(), 0, HU_GIVEBACK_PAGES,
						  kept_pages());
		hu_pages_leave();
		if (!ref.arena)
			return any;
		hu_giveback(ref);
	}
}

/* Microseconds until the next run is due; needs hu_pages_lock. */
static uint64_t due_us(void)
{
	uint32_t decay = decay_ms(), ms;

	if (decay == HU_DECAY_NEVER || !hu_runs_surplus(kept_pages()))
		return HU_NEVER;
	ms = hu_runs_due(hu_os_clock_ms(), decay);
	return (uint64_t)(ms < PERIOD_MIN ? PERIOD_MIN : ms) * 1000;
}

/* Microseconds until hu_giveback_round() should be called again. */
uint64_t hu_giveback_due_us(void)
{
	uint64_t us;

	hu_pages_enter();
	us = due_us();
	hu_pages_leave();
	return us;
}

/**
 * hu_giveback_round() - give back what is due
 *
 * Context: the background thread.
 * Return: microseconds until it should be called again, or HU_NEVER.
 */
uint64_t hu_giveback_round(void)
{
	struct hu_run_ref ref;
	uint32_t decay;
	uint64_t us;

	for (;;) {
		decay = decay_ms();
		hu_pages_enter();
		ref.arena = NULL;
		if (decay != HU_DECAY_NEVER)
			ref = hu_runs_take_oldest(hu_os_clock_ms(), decay, HU_GIVEBACK_PAGES,
						  kept_pages());
		us = ref.arena ? 0 : due_us();
		hu_pages_leave();
		if (!ref.arena)
			return us;
		hu_giveback(ref);
		/* A burst of growth does not wait for the end of a long give-back. */
		if (hu_reserve->refill_due())
			return 0;
	}
}
