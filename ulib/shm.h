/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The statistics file, see hermes-u-shm.h. */
#ifndef HU_SHM_H
#define HU_SHM_H

#include "table.h"

enum hu_file_state {
	HU_FILE_NEVER = -1,	/* a forked child would write to it */
	HU_FILE_UNDECIDED,	/* also at the start of a forked child */
	HU_FILE_DECIDED,
};

void hu_shm_start(struct hu_table *table);
void hu_shm_finish(void);

/* On slow paths, without locks: make the file if this process is to have one. */
static inline void hu_shm_check(void)
{
	struct hu_table *table = hu_table_get();

	if (likely(table) &&
	    unlikely(atomic_load_explicit(&table->file_state, memory_order_relaxed) ==
		     HU_FILE_UNDECIDED))
		hu_shm_start(table);
}

#endif /* HU_SHM_H */
