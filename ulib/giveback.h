/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Giving freed memory back to the kernel. */
#ifndef HU_GIVEBACK_H
#define HU_GIVEBACK_H

#include "runs.h"

/* Pages given back without a pause for others: 2 MiB. */
#define HU_GIVEBACK_PAGES	((uint32_t)(2 * MIB / HU_PAGE))

void hu_giveback(struct hu_run_ref ref);
bool hu_giveback_all(size_t keep_pages);
uint64_t hu_giveback_round(void);
uint64_t hu_giveback_due_us(void);

#endif /* HU_GIVEBACK_H */
