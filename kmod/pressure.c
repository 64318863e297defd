// SPDX-License-Identifier: GPL-2.0-only
/*
 * How short the machine is of free pages.
 */
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/vmstat.h>

#include "hermes.h"

static bool hermes_node_has(int nid, unsigned long nr)
{
	struct zone *zone = NODE_DATA(nid)->node_zones;
	struct zone *end = zone + ZONE_NORMAL;

	/* Of lower zones, what is reserved for those who need them is not free. */
	for (; zone <= end; zone++)
		if (populated_zone(zone) &&
		    zone_page_state(zone, NR_FREE_PAGES) >
			    low_wmark_pages(zone) +
			    zone->lowmem_reserve[ZONE_NORMAL] + nr)
			return true;
	return false;
}

/**
 * hermes_memory_short() - whether taking pages would send others to reclaim
 * @nr: pages
 *
 * Below the low watermark of all zones, kswapd is at work and what is left is
 * for those who cannot wait: the next allocation of a page fault or of a
 * socket buffer would reclaim directly. A refill that still has some of its
 * reserve leaves these pages alone.
 *
 * Context: Any; the counters are a snapshot.
 */
bool hermes_memory_short(unsigned long nr)
{
	int nid;

	for_each_node_state(nid, N_MEMORY)
		if (hermes_node_has(nid, nr))
			return false;
	return true;
}
