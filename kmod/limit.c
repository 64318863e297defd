// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits that latency-critical and best-effort cgroups share: a common ancestor
 * with a memory.high or memory.max (the slice of all pods of a node, say). At
 * such a limit a service reclaims on its own threads, or is throttled, however
 * much memory the machine has. So the room below it is watched like free memory.
 */
#include <linux/math64.h>
#include <linux/memcontrol.h>
#include <linux/page_counter.h>

#include "hermes.h"
#include "victim.h"

/* Below "hard" there is no demand to be added: a part of the gap instead. */
#define HERMES_LIMIT_HARD	4

/* Whether somebody below it can be reclaimed from. */
static bool hermes_shared(struct cgroup *cgrp)
{
	struct hermes_registration *reg;
	struct hermes_victim *v;

	list_for_each_entry(reg, &hermes_registrations, link)
		list_for_each_entry(v, &reg->victims, link)
			if (cgroup_is_descendant(v->cgrp, cgrp))
				return true;
	return false;
}

/* As much of a distance of the policy as the limit is of the machine's memory. */
static u64 hermes_scaled(u64 distance, u64 limit)
{
	u64 memory = hermes_memory();

	return limit < memory ?
	       mul_u64_u64_div_u64(distance, limit, memory) : distance;
}

/* Levels of one limit: "free" is the room below it. */
static void hermes_limit_levels(struct mem_cgroup *memcg, u64 limit,
				const struct hermes_policy *p,
				struct hermes_levels *l)
{
	u64 used = (u64)page_counter_read(&memcg->memory) << PAGE_SHIFT;
	u64 gap = hermes_scaled(p->gap, limit);

	memset(l, 0, sizeof(*l));
	l->within = memcg->css.cgroup;
	l->free = limit > used ? limit - used : 0;
	l->hard = gap / HERMES_LIMIT_HARD;
	l->low = l->hard + gap;
	l->high = l->low + hermes_scaled(p->hysteresis, limit);
}

static bool hermes_limit_known(const struct hermes_levels *limits,
			       unsigned int nr, const struct cgroup *cgrp)
{
	while (nr--)
		if (limits[nr].within == cgrp)
			return true;
	return false;
}

/* Room in parts of what there should be; 1024: at the low watermark. */
static u64 hermes_limit_room(const struct hermes_levels *l)
{
	return div64_u64(l->free * 1024, max(l->low, 1ULL));
}

/* Into the list, which is in order of room; the widest is dropped. */
static unsigned int hermes_limit_insert(struct hermes_levels *limits,
					unsigned int nr,
					const struct hermes_levels *l)
{
	unsigned int i = min(nr, HERMES_LIMITS_MAX - 1U);

	if (nr == HERMES_LIMITS_MAX &&
	    hermes_limit_room(&limits[i]) <= hermes_limit_room(l))
		return nr;
	for (; i && hermes_limit_room(&limits[i - 1]) > hermes_limit_room(l); i--)
		limits[i] = limits[i - 1];
	limits[i] = *l;
	return min(nr + 1, (unsigned int)HERMES_LIMITS_MAX);
}

static unsigned int hermes_limits_above(struct mem_cgroup *memcg,
					const struct hermes_policy *policy,
					struct hermes_levels *limits,
					unsigned int nr)
{
	struct hermes_levels l;
	unsigned long limit;

	while ((memcg = parent_mem_cgroup(memcg))) {
		limit = min(READ_ONCE(memcg->memory.max),
			    READ_ONCE(memcg->memory.high));
		if (limit >= PAGE_COUNTER_MAX ||
		    hermes_limit_known(limits, nr, memcg->css.cgroup))
			continue;
		hermes_limit_levels(memcg, (u64)limit << PAGE_SHIFT, policy, &l);
		if (l.free < l.high * 2 && hermes_shared(l.within))
			nr = hermes_limit_insert(limits, nr, &l);
	}
	return nr;
}

/* A cgroup that is being removed counts no more. */
static unsigned int hermes_limits_hold(struct hermes_levels *limits,
				       unsigned int nr)
{
	unsigned int i, held = 0;

	for (i = 0; i < nr; i++)
		if (cgroup_tryget(limits[i].within))
			limits[held++] = limits[i];
	return held;
}

/**
 * hermes_limits() - the shared limits with the least room
 * @limits: out, HERMES_LIMITS_MAX of them; in order of room, each with a
 *	reference to its cgroup. Those with ample room are left out.
 * @policy: in force
 *
 * Context: Process context, hermes_cgroups_lock held.
 * Return: how many.
 */
unsigned int hermes_limits(struct hermes_levels *limits,
			   const struct hermes_policy *policy)
{
	struct cgroup_subsys_state *css;
	struct hermes_registration *reg;
	unsigned int nr = 0;

	lockdep_assert_held(&hermes_cgroups_lock);
	rcu_read_lock();
	list_for_each_entry(reg, &hermes_registrations, link) {
		if (reg->own)
			continue;
		css = rcu_dereference(reg->cgrp->subsys[memory_cgrp_id]);
		if (css)
			nr = hermes_limits_above(mem_cgroup_from_css(css),
						 policy, limits, nr);
	}
	nr = hermes_limits_hold(limits, nr);
	rcu_read_unlock();
	return nr;
}
