// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The life of the background thread.
 *
 * It is started on the way out of an allocation that took fresh memory, with
 * no lock of ours held, and never from free(): libc frees memory under locks
 * that pthread_create() takes. It allocates nothing and ends with the process.
 * A forked child has none until it grows itself (mark.h).
 *
 * libc ends a process when its last thread ends, and ours never does. So after
 * the main thread has ended by pthread_exit(), the last thread of the program
 * does what libc would have done, exit(0); and in case that none saw itself to
 * be the last, our thread looks from time to time whether it is alone.
 *
 * A wake-up costs a system call, so nobody wakes it but who finds it resting:
 *	RUNNING		at work, will look once more before it rests
 *	NAPPING		until a time that it chose
 *	IDLE		until it is woken
 * Whoever gives it work changes the state of the page heap under
 * hu_pages_lock, then looks at the state here; it stores the state, then looks
 * at the page heap under that lock. One of both sees the other's.
 */
#include <stdlib.h>
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

#define ALONE_US	50000

/* The main thread ends, or has ended; the process goes on without it. */
static atomic_bool leaderless;

static uint32_t state(void)
{
	return hu_mark ? atomic_load_explicit(&hu_mark->worker, memory_order_relaxed) : NONE;
}

/* Work until there is none for now; returns microseconds until there is. */
static uint64_t work(void)
{
	uint64_t refill = hu_reserve->refill(), give = hu_giveback_round();
	uint64_t us = refill < give ? refill : give;

	if (likely(!atomic_load_explicit(&leaderless, memory_order_relaxed)))
		return us;
	/* Only when two ended at once: it has no file to flush to. */
	if (hu_os_threads_left(2, false))
		exit(0);
	return us < ALONE_US ? us : ALONE_US;
}

/* Whether work came up while it chose to sleep for @us. */
static bool found_work(uint64_t us)
{
	return hu_reserve->refill_due() ||
	       (us > ALONE_US && atomic_load(&leaderless)) ||
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

/* A thread of the program is about to end, its destructors have run. */
void hu_worker_thread_ends(void)
{
	bool leader;

	if (likely(hu_worker_missing()))
		return;
	leader = hu_os_is_main_thread();
	if (!leader && !atomic_load(&leaderless))
		return;
	/* Besides it there are our thread and, as a zombie, the main thread. */
	if (hu_os_threads_left(leader ? 2 : 3, leader))
		exit(0);
	atomic_store(&leaderless, true);
	hu_worker_wake();
}
