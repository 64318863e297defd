// SPDX-License-Identifier: GPL-2.0-only
/*
 * Generic netlink: the family, what it accepts, from whom, and the parts of
 * which its messages are made.
 *
 * DOC: Locks and lifetime
 *
 * Commands of the family run in parallel (parallel_ops): registering a cgroup
 * opens files and a dry run reads those of every registered cgroup, and
 * without it they would do so under genl_mutex, for which every other family
 * of the machine waits. (A family that comes or goes still waits for them.)
 * What they call has locks of its own; only the change of the policy, read and
 * then written, needs one more, see nl_policy.c.
 *
 * Unload: a dump holds a reference to the module from its first part to its
 * last, or until its socket is closed, so module exit finds none. A command
 * that is still running is waited for by genl_unregister_family(). Sockets
 * that stay open lose their membership of the group.
 */
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <net/sock.h>

#include "hermes.h"
#include "netlink.h"

static_assert(HERMES_A_CLIENT_PAD == HERMES_NL_PAD);
static_assert(HERMES_A_CGROUP_PAD == HERMES_NL_PAD);
static_assert(HERMES_A_POLICY_PAD == HERMES_NL_PAD);
static_assert(HERMES_A_TOTALS_PAD == HERMES_NL_PAD);
static_assert(HERMES_A_DECISION_PAD == HERMES_NL_PAD);
static_assert(HERMES_A_EVENT_PAD == HERMES_NL_PAD);

/*
 * Policies. What is not listed is refused (strict validation, and all that an
 * answer has but a request has not is above the last one or has no type).
 * NLA_POLICY_RANGE holds 16 bits, larger ranges are structs (which a policy may
 * point to as const only in later kernels). What is no range is checked where it
 * is used: the kernel shows the policy of an attribute to whoever gets it wrong,
 * and takes the function of an integer's for its range, with a warning.
 */

static struct netlink_range_validation hermes_range_interval_us = {
	.min = 500, .max = USEC_PER_SEC,
};

static struct netlink_range_validation hermes_range_decay_ms = {
	.min = 10, .max = 3600 * MSEC_PER_SEC,
};

static struct netlink_range_validation hermes_range_step = {
	.min = SZ_64K, .max = SZ_32M,
};

static struct netlink_range_validation hermes_range_backoff_ms = {
	.min = 1, .max = 60000,
};

static struct netlink_range_validation hermes_range_backoff_max_ms = {
	.min = 1, .max = 600000,
};

static const struct nla_policy
hermes_client_get_policy[HERMES_A_CLIENT_ID + 1] = {
	[HERMES_A_CLIENT_ID] = { .type = NLA_U32 },
};

static const struct nla_policy
hermes_client_set_policy[HERMES_A_CLIENT_DECAY_MS + 1] = {
	[HERMES_A_CLIENT_ID] = { .type = NLA_U32 },
	[HERMES_A_CLIENT_MIN_BYTES] = { .type = NLA_U64 },
	[HERMES_A_CLIENT_MAX_BYTES] = { .type = NLA_U64 },
	[HERMES_A_CLIENT_BATCH_PAGES] =
		NLA_POLICY_RANGE(NLA_U32, 1, HERMES_BATCH_PAGES_MAX),
	[HERMES_A_CLIENT_LOW_PCT] = NLA_POLICY_RANGE(NLA_U32, 1, 99),
	[HERMES_A_CLIENT_HIGH_PCT] = NLA_POLICY_RANGE(NLA_U32, 2, 100),
	[HERMES_A_CLIENT_FACTOR_PCT] = NLA_POLICY_MAX(NLA_U32, 1000),
	[HERMES_A_CLIENT_INTERVAL_US] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &hermes_range_interval_us),
	[HERMES_A_CLIENT_DECAY_MS] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &hermes_range_decay_ms),
};

static const struct nla_policy
hermes_cgroup_add_policy[HERMES_A_CGROUP_ANON + 1] = {
	[HERMES_A_CGROUP_FD] = { .type = NLA_S32 },
	[HERMES_A_CGROUP_TYPE] =
		NLA_POLICY_RANGE(NLA_U32, HERMES_CGROUP_BEST_EFFORT,
				 HERMES_CGROUP_LATENCY_CRITICAL),
	[HERMES_A_CGROUP_WEIGHT] =
		NLA_POLICY_RANGE(NLA_U32, 1, HERMES_WEIGHT_MAX),
	[HERMES_A_CGROUP_MIN] = { .type = NLA_U64 },
	[HERMES_A_CGROUP_RATE] = { .type = NLA_U64 },
	[HERMES_A_CGROUP_ANON] = NLA_POLICY_MAX(NLA_U32, 1),
};

static const struct nla_policy
hermes_cgroup_set_policy[HERMES_A_CGROUP_ANON + 1] = {
	[HERMES_A_CGROUP_FD] = { .type = NLA_S32 },
	[HERMES_A_CGROUP_ID] = { .type = NLA_U64 },
	[HERMES_A_CGROUP_TYPE] = {
		.type = NLA_REJECT,
		.reject_message =
			"the type cannot be changed: end the registration and make a new one",
	},
	[HERMES_A_CGROUP_WEIGHT] =
		NLA_POLICY_RANGE(NLA_U32, 1, HERMES_WEIGHT_MAX),
	[HERMES_A_CGROUP_MIN] = { .type = NLA_U64 },
	[HERMES_A_CGROUP_RATE] = { .type = NLA_U64 },
	[HERMES_A_CGROUP_ANON] = NLA_POLICY_MAX(NLA_U32, 1),
};

static const struct nla_policy
hermes_cgroup_del_policy[HERMES_A_CGROUP_ID + 1] = {
	[HERMES_A_CGROUP_FD] = { .type = NLA_S32 },
	[HERMES_A_CGROUP_ID] = { .type = NLA_U64 },
};

static const struct nla_policy
hermes_policy_set_policy[HERMES_A_POLICY_MAX + 1] = {
	[HERMES_A_POLICY_ENABLED] = NLA_POLICY_MAX(NLA_U32, 1),
	[HERMES_A_POLICY_GAP] = { .type = NLA_U64 },
	[HERMES_A_POLICY_HYSTERESIS] = { .type = NLA_U64 },
	[HERMES_A_POLICY_REACTION_MS] = NLA_POLICY_RANGE(NLA_U32, 1, 10000),
	[HERMES_A_POLICY_STEP] =
		NLA_POLICY_FULL_RANGE(NLA_U64, &hermes_range_step),
	[HERMES_A_POLICY_RATE] = { .type = NLA_U64 },
	[HERMES_A_POLICY_CPU_PCT] = NLA_POLICY_RANGE(NLA_U32, 1, 100),
	[HERMES_A_POLICY_REFILL_CPU_PCT] = NLA_POLICY_RANGE(NLA_U32, 1, 100),
	[HERMES_A_POLICY_POLL_MS] = NLA_POLICY_RANGE(NLA_U32, 10, 10000),
	[HERMES_A_POLICY_YIELD_PCT] = NLA_POLICY_MAX(NLA_U32, 100),
	[HERMES_A_POLICY_REFAULT_PCT] = NLA_POLICY_MAX(NLA_U32, 1000),
	[HERMES_A_POLICY_PRESSURE_PCT] = NLA_POLICY_MAX(NLA_U32, 100),
	[HERMES_A_POLICY_BACKOFF_MS] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &hermes_range_backoff_ms),
	[HERMES_A_POLICY_BACKOFF_MAX_MS] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &hermes_range_backoff_max_ms),
};

static const struct nla_policy
hermes_dry_run_policy[HERMES_A_DECISION_FREE + 1] = {
	[HERMES_A_DECISION_FREE] = { .type = NLA_U64 },
};

/* Of the requests that have no attribute; its number is in every set. */
static const struct nla_policy hermes_no_policy[HERMES_NL_PAD + 1] = {
	[HERMES_NL_PAD] = {
		.type = NLA_REJECT,
		.reject_message = "this request has no attributes",
	},
};

#define HERMES_GENL_POLICY(_policy...)					      \
	.policy = (_policy), .maxattr = ARRAY_SIZE(_policy) - 1

static const struct genl_ops hermes_genl_ops[] = {
	{
		.cmd = HERMES_CMD_CLIENT_GET,
		HERMES_GENL_POLICY(hermes_client_get_policy),
		.doit = hermes_nl_client_get,
		.dumpit = hermes_nl_client_dump,
	}, {
		.cmd = HERMES_CMD_CLIENT_SET,
		HERMES_GENL_POLICY(hermes_client_set_policy),
		.doit = hermes_nl_client_set,
	}, {
		.cmd = HERMES_CMD_CGROUP_ADD,
		HERMES_GENL_POLICY(hermes_cgroup_add_policy),
		.doit = hermes_nl_cgroup_add,
	}, {
		.cmd = HERMES_CMD_CGROUP_SET,
		HERMES_GENL_POLICY(hermes_cgroup_set_policy),
		.doit = hermes_nl_cgroup_set,
	}, {
		.cmd = HERMES_CMD_CGROUP_DEL,
		HERMES_GENL_POLICY(hermes_cgroup_del_policy),
		.doit = hermes_nl_cgroup_del,
	}, {
		.cmd = HERMES_CMD_CGROUP_GET,
		HERMES_GENL_POLICY(hermes_no_policy),
		.dumpit = hermes_nl_cgroup_dump,
	}, {
		.cmd = HERMES_CMD_POLICY_GET,
		HERMES_GENL_POLICY(hermes_no_policy),
		.doit = hermes_nl_policy_get,
	}, {
		.cmd = HERMES_CMD_POLICY_SET,
		HERMES_GENL_POLICY(hermes_policy_set_policy),
		.doit = hermes_nl_policy_set,
	}, {
		.cmd = HERMES_CMD_TOTALS_GET,
		HERMES_GENL_POLICY(hermes_no_policy),
		.doit = hermes_nl_totals_get,
	}, {
		.cmd = HERMES_CMD_DECISION_GET,
		HERMES_GENL_POLICY(hermes_no_policy),
		.dumpit = hermes_nl_decision_dump,
	}, {
		.cmd = HERMES_CMD_DRY_RUN,
		HERMES_GENL_POLICY(hermes_dry_run_policy),
		.doit = hermes_nl_dry_run,
	},
};

static const struct genl_multicast_group hermes_genl_groups[] = {
	{ .name = HERMES_GENL_EVENTS },
};

struct genl_family hermes_genl_family __ro_after_init = {
	.name = HERMES_GENL_NAME,
	.version = HERMES_GENL_VERSION,
	.module = THIS_MODULE,
	.netnsok = false,
	.parallel_ops = true,
	.ops = hermes_genl_ops,
	.n_ops = ARRAY_SIZE(hermes_genl_ops),
	.mcgrps = hermes_genl_groups,
	.n_mcgrps = ARRAY_SIZE(hermes_genl_groups),
};

/* The credentials that a message's socket was opened with, if by a user. */
static const struct cred *hermes_opener(struct sk_buff *skb)
{
	struct sock *sk = NETLINK_CB(skb).sk;
	struct file *file = sk && sk->sk_socket ? sk->sk_socket->file : NULL;

	return file ? file->f_cred : NULL;
}

/**
 * hermes_nl_actor() - who asks for a change
 * @skb: the request
 * @info: the request, parsed
 * @who: filled in
 *
 * The rights are the sender's. A socket may have been opened by one user and
 * written to by another who does not know what it is (a privileged process
 * whose standard error it is, say), so both have to be the same, and the sender
 * may not be able to do more than the opener.
 *
 * Return: 0, -EPERM.
 */
int hermes_nl_actor(struct sk_buff *skb, struct genl_info *info,
		    struct hermes_actor *who)
{
	const struct cred *opener = hermes_opener(skb);

	if (!opener || !uid_eq(opener->euid, current_euid()) ||
	    !cap_issubset(current_cred()->cap_effective,
			  opener->cap_effective)) {
		NL_SET_ERR_MSG(info->extack,
			       "the socket was opened by another user than the one who sends: open an own one");
		return -EPERM;
	}
	who->uid = current_euid();
	who->admin = netlink_capable(skb, CAP_SYS_ADMIN);
	who->extack = info->extack;
	return 0;
}

static int hermes_nl_put_field(struct sk_buff *skb, const void *value,
			       const struct hermes_nl_field *field)
{
	switch (field->size) {
	case sizeof(bool):
		return nla_put_u32(skb, field->attr, *(const bool *)value);
	case sizeof(u32):
		return nla_put_u32(skb, field->attr, *(const u32 *)value);
	default:
		return nla_put_u64_64bit(skb, field->attr, *(const u64 *)value,
					 HERMES_NL_PAD);
	}
}

/**
 * hermes_nl_put_fields() - fields of a struct as attributes
 * @skb: message
 * @object: the struct
 * @fields: which field goes into which attribute
 * @nr: length of @fields
 *
 * Context: Any.
 * Return: 0, -EMSGSIZE.
 */
int hermes_nl_put_fields(struct sk_buff *skb, const void *object,
			 const struct hermes_nl_field *fields, size_t nr)
{
	size_t i;
	int ret;

	for (i = 0; i < nr; i++) {
		ret = hermes_nl_put_field(skb, object + fields[i].offset,
					  &fields[i]);
		if (ret)
			return ret;
	}
	return 0;
}

static void hermes_nl_get_field(const struct nlattr *attr, void *value,
				size_t size)
{
	switch (size) {
	case sizeof(bool):
		*(bool *)value = nla_get_u32(attr);
		break;
	case sizeof(u32):
		*(u32 *)value = nla_get_u32(attr);
		break;
	default:
		*(u64 *)value = nla_get_u64(attr);
	}
}

/**
 * hermes_nl_get_fields() - those fields of a struct that a request names
 * @attrs: attributes of the request; its policy lists all that are in @fields
 * @object: the struct; fields that are not named are left alone
 * @fields: which field comes from which attribute
 * @nr: length of @fields
 *
 * Return: BIT(attribute) of all that are named.
 */
unsigned long hermes_nl_get_fields(struct nlattr **attrs, void *object,
				   const struct hermes_nl_field *fields,
				   size_t nr)
{
	unsigned long given = 0;
	const struct nlattr *attr;
	size_t i;

	for (i = 0; i < nr; i++) {
		attr = attrs[fields[i].attr];
		if (!attr)
			continue;
		hermes_nl_get_field(attr, object + fields[i].offset,
				    fields[i].size);
		given |= BIT(fields[i].attr);
	}
	return given;
}

/**
 * hermes_nl_reply() - answer a request with one object
 * @info: the request
 * @fill: puts @object into the answer
 * @object: what to show
 *
 * Return: 0, or the error that the request ends with.
 */
int hermes_nl_reply(struct genl_info *info, hermes_nl_fill fill,
		    const void *object)
{
	struct sk_buff *skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	void *head;

	if (!skb) {
		NL_SET_ERR_MSG(info->extack,
			       "no memory for the answer: try again");
		return -ENOMEM;
	}
	head = genlmsg_put_reply(skb, info, &hermes_genl_family, 0,
				 info->genlhdr->cmd);
	if (!head || fill(skb, object)) {
		nlmsg_free(skb);
		NL_SET_ERR_MSG(info->extack,
			       "the answer is too long: an error in the module, report it");
		return -EMSGSIZE;
	}
	genlmsg_end(skb, head);
	return genlmsg_reply(skb, info);
}

static int hermes_nl_dump_one(struct sk_buff *skb, struct netlink_callback *cb,
			      hermes_nl_fill fill, const void *object)
{
	const struct genlmsghdr *request = nlmsg_data(cb->nlh);
	void *head = genlmsg_put(skb, NETLINK_CB(cb->skb).portid,
				 cb->nlh->nlmsg_seq, &hermes_genl_family,
				 NLM_F_MULTI, request->cmd);
	int ret;

	if (!head)
		return -EMSGSIZE;
	ret = fill(skb, object);
	if (ret)
		genlmsg_cancel(skb, head);
	else
		genlmsg_end(skb, head);
	return ret;
}

/* Where a dump stands; starts as zero. */
struct hermes_nl_position {
	u64 after; /* id of the last object shown */
	unsigned long nr;
};

static_assert(sizeof(struct hermes_nl_position) <=
	      sizeof_field(struct netlink_callback, ctx));

/**
 * hermes_nl_dump() - the next part of a dump
 * @skb: message to fill
 * @cb: the dump
 * @source: what it goes through
 *
 * Objects may come and go between two parts: each one that lives as long as
 * the dump is shown once.
 *
 * Return: bytes in @skb, 0 at the end, or an error.
 */
int hermes_nl_dump(struct sk_buff *skb, struct netlink_callback *cb,
		   const struct hermes_nl_source *source)
{
	struct hermes_nl_position *pos = (void *)cb->ctx;
	void *object = kzalloc(source->size, GFP_KERNEL);
	int ret = 0;
	u64 id;

	if (!object) {
		NL_SET_ERR_MSG(cb->extack,
			       "no memory for the answer: try again");
		return -ENOMEM;
	}
	while (pos->nr < source->most &&
	       source->next(pos->after, object, &id)) {
		ret = hermes_nl_dump_one(skb, cb, source->fill, object);
		if (source->release)
			source->release(object);
		if (ret)
			break;
		pos->after = id;
		pos->nr++;
	}
	kfree(object);
	/* What does not fit any more goes into the next part. */
	return skb->len ? skb->len : ret;
}

/**
 * hermes_netlink_init() - from now on the family exists
 *
 * All that it shows and changes has to exist by now.
 */
int __init hermes_netlink_init(void)
{
	int ret = hermes_nl_events_init();

	if (ret)
		return ret;
	ret = genl_register_family(&hermes_genl_family);
	if (ret)
		hermes_nl_events_stop();
	else
		hermes_nl_events_start();
	return ret;
}

/**
 * hermes_netlink_exit() - no request runs any more, none will come
 *
 * Events may still be asked for afterwards, they are not sent.
 */
void hermes_netlink_exit(void)
{
	hermes_nl_events_stop();
	genl_unregister_family(&hermes_genl_family);
}
