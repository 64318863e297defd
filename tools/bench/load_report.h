/* SPDX-License-Identifier: GPL-2.0-only */
/* What a load generator found, for people and for programs. */
#ifndef HERMES_BENCH_LOAD_REPORT_H
#define HERMES_BENCH_LOAD_REPORT_H

#include <stdint.h>

#include "latency.h"
#include "procstat.h"
#include "verify.h"

/**
 * struct load_counts - replies.
 * @gets: to GETs
 * @misses: those of them that had no value
 * @errors: error replies, to any request
 * @first_error: text of one of them
 */
struct load_counts {
	uint64_t gets, misses, errors;
	char first_error[256];
};

/**
 * struct load_result - all that the report says, beside the options.
 * @latency: scheduled time to reply
 * @lag: scheduled time to the moment of sending
 * @before: the server at time 0, with --pid; @after: at the end
 */
struct load_result {
	struct latency *latency, *lag;
	struct procstat before, after;
	struct verification verification;
	struct load_counts counts;
	double elapsed_s;
};

/**
 * load_report() - write all that was asked for.
 *
 * Return: exit status of the program; what is not right about the run is said on stderr.
 */
int load_report(const struct load_result *r);

#endif
