/* SPDX-License-Identifier: GPL-2.0-only */
/* Which allocator serves this process. */
#ifndef HERMES_BENCH_ALLOCATOR_H
#define HERMES_BENCH_ALLOCATOR_H

/**
 * allocator_object() - path of the object that malloc() resolves to, as the dynamic linker has it.
 *
 * Ends the program when free(), calloc() or realloc() come from another object: then two
 * allocators are mixed up and no result means anything.
 */
const char *allocator_object(void);

/** allocator_require() - end the program unless that path contains @text. */
void allocator_require(const char *text);

#endif
