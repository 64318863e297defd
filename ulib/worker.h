/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The background thread, at most one in a process: it makes memory ready ahead
 * of use (where the backend has work for it) and gives surplus back.
 */
#ifndef HU_WORKER_H
#define HU_WORKER_H

#include "internal.h"

/* Microseconds until something is to be done: never, unless it is woken. */
#define HU_NEVER	UINT64_MAX

void hu_worker_start(void);
bool hu_worker_missing(void);
bool hu_worker_idle(void);
bool hu_worker_resting(void);
void hu_worker_wake(void);
void hu_worker_thread_ends(void);

#endif /* HU_WORKER_H */
