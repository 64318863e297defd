// SPDX-License-Identifier: GPL-2.0-only
/*
 * A best-effort cgroup that holds latency-critical ones: memory.reclaim of the
 * whole would reach them, too. Its victims are then the topmost of its
 * descendants that neither hold one nor are inside one. A best-effort cgroup
 * inside a latency-critical one has none.
 *
 * The number of victims of one registration is bounded; what is beyond is not
 * reclaimed from.
 */
#include <linux/slab.h>

#include "hermes.h"
#include "victim.h"

#define HERMES_SPLIT_MAX	64
/* And so many cgroups are looked at, in a row that nothing interrupts. */
#define HERMES_SPLIT_VISITS	4096
/* Cgroups come and go without notice: looked again after so long. */
#define HERMES_SPLIT_NS		NSEC_PER_SEC

/** hermes_split_stale() - latency-critical cgroups have come or gone
 *
 * Their number may be what it was: victims are found out anew by the next look.
 *
 * Context: hermes_cgroups_lock held.
 */
void hermes_split_stale(void)
{
	struct hermes_registration *r;

	lockdep_assert_held(&hermes_cgroups_lock);
	list_for_each_entry(r, &hermes_registrations, link)
		r->split_at = 0;
}

static bool hermes_holds_critical(struct cgroup *cgrp)
{
	struct hermes_registration *r;

	list_for_each_entry(r, &hermes_registrations, link)
		if (r->conf.type == HERMES_CGROUP_LATENCY_CRITICAL &&
		    cgroup_is_descendant(r->cgrp, cgrp))
			return true;
	return false;
}

static bool hermes_inside_critical(struct cgroup *cgrp)
{
	struct hermes_registration *r;

	list_for_each_entry(r, &hermes_registrations, link)
		if (r->conf.type == HERMES_CGROUP_LATENCY_CRITICAL &&
		    cgroup_is_descendant(cgrp, r->cgrp))
			return true;
	return false;
}

static u32 hermes_critical_inside(struct cgroup *cgrp)
{
	struct hermes_registration *r;
	u32 n = 0;

	list_for_each_entry(r, &hermes_registrations, link)
		n += r->conf.type == HERMES_CGROUP_LATENCY_CRITICAL &&
		     cgroup_is_descendant(r->cgrp, cgrp);
	return n;
}

/* The topmost descendants without a latency-critical cgroup; references. */
static unsigned int hermes_split_find(struct hermes_registration *reg,
				      struct cgroup **found)
{
	struct cgroup_subsys_state *css;
	struct cgroup *cgrp;
	unsigned int n = 0, visits = HERMES_SPLIT_VISITS;

	rcu_read_lock();
	css_for_each_descendant_pre(css, &reg->cgrp->self) {
		cgrp = css->cgroup;
		if (n == HERMES_SPLIT_MAX || !visits--)
			break;
		/* The parent first: for most it is the only question. */
		if (cgrp == reg->cgrp ||
		    !hermes_holds_critical(cgroup_parent(cgrp)) ||
		    hermes_holds_critical(cgrp) || hermes_inside_critical(cgrp))
			continue;
		if (cgroup_tryget(cgrp))
			found[n++] = cgrp;
	}
	rcu_read_unlock();
	return n;
}

static struct hermes_victim *hermes_split_known(struct hermes_registration *reg,
						struct cgroup *cgrp)
{
	struct hermes_victim *v;

	list_for_each_entry(v, &reg->victims, link)
		if (v->cgrp == cgrp)
			return v;
	return NULL;
}

/* The victim that is there already keeps what was learned of it. */
static void hermes_split_add(struct hermes_registration *reg,
			     struct cgroup *cgrp, struct list_head *victims)
{
	struct hermes_victim *v = hermes_split_known(reg, cgrp);
	char path[HERMES_PATH_MAX];
	int len;

	if (v) {
		list_move_tail(&v->link, victims);
		return;
	}
	/* Relative to the registered directory: "/a/b". */
	len = kernfs_path_from_node(cgrp->kn, reg->cgrp->kn, path, sizeof(path));
	/* Whether a path that is too long is told by its length differs. */
	if (len <= 1 || len >= (int)sizeof(path) - 1)
		return;
	if (!hermes_victim_open(&reg->dir->f_path, path + 1, cgrp, &v))
		list_add_tail(&v->link, victims);
}

/** hermes_split_drop() - a registration has no victims any more
 * @reg: the registration; its own victim, if any, stays for its owner
 *
 * Context: hermes_cgroups_lock held, or @reg is nobody else's any more.
 */
void hermes_split_drop(struct hermes_registration *reg)
{
	struct hermes_victim *v, *next;

	list_for_each_entry_safe(v, next, &reg->victims, link) {
		list_del_init(&v->link);
		if (v != reg->own)
			hermes_victim_put(v);
	}
}

static void hermes_split_replace(struct hermes_registration *reg,
				 struct list_head *victims)
{
	hermes_split_drop(reg);
	list_splice(victims, &reg->victims);
}

/**
 * hermes_split() - bring a registration's victims up to date
 * @reg: the registration, a best-effort one
 *
 * Context: Process context, hermes_cgroups_lock held; opens files with the
 *	rights of the caller, a kernel thread or one who is allowed all.
 */
void hermes_split(struct hermes_registration *reg)
{
	u32 critical = hermes_critical_inside(reg->cgrp) +
		       hermes_inside_critical(reg->cgrp);
	u64 now = ktime_get_ns();
	struct cgroup **found;
	LIST_HEAD(victims);
	unsigned int n, i;

	lockdep_assert_held(&hermes_cgroups_lock);
	if (critical == reg->split &&
	    (!critical || (reg->split_at && now - reg->split_at < HERMES_SPLIT_NS)))
		return;
	reg->split_at = now;
	reg->split = critical;
	if (!critical) {
		list_add(&reg->own->link, &victims);
		hermes_split_replace(reg, &victims);
		return;
	}
	found = kmalloc_array(HERMES_SPLIT_MAX, sizeof(*found), GFP_KERNEL);
	n = found ? hermes_split_find(reg, found) : 0;
	for (i = 0; i < n; i++) {
		hermes_split_add(reg, found[i], &victims);
		cgroup_put(found[i]);
	}
	hermes_split_replace(reg, &victims);
	kfree(found);
}
