/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The allocator for the library's own entry points. */
#ifndef HU_ALLOC_H
#define HU_ALLOC_H

#include "internal.h"

void *hu_malloc(size_t bytes);
void hu_free(void *p);
void *hu_aligned(size_t align, size_t bytes);

#endif /* HU_ALLOC_H */
