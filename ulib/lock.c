// SPDX-License-Identifier: LGPL-2.1-or-later
/* The slow half of the mutex: spin shortly, then sleep on a futex. */
#include "lock.h"
#include "os.h"

#define HU_LOCK_SPINS	100

__thread bool hu_fork_owner;

struct hu_lock hu_heaps_lock;
struct hu_lock hu_orphans_lock;
struct hu_lock hu_grow_lock;
struct hu_lock hu_huge_lock;
struct hu_lock hu_pages_lock;
struct hu_lock hu_meta_lock;

void hu_lock_slow(struct hu_lock *lock)
{
	int i;

	if (hu_fork_owner)
		return;
	for (i = 0; i < HU_LOCK_SPINS; i++) {
		hu_cpu_relax();
		if (!atomic_load_explicit(&lock->v, memory_order_relaxed) && hu_trylock(lock))
			return;
	}
	/* Pairs with the release in hu_unlock(). */
	while (atomic_exchange_explicit(&lock->v, 2, memory_order_acquire))
		hu_os_futex_wait(&lock->v, 2);
}

void hu_unlock_slow(struct hu_lock *lock)
{
	hu_os_futex_wake(&lock->v);
}
