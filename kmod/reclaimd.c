// SPDX-License-Identifier: GPL-2.0-only
/*
 * The controller: a kernel thread that reclaims from best-effort cgroups before
 * a latency-critical service would have to wait.
 *
 * It sleeps until somebody needs it: a timer that looks at free memory, the
 * more seldom the more there is, a refill that found no page, a client that
 * missed, or the kernel's own reclaim that came to our shrinker. Then it takes
 * one bounded step after the other, each from the best victim of the moment,
 * until free memory is at the high watermark, nobody has anything to give, or
 * its CPU budget is used up.
 */
#include <linux/kthread.h>
#include <linux/math64.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/timer.h>
#include <linux/wait.h>

#include "hermes.h"
#include "victim.h"

/* Behind any service of the same weight, but not starved. */
#define HERMES_NICE		10
/* The timer looks no more often, however fast free memory falls. */
#define HERMES_POLL_LEAST_MS	10
/* Nor more seldom while it is below the watermark. */
#define HERMES_POLL_LOW_MS	100
/* How fast free memory is expected to fall at any time, bytes a millisecond. */
#define HERMES_FALL_MS		((u64)SZ_1G / MSEC_PER_SEC)
/* After a look that found nothing to take, triggers are ignored for so long. */
#define HERMES_QUIET_MS		10
/* CPU time that may be saved up, in time of the budget. */
#define HERMES_CPU_BURST_NS	(200 * (s64)NSEC_PER_MSEC)

static struct task_struct *hermes_reclaimd;
static DECLARE_WAIT_QUEUE_HEAD(hermes_reclaim_wait);
static void hermes_reclaim_poll(struct timer_list *unused);
static DEFINE_TIMER(hermes_reclaim_timer, hermes_reclaim_poll);

/* Bits, enum hermes_trigger. */
static unsigned long hermes_pending;
/* There is a policy to reclaim and somebody to reclaim from. */
static bool hermes_armed;
/* Whoever finds that out. */
static DEFINE_MUTEX(hermes_arm_lock);
/* jiffies */
static unsigned long hermes_quiet_until;
/* Of the timer: free bytes at the last look. */
static u64 hermes_polled_free, hermes_polled_at;

/* Counters; the thread and the timer write. */
static atomic64_t hermes_wakes, hermes_looks, hermes_steps, hermes_asked,
		  hermes_got, hermes_cpu_ns, hermes_throttled;

/* The thread only. */
static s64 hermes_cpu_credit;
static u64 hermes_credited_at;
/* Its CPU time that was charged so far: all of it, looks as well as steps. */
static u64 hermes_cpu_charged;

static void hermes_reclaim_wake(enum hermes_trigger trigger)
{
	if (!test_and_set_bit(trigger, &hermes_pending))
		wake_up(&hermes_reclaim_wait);
}

/**
 * hermes_reclaim_trigger() - somebody is short of memory, or soon will be
 * @trigger: who
 *
 * Context: Any but hard interrupt, also in reclaim; does not sleep, takes no
 *	lock but that of a wait queue, and that seldom.
 */
void hermes_reclaim_trigger(enum hermes_trigger trigger)
{
	if (!READ_ONCE(hermes_armed) || current == hermes_reclaimd ||
	    time_before(jiffies, READ_ONCE(hermes_quiet_until)))
		return;
	hermes_reclaim_wake(trigger);
}

/* Until free memory, falling as it may, has come half the way. */
static unsigned int hermes_poll_ms(const struct hermes_levels *l,
				   const struct hermes_policy *policy, u64 now)
{
	u64 elapsed = max(div_u64(now - hermes_polled_at, NSEC_PER_MSEC), 1ULL);
	u64 fall = HERMES_FALL_MS, ms;

	if (hermes_polled_free > l->free)
		fall = max(fall, div64_u64(hermes_polled_free - l->free, elapsed));
	hermes_polled_free = l->free;
	hermes_polled_at = now;
	if (l->free <= l->low)
		return min_t(u32, HERMES_POLL_LOW_MS, policy->poll_ms);
	ms = div64_u64((l->free - l->low) / 2, fall);
	return clamp_t(u64, ms, HERMES_POLL_LEAST_MS, policy->poll_ms);
}

static void hermes_reclaim_poll(struct timer_list *unused)
{
	struct hermes_policy policy;
	struct hermes_levels l;
	u64 now = ktime_get_ns();

	if (!READ_ONCE(hermes_armed))
		return;
	hermes_policy_get(&policy);
	hermes_demand_sample(now);
	hermes_levels(&l, &policy);
	atomic64_inc(&hermes_looks);
	if (l.free < l.low)
		hermes_reclaim_wake(HERMES_TRIGGER_WATERMARK);
	mod_timer(&hermes_reclaim_timer,
		  jiffies + msecs_to_jiffies(hermes_poll_ms(&l, &policy, now)));
}

/**
 * hermes_reclaim_changed() - the policy or the registrations are new
 *
 * Context: Process context, takes hermes_cgroups_lock.
 */
void hermes_reclaim_changed(void)
{
	struct hermes_policy policy;
	u32 best_effort, latency_critical;

	mutex_lock(&hermes_arm_lock);
	hermes_policy_get(&policy);
	hermes_cgroups_count(&best_effort, &latency_critical);
	WRITE_ONCE(hermes_armed, policy.enabled && best_effort);
	if (hermes_armed)
		mod_timer(&hermes_reclaim_timer, jiffies + 1);
	mutex_unlock(&hermes_arm_lock);
}

/*
 * CPU time that may be used; ns, below 0 it is overdrawn. The scheduler accounts
 * at ticks and switches: what it does not know yet is charged the next time.
 */
static s64 hermes_reclaim_cpu_left(const struct hermes_policy *policy)
{
	u64 now = ktime_get_ns(), used = current->se.sum_exec_runtime;
	u64 earned = div_u64((now - hermes_credited_at) * policy->cpu_pct, 100);
	s64 most = HERMES_CPU_BURST_NS / 100 * policy->cpu_pct;

	hermes_credited_at = now;
	hermes_cpu_credit = min(most, hermes_cpu_credit + (s64)earned) -
			    (s64)(used - hermes_cpu_charged);
	atomic64_add(used - hermes_cpu_charged, &hermes_cpu_ns);
	hermes_cpu_charged = used;
	return hermes_cpu_credit;
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
	schedule_timeout_idle(nsecs_to_jiffies(div_u64(-left * 100,
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
	d->refaults = pick->victim->seen.refault - before->refault;
	d->pressure_pct = hermes_judge_pressure(pick->victim, now);
	d->backoff = hermes_judge_step(pick, d, before, policy, now);
	reg->steps++;
	reg->partial += d->error == -EAGAIN;
	reg->asked += d->asked;
	reg->got += d->got;
	reg->cpu_ns += d->cpu_ns;
	reg->tokens -= min(reg->tokens, d->asked);
	mutex_unlock(&hermes_cgroups_lock);
	atomic64_inc(&hermes_steps);
	atomic64_add(d->asked, &hermes_asked);
	atomic64_add(d->got, &hermes_got);
}

static void hermes_reclaim_step(struct hermes_pick *pick,
				struct hermes_decision *d,
				const struct hermes_policy *policy)
{
	u64 cpu = current->se.sum_exec_runtime, start = ktime_get_ns();
	struct hermes_seen before;

	mutex_lock(&hermes_cgroups_lock);
	before = pick->victim->seen;
	mutex_unlock(&hermes_cgroups_lock);
	d->asked = pick->bytes;
	d->error = hermes_victim_write(pick);
	d->wall_ns = ktime_get_ns() - start;
	/* The scheduler accounts at ticks and switches. */
	d->cpu_ns = min_t(u64, d->wall_ns,
			  current->se.sum_exec_runtime - cpu + TICK_NSEC);
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
}

/* One decision; false when there is nothing more to do for now. */
static bool hermes_reclaim_once(u32 trigger, struct hermes_decision *d)
{
	struct hermes_policy policy;
	struct hermes_levels l;
	struct hermes_pick pick;

	hermes_policy_get(&policy);
	hermes_levels(&l, &policy);
	if (l.free >= l.high || !READ_ONCE(hermes_armed) ||
	    kthread_should_stop())
		return false;
	hermes_decision_begin(d, &l, trigger);
	if (!hermes_choose(d, &pick, &policy, l.hard)) {
		hermes_decision_add(d);
		/* The last best-effort cgroup may have been removed. */
		if (d->choice == HERMES_CHOICE_NOBODY)
			hermes_reclaim_changed();
		hermes_pace(&policy);
		return false;
	}
	hermes_reclaim_step(&pick, d, &policy);
	hermes_decision_add(d);
	hermes_victim_put(pick.victim);
	hermes_cgroup_put(pick.reg);
	hermes_pace(&policy);
	return true;
}

/* Static: 400 bytes are much of a stack that reclaim will use, too. */
static struct hermes_decision hermes_deciding;

static int hermes_reclaim_thread(void *unused)
{
	unsigned long pending;
	u32 trigger;

	set_user_nice(current, HERMES_NICE);
	hermes_cpu_charged = current->se.sum_exec_runtime;
	while (!kthread_should_stop()) {
		wait_event_idle(hermes_reclaim_wait,
				READ_ONCE(hermes_pending) ||
				kthread_should_stop());
		pending = xchg(&hermes_pending, 0);
		if (!pending)
			continue;
		atomic64_inc(&hermes_wakes);
		trigger = __ffs(pending);
		while (hermes_reclaim_once(trigger, &hermes_deciding))
			;
		WRITE_ONCE(hermes_quiet_until,
			   jiffies + msecs_to_jiffies(HERMES_QUIET_MS));
	}
	return 0;
}

/**
 * hermes_reclaim_dry_run() - what would be decided, without doing it
 * @free: bytes that are assumed to be free
 * @decision: out
 *
 * Context: Process context; reads cgroup files.
 * Return: 0.
 */
int hermes_reclaim_dry_run(u64 free, struct hermes_decision *decision)
{
	struct hermes_policy policy;
	struct hermes_levels l;
	struct hermes_pick pick;

	hermes_policy_get(&policy);
	hermes_levels(&l, &policy);
	l.free = free;
	hermes_decision_begin(decision, &l, HERMES_TRIGGER_DRY_RUN);
	if (!policy.enabled) {
		decision->choice = HERMES_CHOICE_DISABLED;
	} else if (l.free >= l.low) {
		decision->choice = HERMES_CHOICE_ENOUGH;
	} else if (hermes_choose(decision, &pick, &policy, l.hard)) {
		decision->asked = pick.bytes;
		hermes_victim_put(pick.victim);
		hermes_cgroup_put(pick.reg);
	}
	return 0;
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
	hermes_credited_at = ktime_get_ns();
	hermes_reclaimd = kthread_run(hermes_reclaim_thread, NULL,
				      "hermes_reclaimd");
	return PTR_ERR_OR_ZERO(hermes_reclaimd);
}

/* Nobody can register any more; triggers may still come. */
void hermes_reclaim_exit(void)
{
	WRITE_ONCE(hermes_armed, false);
	kthread_stop(hermes_reclaimd);
	/* The thread may have armed it anew. */
	WRITE_ONCE(hermes_armed, false);
	timer_delete_sync(&hermes_reclaim_timer);
	hermes_cgroups_exit();
}
