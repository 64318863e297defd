/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Objects above the largest size class: runs of pages of an arena ("large"),
 * or mappings of their own where no arena can hold them ("huge").
 */
#ifndef HU_LARGE_H
#define HU_LARGE_H

#include "internal.h"

void *hu_large_alloc(size_t bytes, size_t align, bool *zero);
bool hu_large_free(void *p);
size_t hu_large_usable(const void *p);
void *hu_large_resize(void *p, size_t bytes);
size_t hu_large_slack(size_t bytes);
size_t hu_huge_bytes(void);

#endif /* HU_LARGE_H */
