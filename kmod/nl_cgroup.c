// SPDX-License-Identifier: GPL-2.0-only
/*
 * Generic netlink: registered cgroups.
 */
#include <linux/cred.h>
#include <linux/limits.h>
#include <linux/slab.h>

#include "netlink.h"

#define HERMES_CONF(_attr, _member)					      \
	HERMES_NL_FIELD(HERMES_A_CGROUP_##_attr, struct hermes_cgroup_conf,   \
			_member)
#define HERMES_INFO(_attr, _member)					      \
	HERMES_NL_FIELD(HERMES_A_CGROUP_##_attr, struct hermes_cgroup_info,   \
			_member)

/* What may be chosen, for a best-effort cgroup only. */
static const struct hermes_nl_field hermes_cgroup_conf_fields[] = {
	HERMES_CONF(WEIGHT, weight),
	HERMES_CONF(MIN, min),
	HERMES_CONF(RATE, rate),
	HERMES_CONF(ANON, anon),
};

static const struct hermes_nl_field hermes_cgroup_info_fields[] = {
	HERMES_INFO(ID, id),
	HERMES_INFO(TYPE, conf.type),
	HERMES_INFO(CURRENT, current_bytes),
	HERMES_INFO(FILE, file),
	HERMES_INFO(ANON_BYTES, anon),
	HERMES_INFO(STEPS, steps),
	HERMES_INFO(PARTIAL, partial),
	HERMES_INFO(ASKED, asked),
	HERMES_INFO(GOT, got),
	HERMES_INFO(REFAULTS, refaults),
	HERMES_INFO(CPU_NS, cpu_ns),
	HERMES_INFO(BACKOFF, backoff),
	HERMES_INFO(BACKOFF_MS, backoff_ms),
	HERMES_INFO(SPLIT, split),
};

/* Runs in the context of the reader. */
static int hermes_cgroup_fill(struct sk_buff *skb, const void *object)
{
	const struct hermes_cgroup_info *info = object;
	uid_t uid = from_kuid_munged(current_user_ns(), info->uid);

	if (nla_put_u32(skb, HERMES_A_CGROUP_UID, uid) ||
	    nla_put_string(skb, HERMES_A_CGROUP_PATH, info->path) ||
	    hermes_nl_put_fields(skb, info, hermes_cgroup_info_fields,
				 ARRAY_SIZE(hermes_cgroup_info_fields)))
		return -EMSGSIZE;
	if (info->conf.type != HERMES_CGROUP_BEST_EFFORT)
		return 0;
	return hermes_nl_put_fields(skb, &info->conf, hermes_cgroup_conf_fields,
				    ARRAY_SIZE(hermes_cgroup_conf_fields));
}

static bool hermes_cgroup_next(u64 after, void *object, u64 *id)
{
	struct hermes_cgroup_info *info = object;

	if (!hermes_cgroup_info(after, info))
		return false;
	*id = info->id;
	return true;
}

static const struct hermes_nl_source hermes_cgroup_source = {
	.size = sizeof(struct hermes_cgroup_info),
	.most = ULONG_MAX,
	.next = hermes_cgroup_next,
	.fill = hermes_cgroup_fill,
};

/** hermes_nl_cgroup_dump() - HERMES_CMD_CGROUP_GET
 * @skb: message to fill
 * @cb: the dump
 */
int hermes_nl_cgroup_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	return hermes_nl_dump(skb, cb, &hermes_cgroup_source);
}

/* What a request says of a registration; BIT(attribute) of all it names. */
static unsigned long hermes_cgroup_parse(struct genl_info *info,
					 struct hermes_cgroup_conf *conf)
{
	return hermes_nl_get_fields(info->attrs, conf, hermes_cgroup_conf_fields,
				    ARRAY_SIZE(hermes_cgroup_conf_fields));
}

/* A latency-critical cgroup: who may, and nothing else to say of it. */
static int hermes_cgroup_check_critical(struct genl_info *info,
					const struct hermes_actor *who)
{
	const struct nlattr *attr;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(hermes_cgroup_conf_fields); i++) {
		attr = info->attrs[hermes_cgroup_conf_fields[i].attr];
		if (!attr)
			continue;
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "of best-effort cgroups only: leave it out");
		return -EINVAL;
	}
	if (!who->admin) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[HERMES_A_CGROUP_TYPE],
				    "registering a latency-critical cgroup needs CAP_SYS_ADMIN");
		return -EPERM;
	}
	return 0;
}

static int hermes_cgroup_add_parsed(struct genl_info *info,
				    const struct hermes_actor *who)
{
	struct hermes_cgroup_conf conf = {
		.type = nla_get_u32(info->attrs[HERMES_A_CGROUP_TYPE]),
		.weight = HERMES_WEIGHT_DEF,
	};
	int ret;

	if (conf.type == HERMES_CGROUP_LATENCY_CRITICAL) {
		ret = hermes_cgroup_check_critical(info, who);
		if (ret)
			return ret;
	}
	hermes_cgroup_parse(info, &conf);
	ret = hermes_cgroup_add(nla_get_s32(info->attrs[HERMES_A_CGROUP_FD]),
				&conf, who);
	if (ret)
		NL_SET_BAD_ATTR(info->extack, info->attrs[HERMES_A_CGROUP_FD]);
	return ret;
}

/** hermes_nl_cgroup_add() - HERMES_CMD_CGROUP_ADD
 * @skb: the request
 * @info: the request, parsed
 *
 * Runs in the context of the sender: the descriptor is one of its own, and
 * what is opened through it is opened with its rights.
 */
int hermes_nl_cgroup_add(struct sk_buff *skb, struct genl_info *info)
{
	struct hermes_actor who;
	int ret;

	ret = hermes_nl_actor(skb, info, &who);
	if (ret)
		return ret;
	ret = HERMES_NL_REQUIRE(info, HERMES_A_CGROUP_FD,
				"the descriptor of the cgroup's directory is missing");
	if (ret)
		return ret;
	ret = HERMES_NL_REQUIRE(info, HERMES_A_CGROUP_TYPE,
				"the type is missing: best-effort (1) or latency-critical (2)");
	if (ret)
		return ret;
	return hermes_cgroup_add_parsed(info, &who);
}

/* The registration that a request names, by number or by directory. */
static int hermes_cgroup_named(struct genl_info *info, u64 *id)
{
	const struct nlattr *number = info->attrs[HERMES_A_CGROUP_ID];
	const struct nlattr *fd = info->attrs[HERMES_A_CGROUP_FD];
	int ret;

	if (number && fd) {
		NL_SET_ERR_MSG_ATTR(info->extack, fd,
				    "both an id and a descriptor: give one of them");
		return -EINVAL;
	}
	if (number) {
		*id = nla_get_u64(number);
		return 0;
	}
	ret = HERMES_NL_REQUIRE(info, HERMES_A_CGROUP_FD,
				"which cgroup? Give its id or a descriptor of its directory");
	if (ret)
		return ret;
	ret = hermes_cgroup_id_of_fd(nla_get_s32(fd), id, info->extack);
	if (ret)
		NL_SET_BAD_ATTR(info->extack, fd);
	return ret;
}

/* The registration is at fault, however the request named it. */
static void hermes_cgroup_blame(struct genl_info *info)
{
	NL_SET_BAD_ATTR(info->extack, info->attrs[HERMES_A_CGROUP_ID] ?:
				      info->attrs[HERMES_A_CGROUP_FD]);
}

/** hermes_nl_cgroup_set() - HERMES_CMD_CGROUP_SET
 * @skb: the request
 * @info: the request, parsed
 */
int hermes_nl_cgroup_set(struct sk_buff *skb, struct genl_info *info)
{
	struct hermes_cgroup_conf conf = {};
	struct hermes_actor who;
	unsigned long fields;
	u64 id;
	int ret;

	ret = hermes_nl_actor(skb, info, &who);
	if (ret)
		return ret;
	ret = hermes_cgroup_named(info, &id);
	if (ret)
		return ret;
	fields = hermes_cgroup_parse(info, &conf);
	ret = hermes_cgroup_set(id, &conf, fields, &who);
	if (ret)
		hermes_cgroup_blame(info);
	return ret;
}

/** hermes_nl_cgroup_del() - HERMES_CMD_CGROUP_DEL
 * @skb: the request
 * @info: the request, parsed
 */
int hermes_nl_cgroup_del(struct sk_buff *skb, struct genl_info *info)
{
	struct hermes_actor who;
	u64 id;
	int ret;

	ret = hermes_nl_actor(skb, info, &who);
	if (ret)
		return ret;
	ret = hermes_cgroup_named(info, &id);
	if (ret)
		return ret;
	ret = hermes_cgroup_del(id, &who);
	if (ret)
		hermes_cgroup_blame(info);
	return ret;
}
