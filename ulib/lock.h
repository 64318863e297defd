/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A small mutex: no allocation, no initialiser to run, may be reset in a
 * forked child. Values: 0 free, 1 held, 2 held and perhaps somebody waits.
 */
#ifndef HU_LOCK_H
#define HU_LOCK_H

#include <stdatomic.h>
#include <sys/single_threaded.h>
#include "internal.h"

struct hu_lock {
	atomic_int v;
};

/*
 * Set while this thread holds all locks for fork(): fork handlers of other
 * libraries that run meanwhile may allocate, and already own the locks.
 */
extern __thread bool hu_fork_owner;

static inline void hu_cpu_relax(void)
{
#if __has_builtin(__builtin_ia32_pause)
	__builtin_ia32_pause();
#endif
}

void hu_lock_slow(struct hu_lock *lock);
void hu_unlock_slow(struct hu_lock *lock);

static inline bool hu_trylock(struct hu_lock *lock)
{
	int free = 0;

	return atomic_compare_exchange_strong_explicit(&lock->v, &free, 1, memory_order_acquire,
						       memory_order_relaxed);
}

/*
 * While libc knows that there is only one thread, the lock needs no atomic
 * operation. That never changes while a lock is held: our own thread is started
 * without one.
 */
static inline void hu_lock(struct hu_lock *lock)
{
	if (__libc_single_threaded &&
	    !atomic_load_explicit(&lock->v, memory_order_relaxed)) {
		atomic_store_explicit(&lock->v, 1, memory_order_relaxed);
		return;
	}
	if (unlikely(!hu_trylock(lock)))
		hu_lock_slow(lock);
}

static inline void hu_unlock(struct hu_lock *lock)
{
	if (unlikely(hu_fork_owner))
		return;
	if (__libc_single_threaded) {
		atomic_store_explicit(&lock->v, 0, memory_order_relaxed);
		return;
	}
	/* Pairs with the acquire in hu_trylock() and hu_lock_slow(). */
	if (unlikely(atomic_exchange_explicit(&lock->v, 0, memory_order_release) == 2))
		hu_unlock_slow(lock);
}

static inline void hu_lock_reset(struct hu_lock *lock)
{
	atomic_store_explicit(&lock->v, 0, memory_order_relaxed);
}

extern struct hu_lock hu_heaps_lock;
extern struct hu_lock hu_orphans_lock;
extern struct hu_lock hu_grow_lock;
extern struct hu_lock hu_huge_lock;
extern struct hu_lock hu_pages_lock;
extern struct hu_lock hu_meta_lock;

#endif /* HU_LOCK_H */
