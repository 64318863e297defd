// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Start, exit and fork of the process.
 *
 * fork(): the handlers take all locks in the lock order (internal.h), so that
 * the page heap, the lists of heaps and huge objects are whole in the child.
 * The heap of the forking thread is whole because that thread is in fork().
 * The heaps of the other threads are left alone in the child: nobody
 * allocates from them, frees into them are remote frees and wait for an owner
 * that does not come. So the child may free everything and is never hurt by
 * what another thread was doing. Nor does it use an orphan again that another
 * thread had in its hands.
 *
 * What the parent's reserve held is given up by hu_reserve_check_fork() when
 * the child first needs pages; until then a fork costs nothing.
 */
#include <pthread.h>
#include <stdlib.h>
#include "conf.h"
#include "heap.h"
#include "lock.h"
#include "shm.h"
#include "stats.h"

static struct hu_lock *const locks[] = {
	&hu_heaps_lock, &hu_orphans_lock, &hu_grow_lock, &hu_huge_lock, &hu_pages_lock,
	&hu_meta_lock,
};

static void fork_prepare(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(locks); i++)
		hu_lock(locks[i]);
	hu_fork_owner = true;
}

static void fork_parent(void)
{
	size_t i;

	hu_fork_owner = false;
	for (i = ARRAY_SIZE(locks); i-- > 0; )
		hu_unlock(locks[i]);
}

static void fork_child(void)
{
	size_t i;

	hu_fork_owner = false;
	for (i = 0; i < ARRAY_SIZE(locks); i++)
		hu_lock_reset(locks[i]);
}

/*
 * Called once, by the first allocation of the process. So early that the
 * handlers of all others are registered later: fork() runs our prepare handler
 * last, and our child handler first.
 */
void hu_process_start(void)
{
	pthread_atfork(fork_prepare, fork_parent, fork_child);
}

static __attribute__((destructor)) void finish(void)
{
	if (hu_conf.stats)
		hu_stats_print();
	hu_shm_finish();
}
