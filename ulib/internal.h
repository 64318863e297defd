/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Types and limits that every layer of libhermes-u shares.
 *
 * Vocabulary, from the bottom up:
 *	page	4 KiB, what the kernel maps
 *	unit	64 KiB of address space, aligned; 16 pages
 *	arena	up to 1 GiB of address space, aligned to 1 GiB; its head holds
 *		the metadata of its units and pages, never any user data
 *	run	consecutive pages of one arena, free or one large object
 *	span	a run of whole units that holds the blocks of one size class
 *	block	what malloc() returns for a small request
 *	heap	the spans of one thread
 *
 * Lock order (fork() takes all of them in this order, see init.c):
 *	hu_heaps_lock > hu_orphans_lock > hu_grow_lock > hu_huge_lock > hu_pages_lock > hu_meta_lock
 */
#ifndef HU_INTERNAL_H
#define HU_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HU_PAGE_SHIFT	12
#define HU_PAGE		((size_t)1 << HU_PAGE_SHIFT)
#define HU_UNIT_SHIFT	16
#define HU_UNIT		((size_t)1 << HU_UNIT_SHIFT)
#define HU_UNIT_PAGES	(HU_UNIT / HU_PAGE)
#define HU_ARENA_SHIFT	30
#define HU_ARENA_MAX	((size_t)1 << HU_ARENA_SHIFT)
#define HU_ARENA_UNITS	(HU_ARENA_MAX / HU_UNIT)

/* Larger requests get a mapping of their own. */
#define HU_LARGE_MAX	(HU_ARENA_MAX / 2)

#define KIB		((size_t)1 << 10)
#define MIB		((size_t)1 << 20)

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define HU_EXPORT	__attribute__((visibility("default")))
#define HU_COLD		__attribute__((noinline, cold))
#define HU_NOINLINE	__attribute__((noinline))

static inline size_t hu_align_up(size_t x, size_t align)
{
	return (x + align - 1) & ~(align - 1);
}

static inline bool hu_is_pow2(size_t x)
{
	return x && !(x & (x - 1));
}

static inline size_t hu_min(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t hu_max(size_t a, size_t b)
{
	return a > b ? a : b;
}

#endif /* HU_INTERNAL_H */
