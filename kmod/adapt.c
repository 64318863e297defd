// SPDX-License-Identifier: GPL-2.0-only
/*
 * How large a reserve should be: pure arithmetic on a client's fields.
 *
 * The rule is that of the Hermes paper (Pi et al., Middleware 2021): target =
 * max(minimum, consumption of the last interval x factor); the way down is
 * ours: exponential with half-life decay_ms, so that a pause between two
 * bursts does not throw the reserve away.
 */
#include <linux/math64.h>

#include "hermes.h"

static unsigned long hermes_min_pages(const struct hermes_client *c)
{
	return c->conf.min_bytes >> PAGE_SHIFT;
}

static unsigned long hermes_max_pages(const struct hermes_client *c)
{
	return c->conf.max_bytes >> PAGE_SHIFT;
}

/* As much of the target as the ready ring can hold. */
static unsigned long hermes_reach(const struct hermes_client *c)
{
	return min(c->target, (unsigned long)HERMES_READY_ENTRIES *
			      c->conf.batch_pages);
}

/** hermes_low_pages() - refill starts below this many ready pages
 * @c: the client
 */
unsigned long hermes_low_pages(const struct hermes_client *c)
{
	return hermes_reach(c) * c->conf.low_pct / 100;
}

/** hermes_high_pages() - refill stops at this many ready pages
 * @c: the client
 */
unsigned long hermes_high_pages(const struct hermes_client *c)
{
	return hermes_reach(c) * c->conf.high_pct / 100;
}

/* What @surplus has lost after @elapsed ns; half of it after decay_ms. */
static unsigned long hermes_decayed(const struct hermes_client *c,
				    unsigned long surplus, u64 elapsed)
{
	u64 half = (u64)c->conf.decay_ms * NSEC_PER_MSEC;

	if (elapsed >= half)
		return surplus - surplus / 2;
	/* 1 - 2^-x is 0.7 x for small x. */
	return mul_u64_u64_div_u64(surplus, elapsed * 7, half * 10);
}

/**
 * hermes_adapt() - new target after an interval
 * @c: the client; its lock is held
 * @consumed: pages consumed in the interval
 * @elapsed: length of the interval, ns
 */
void hermes_adapt(struct hermes_client *c, unsigned long consumed, u64 elapsed)
{
	unsigned long want = consumed * c->conf.factor_pct / 100;
	unsigned long surplus;

	lockdep_assert_held(&c->lock);
	want = clamp(want, hermes_min_pages(c), hermes_max_pages(c));
	if (want >= c->target) {
		c->target = want;
		return;
	}
	surplus = c->target - want;
	surplus -= hermes_decayed(c, surplus, elapsed);
	if (surplus < c->conf.batch_pages)
		surplus = 0;
	c->target = want + surplus;
}

/** hermes_adapt_done() - whether an idle client's target can fall no more
 * @c: the client
 */
bool hermes_adapt_done(const struct hermes_client *c)
{
	return c->target <= hermes_min_pages(c);
}
