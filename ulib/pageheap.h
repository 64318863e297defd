/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The page heap: runs of pages for spans and for large objects. */
#ifndef HU_PAGEHEAP_H
#define HU_PAGEHEAP_H

#include "runs.h"

/* Gauges; the counters are in the table. */
struct hu_pages_stats {
	uint64_t arena_bytes;
	uint64_t live_bytes;
	uint64_t resident_free_bytes;
	uint64_t ready_bytes;
	uint64_t holes_bytes;
};

void *hu_pages_alloc(size_t least, size_t *pages, size_t align, bool large, bool *zero);
void hu_pages_free(void *addr, size_t pages);
bool hu_pages_extend(void *addr, size_t pages, size_t new_pages);
void hu_pages_shrink(void *addr, size_t pages, size_t new_pages);
void hu_pages_free_moved(void *addr, size_t pages);
bool hu_pages_adopt(void *from, size_t pages);
size_t hu_pages_large(uintptr_t addr);
bool hu_pages_reusable(size_t pages);
void hu_pages_enter(void);
void hu_pages_leave(void);
void hu_pages_add_cold(uintptr_t addr, size_t bytes);
struct hu_run_ref hu_pages_take_cold(uint32_t pages, uint32_t align,
				     struct hu_run_ref *in_flight);
uint64_t hu_pages_consumed(void);
size_t hu_pages_live(void);
void hu_pages_get_stats(struct hu_pages_stats *stats);

#endif /* HU_PAGEHEAP_H */
