/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included before everything else (-include) where the library is tested with
 * a sanitizer: "hut" stands for Hermes under test. The library's malloc and
 * that of its tests get other names, and sanitizers and libFuzzer keep the
 * real ones for themselves. What libc gave out (hut_foreign.c) comes from the
 * real ones, too.
 */
#ifndef HUT_H
#define HUT_H

#define malloc			hut_malloc
#define free			hut_free
#define cfree			hut_cfree
#define free_sized		hut_free_sized
#define free_aligned_sized	hut_free_aligned_sized
#define calloc			hut_calloc
#define realloc			hut_realloc
#define reallocarray		hut_reallocarray
#define aligned_alloc		hut_aligned_alloc
#define memalign		hut_memalign
#define posix_memalign		hut_posix_memalign
#define valloc			hut_valloc
#define pvalloc			hut_pvalloc
#define malloc_usable_size	hut_malloc_usable_size
#define malloc_trim		hut_malloc_trim
#define malloc_stats		hut_malloc_stats
#define malloc_info		hut_malloc_info
#define mallinfo		hut_mallinfo
#define mallinfo2		hut_mallinfo2
#define mallopt			hut_mallopt

#define __libc_malloc		hut_foreign_malloc
#define __libc_free		hut_foreign_free
#define __libc_realloc		hut_foreign_realloc

#endif /* HUT_H */
