// SPDX-License-Identifier: GPL-2.0-only
/*
 * Generic netlink: clients and the sizes of their reserves.
 */
#include <linux/cred.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/slab.h>

#include "hermes.h"
#include "netlink.h"

#define HERMES_CONF(_attr, _member) \
	HERMES_NL_FIELD(HERMES_A_CLIENT_##_attr, struct hermes_reserve, _member)
#define HERMES_INFO(_attr, _member)					      \
	HERMES_NL_FIELD(HERMES_A_CLIENT_##_attr, struct hermes_client_info,   \
			_member)

/* What may be changed. */
static const struct hermes_nl_field hermes_client_conf_fields[] = {
	HERMES_CONF(MIN_BYTES, min_bytes),
	HERMES_CONF(MAX_BYTES, max_bytes),
	HERMES_CONF(BATCH_PAGES, batch_pages),
	HERMES_CONF(LOW_PCT, low_pct),
	HERMES_CONF(HIGH_PCT, high_pct),
	HERMES_CONF(FACTOR_PCT, factor_pct),
	HERMES_CONF(INTERVAL_US, interval_us),
	HERMES_CONF(DECAY_MS, decay_ms),
};

static const struct hermes_nl_field hermes_client_info_fields[] = {
	HERMES_INFO(ID, id),
	HERMES_INFO(CGROUP_ID, cgroup_id),
	HERMES_INFO(TARGET, stats.target_bytes),
	HERMES_INFO(READY, stats.ready_bytes),
	HERMES_INFO(POOL, stats.pool_bytes),
	HERMES_INFO(PUBLISHED, stats.published_bytes),
	HERMES_INFO(CONSUMED, stats.consumed_bytes),
	HERMES_INFO(RECLAIMED, stats.reclaimed_bytes),
	HERMES_INFO(BATCHES, batches),
	HERMES_INFO(TAKES, stats.takes),
	HERMES_INFO(TAKEN, stats.take_bytes),
	HERMES_INFO(DOORBELLS, stats.doorbells),
	HERMES_INFO(REFILLS, stats.refills),
	HERMES_INFO(REFILL_NS, refill_ns),
	HERMES_INFO(THROTTLED, throttled),
};

static int hermes_client_fill_misses(struct sk_buff *skb,
				     const struct hermes_client_info *info)
{
	u64 sum = 0;
	size_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(info->misses); i++) {
		sum += info->misses[i];
		ret = nla_put_u64_64bit(skb, HERMES_A_CLIENT_MISS_BURST + i,
					info->misses[i], HERMES_NL_PAD);
		if (ret)
			return ret;
	}
	return nla_put_u64_64bit(skb, HERMES_A_CLIENT_MISSES, sum,
				 HERMES_NL_PAD);
}

/* Runs in the context of the reader. */
static int hermes_client_fill(struct sk_buff *skb, const void *object)
{
	const struct hermes_client_info *info = object;
	pid_t pid = pid_nr_ns(info->pid, task_active_pid_ns(current));
	uid_t uid = from_kuid_munged(current_user_ns(), info->uid);

	if (nla_put_u32(skb, HERMES_A_CLIENT_PID, pid) ||
	    nla_put_u32(skb, HERMES_A_CLIENT_UID, uid) ||
	    nla_put_string(skb, HERMES_A_CLIENT_CGROUP_PATH, info->path) ||
	    hermes_nl_put_fields(skb, info, hermes_client_info_fields,
				 ARRAY_SIZE(hermes_client_info_fields)) ||
	    hermes_nl_put_fields(skb, &info->conf, hermes_client_conf_fields,
				 ARRAY_SIZE(hermes_client_conf_fields)))
		return -EMSGSIZE;
	return hermes_client_fill_misses(skb, info);
}

static bool hermes_client_next(u64 after, void *object, u64 *id)
{
	struct hermes_client_info *info = object;

	if (!hermes_client_info(after, info))
		return false;
	*id = info->id;
	return true;
}

static void hermes_client_release(void *object)
{
	struct hermes_client_info *info = object;

	put_pid(info->pid);
	info->pid = NULL;
}

static const struct hermes_nl_source hermes_client_source = {
	.size = sizeof(struct hermes_client_info),
	.most = ULONG_MAX,
	.next = hermes_client_next,
	.fill = hermes_client_fill,
	.release = hermes_client_release,
};

/** hermes_nl_client_dump() - HERMES_CMD_CLIENT_GET, all clients
 * @skb: message to fill
 * @cb: the dump
 */
int hermes_nl_client_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	if (hermes_dump_attrs(cb)[HERMES_A_CLIENT_ID]) {
		NL_SET_ERR_MSG(cb->extack,
			       "a dump shows all clients: leave out the id, or NLM_F_DUMP");
		return -EINVAL;
	}
	return hermes_nl_dump(skb, cb, &hermes_client_source);
}

/* Ids are counted from 1; 0 wraps and finds nothing. */
static int hermes_client_show(struct genl_info *info, u32 id,
			      struct hermes_client_info *client)
{
	int ret = -ENOENT;

	if (!hermes_client_info(id - 1, client))
		goto err;
	if (client->id == id)
		ret = hermes_nl_reply(info, hermes_client_fill, client);
	hermes_client_release(client);
err:
	if (ret == -ENOENT)
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[HERMES_A_CLIENT_ID],
				    "no such client: dump the clients for their ids");
	return ret;
}

/** hermes_nl_client_get() - HERMES_CMD_CLIENT_GET, one client
 * @skb: the request
 * @info: the request, parsed
 */
int hermes_nl_client_get(struct sk_buff *skb, struct genl_info *info)
{
	struct hermes_client_info *client;
	int ret;

	ret = HERMES_NL_REQUIRE(info, HERMES_A_CLIENT_ID,
				"the client's id is missing; for all clients ask for a dump");
	if (ret)
		return ret;
	client = kzalloc(sizeof(*client), GFP_KERNEL);
	if (!client) {
		NL_SET_ERR_MSG(info->extack,
			       "no memory for the answer: try again");
		return -ENOMEM;
	}
	ret = hermes_client_show(info,
				 nla_get_u32(info->attrs[HERMES_A_CLIENT_ID]),
				 client);
	kfree(client);
	return ret;
}

/* What a policy cannot say. */
static int hermes_client_check(struct genl_info *info)
{
	static const u16 sizes[] = { HERMES_A_CLIENT_MIN_BYTES, HERMES_A_CLIENT_MAX_BYTES };
	const struct nlattr *attr;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		attr = info->attrs[sizes[i]];
		if (!attr || !(nla_get_u64(attr) & ~PAGE_MASK))
			continue;
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "not a multiple of the page size: round it");
		return -ERANGE;
	}
	attr = info->attrs[HERMES_A_CLIENT_BATCH_PAGES];
	if (!attr || is_power_of_2(nla_get_u32(attr)))
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, attr, "not a power of two");
	return -ERANGE;
}

/** hermes_nl_client_set() - HERMES_CMD_CLIENT_SET
 * @skb: the request
 * @info: the request, parsed
 */
int hermes_nl_client_set(struct sk_buff *skb, struct genl_info *info)
{
	struct hermes_reserve conf = {};
	struct hermes_actor who;
	unsigned long given;
	int ret;

	ret = hermes_nl_actor(skb, info, &who);
	if (ret)
		return ret;
	ret = HERMES_NL_REQUIRE(info, HERMES_A_CLIENT_ID,
				"the client's id is missing: dump the clients for it");
	ret = ret ?: hermes_client_check(info);
	if (ret)
		return ret;
	given = hermes_nl_get_fields(info->attrs, &conf,
				     hermes_client_conf_fields,
				     ARRAY_SIZE(hermes_client_conf_fields));
	ret = hermes_client_resize(nla_get_u32(info->attrs[HERMES_A_CLIENT_ID]),
				   &conf, given, &who);
	if (ret == -EDQUOT)
		NL_SET_BAD_ATTR(info->extack, info->attrs[HERMES_A_CLIENT_MAX_BYTES]);
	if (ret == -ENOENT || ret == -EPERM)
		NL_SET_BAD_ATTR(info->extack, info->attrs[HERMES_A_CLIENT_ID]);
	return ret;
}
