// SPDX-License-Identifier: GPL-2.0-only
/*
 * The policy: parameters of the reclaim controller and of the refill.
 */
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>

#include "hermes.h"
#include "reclaim.h"

/* The default distances are so much of memory. */
#define HERMES_GAP_SHIFT	6

static DEFINE_SPINLOCK(hermes_policy_lock); /* hermes_policy */
static struct hermes_policy hermes_policy;

/** hermes_policy_init() - the documented defaults */
void hermes_policy_init(void)
{
	u64 gap = max_t(u64, hermes_memory() >> HERMES_GAP_SHIFT, SZ_8M);

	gap = min(gap, hermes_memory() / 4);
	hermes_policy = (struct hermes_policy) {
		.enabled = true,
		.gap = gap,
		.hysteresis = gap,
		.reaction_ms = 200,
		.step = SZ_4M,
		.rate = SZ_512M,
		.cpu_pct = 25,
		.refill_cpu_pct = 50,
		.poll_ms = 1000,
		.yield_pct = 10,
		.refault_pct = 50,
		.pressure_pct = 40,
		.backoff_ms = 100,
		.backoff_max_ms = 5000,
	};
}

/** hermes_policy_get() - the policy in force
 * @policy: out
 *
 * Context: Any but hard interrupt.
 */
void hermes_policy_get(struct hermes_policy *policy)
{
	spin_lock_bh(&hermes_policy_lock);
	*policy = hermes_policy;
	spin_unlock_bh(&hermes_policy_lock);
}

static int hermes_policy_check(const struct hermes_policy *p,
			       struct netlink_ext_ack *extack)
{
	if (p->backoff_max_ms < p->backoff_ms) {
		NL_SET_ERR_MSG(extack,
			       "the longest back-off is below the first: change both");
		return -ERANGE;
	}
	return 0;
}

/**
 * hermes_policy_set() - change it
 * @policy: all of it; the range of each was checked before
 * @extack: for a message
 *
 * Context: Process context; changes by netlink do not run at the same time.
 * Return: 0 or -ERANGE.
 */
int hermes_policy_set(const struct hermes_policy *policy,
		      struct netlink_ext_ack *extack)
{
	int ret = hermes_policy_check(policy, extack);

	if (ret)
		return ret;
	spin_lock_bh(&hermes_policy_lock);
	hermes_policy = *policy;
	spin_unlock_bh(&hermes_policy_lock);
	hermes_reclaim_changed();
	return 0;
}
