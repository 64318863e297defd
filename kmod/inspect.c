// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clients seen, and resized, from outside: what generic netlink needs.
 */
#include <linux/cgroup.h>
#include <linux/memcontrol.h>

#include "clients.h"
#include "hermes.h"
#include "reclaim.h"
#include "victim.h"

static_assert(HERMES_MISSES == ARRAY_SIZE(((struct hermes_client_info *)0)->misses));

static void hermes_inspect_cgroup(struct hermes_client *c,
				  struct hermes_client_info *info)
{
	struct hermes_pool *pool = hermes_pool_get(c);

	if (pool->memcg) {
		info->cgroup_id = cgroup_id(pool->memcg->css.cgroup);
		hermes_cgroup_path(pool->memcg->css.cgroup, info->path);
	}
	hermes_pool_put(pool);
}

static void hermes_inspect(struct hermes_client *c,
			   struct hermes_client_info *info)
{
	int i;

	memset(info, 0, sizeof(*info));
	info->id = c->id;
	info->pid = get_pid(c->pid);
	info->uid = c->uid;
	hermes_client_get_reserve(c, &info->conf);
	hermes_client_get_stats(c, &info->stats);
	hermes_inspect_cgroup(c, info);
	info->batches = atomic64_read(&c->stat.batches);
	info->refill_ns = atomic64_read(&c->stat.refill_ns);
	info->throttled = atomic64_read(&c->stat.throttled);
	for (i = 0; i < HERMES_MISSES; i++)
		info->misses[i] = atomic64_read(&c->stat.miss[i]);
}

/**
 * hermes_client_info() - the next client
 * @after: number of the one before, 0 at first
 * @info: out; the caller puts @info->pid
 *
 * Context: Process context; the client cannot be closed meanwhile.
 * Return: false when there is none.
 */
bool hermes_client_info(u32 after, struct hermes_client_info *info)
{
	unsigned long id = (unsigned long)after + 1;
	struct hermes_client *c;

	mutex_lock(&hermes_clients_lock);
	c = xa_find(&hermes_clients, &id, ULONG_MAX, XA_PRESENT);
	if (c)
		hermes_inspect(c, info);
	mutex_unlock(&hermes_clients_lock);
	return c;
}

#define HERMES_FIELD(attr)	BIT(HERMES_A_CLIENT_##attr)

static void hermes_merge_reserve(struct hermes_reserve *to,
				 const struct hermes_reserve *from,
				 unsigned long fields)
{
	if (fields & HERMES_FIELD(MIN_BYTES))
		to->min_bytes = from->min_bytes;
	if (fields & HERMES_FIELD(MAX_BYTES))
		to->max_bytes = from->max_bytes;
	if (fields & HERMES_FIELD(BATCH_PAGES))
		to->batch_pages = from->batch_pages;
	if (fields & HERMES_FIELD(LOW_PCT))
		to->low_pct = from->low_pct;
	if (fields & HERMES_FIELD(HIGH_PCT))
		to->high_pct = from->high_pct;
	if (fields & HERMES_FIELD(FACTOR_PCT))
		to->factor_pct = from->factor_pct;
	if (fields & HERMES_FIELD(INTERVAL_US))
		to->interval_us = from->interval_us;
	if (fields & HERMES_FIELD(DECAY_MS))
		to->decay_ms = from->decay_ms;
}

static int hermes_resize(struct hermes_client *c,
			 const struct hermes_reserve *conf,
			 unsigned long fields, const struct hermes_actor *who)
{
	struct hermes_reserve merged = {};
	int ret;

	if (!who->admin && !uid_eq(c->uid, who->uid)) {
		NL_SET_ERR_MSG(who->extack,
			       "another user's client: CAP_SYS_ADMIN is needed");
		return -EPERM;
	}
	hermes_client_get_reserve(c, &merged);
	hermes_merge_reserve(&merged, conf, fields);
	ret = hermes_client_set_reserve(c, &merged);
	if (ret == -EDQUOT)
		NL_SET_ERR_MSG(who->extack,
			       "the maximum is above the module parameter client_max_bytes");
	if (ret != -EINVAL)
		return ret;
	NL_SET_ERR_MSG(who->extack,
		       "the sizes do not go together: minimum <= maximum, low < high");
	return -ERANGE;
}

/**
 * hermes_client_resize() - change the sizes of a client's reserve
 * @id: its number
 * @conf: new values
 * @fields: which of them: BIT(HERMES_A_CLIENT_...)
 * @who: the caller
 *
 * Context: Process context.
 * Return: 0; -ENOENT, -EPERM, -EDQUOT, -ERANGE.
 */
int hermes_client_resize(u32 id, const struct hermes_reserve *conf,
			 unsigned long fields, const struct hermes_actor *who)
{
	struct hermes_client *c;
	int ret = -ENOENT;

	mutex_lock(&hermes_clients_lock);
	c = xa_load(&hermes_clients, id);
	if (c)
		ret = hermes_resize(c, conf, fields, who);
	else
		NL_SET_ERR_MSG(who->extack, "no such client");
	mutex_unlock(&hermes_clients_lock);
	return ret;
}
