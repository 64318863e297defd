// SPDX-License-Identifier: LGPL-2.1-or-later
/* Recording how long allocations take. */
#include "latency.h"

static void record(size_t bytes, uint64_t ns, bool slow)
{
	struct hu_shard *shard = hu_table_shard();
	unsigned int group = hu_latency_group(bytes);

	if (unlikely(!shard))
		return;
	if (slow)
		hu_hist_add(shard, HU_HIST_SLOW + group, ns);
	if (hu_latency_mode() == HU_CONF_LATENCY_ALL)
		hu_hist_add(shard, HU_HIST_ALL + group, ns);
}

/**
 * hu_latency_alloc() - an allocation was served
 * @bytes: of the size class that served it
 * @start: hu_latency_start() of its begin, not 0
 * @slow: whether it took the slow path
 */
void hu_latency_alloc(size_t bytes, uint64_t start, bool slow)
{
	/* Before anything that is not the allocation's. */
	uint64_t end = hu_clock();

	record(bytes, hu_clock_ns(end - start), slow);
}

/**
 * hu_latency_large() - an allocation by pages alone was served
 * @bytes: of the request
 *
 * It took as long as its request for pages, which is not timed twice.
 */
void hu_latency_large(size_t bytes)
{
	hu_count_add(HU_COUNT_FROM + hu_from, 1);
	if (hu_latency_mode() != HU_CONF_LATENCY_OFF)
		record(bytes, hu_pages_ns, true);
}

/**
 * hu_latency_pages() - a request for pages was served
 * @from: its source, HU_FROM_REUSE or later
 * @start: hu_latency_start() of its begin
 */
void hu_latency_pages(enum hu_from from, uint64_t start)
{
	uint64_t end = start ? hu_clock() : 0;
	struct hu_shard *shard = hu_table_shard();

	hu_from = (uint8_t)from;
	if (!start || unlikely(!shard))
		return;
	hu_pages_ns = hu_clock_ns(end - start);
	hu_hist_add(shard, HU_HIST_PAGES + from - HU_FROM_REUSE, hu_pages_ns);
}
