/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The public counters, and the functions of malloc.h that report. */
#ifndef HU_STATS_H
#define HU_STATS_H

void hu_stats_print(void);

#endif /* HU_STATS_H */
