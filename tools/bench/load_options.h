/* SPDX-License-Identifier: GPL-2.0-only */
/* The options that the load generators share. */
#ifndef HERMES_BENCH_LOAD_OPTIONS_H
#define HERMES_BENCH_LOAD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli.h"

enum verify_kind { VERIFY_NONE, VERIFY_ALL, VERIFY_SAMPLE };

/**
 * struct load_options - the command line.
 * @socket: path of the server's UNIX socket, or NULL for @host and @port
 * @pid: process of the server, or 0
 * @pipeline: requests that arrive together; 1 where there is no such option
 * @keys: at most so many different ones, at least 1 after the parsing
 * @count: requests, from --duration when that was given
 * @reads: GETs, percent of the requests; the others are SETs
 */
extern struct load_options {
	const char *socket, *host, *label, *json, *hist;
	uint64_t port, pid, connections, pipeline, value_size, keys, count, reads, warmup, seed;
	uint64_t timeout_s, sample;
	double rate, duration_s;
	unsigned int arrival, verify;
	bool progress;
} opt;

/**
 * load_options_parse() - fill opt from the command line; ends the program when that is wrong.
 * @own: options of this program alone, ended by CLI_END
 */
void load_options_parse(int argc, char **argv, const char *summary, const struct cli_option *own);

#endif
