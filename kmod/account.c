// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a client costs and misses: the CPU budget of its refill, misses by
 * cause, and the events about both.
 */
#include "hermes.h"
#include "reclaim.h"

/* Events of one kind for one client are so far apart. */
#define HERMES_EVENT_NS		(100 * NSEC_PER_MSEC)

atomic64_t hermes_refill_ns_total;
atomic64_t hermes_misses_total;

static u32 hermes_refill_pct(void)
{
	struct hermes_policy policy;

	hermes_policy_get(&policy);
	return policy.refill_cpu_pct;
}

/**
 * hermes_cpu_begin() - the worker begins a run
 * @c: the client
 *
 * Context: The client's worker.
 */
void hermes_cpu_begin(struct hermes_client *c)
{
	hermes_budget_earn(&c->cpu, hermes_refill_pct());
	hermes_stopwatch_start(&c->run);
}

/**
 * hermes_cpu_left() - CPU time that this run of the worker may still use
 * @c: the client
 *
 * Context: The client's worker, between hermes_cpu_begin() and _end().
 * Return: ns; below 0 the budget is overdrawn.
 */
s64 hermes_cpu_left(const struct hermes_client *c)
{
	return c->cpu.credit - (s64)hermes_stopwatch_read(&c->run);
}

/**
 * hermes_cpu_wait() - how long a throttled refill has to wait
 * @c: the client
 *
 * Context: As hermes_cpu_left().
 * Return: ns until the budget covers this run.
 */
u64 hermes_cpu_wait(const struct hermes_client *c)
{
	return hermes_budget_wait(hermes_cpu_left(c), hermes_refill_pct());
}

/**
 * hermes_cpu_end() - account for a run of the worker
 * @c: the client
 *
 * Context: The client's worker.
 */
void hermes_cpu_end(struct hermes_client *c)
{
	u64 ns = hermes_stopwatch_read(&c->run);

	hermes_budget_spend(&c->cpu, ns);
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
