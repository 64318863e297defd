// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which best-effort cgroup the next step takes from: file cache before
 * anonymous memory, and the largest first, by weight.
 */
#include <linux/math64.h>
#include <linux/swap.h>

#include "hermes.h"
#include "victim.h"

/* One look at the victims reads the files of at most so many. */
#define HERMES_LOOKS		32
/* What was seen is good for so long. */
#define HERMES_FRESH_NS		(50 * NSEC_PER_MSEC)
/* A rate limit saves up so much time of it. */
#define HERMES_RATE_BURST_NS	(250 * NSEC_PER_MSEC)
/*
 * Where the kernel cannot be told to leave anonymous memory alone, it does so
 * by itself while there is this much inactive file cache.
 */
#define HERMES_INACTIVE_LEAST	SZ_16M

/* Why nobody was taken, the more telling the higher. */
struct hermes_why_none {
	bool any, rate, backoff, swap;
};

static u64 hermes_rate(const struct hermes_registration *reg,
		       const struct hermes_policy *policy)
{
	return reg->conf.rate ? reg->conf.rate : policy->rate;
}

/* Bytes that the rate limit allows now. */
static u64 hermes_tokens(struct hermes_registration *reg,
			 const struct hermes_policy *policy, u64 now)
{
	u64 rate = hermes_rate(reg, policy), most, elapsed;

	if (!rate)
		return U64_MAX;
	most = max_t(u64, mul_u64_u64_div_u64(rate, HERMES_RATE_BURST_NS,
					      NSEC_PER_SEC), HERMES_STEP_LEAST);
	elapsed = min_t(u64, now - reg->tokens_at, HERMES_RATE_BURST_NS);
	reg->tokens_at = now;
	reg->tokens = min(most, reg->tokens +
			  mul_u64_u64_div_u64(rate, elapsed, NSEC_PER_SEC));
	return reg->tokens;
}

/* Bytes of one kind that may be taken from a victim, leaving its minimum. */
static u64 hermes_offer(const struct hermes_registration *reg,
			const struct hermes_victim *v, enum hermes_kind kind)
{
	u64 current_bytes = hermes_victim_current(v), has, leave;

	if (kind == HERMES_KIND_ANON) {
		has = reg->conf.anon ? v->seen.anon : 0;
	} else {
		leave = HERMES_FILE_LEAST;
		if (reg->conf.anon && get_nr_swap_pages() > 0)
			leave = max(leave, current_bytes >> HERMES_FILE_SHIFT);
		has = v->seen.file > leave ? v->seen.file - leave : 0;
	}
	if (current_bytes <= reg->conf.min)
		return 0;
	return min(has, current_bytes - reg->conf.min);
}

/* On 6.1, see HERMES_INACTIVE_LEAST. */
static bool hermes_would_spill(const struct hermes_registration *reg,
			       const struct hermes_victim *v,
			       enum hermes_kind kind)
{
	return kind == HERMES_KIND_FILE && !reg->conf.anon &&
	       !hermes_can_choose_kind() &&
	       v->seen.inactive_file < HERMES_INACTIVE_LEAST;
}

/* Where it cannot wait, what a victim suffers does not count. */
static bool hermes_resting(const struct hermes_victim *v, enum hermes_kind kind,
			   u64 now, bool hard)
{
	const struct hermes_rest *rest = &v->rest[kind];

	if (rest->until <= now)
		return false;
	return !hard || rest->why == HERMES_BACKOFF_YIELD ||
	       rest->why == HERMES_BACKOFF_ERROR;
}

static void hermes_look_at(struct hermes_victim *v,
			   const struct hermes_policy *policy, u64 now,
			   unsigned int *looks)
{
	if (!v->seen_at || now - v->seen_at >= HERMES_FRESH_NS) {
		if (!*looks)
			return;
		--*looks;
		if (hermes_victim_look(v))
			return;
	}
	hermes_judge_window(v, policy, now);
}

/* Those of one registration; whether looks are left for others. */
static bool hermes_survey_one(struct hermes_registration *reg,
			      const struct hermes_policy *policy, u64 now,
			      unsigned int *looks)
{
	struct hermes_victim *v;

	if (!reg->own)
		return true;
	hermes_split(reg);
	list_for_each_entry(v, &reg->victims, link)
		hermes_look_at(v, policy, now, looks);
	return *looks;
}

/* All victims up to date, as far as one look goes; the next begins there. */
static void hermes_survey(const struct hermes_policy *policy, u64 now)
{
	static u64 reached; /* guarded by hermes_cgroups_lock */
	struct hermes_registration *reg;
	unsigned int looks = HERMES_LOOKS;
	u64 begin = reached;

	hermes_cgroups_prune();
	list_for_each_entry(reg, &hermes_registrations, link) {
		if (cgroup_id(reg->cgrp) < begin)
			continue;
		reached = cgroup_id(reg->cgrp);
		if (!hermes_survey_one(reg, policy, now, &looks))
			return;
	}
	reached = 0;
	list_for_each_entry(reg, &hermes_registrations, link) {
		if (cgroup_id(reg->cgrp) >= begin)
			break;
		if (!hermes_survey_one(reg, policy, now, &looks))
			return;
	}
}

struct hermes_best {
	struct hermes_pick pick;
	u64 score;
};

static void hermes_consider(struct hermes_registration *reg,
			    struct hermes_victim *v, enum hermes_kind kind,
			    u64 tokens, u64 now, bool hard,
			    struct hermes_best *best,
			    struct hermes_why_none *none)
{
	u64 offer = hermes_offer(reg, v, kind);

	if (offer < HERMES_STEP_LEAST)
		return;
	if (kind == HERMES_KIND_ANON && get_nr_swap_pages() <= 0) {
		none->swap = true;
		return;
	}
	if (hermes_resting(v, kind, now, hard) ||
	    hermes_would_spill(reg, v, kind)) {
		none->backoff = true;
		return;
	}
	if (tokens < HERMES_STEP_LEAST) {
		none->rate = true;
		return;
	}
	/* A weight of 100 is neutral; 2^64 / 10000 is enough for any memory. */
	if (best->score >= offer * reg->conf.weight)
		return;
	best->score = offer * reg->conf.weight;
	best->pick = (struct hermes_pick){ reg, v, kind, min(offer, tokens) };
}

static void hermes_compare(enum hermes_kind kind,
			   const struct hermes_policy *policy, u64 now,
			   const struct hermes_levels *l,
			   struct hermes_decision *d,
			   struct hermes_best *best,
			   struct hermes_why_none *none)
{
	struct hermes_registration *reg;
	struct hermes_victim *v;
	u64 tokens;

	list_for_each_entry(reg, &hermes_registrations, link) {
		if (!reg->own)
			continue;
		/* It may have no victim: inside a latency-critical one. */
		none->any = true;
		tokens = hermes_tokens(reg, policy, now);
		list_for_each_entry(v, &reg->victims, link) {
			if (l->within &&
			    !cgroup_is_descendant(v->cgrp, l->within))
				continue;
			d->candidates += kind == HERMES_KIND_FILE;
			hermes_consider(reg, v, kind, tokens, now,
					l->free < l->hard, best, none);
		}
	}
}

static enum hermes_choice hermes_choice_none(const struct hermes_why_none *none)
{
	if (!none->any)
		return HERMES_CHOICE_NOBODY;
	if (none->rate)
		return HERMES_CHOICE_RATE;
	if (none->backoff)
		return HERMES_CHOICE_BACKOFF;
	return none->swap ? HERMES_CHOICE_NO_SWAP : HERMES_CHOICE_EMPTY;
}

static void hermes_describe(struct hermes_decision *d,
			    const struct hermes_pick *pick)
{
	const struct hermes_victim *v = pick->victim;

	d->id = cgroup_id(v->cgrp);
	hermes_cgroup_path(v->cgrp, d->path);
	d->file = v->seen.file;
	d->anon = v->seen.anon;
	d->asked = pick->bytes;
}

/**
 * hermes_choose() - the next victim
 * @d: trigger and levels are set; gets the choice and the victim
 * @pick: out; the caller puts both references
 * @policy: in force
 * @l: how much memory is free, and where
 *
 * Context: Process context, takes hermes_cgroups_lock; reads cgroup files.
 * Return: whether there is one; @pick->bytes is within the policy's step, the
 *	rate limit, the victim's minimum and what is missing to @l->high.
 */
bool hermes_choose(struct hermes_decision *d, struct hermes_pick *pick,
		   const struct hermes_policy *policy,
		   const struct hermes_levels *l)
{
	struct hermes_why_none none = {};
	struct hermes_best best = {};
	u64 now = ktime_get_ns(), want = min(policy->step, l->high - l->free);
	int kind;

	mutex_lock(&hermes_cgroups_lock);
	hermes_survey(policy, now);
	for (kind = 0; kind < HERMES_KINDS && !best.score; kind++)
		hermes_compare(kind, policy, now, l, d, &best, &none);
	if (best.score) {
		*pick = best.pick;
		pick->bytes = min(pick->bytes,
				  max_t(u64, want, HERMES_STEP_LEAST));
		hermes_cgroup_get(pick->reg);
		hermes_victim_get(pick->victim);
		hermes_describe(d, pick);
		d->choice = pick->kind == HERMES_KIND_FILE ?
			    HERMES_CHOICE_FILE : HERMES_CHOICE_ANON;
	} else {
		d->choice = hermes_choice_none(&none);
	}
	mutex_unlock(&hermes_cgroups_lock);
	return best.score;
}
