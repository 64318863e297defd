/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The never used rest of the newest arena, and how it becomes memory. */
#ifndef HU_FRONTIER_H
#define HU_FRONTIER_H

#include "arena.h"

void hu_frontier_post(void);
bool hu_frontier_at(const struct hu_arena *arena, uint32_t page);
size_t hu_frontier_arena_bytes(void);
uint64_t hu_frontier_grows(void);
bool hu_frontier_grow(size_t pages, uint32_t align, uint64_t seen);

#endif /* HU_FRONTIER_H */
