/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HERMES_BENCH_VERIFY_H
#define HERMES_BENCH_VERIFY_H

#include <stdint.h>

#include "values.h"

/**
 * struct verification - what a pass of GETs found.
 * @checked: keys asked for
 * @wrong: keys that were missing or held something else than was stored last
 */
struct verification {
	uint64_t checked, wrong;
};

/**
 * verify() - read keys back and compare every byte with what was stored last.
 * @socket: path of the server's UNIX socket, or NULL for @host and @port
 * @count: requests that were sent; request i stored key i % @keys
 * @sample: how many keys to check, spread evenly; 0 is all
 *
 * Ends the program when the connection fails.
 */
struct verification verify(const char *socket, const char *host, int port,
			   const struct values *values, uint64_t count, uint64_t keys,
			   uint64_t sample);

#endif
