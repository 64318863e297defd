/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The index of free runs. All functions need hu_pages_lock. */
#ifndef HU_RUNS_H
#define HU_RUNS_H

#include "arena.h"

struct hu_run_ref {
	struct hu_arena *arena;	/* NULL: none */
	uint32_t page;
	uint32_t pages;
};

void hu_runs_insert(struct hu_arena *arena, uint32_t page, uint32_t pages,
		    enum hu_run_state state, uint32_t stamp);
struct hu_run_ref hu_runs_take(enum hu_run_state state, uint32_t pages, uint32_t align);
bool hu_runs_take_at(struct hu_arena *arena, uint32_t page, uint32_t pages, bool *zero);
struct hu_run_ref hu_runs_take_largest(enum hu_run_state state, uint32_t min_pages,
				       uint32_t max_pages);
struct hu_run_ref hu_runs_take_oldest(uint32_t now, uint32_t age_ms, uint32_t max_pages,
				      size_t keep_zero);
uint32_t hu_runs_due(uint32_t now, uint32_t age_ms);
bool hu_runs_have(enum hu_run_state state, uint32_t pages);
bool hu_runs_surplus(size_t keep_zero);
size_t hu_runs_pages(enum hu_run_state state);

#endif /* HU_RUNS_H */
