/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory that is as quick to get in the last run of a series as in the first. */
#ifndef HERMES_BENCH_WARM_H
#define HERMES_BENCH_WARM_H

#include <stddef.h>

/** map_populated() - @size bytes of touched, zeroed memory, never from malloc(). */
void *map_populated(size_t size);

/**
 * warm_memory() - touch @size bytes and return them to the kernel; 0: do nothing.
 *
 * On a virtual machine, memory that was not used for long may cost its host a fault. Afterwards
 * the peak of the resident set, VmHWM, begins anew. Ends the program on failure.
 */
void warm_memory(size_t size);

#endif
