// SPDX-License-Identifier: GPL-2.0-only
/*
 * Generic netlink: the policy, and the totals of the module.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>

#include "hermes.h"
#include "netlink.h"

#define HERMES_POLICY(_attr, _member) \
	HERMES_NL_FIELD(HERMES_A_POLICY_##_attr, struct hermes_policy, _member)

static const struct hermes_nl_field hermes_policy_fields[] = {
	HERMES_POLICY(ENABLED, enabled),
	HERMES_POLICY(GAP, gap),
	HERMES_POLICY(HYSTERESIS, hysteresis),
	HERMES_POLICY(REACTION_MS, reaction_ms),
	HERMES_POLICY(STEP, step),
	HERMES_POLICY(RATE, rate),
	HERMES_POLICY(CPU_PCT, cpu_pct),
	HERMES_POLICY(REFILL_CPU_PCT, refill_cpu_pct),
	HERMES_POLICY(POLL_MS, poll_ms),
	HERMES_POLICY(YIELD_PCT, yield_pct),
	HERMES_POLICY(REFAULT_PCT, refault_pct),
	HERMES_POLICY(PRESSURE_PCT, pressure_pct),
	HERMES_POLICY(BACKOFF_MS, backoff_ms),
	HERMES_POLICY(BACKOFF_MAX_MS, backoff_max_ms),
};

static_assert(ARRAY_SIZE(hermes_policy_fields) ==
	      HERMES_A_POLICY_MAX - HERMES_A_POLICY_PAD);

/* Two changes at a time: one is read, changed and written, then the other. */
static DEFINE_MUTEX(hermes_policy_change);

static int hermes_policy_fill(struct sk_buff *skb, const void *object)
{
	return hermes_nl_put_fields(skb, object, hermes_policy_fields,
				    ARRAY_SIZE(hermes_policy_fields));
}

/** hermes_nl_policy_get() - HERMES_CMD_POLICY_GET
 * @skb: the request
 * @info: the request, parsed
 */
int hermes_nl_policy_get(struct sk_buff *skb, struct genl_info *info)
{
	struct hermes_policy policy;

	hermes_policy_get(&policy);
	return hermes_nl_reply(info, hermes_policy_fill, &policy);
}

/* Nobody may ask for more than a quarter of memory to be free. */
static int hermes_policy_check_quarter(struct genl_info *info, u16 number)
{
	const struct nlattr *attr = info->attrs[number];

	if (!attr || nla_get_u64(attr) <= hermes_memory() / 4)
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, attr,
			    "more than a quarter of the machine's memory: give less");
	return -ERANGE;
}

/** hermes_nl_policy_set() - HERMES_CMD_POLICY_SET
 * @skb: the request
 * @info: the request, parsed
 */
int hermes_nl_policy_set(struct sk_buff *skb, struct genl_info *info)
{
	struct hermes_policy policy;
	struct hermes_actor who;
	int ret;

	ret = hermes_nl_actor(skb, info, &who);
	if (ret)
		return ret;
	if (!who.admin) {
		NL_SET_ERR_MSG(info->extack,
			       "changing the policy needs CAP_SYS_ADMIN");
		return -EPERM;
	}
	ret = hermes_policy_check_quarter(info, HERMES_A_POLICY_GAP) ?:
	      hermes_policy_check_quarter(info, HERMES_A_POLICY_HYSTERESIS);
	if (ret)
		return ret;
	mutex_lock(&hermes_policy_change);
	hermes_policy_get(&policy);
	hermes_nl_get_fields(info->attrs, &policy, hermes_policy_fields,
			     ARRAY_SIZE(hermes_policy_fields));
	ret = hermes_policy_set(&policy, info->extack);
	mutex_unlock(&hermes_policy_change);
	return ret;
}

/* Fields as enum hermes_totals_attr. */
struct hermes_totals {
	u32 abi;
	u32 clients;
	u64 memory;
	u64 reserved;
	u64 reserved_max;
	u64 mapped;
	u64 mapped_max;
	u64 refill_ns;
	u64 misses;
	u64 events;
	u64 events_lost;
	struct hermes_reclaim_totals reclaim;
};

#define HERMES_TOTALS(_attr, _member) \
	HERMES_NL_FIELD(HERMES_A_TOTALS_##_attr, struct hermes_totals, _member)

static const struct hermes_nl_field hermes_totals_fields[] = {
	HERMES_TOTALS(ABI, abi),
	HERMES_TOTALS(CLIENTS, clients),
	HERMES_TOTALS(BEST_EFFORT, reclaim.best_effort),
	HERMES_TOTALS(LATENCY_CRITICAL, reclaim.latency_critical),
	HERMES_TOTALS(MEMORY, memory),
	HERMES_TOTALS(FREE, reclaim.free),
	HERMES_TOTALS(KERNEL_HIGH, reclaim.kernel_high),
	HERMES_TOTALS(LOW, reclaim.low),
	HERMES_TOTALS(HIGH, reclaim.high),
	HERMES_TOTALS(DEMAND, reclaim.demand),
	HERMES_TOTALS(RESERVED, reserved),
	HERMES_TOTALS(RESERVED_MAX, reserved_max),
	HERMES_TOTALS(MAPPED, mapped),
	HERMES_TOTALS(MAPPED_MAX, mapped_max),
	HERMES_TOTALS(WAKES, reclaim.wakes),
	HERMES_TOTALS(LOOKS, reclaim.looks),
	HERMES_TOTALS(STEPS, reclaim.steps),
	HERMES_TOTALS(ASKED, reclaim.asked),
	HERMES_TOTALS(GOT, reclaim.got),
	HERMES_TOTALS(CPU_NS, reclaim.cpu_ns),
	HERMES_TOTALS(THROTTLED, reclaim.throttled),
	HERMES_TOTALS(REFILL_NS, refill_ns),
	HERMES_TOTALS(MISSES, misses),
	HERMES_TOTALS(EVENTS, events),
	HERMES_TOTALS(EVENTS_LOST, events_lost),
};

/* All but the version, which is a string. */
static_assert(ARRAY_SIZE(hermes_totals_fields) ==
	      HERMES_A_TOTALS_MAX - HERMES_A_TOTALS_VERSION);

static int hermes_totals_fill(struct sk_buff *skb, const void *object)
{
	int ret = nla_put_string(skb, HERMES_A_TOTALS_VERSION, HERMES_VERSION);

	if (ret)
		return ret;
	return hermes_nl_put_fields(skb, object, hermes_totals_fields,
				    ARRAY_SIZE(hermes_totals_fields));
}

/** hermes_nl_totals_get() - HERMES_CMD_TOTALS_GET
 * @skb: the request
 * @info: the request, parsed
 */
int hermes_nl_totals_get(struct sk_buff *skb, struct genl_info *info)
{
	struct hermes_totals totals = {
		.abi = HERMES_ABI_VERSION,
		.clients = hermes_client_count(),
		.memory = hermes_memory(),
		.reserved_max = READ_ONCE(hermes_total_max_bytes),
		.mapped_max = READ_ONCE(hermes_total_mapped_max_bytes),
		.refill_ns = atomic64_read(&hermes_refill_ns_total),
		.misses = atomic64_read(&hermes_misses_total),
	};

	hermes_memcg_totals(&totals.reserved, &totals.mapped);
	hermes_event_counts(&totals.events, &totals.events_lost);
	hermes_reclaim_totals(&totals.reclaim);
	return hermes_nl_reply(info, hermes_totals_fill, &totals);
}
