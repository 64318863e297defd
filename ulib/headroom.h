/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much memory this process can still get without anybody's reclaim. */
#ifndef HU_HEADROOM_H
#define HU_HEADROOM_H

#include "internal.h"

void hu_headroom_open(void);
size_t hu_headroom(void);
bool hu_headroom_huge_pages(void);

#endif /* HU_HEADROOM_H */
