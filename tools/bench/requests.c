// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "cli.h"
#include "load_options.h"
#include "requests.h"
#include "schedule.h"
#include "values.h"

/* Keeps the choice of reads apart from the other random sequences of the same seed. */
#define READS_SEED	0x72656164ULL

/*
 * Requests that arrive together go over one connection, and so do all requests of a key: a group
 * either stores the keys that are next or reads a row of keys that were stored together.
 */
static void fill_group(struct requests *r, uint64_t first, uint64_t end, int64_t scheduled_ns)
{
	uint64_t used = r->stores < opt.keys ? r->stores : opt.keys;
	uint64_t random = splitmix64(opt.seed ^ splitmix64(READS_SEED + first));
	bool reads = used >= opt.pipeline && random % 100 < opt.reads;
	uint64_t key = 0, i;

	if (reads)
		key = random / 100 % (used / opt.pipeline) * opt.pipeline;
	for (i = first; i < end; i++) {
		struct request *request = &r->array[i];

		request->scheduled_ns = scheduled_ns;
		request->key = (uint32_t)(reads ? key++ : r->stores % opt.keys);
		request->store = reads ? REQUEST_READS : (uint32_t)r->stores++;
	}
}

void requests_init(struct requests *r)
{
	struct schedule schedule;
	uint64_t first, end;

	schedule_init(&schedule, opt.arrival, opt.rate / (double)opt.pipeline, opt.seed);
	r->stores = 0;
	r->array = malloc(opt.count * sizeof(*r->array));
	if (!r->array)
		die(errno, "%llu requests", (unsigned long long)opt.count);
	for (first = 0; first < opt.count; first = end) {
		end = first + opt.pipeline;
		if (end > opt.count)
			end = opt.count;
		fill_group(r, first, end, schedule_advance(&schedule));
	}
}

uint64_t request_connection(const struct request *r)
{
	return r->key / opt.pipeline % opt.connections;
}
