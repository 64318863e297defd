/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Serving requests from what the reserve's batches were popped to. */
#ifndef HU_READY_H
#define HU_READY_H

#include "runs.h"

struct hu_run_ref hu_ready_take(uint32_t pages, uint32_t align);
bool hu_ready_take_at(const struct hu_arena *arena, uint32_t page, uint32_t pages);
size_t hu_ready_pages(void);

#endif /* HU_READY_H */
