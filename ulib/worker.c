// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The life of the background thread.
 *
 * It is started on the way out of an allocation that took fresh memory, with
 * no lock of ours held, and never from free(): libc frees memory under locks
 * that pthread_create() takes. It allocates nothing and ends with the process.
 * A forked child has none until it grows itself (mark.h).
 *
 * A wake-up costs a system call, so nobody wakes it but who finds it resting:
 *	RUNNING		at work, will look once more before it rests
 *	NAPPING		until a time that it chose
 *	IDLE		until it is woken
 * Whoever gives it work changes the state of the page heap under
 * hu_pages_lock, then looks at the state here; it stores the state, then looks
 * at the page heap under that lock. One of both sees the other's.
 */
#include "conf.h"
#include "giveback.h"
#include "mark.h"
#include "os.h"
#include "os_file.h"
#include "reserve.h"
#include "worker.h"

enum worker_state {
	NONE,
	STARTING,
	RUNNING,
	NAPPING,
	IDLE,
};

static uint32_t state(void)
{
	return hu_mark ? atomic_load_explicit(&hu_mark->worker, memory_order_relaxed) : NONE;
}

/* Work until there is none for now; returns microseconds until there is. */
static uint64_t work(void)
{
	uint64_t refill = hu_reserve->refill(), give = hu_giveback_round();

	return refill < give ? refill : give;
}

/* Whether work came up while it chose to sleep for @us. */
static bool found_work(uint64_t us)
{
	return hu_reserve->refill_due() ||
	       (us == HU_NEVER && hu_giveback_due_us() != HU_NEVER);
}

static void *run(void *arg)
{
	atomic_uint *word = &hu_mark->worker;
	enum worker_state next;
	uint64_t us;

	(void)arg;
	atomic_store(word, RUNNING);
	for (;;) {
		us = work();
		next = us == HU_NEVER ? IDLE : NAPPING;
		atomic_store(word, next);
		if (us && !found_work(us))
			hu_os_futex_wait_for(word, next, us);
		atomic_store(word, RUNNING);
	}
	return NULL;
}

/**
 * hu_worker_start() - start the thread if there is none
 *
 * Context: no lock held, in an allocation. Without a thread (none wanted, none
 * to be had, child of vfork()) everything works on, but nothing is made ready
 * ahead, and what is given back is given back by who frees.
 */
void hu_worker_start(void)
{
	uint32_t none = NONE;

	if (!hu_mark || !hu_conf.background || hu_mark->pid != hu_os_pid() ||
	    !atomic_compare_exchange_strong(&hu_mark->worker, &none, STARTING))
		return;
	if (hu_os_thread_start(run))
		atomic_store(&hu_mark->worker, NONE);
}

bool hu_worker_missing(void)
{
	return state() < RUNNING;
}

/* Whether it sleeps without a time to wake up at. */
bool hu_worker_idle(void)
{
	return state() == IDLE;
}

/* Whether it sleeps. */
bool hu_worker_resting(void)
{
	return state() >= NAPPING;
}

/* Wake it if it sleeps; no lock held. */
void hu_worker_wake(void)
{
	if (hu_worker_resting() && atomic_exchange(&hu_mark->worker, RUNNING) >= NAPPING)
		hu_os_futex_wake_word(&hu_mark->worker);
}
