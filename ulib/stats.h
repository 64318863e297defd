/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The public counters, and the functions of malloc.h that report. */
#ifndef HU_STATS_H
#define HU_STATS_H

#include <hermes-u.h>
#include "text.h"

/* Name and place of every counter in struct hermes_u_stats; a NULL name ends. */
struct hu_counter {
	const char *name;
	size_t offset;
};

extern const struct hu_counter hu_counters[];

void hu_stats_print(void);
void hu_report_json(struct hu_text *text);
void hu_report_xml(struct hu_text *text);

#endif /* HU_STATS_H */
