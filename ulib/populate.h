/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the populate backend needs to be told; the rest is struct hu_backend. */
#ifndef HU_POPULATE_H
#define HU_POPULATE_H

#include "internal.h"

void hu_populate_open(void);

#endif /* HU_POPULATE_H */
