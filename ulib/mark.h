/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a process does not pass on to a forked child.
 *
 * The kernel empties the page in the child, also when the child was made
 * behind libc's back and no fork handler ran.
 */
#ifndef HU_MARK_H
#define HU_MARK_H

#include <stdatomic.h>
#include "internal.h"

/**
 * struct hu_mark - all 0 in a forked child
 * @alive: this process has chosen its backend
 * @pid: its number; differs in a vfork() child, which shares the page
 * @worker: state of the background thread, see worker.c
 *
 * Written under hu_grow_lock, but for @worker; read without a lock.
 */
struct hu_mark {
	atomic_uint alive;
	atomic_uint pid;
	atomic_uint worker;
};

/* NULL as long as there is none; set once. */
extern struct hu_mark *_Atomic hu_mark;

bool hu_mark_set(void);

#endif /* HU_MARK_H */
