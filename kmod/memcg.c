// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits: of the memory cgroup and its ancestors, and of the module.
 */
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/page_counter.h>

#include "hermes.h"

#define HERMES_MARGIN_MIN	(1UL << (20 - PAGE_SHIFT))
#define HERMES_MARGIN_MAX	(64UL << (20 - PAGE_SHIFT))

/* Pages in all pools and all ready batches. */
static atomic_long_t hermes_total = ATOMIC_LONG_INIT(0);
/* Module pages mapped in all clients, as last seen. */
static atomic_long_t hermes_mapped = ATOMIC_LONG_INIT(0);

static unsigned long hermes_memcg_limit(struct mem_cgroup *memcg)
{
	unsigned long limit = READ_ONCE(memcg->memory.max);

	return min(limit, READ_ONCE(memcg->memory.high));
}

/* The least room over @memcg and its ancestors; leaves margin >> @shift. */
static long hermes_room(struct mem_cgroup *memcg, unsigned int shift)
{
	unsigned long limit, margin;
	long room = LONG_MAX;

	if (mem_cgroup_disabled())
		return room;
	for (; memcg; memcg = parent_mem_cgroup(memcg)) {
		limit = hermes_memcg_limit(memcg);
		if (limit >= PAGE_COUNTER_MAX)
			continue;
		margin = limit / 100 * min(READ_ONCE(hermes_headroom_pct), 99U);
		margin = clamp(margin, HERMES_MARGIN_MIN, HERMES_MARGIN_MAX);
		room = min(room, (long)limit - (long)(margin >> shift) -
				 (long)page_counter_read(&memcg->memory));
	}
	return room;
}

/**
 * hermes_memcg_room() - pages that a reserve may still grow by
 * @memcg: the cgroup that would be charged; may be the root
 *
 * The least, over the cgroup and its ancestors, of what is free below
 * memory.high and memory.max less the margin that is always left to the
 * service's ordinary allocations. Page cache counts as used, although it
 * could be reclaimed: the reserve must never cause that reclaim.
 *
 * Context: Any; the counters are read without a lock, so the result is a
 *	snapshot. A reference to @memcg pins its ancestors.
 * Return: pages; negative when the margin is already eaten into.
 */
long hermes_memcg_room(struct mem_cgroup *memcg)
{
	return hermes_room(memcg, 0);
}

/**
 * hermes_memcg_cushion_room() - pages that the cushion of a pool may grow by
 * @memcg: the cgroup that would be charged
 *
 * As hermes_memcg_room(), but into half of the margin: the cushion serves the
 * same purpose, and must come back while the service is growing.
 */
long hermes_memcg_cushion_room(struct mem_cgroup *memcg)
{
	return hermes_room(memcg, 1);
}

/**
 * hermes_memcg_owns() - whether a page is charged to this cgroup
 * @memcg: a pool's cgroup; NULL where the controller is disabled
 * @page: a page that the module once allocated
 */
bool hermes_memcg_owns(struct mem_cgroup *memcg, struct page *page)
{
	struct mem_cgroup *owner;
	bool owns;

	if (!memcg)
		return true;
	rcu_read_lock();
	owner = folio_memcg(page_folio(page));
	owns = owner ? owner == memcg : !parent_mem_cgroup(memcg);
	rcu_read_unlock();
	return owns;
}

/**
 * hermes_total_charge() - room for pages below the module's own maximum
 * @nr: pages wanted
 *
 * Return: pages granted, 0 to @nr.
 */
unsigned int hermes_total_charge(unsigned int nr)
{
	long max = READ_ONCE(hermes_total_max_bytes) >> PAGE_SHIFT;
	long over = atomic_long_add_return(nr, &hermes_total) - max;
	unsigned int back;

	if (over <= 0)
		return nr;
	back = min_t(long, over, nr);
	atomic_long_sub(back, &hermes_total);
	return nr - back;
}

void hermes_total_uncharge(unsigned long nr)
{
	atomic_long_sub(nr, &hermes_total);
}

/* Module pages that a client may have mapped. */
static long hermes_mapped_pages(struct hermes_client *c)
{
	long handed_out = atomic64_read(&c->stat.consumed) +
			  atomic64_read(&c->stat.take_pages) -
			  atomic64_read(&c->stat.give_pages);

	/* A batch may be given back before it was seen taken. */
	return clamp(handed_out, 0L,
		     (long)get_mm_counter(c->mm, MM_FILEPAGES));
}

/**
 * hermes_mapped_allowed() - whether a client may get more unswappable memory
 * @c: the client
 *
 * Module pages may leave an address space without our notice (munmap,
 * madvise), so the number is an estimate from above: what was handed out and
 * not given back, but no more than the process has of RssFile, as which module
 * pages are counted. Pages that only a forked child still maps are not seen.
 */
bool hermes_mapped_allowed(struct hermes_client *c)
{
	long now = hermes_mapped_pages(c);
	long old = xchg(&c->mapped_seen, now);
	long total = atomic_long_add_return(now - old, &hermes_mapped);

	return now < (long)(READ_ONCE(hermes_client_mapped_max_bytes) >> PAGE_SHIFT) &&
	       total < (long)(READ_ONCE(hermes_total_mapped_max_bytes) >> PAGE_SHIFT);
}

/** hermes_mapped_forget() - the client's address space is gone
 * @c: the client
 */
void hermes_mapped_forget(struct hermes_client *c)
{
	atomic_long_sub(xchg(&c->mapped_seen, 0), &hermes_mapped);
}

/**
 * hermes_memcg_totals() - what all clients hold
 * @reserved: bytes in all pools and ready batches
 * @mapped: bytes of module pages mapped in all clients, as last seen
 *
 * Both may be off by what is being added or dropped right now.
 */
void hermes_memcg_totals(u64 *reserved, u64 *mapped)
{
	*reserved = (u64)max(atomic_long_read(&hermes_total), 0L) << PAGE_SHIFT;
	*mapped = (u64)max(atomic_long_read(&hermes_mapped), 0L) << PAGE_SHIFT;
}
