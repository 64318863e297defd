// SPDX-License-Identifier: GPL-2.0-only
/*
 * The controller: a kernel thread that reclaims from best-effort cgroups before
 * a latency-critical service would have to wait.
 *
 * It looks at free memory, the more seldom the more there is, and is woken by a
 * refill that found no page, by a client that missed, and by the kernel's own
 * reclaim that came to our shrinker. While there is nobody to reclaim from it
 * sleeps. It takes one bounded step after the other, each from the best victim
 * of the moment, until free memory is at the high watermark, nobody has anything
 * to give, or its CPU budget is used up.
 */
#include <linux/kthread.h>
#include <linux/math64.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/wait.h>

#include "hermes.h"
#include "victim.h"

/* Behind any service of the same weight, but not starved. */
#define HERMES_NICE		10
/* It looks no more often, however fast free memory falls. */
#define HERMES_POLL_LEAST_MS	10
/* Nor more seldom while it is below the watermark. */
#define HERMES_POLL_LOW_MS	100
/* How fast free memory is expected to fall at any time, bytes a millisecond. */
#define HERMES_FALL_MS		((u64)SZ_1G / MSEC_PER_SEC)
/* After a look, triggers wake nobody for so long. */
#define HERMES_QUIET_MS		10

/* In hermes_pending besides triggers: look whether there is work at all. */
#define HERMES_LOOK_AGAIN	0

static struct task_struct *hermes_reclaimd;
static DECLARE_WAIT_QUEUE_HEAD(hermes_reclaim_wait);

/* Bits, enum hermes_trigger and HERMES_LOOK_AGAIN. */
static unsigned long hermes_pending;
/* The same, of quiet times: for the next look, whoever it is woken by. */
static unsigned long hermes_noted;
/* There is a policy to reclaim and somebody to reclaim from. */
static bool hermes_armed;
/* Whoever finds that out. */
static DEFINE_MUTEX(hermes_arm_lock);
/* jiffies */
static unsigned long hermes_quiet_until;

/* Counters; the thread writes. */
static atomic64_t hermes_wakes, hermes_looks, hermes_steps, hermes_asked,
		  hermes_got, hermes_cpu_ns, hermes_throttled;

/* The thread only. */
static struct hermes_budget hermes_reclaim_cpu;
/* Its CPU time that was charged so far: all of it, looks as well as steps. */
static u64 hermes_cpu_charged;
/* Free bytes at the last look, and when that was, ns. */
static u64 hermes_polled_free, hermes_polled_at;
/* Too large for a stack that reclaim will use, too. */
static struct hermes_decision hermes_deciding;

/*
 * Where memory may be short: the machine, then limits. Of those that a step was
 * taken for, up to the high watermark.
 */
static struct hermes_scopes {
	struct hermes_levels levels[1 + HERMES_LIMITS_MAX];
	unsigned int nr;
	u64 at; /* when that was looked up, ns */
	s64 spare; /* least distance from a low watermark */
	unsigned int next; /* whose turn it is */
	u64 begun[1 + HERMES_LIMITS_MAX]; /* ids of these; 1: the machine */
	unsigned int nr_begun;
} hermes_scopes;

static void hermes_reclaim_wake(unsigned int bit)
{
	if (!test_and_set_bit(bit, &hermes_pending))
		wake_up(&hermes_reclaim_wait);
}

/**
 * hermes_reclaim_trigger() - somebody is short of memory, or soon will be
 * @trigger: who
 *
 * Context: Any, also in reclaim; does not sleep, takes no lock but that of a
 *	wait queue, and that seldom.
 */
void hermes_reclaim_trigger(enum hermes_trigger trigger)
{
	if (!READ_ONCE(hermes_armed) || current == hermes_reclaimd)
		return;
	if (time_before(jiffies, READ_ONCE(hermes_quiet_until)))
		set_bit(trigger, &hermes_noted);
	else
		hermes_reclaim_wake(trigger);
}

static void hermes_rearm(void)
{
	struct hermes_policy policy;
	u32 best_effort, latency_critical;

	mutex_lock(&hermes_arm_lock);
	hermes_policy_get(&policy);
	hermes_cgroups_count(&best_effort, &latency_critical);
	WRITE_ONCE(hermes_armed, policy.enabled && best_effort);
	mutex_unlock(&hermes_arm_lock);
}

/**
 * hermes_reclaim_changed() - the policy or the registrations are new
 *
 * Context: Process context, takes hermes_cgroups_lock.
 */
void hermes_reclaim_changed(void)
{
	hermes_rearm();
	hermes_reclaim_wake(HERMES_LOOK_AGAIN);
}

/* All levels as they are now; with references. */
static void hermes_scopes_get(struct hermes_scopes *s,
			      const struct hermes_policy *policy)
{
	unsigned int i;

	s->at = ktime_get_ns();
	hermes_levels(&s->levels[0], policy);
	mutex_lock(&hermes_cgroups_lock);
	s->nr = 1 + hermes_limits(s->levels + 1, policy);
	mutex_unlock(&hermes_cgroups_lock);
	s->spare = hermes_spare(&s->levels[0]);
	for (i = 1; i < s->nr; i++)
		s->spare = min(s->spare, hermes_spare(&s->levels[i]));
}

static void hermes_scopes_put(struct hermes_scopes *s)
{
	while (--s->nr)
		cgroup_put(s->levels[s->nr].within);
}

static u64 hermes_scope_id(const struct hermes_levels *l)
{
	return l->within ? cgroup_id(l->within) : 1;
}

static bool hermes_scope_begun(const struct hermes_scopes *s,
			       const struct hermes_levels *l)
{
	unsigned int i;

	for (i = 0; i < s->nr_begun; i++)
		if (s->begun[i] == hermes_scope_id(l))
			return true;
	return false;
}

static void hermes_scope_begin(struct hermes_scopes *s,
			       const struct hermes_levels *l)
{
	if (s->nr_begun < ARRAY_SIZE(s->begun) && !hermes_scope_begun(s, l))
		s->begun[s->nr_begun++] = hermes_scope_id(l);
}

/*
 * Until free memory, falling as it may, has come half the way to a watermark
 * from where it was when the last turn found nothing to do.
 */
static unsigned int hermes_poll_ms(const struct hermes_scopes *s,
				   const struct hermes_policy *policy)
{
	u64 fall = HERMES_FALL_MS, free = s->levels[0].free, ms, elapsed;

	elapsed = max(div_u64(s->at - hermes_polled_at, NSEC_PER_MSEC), 1ULL);
	if (hermes_polled_free > free)
		fall = max(fall, div64_u64(hermes_polled_free - free, elapsed));
	hermes_polled_free = free;
	hermes_polled_at = s->at;
	if (s->spare <= 0)
		return min_t(u32, HERMES_POLL_LOW_MS, policy->poll_ms);
	ms = div64_u64(s->spare / 2, fall);
	/* It may have slept off its budget since. */
	ms -= min(ms, div_u64(ktime_get_ns() - s->at, NSEC_PER_MSEC));
	return clamp_t(u64, ms, HERMES_POLL_LEAST_MS, policy->poll_ms);
}

/*
 * CPU time that may be used; ns, below 0 it is overdrawn. The scheduler accounts
 * at ticks and switches: what it does not know yet is charged the next time.
 */
static s64 hermes_reclaim_cpu_left(const struct hermes_policy *policy)
{
	u64 used = current->se.sum_exec_runtime - hermes_cpu_charged;

	hermes_budget_earn(&hermes_reclaim_cpu, policy->cpu_pct);
	hermes_budget_spend(&hermes_reclaim_cpu, used);
	atomic64_add(used, &hermes_cpu_ns);
	hermes_cpu_charged += used;
	return hermes_reclaim_cpu.credit;
}

/* Sleeps off what was used beyond the budget. */
static void hermes_pace(const struct hermes_policy *policy)
{
	s64 left = hermes_reclaim_cpu_left(policy);

	if (left >= 0) {
		cond_resched();
		return;
	}
	atomic64_inc(&hermes_throttled);
	schedule_timeout_idle(nsecs_to_jiffies(hermes_budget_wait(left,
								  policy->cpu_pct)) + 1);
}

/* The victim and its cgroup's registration after a step. */
static void hermes_settle(struct hermes_pick *pick, struct hermes_decision *d,
			  const struct hermes_seen *before,
			  const struct hermes_policy *policy)
{
	struct hermes_registration *reg = pick->reg;
	u64 now = ktime_get_ns();

	mutex_lock(&hermes_cgroups_lock);
	hermes_victim_look(pick->victim);
	d->refaults = hermes_since(pick->victim->seen.refault, before->refault);
	d->pressure_pct = hermes_judge_pressure(pick->victim, now);
	d->backoff = hermes_judge_step(pick, d, before, policy, now);
	hermes_judge_window(pick->victim, policy, now);
	reg->steps++;
	reg->partial += d->error == -EAGAIN;
	reg->asked += d->asked;
	reg->got += d->got;
	reg->cpu_ns += d->cpu_ns;
	reg->tokens -= min(reg->tokens, max(d->asked, d->got));
	mutex_unlock(&hermes_cgroups_lock);
	atomic64_inc(&hermes_steps);
	atomic64_add(d->asked, &hermes_asked);
	atomic64_add(d->got, &hermes_got);
}

static void hermes_reclaim_step(struct hermes_pick *pick,
				struct hermes_decision *d,
				const struct hermes_policy *policy)
{
	struct hermes_stopwatch watch;
	struct hermes_seen before;

	/* What was seen may be some time old; others reclaim as well. */
	mutex_lock(&hermes_cgroups_lock);
	hermes_victim_look(pick->victim);
	before = pick->victim->seen;
	mutex_unlock(&hermes_cgroups_lock);
	hermes_stopwatch_start(&watch);
	d->error = hermes_victim_write(pick);
	d->wall_ns = ktime_get_ns() - watch.wall;
	d->cpu_ns = hermes_stopwatch_read(&watch);
	hermes_settle(pick, d, &before, policy);
}

static void hermes_decision_begin(struct hermes_decision *d,
				  const struct hermes_levels *l, u32 trigger)
{
	memset(d, 0, sizeof(*d));
	d->time = ktime_get_ns();
	d->trigger = trigger;
	d->free = l->free;
	d->low = l->low;
	d->high = l->high;
	d->demand = l->demand;
	if (l->within)
		hermes_cgroup_path(l->within, d->within);
}

static bool hermes_reclaim_within(const struct hermes_levels *l, u32 trigger,
				  const struct hermes_policy *policy)
{
	struct hermes_decision *d = &hermes_deciding;
	struct hermes_pick pick;

	hermes_decision_begin(d, l, trigger);
	if (!hermes_choose(d, &pick, policy, l)) {
		hermes_decision_add(d);
		/* The last best-effort cgroup may have been removed. */
		if (d->choice == HERMES_CHOICE_NOBODY)
			hermes_rearm();
		return false;
	}
	hermes_reclaim_step(&pick, d, policy);
	hermes_decision_add(d);
	hermes_victim_put(pick.victim);
	hermes_cgroup_put(pick.reg);
	return true;
}

/* One step, wherever memory is short, in turn; false if there was none. */
static bool hermes_reclaim_turn(struct hermes_scopes *s, u32 trigger, bool eager,
				const struct hermes_policy *policy)
{
	const struct hermes_levels *l;
	unsigned int i;

	for (i = 0; i < s->nr; i++) {
		l = &s->levels[(s->next + i) % s->nr];
		if (l->free >= (eager || hermes_scope_begun(s, l) ?
				l->high : l->low))
			continue;
		if (!hermes_reclaim_within(l, trigger, policy))
			continue;
		hermes_scope_begin(s, l);
		s->next = (s->next + i + 1) % s->nr;
		return true;
	}
	return false;
}

static bool hermes_reclaim_once(u32 trigger, bool eager)
{
	struct hermes_scopes *s = &hermes_scopes;
	struct hermes_policy policy;
	bool done;

	if (!READ_ONCE(hermes_armed) || kthread_should_stop())
		return false;
	hermes_policy_get(&policy);
	hermes_scopes_get(s, &policy);
	done = hermes_reclaim_turn(s, trigger, eager, &policy);
	hermes_scopes_put(s);
	hermes_pace(&policy);
	return done;
}

/* Returns jiffies until the next look. */
static long hermes_reclaim_look(void)
{
	unsigned long pending = xchg(&hermes_pending, 0);
	bool eager;
	u32 trigger = HERMES_TRIGGER_WATERMARK;
	struct hermes_policy policy;

	if (!READ_ONCE(hermes_armed))
		return MAX_SCHEDULE_TIMEOUT;
	/* Users may change what is theirs in a loop. */
	if (pending == BIT(HERMES_LOOK_AGAIN) &&
	    time_before(jiffies, hermes_quiet_until))
		return msecs_to_jiffies(HERMES_QUIET_MS);
	pending |= xchg(&hermes_noted, 0);
	eager = pending & ~BIT(HERMES_LOOK_AGAIN);
	if (eager)
		trigger = __ffs(pending & ~BIT(HERMES_LOOK_AGAIN));
	hermes_demand_sample(ktime_get_ns());
	atomic64_inc(&hermes_looks);
	hermes_scopes.nr_begun = 0;
	if (hermes_reclaim_once(trigger, eager)) {
		atomic64_inc(&hermes_wakes);
		/* An eager look is so for its first step. */
		while (hermes_reclaim_once(trigger, false))
			;
	}
	WRITE_ONCE(hermes_quiet_until,
		   jiffies + msecs_to_jiffies(HERMES_QUIET_MS));
	hermes_policy_get(&policy);
	return msecs_to_jiffies(hermes_poll_ms(&hermes_scopes, &policy));
}

static int hermes_reclaim_thread(void *unused)
{
	long timeout = MAX_SCHEDULE_TIMEOUT;

	set_user_nice(current, HERMES_NICE);
	hermes_cpu_charged = current->se.sum_exec_runtime;
	while (!kthread_should_stop()) {
		wait_event_idle_timeout(hermes_reclaim_wait,
					READ_ONCE(hermes_pending) ||
					kthread_should_stop(), timeout);
		timeout = hermes_reclaim_look();
	}
	return 0;
}

/* The first place where memory is short, else the machine. */
static const struct hermes_levels *
hermes_scopes_short(const struct hermes_scopes *s)
{
	unsigned int i;

	for (i = 0; i < s->nr; i++)
		if (s->levels[i].free < s->levels[i].low)
			return &s->levels[i];
	return &s->levels[0];
}

/**
 * hermes_reclaim_dry_run() - what would be decided, without doing it
 * @free: bytes that are assumed to be free in the machine; shared limits are
 *	taken as they are
 * @decision: out
 *
 * Context: Process context; reads cgroup files.
 */
void hermes_reclaim_dry_run(u64 free, struct hermes_decision *decision)
{
	const struct hermes_levels *l;
	struct hermes_scopes s = {};
	struct hermes_policy policy;
	struct hermes_pick pick;

	hermes_policy_get(&policy);
	hermes_scopes_get(&s, &policy);
	s.levels[0].free = free;
	l = hermes_scopes_short(&s);
	hermes_decision_begin(decision, l, HERMES_TRIGGER_DRY_RUN);
	if (!policy.enabled) {
		decision->choice = HERMES_CHOICE_DISABLED;
	} else if (l->free >= l->low) {
		decision->choice = HERMES_CHOICE_ENOUGH;
	} else if (hermes_choose(decision, &pick, &policy, l)) {
		hermes_victim_put(pick.victim);
		hermes_cgroup_put(pick.reg);
	}
	hermes_scopes_put(&s);
}

void hermes_reclaim_totals(struct hermes_reclaim_totals *totals)
{
	struct hermes_policy policy;
	struct hermes_levels l;

	hermes_policy_get(&policy);
	hermes_levels(&l, &policy);
	hermes_cgroups_count(&totals->best_effort, &totals->latency_critical);
	totals->free = l.free;
	totals->kernel_high = l.kernel_high;
	totals->low = l.low;
	totals->high = l.high;
	totals->demand = l.demand;
	totals->wakes = atomic64_read(&hermes_wakes);
	totals->looks = atomic64_read(&hermes_looks);
	totals->steps = atomic64_read(&hermes_steps);
	totals->asked = atomic64_read(&hermes_asked);
	totals->got = atomic64_read(&hermes_got);
	totals->cpu_ns = atomic64_read(&hermes_cpu_ns);
	totals->throttled = atomic64_read(&hermes_throttled);
}

int hermes_reclaim_init(void)
{
	hermes_policy_init();
	hermes_reclaimd = kthread_run(hermes_reclaim_thread, NULL,
				      "hermes_reclaimd");
	return PTR_ERR_OR_ZERO(hermes_reclaimd);
}

/* Nobody can register any more; triggers may still come. */
void hermes_reclaim_exit(void)
{
	WRITE_ONCE(hermes_armed, false);
	kthread_stop(hermes_reclaimd);
	hermes_cgroups_exit();
}
