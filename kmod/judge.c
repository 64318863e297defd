// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a step was worth and what it cost its victim; from that, for how long
 * the victim is left alone.
 *
 * The rules are those of the user-space reclaimers (senpai, TMO: Weiner et al.,
 * ASPLOS 2022): stop where pressure or refaults show that a job needs what is
 * taken from it. A job that is too large for the machine refaults and stalls
 * anyway, so what counts is what it does beyond its own when left alone.
 */
#include <linux/math64.h>

#include "hermes.h"
#include "victim.h"

static u32 hermes_pct(u64 part, u64 whole)
{
	return whole ? min_t(u64, div64_u64(part * 100, whole), U32_MAX) : 0;
}

static void hermes_rest(struct hermes_rest *rest, enum hermes_backoff why,
			const struct hermes_policy *policy, u64 now)
{
	rest->ms = clamp(rest->ms * 2, policy->backoff_ms,
			 policy->backoff_max_ms);
	rest->why = why;
	rest->until = now + (u64)rest->ms * NSEC_PER_MSEC;
}

static void hermes_recover(struct hermes_rest *rest)
{
	rest->ms /= 2;
}

/**
 * hermes_judge_pressure() - how much its tasks stalled in the window
 * @victim: as last looked at
 * @now: time, ns
 *
 * Return: per cent of the time since the window began.
 */
u32 hermes_judge_pressure(const struct hermes_victim *victim, u64 now)
{
	u64 stalled = hermes_since(victim->seen.stalled_us,
				   victim->base.stalled_us);

	return min(hermes_pct(stalled * NSEC_PER_USEC, now - victim->base_at),
		   100U);
}

/* What it does of @seen in @elapsed ns when it is left alone. */
static u64 hermes_calm(u64 rate, u64 elapsed)
{
	return mul_u64_u64_div_u64(rate, elapsed, NSEC_PER_SEC);
}

static u64 hermes_beyond(u64 all, u64 calm)
{
	return all > calm ? all - calm : 0;
}

/* Up slowly: some of it may still be the steps' doing. */
static void hermes_learn(u64 *rate, u64 all, u64 elapsed)
{
	/* Both fit by far; a division that overflows would be an oops. */
	u64 now = mul_u64_u64_div_u64(min(all, 1ULL << 50), NSEC_PER_SEC,
				      elapsed);

	*rate = now > *rate ? (7 * *rate + now) / 8 : (*rate + now) / 2;
}

static enum hermes_backoff hermes_suffers(const struct hermes_victim *v,
					  const struct hermes_policy *policy,
					  u64 refaults, u64 stalled, u64 elapsed)
{
	refaults = hermes_beyond(refaults, hermes_calm(v->calm_refault, elapsed));
	if (hermes_pct(refaults, v->base_got) > policy->refault_pct)
		return HERMES_BACKOFF_REFAULT;
	stalled = hermes_beyond(stalled, hermes_calm(v->calm_stalled, elapsed));
	if (hermes_pct(stalled * NSEC_PER_USEC, elapsed) > policy->pressure_pct)
		return HERMES_BACKOFF_PRESSURE;
	return HERMES_BACKOFF_NONE;
}

static void hermes_window_begin(struct hermes_victim *v, u64 now)
{
	v->base = v->seen;
	v->base_at = now;
	v->base_got = 0;
}

/* The window began well after the last step. */
static bool hermes_was_calm(const struct hermes_victim *v)
{
	return v->base_at > v->stepped_at + 2 * HERMES_WINDOW_NS;
}

static void hermes_verdict(struct hermes_victim *v,
			   const struct hermes_policy *policy, u64 now,
			   enum hermes_backoff why)
{
	int kind;

	for (kind = 0; kind < HERMES_KINDS; kind++) {
		if (why)
			hermes_rest(&v->rest[kind], why, policy, now);
		else
			hermes_recover(&v->rest[kind]);
	}
}

/**
 * hermes_judge_window() - what the steps of the last time did to a victim
 * @victim: just looked at
 * @policy: in force
 * @now: time, ns
 *
 * A window that has grown long, as nobody looked, says nothing of the steps.
 *
 * Context: hermes_cgroups_lock held.
 */
void hermes_judge_window(struct hermes_victim *victim,
			 const struct hermes_policy *policy, u64 now)
{
	u64 elapsed = now - victim->base_at, refaults, stalled;

	if (elapsed < HERMES_WINDOW_NS)
		return;
	refaults = hermes_since(victim->seen.refault, victim->base.refault);
	stalled = hermes_since(victim->seen.stalled_us, victim->base.stalled_us);
	if (!victim->base_got && hermes_was_calm(victim)) {
		hermes_learn(&victim->calm_refault, refaults, elapsed);
		hermes_learn(&victim->calm_stalled, stalled, elapsed);
	} else if (victim->base_got && elapsed < HERMES_WINDOWS_MAX * HERMES_WINDOW_NS) {
		hermes_verdict(victim, policy, now,
			       hermes_suffers(victim, policy, refaults, stalled,
					      elapsed));
	}
	hermes_window_begin(victim, now);
}

/*
 * The kernel says whether it got all, which may be more where pages are in large
 * folios; how much it counts, but before 6.15 with what others reclaimed.
 */
static u64 hermes_got(const struct hermes_pick *pick, int error,
		      const struct hermes_seen *before)
{
	const struct hermes_seen *after = &pick->victim->seen;
	u64 counted = hermes_since(after->steal, before->steal);

	if (after->steal_ours && before->steal_ours)
		return error ? counted : max(counted, pick->bytes);
	return error ? min(counted, pick->bytes) : pick->bytes;
}

/*
 * On 6.1 the kernel cannot be told to leave anonymous memory alone; where it
 * is not to be touched, a step that did is the last one for a while.
 */
static bool hermes_spilled(const struct hermes_pick *pick,
			   const struct hermes_seen *before)
{
	const struct hermes_seen *after = &pick->victim->seen;

	return pick->kind == HERMES_KIND_FILE && !pick->reg->conf.anon &&
	       after->anon + pick->bytes / 4 < before->anon;
}

/**
 * hermes_judge_step() - account for a step
 * @pick: the victim was looked at after the step
 * @d: the decision, with the step's error; gets the result
 * @before: what was seen of the victim before
 * @policy: in force
 * @now: time, ns
 *
 * Context: hermes_cgroups_lock held.
 * Return: enum hermes_backoff that follows.
 */
u32 hermes_judge_step(struct hermes_pick *pick, struct hermes_decision *d,
		      const struct hermes_seen *before,
		      const struct hermes_policy *policy, u64 now)
{
	struct hermes_rest *rest = &pick->victim->rest[pick->kind];
	u32 why = HERMES_BACKOFF_NONE;

	d->got = hermes_got(pick, d->error, before);
	pick->victim->base_got += d->got;
	pick->victim->stepped_at = now;
	if (d->error && d->error != -EAGAIN && d->error != -EINTR)
		why = HERMES_BACKOFF_ERROR;
	else if (hermes_pct(d->got, pick->bytes) < policy->yield_pct ||
		 hermes_spilled(pick, before))
		why = HERMES_BACKOFF_YIELD;
	if (why)
		hermes_rest(rest, why, policy, now);
	return why;
}
