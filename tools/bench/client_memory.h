/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HERMES_BENCH_CLIENT_MEMORY_H
#define HERMES_BENCH_CLIENT_MEMORY_H

/**
 * lock_client_memory() - keep all memory of this program, also what it gets later.
 *
 * A client is the measuring instrument: the memory pressure that its server is put under must not
 * show in it. Nothing of it is swapped, and what it frees it keeps. A message on stderr where
 * locking is not permitted.
 */
void lock_client_memory(void);

#endif
