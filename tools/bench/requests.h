/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a load generator sends and when: all of it decided before time 0, by the options alone, so
 * that the same seed makes the same load, and a later check knows what must be stored.
 */
#ifndef HERMES_BENCH_REQUESTS_H
#define HERMES_BENCH_REQUESTS_H

#include <stdbool.h>
#include <stdint.h>

#define MAX_REQUESTS	100000000
#define REQUEST_READS	UINT32_MAX

/**
 * struct request - one SET or GET.
 * @scheduled_ns: when it is due, since time 0
 * @store: which SET it is, from 0; this decides its value. Of a GET: REQUEST_READS
 */
struct request {
	int64_t scheduled_ns;
	uint32_t key;
	uint32_t store;
};

/**
 * struct requests - all of a run, by time.
 * @stores: how many are SETs; number i stores key i % opt.keys
 */
struct requests {
	struct request *array;
	uint64_t stores;
};

/** requests_init() - those that opt asks for; ends the program when there is no memory. */
void requests_init(struct requests *r);

static inline bool request_reads(const struct request *r)
{
	return r->store == REQUEST_READS;
}

/**
 * request_connection() - number of the connection for it. All requests of a key go over the same:
 * what a GET must find, and what is stored last, is a matter of the order of sending.
 */
uint64_t request_connection(const struct request *r);

#endif
