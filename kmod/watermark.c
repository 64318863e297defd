// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the controller's watermarks lie: ahead of the kernel's own by a gap
 * and by what the reserves consume in the time that it takes to react.
 *
 *	   0 .. min .. low .. high  |  hard      low        high
 *	   the kernel's (all zones) |  + demand  + gap      + hysteresis
 *
 * Below @hard the kernel itself is reclaiming, or is about to, from whomever
 * it meets: then it is better to take from a best-effort job that suffers.
 */
#include <linux/math64.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/vmstat.h>

#include "hermes.h"
#include "victim.h"

/* Demand is sampled over at least this time, and forgotten by a quarter each. */
#define HERMES_SAMPLE_NS	(100 * NSEC_PER_MSEC)
/* Pages that clients consumed or missed, since the module was loaded. */
atomic64_t hermes_demand_total;
static atomic64_t hermes_demand_rate;
static u64 hermes_sampled_at, hermes_sampled;

static unsigned long hermes_kernel_high(void)
{
	unsigned long pages = 0;
	struct zone *zone;
	int nid;

	for_each_node_state(nid, N_MEMORY) {
		zone = NODE_DATA(nid)->node_zones;
		for (; zone < NODE_DATA(nid)->node_zones + MAX_NR_ZONES; zone++)
			if (populated_zone(zone))
				pages += high_wmark_pages(zone);
	}
	return pages;
}

/**
 * hermes_demand_sample() - how fast the reserves are consumed
 * @now: time, ns
 *
 * Up at once, down by a quarter a sample.
 *
 * Context: The controller's thread.
 */
void hermes_demand_sample(u64 now)
{
	u64 total = atomic64_read(&hermes_demand_total), rate, old;
	u64 elapsed = now - hermes_sampled_at;

	if (elapsed < HERMES_SAMPLE_NS)
		return;
	rate = mul_u64_u64_div_u64(total - hermes_sampled, NSEC_PER_SEC,
				   elapsed) << PAGE_SHIFT;
	old = atomic64_read(&hermes_demand_rate);
	atomic64_set(&hermes_demand_rate, max(rate, old - old / 4));
	hermes_sampled = total;
	hermes_sampled_at = now;
}

/** hermes_levels() - free memory and all watermarks, bytes
 * @l: out
 * @p: the policy
 *
 * Context: Any; a snapshot.
 */
void hermes_levels(struct hermes_levels *l, const struct hermes_policy *p)
{
	u64 ahead;

	l->within = NULL;
	l->free = (u64)global_zone_page_state(NR_FREE_PAGES) << PAGE_SHIFT;
	l->demand = atomic64_read(&hermes_demand_rate);
	ahead = div_u64(l->demand * p->reaction_ms, MSEC_PER_SEC);
	ahead = min(ahead, hermes_memory() >> HERMES_AHEAD_SHIFT);
	l->kernel_high = (u64)hermes_kernel_high() << PAGE_SHIFT;
	l->hard = l->kernel_high + ahead;
	l->low = l->hard + p->gap;
	l->high = l->low + p->hysteresis;
}
