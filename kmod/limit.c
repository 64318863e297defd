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

static bool hermes_shared(struct cgroup *cgrp)
{
	struct hermes_registration *reg;

	list_for_each_entry(reg, &hermes_registrations, link)
		if (reg->own && (cgroup_is_descendant(reg->cgrp, cgrp) ||
				 cgroup_is_descendant(cgrp, reg->cgrp)))
			return true;
	return false;
}

/* As much of a distance of the policy as the limit is of the machine's memory. */
static u64 hermes_scaled(u64 distance, u64 limit)
{
	u64 memory = (u64)totalram_pages() << PAGE_SHIFT;

	return limit < memory ?
	       mul_u64_u64_div_u64(distance, limit, memory) : distance;
}

/* Levels of one limit: "free" is the room below it. */
static void hermes_limit_levels(struct mem_cgroup *memcg, u64 limit,
				const struct hermes_policy *p,
				struct hermes_levels *l)
{
	u64 used = (u64)page_counter_read(&memcg->memory) << PAGE_SHIFT;
	u64 ahead = div_u64(l->demand * p->reaction_ms, MSEC_PER_SEC);

	l->free = limit > used ? limit - used : 0;
	l->hard = min(ahead, limit >> HERMES_AHEAD_SHIFT);
	l->low = l->hard + hermes_scaled(p->gap, limit);
	l->high = l->low + hermes_scaled(p->hysteresis, limit);
}

/* The limits above one cgroup; the tightest so far stays in @best. */
static void hermes_limits_above(struct mem_cgroup *memcg,
				const struct hermes_policy *policy,
				struct hermes_levels *best)
{
	struct hermes_levels l = *best;
	unsigned long limit;

	while ((memcg = parent_mem_cgroup(memcg))) {
		limit = min(READ_ONCE(memcg->memory.max),
			    READ_ONCE(memcg->memory.high));
		if (limit >= PAGE_COUNTER_MAX)
			continue;
		hermes_limit_levels(memcg, (u64)limit << PAGE_SHIFT, policy, &l);
		l.within = memcg->css.cgroup;
		if (best->within && hermes_spare(&l) >= hermes_spare(best))
			continue;
		if (hermes_shared(l.within))
			*best = l;
	}
}

/**
 * hermes_limit_tightest() - the shared limit with the least room
 * @l: the machine's levels; those of the limit if there is one
 * @policy: in force
 *
 * Context: Process context, hermes_cgroups_lock held.
 * Return: whether there is one; @l->within is then its cgroup, a reference.
 */
bool hermes_limit_tightest(struct hermes_levels *l,
			   const struct hermes_policy *policy)
{
	struct cgroup_subsys_state *css;
	struct hermes_registration *reg;

	lockdep_assert_held(&hermes_cgroups_lock);
	rcu_read_lock();
	list_for_each_entry(reg, &hermes_registrations, link) {
		if (reg->own)
			continue;
		css = rcu_dereference(reg->cgrp->subsys[memory_cgrp_id]);
		if (css)
			hermes_limits_above(mem_cgroup_from_css(css), policy, l);
	}
	if (l->within && !cgroup_tryget(l->within))
		l->within = NULL;
	rcu_read_unlock();
	return l->within;
}
