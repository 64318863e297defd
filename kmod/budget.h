/* SPDX-License-Identifier: GPL-2.0-only */
/* CPU time of kernel threads: measured, and bounded by a token bucket. */
#ifndef _HERMES_BUDGET_H
#define _HERMES_BUDGET_H

#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/sched.h>

/* CPU time of the current task since some moment. */
struct hermes_stopwatch {
	u64 wall;
	u64 cpu;
};

static inline void hermes_stopwatch_start(struct hermes_stopwatch *w)
{
	w->wall = ktime_get_ns();
	w->cpu = current->se.sum_exec_runtime;
}

/*
 * ns, an upper bound: the scheduler accounts at ticks and switches, so it is
 * the wall time of a task that did not wait, else what was accounted, and a tick.
 */
static inline u64 hermes_stopwatch_read(const struct hermes_stopwatch *w)
{
	return min_t(u64, ktime_get_ns() - w->wall,
		     current->se.sum_exec_runtime - w->cpu + TICK_NSEC);
}

/*
 * Most CPU time that a budget may be overdrawn by: what one long step used is
 * not held against it for minutes. Saved up is as much time of the budget.
 */
#define HERMES_BUDGET_NS	(200 * (s64)NSEC_PER_MSEC)

/**
 * struct hermes_budget - a share of one CPU, a token bucket
 * @credit: CPU time that may be used, ns; below 0 it is overdrawn
 * @credited_at: when that was computed, ns
 *
 * All zero it is new, and full when it is first looked at.
 */
struct hermes_budget {
	s64 credit;
	u64 credited_at;
};

/* What came in since the last time; @pct of one CPU. */
static inline void hermes_budget_earn(struct hermes_budget *b, u32 pct)
{
	u64 now = ktime_get_ns();
	s64 earned = div_u64((now - b->credited_at) * pct, 100);

	b->credited_at = now;
	b->credit = min(b->credit + earned, HERMES_BUDGET_NS / 100 * pct);
}

static inline void hermes_budget_spend(struct hermes_budget *b, u64 ns)
{
	b->credit = max(b->credit - (s64)ns, -HERMES_BUDGET_NS);
}

/* ns until a budget with @left of credit is not overdrawn any more. */
static inline u64 hermes_budget_wait(s64 left, u32 pct)
{
	return left < 0 ? div_u64((u64)-left * 100, pct) : 0;
}

#endif /* _HERMES_BUDGET_H */
