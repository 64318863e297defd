// SPDX-License-Identifier: GPL-2.0-only
/*
 * Generic netlink: what the controller decided, and would decide.
 */
#include <linux/slab.h>

#include "netlink.h"

#define HERMES_DECISION(_attr, _member)					      \
	HERMES_NL_FIELD(HERMES_A_DECISION_##_attr, struct hermes_decision,    \
			_member)

static const struct hermes_nl_field hermes_decision_fields[] = {
	HERMES_DECISION(SEQ, seq),
	HERMES_DECISION(TIME, time),
	HERMES_DECISION(REPEATS, repeats),
	HERMES_DECISION(TRIGGER, trigger),
	HERMES_DECISION(FREE, free),
	HERMES_DECISION(LOW, low),
	HERMES_DECISION(HIGH, high),
	HERMES_DECISION(DEMAND, demand),
	HERMES_DECISION(CHOICE, choice),
	HERMES_DECISION(CANDIDATES, candidates),
};

/* Absent without a victim, as is its path; another path may be absent, too. */
static const struct hermes_nl_field hermes_victim_fields[] = {
	HERMES_DECISION(CGROUP_ID, id),
	HERMES_DECISION(FILE, file),
	HERMES_DECISION(ANON, anon),
	HERMES_DECISION(ASKED, asked),
	HERMES_DECISION(GOT, got),
	HERMES_DECISION(ERROR, error),
	HERMES_DECISION(WALL_NS, wall_ns),
	HERMES_DECISION(CPU_NS, cpu_ns),
	HERMES_DECISION(REFAULTS, refaults),
	HERMES_DECISION(PRESSURE_PCT, pressure_pct),
	HERMES_DECISION(BACKOFF, backoff),
};

static_assert(ARRAY_SIZE(hermes_decision_fields) +
	      ARRAY_SIZE(hermes_victim_fields) + 2 ==
	      HERMES_A_DECISION_MAX - HERMES_A_DECISION_PAD);

/** hermes_nl_decision_bytes() - most bytes of a decision in a message */
size_t hermes_nl_decision_bytes(void)
{
	return HERMES_NL_BYTES(ARRAY_SIZE(hermes_decision_fields) +
			       ARRAY_SIZE(hermes_victim_fields)) +
	       2 * nla_total_size(HERMES_PATH_MAX);
}

/**
 * hermes_nl_decision_fill() - attributes of a decision
 * @skb: message
 * @object: struct hermes_decision
 *
 * Context: Any.
 * Return: 0, -EMSGSIZE.
 */
int hermes_nl_decision_fill(struct sk_buff *skb, const void *object)
{
	const struct hermes_decision *decision = object;
	int ret;

	ret = hermes_nl_put_fields(skb, decision, hermes_decision_fields,
				   ARRAY_SIZE(hermes_decision_fields));
	if (!ret && decision->within[0])
		ret = nla_put_string(skb, HERMES_A_DECISION_WITHIN,
				     decision->within);
	if (ret || !decision->id)
		return ret;
	ret = nla_put_string(skb, HERMES_A_DECISION_CGROUP_PATH,
			     decision->path);
	if (ret)
		return ret;
	return hermes_nl_put_fields(skb, decision, hermes_victim_fields,
				    ARRAY_SIZE(hermes_victim_fields));
}

static bool hermes_decision_fetch(u64 after, void *object, u64 *seq)
{
	struct hermes_decision *decision = object;

	if (!hermes_decision_next(after, decision))
		return false;
	*seq = decision->seq;
	return true;
}

/* New decisions may be made faster than they are read: the dump ends. */
static const struct hermes_nl_source hermes_decision_source = {
	.size = sizeof(struct hermes_decision),
	.most = HERMES_DECISIONS,
	.next = hermes_decision_fetch,
	.fill = hermes_nl_decision_fill,
};

/** hermes_nl_decision_dump() - HERMES_CMD_DECISION_GET
 * @skb: message to fill
 * @cb: the dump
 */
int hermes_nl_decision_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	return hermes_nl_dump(skb, cb, &hermes_decision_source);
}

static int hermes_dry_run_show(struct genl_info *info)
{
	u64 free = nla_get_u64(info->attrs[HERMES_A_DECISION_FREE]);
	struct hermes_decision *decision;
	int ret;

	decision = kzalloc(sizeof(*decision), GFP_KERNEL);
	if (!decision) {
		NL_SET_ERR_MSG(info->extack,
			       "no memory for the answer: try again");
		return -ENOMEM;
	}
	hermes_reclaim_dry_run(free, decision);
	ret = hermes_nl_reply(info, hermes_nl_decision_fill, decision);
	kfree(decision);
	return ret;
}

/** hermes_nl_dry_run() - HERMES_CMD_DRY_RUN
 * @skb: the request
 * @info: the request, parsed
 */
int hermes_nl_dry_run(struct sk_buff *skb, struct genl_info *info)
{
	struct hermes_actor who;
	int ret;

	ret = hermes_nl_actor(skb, info, &who);
	if (ret)
		return ret;
	if (!who.admin) {
		NL_SET_ERR_MSG(info->extack, "a dry run needs CAP_SYS_ADMIN");
		return -EPERM;
	}
	ret = HERMES_NL_REQUIRE(info, HERMES_A_DECISION_FREE,
				"how many bytes shall count as free? Give the attribute FREE");
	if (ret)
		return ret;
	return hermes_dry_run_show(info);
}
