// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a client costs and misses: the CPU budget of its refill, misses by
 * cause, and the events about both.
 */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/math64.h>

#include "hermes.h"
#include "reclaim.h"

/* CPU time that a refill may save up, in time of the budget. */
#define HERMES_CPU_BURST_NS	(200 * (u64)NSEC_PER_MSEC)
/* Events of one kind for one client are so far apart. */
#define HERMES_EVENT_NS		(100 * NSEC_PER_MSEC)

atomic64_t hermes_refill_ns_total;
atomic64_t hermes_misses_total;

/**
 * hermes_cpu_left() - CPU time that the refill of a client may use now
 * @c: the client
 *
 * A token bucket: policy refill_cpu_pct of one CPU, up to 200 ms of it saved.
 *
 * Context: The client's worker.
 * Return: ns; below 0 the budget is overdrawn.
 */
s64 hermes_cpu_left(struct hermes_client *c)
{
	u64 now = ktime_get_ns(), elapsed;
	struct hermes_policy policy;

	hermes_policy_get(&policy);
	elapsed = min(now - c->credited_at, HERMES_CPU_BURST_NS);
	c->credited_at = now;
	c->cpu_credit += div_u64(elapsed * policy.refill_cpu_pct, 100);
	c->cpu_credit = min_t(s64, c->cpu_credit,
			      div_u64(HERMES_CPU_BURST_NS * policy.refill_cpu_pct,
				      100));
	return c->cpu_credit;
}

/**
 * hermes_cpu_debt() - how long a throttled refill has to wait
 * @c: the client
 *
 * Context: The client's worker, while it runs.
 * Return: ns until the budget covers this run.
 */
u64 hermes_cpu_debt(const struct hermes_client *c)
{
	s64 debt = (s64)hermes_stopwatch_read(&c->run) - c->cpu_credit;
	struct hermes_policy policy;

	hermes_policy_get(&policy);
	return debt > 0 ? div_u64((u64)debt * 100, policy.refill_cpu_pct) : 0;
}

/**
 * hermes_cpu_used() - account for a run of the worker
 * @c: the client
 * @ns: what it used
 *
 * Context: The client's worker.
 */
void hermes_cpu_used(struct hermes_client *c, u64 ns)
{
	c->cpu_credit = max(c->cpu_credit - (s64)ns, -(s64)HERMES_CPU_BURST_NS);
	atomic64_add(ns, &c->stat.refill_ns);
	atomic64_add(ns, &hermes_refill_ns_total);
}

static bool hermes_event_due(u64 *last, u64 now)
{
	if (*last && now - *last < HERMES_EVENT_NS)
		return false;
	*last = now;
	return true;
}

static u64 hermes_bytes(unsigned long pages)
{
	return (u64)pages << PAGE_SHIFT;
}

/* Whether there would have been no miss had more memory been free. */
static bool hermes_memory_helps(enum hermes_miss cause)
{
	return cause != HERMES_MISS_MODULE && cause != HERMES_MISS_CPU;
}

/**
 * hermes_account_misses() - tell of what was missed since the last time
 * @c: the client
 * @now: time, ns
 *
 * Context: The client's worker.
 */
void hermes_account_misses(struct hermes_client *c, u64 now)
{
	u64 misses = hermes_client_misses(c);

	if (misses != c->misses_seen) {
		atomic64_add(misses - c->misses_seen, &hermes_misses_total);
		c->misses_seen = misses;
		if (hermes_memory_helps(c->miss_cause))
			hermes_reclaim_trigger(HERMES_TRIGGER_MISS);
	}
	if (misses == c->misses_told || !hermes_event_due(&c->misses_told_at, now))
		return;
	hermes_event_client(c->id, HERMES_EVENT_MISSES,
			    hermes_bytes(c->ready_pages),
			    hermes_bytes(c->target), misses - c->misses_told,
			    HERMES_A_CLIENT_MISS_BURST + c->miss_cause);
	c->misses_told = misses;
}

/**
 * hermes_account_last() - what was missed since the worker last ran
 * @c: the client, which is closed; its worker does not run any more
 */
void hermes_account_last(struct hermes_client *c)
{
	atomic64_add(hermes_client_misses(c) - c->misses_seen,
		     &hermes_misses_total);
}

/**
 * hermes_account_low() - the refill could not bring the reserve over the mark
 * @c: the client
 * @now: time, ns
 *
 * Context: The client's worker.
 */
void hermes_account_low(struct hermes_client *c, u64 now)
{
	if (c->ready_pages >= hermes_low_pages(c) ||
	    !hermes_event_due(&c->low_told_at, now))
		return;
	hermes_event_client(c->id, HERMES_EVENT_RESERVE_LOW,
			    hermes_bytes(c->ready_pages),
			    hermes_bytes(c->target), 0,
			    HERMES_A_CLIENT_MISS_BURST + c->miss_cause);
}
