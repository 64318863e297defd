/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registrations and their victims, for the parts of the reclaim controller
 * only. A registration is what a user asked for; a victim is a cgroup whose
 * memory.reclaim is written: the registered one, or, where that holds
 * latency-critical ones, its largest descendants that hold none.
 */
#ifndef _HERMES_VICTIM_H
#define _HERMES_VICTIM_H

#include "reclaim.h"

/* What a step is meant to take. */
enum hermes_kind {
	HERMES_KIND_FILE,
	HERMES_KIND_ANON,
	HERMES_KINDS,
};

/* Time over which a victim's refaults and stalls are judged. */
#define HERMES_WINDOW_NS	(100 * NSEC_PER_MSEC)
#define HERMES_WINDOWS_MAX	5
/*
 * File cache that is left: what a job needs to run. Where there is anonymous
 * memory to take instead, a part of all that it uses.
 */
#define HERMES_FILE_LEAST	SZ_1M
#define HERMES_FILE_SHIFT	4
/* Steps below it are not worth the call. */
#define HERMES_STEP_LEAST	SZ_64K

/* What the files of a cgroup say: bytes, microseconds. */
struct hermes_seen {
	u64 file;
	u64 inactive_file;
	u64 anon;
	u64 steal;
	bool steal_ours; /* @steal is of writes of memory.reclaim only */
	u64 refault;
	u64 stalled_us;
};

/* Of a counter; 0 where it fell, which none should. */
static inline u64 hermes_since(u64 now, u64 then)
{
	return now > then ? now - then : 0;
}

/**
 * struct hermes_rest - a victim is left alone, for one kind of memory
 * @until: time, ns
 * @ms: length of the last one; 0: none lately
 * @why: enum hermes_backoff
 */
struct hermes_rest {
	u64 until;
	u32 ms;
	u32 why;
};

/**
 * struct hermes_victim - a cgroup that is reclaimed from
 * @link: in hermes_registration.victims
 * @ref: one of the list, one of a step
 * @cgrp: reference
 * @reclaim: its memory.reclaim, for writing
 * @stat: its memory.stat
 * @pressure: its memory.pressure; NULL where there is none
 * @seen: as last read
 * @seen_at: when, ns
 * @base: as read at the begin of the window
 * @base_at: when that was
 * @base_got: bytes got since then
 * @stepped_at: when the last step was, ns
 * @calm_refault: what it refaults anyway, bytes per second: in windows without
 *	a step, lately
 * @calm_stalled: the same of @seen.stalled_us, microseconds per second
 * @rest: per kind of memory
 *
 * All that changes is guarded by hermes_cgroups_lock.
 */
struct hermes_victim {
	struct list_head link;
	struct kref ref;
	struct cgroup *cgrp;
	struct file *reclaim;
	struct file *stat;
	struct file *pressure;
	struct hermes_seen seen;
	u64 seen_at;
	struct hermes_seen base;
	u64 base_at;
	u64 base_got;
	u64 stepped_at;
	u64 calm_refault;
	u64 calm_stalled;
	struct hermes_rest rest[HERMES_KINDS];
};

/**
 * struct hermes_registration - a registered cgroup
 * @link: in hermes_registrations
 * @ref: one of the list, one of a step
 * @cgrp: reference
 * @dir: its directory
 * @uid: who registered it
 * @conf: how
 * @own: the victim that it is itself; NULL for a latency-critical one
 * @victims: @own, or those that take its place
 * @split: latency-critical cgroups in it
 * @split_at: when @victims was last found out, ns; 0: to be found out anew
 * @tokens: bytes that may be asked for now, by the rate limit
 * @tokens_at: when that was computed, ns
 * @refault_base: refaulted bytes when it was registered
 * @steps: counters, as enum hermes_cgroup_attr, as are those that follow
 * @partial: counter
 * @asked: counter
 * @got: counter
 * @cpu_ns: counter
 *
 * All that changes is guarded by hermes_cgroups_lock.
 */
struct hermes_registration {
	struct list_head link;
	struct kref ref;
	struct cgroup *cgrp;
	struct file *dir;
	kuid_t uid;
	struct hermes_cgroup_conf conf;
	struct hermes_victim *own;
	struct list_head victims;
	u32 split;
	u64 split_at;
	u64 tokens;
	u64 tokens_at;
	u64 refault_base;
	u64 steps;
	u64 partial;
	u64 asked;
	u64 got;
	u64 cpu_ns;
};

/* Nobody's demand moves a watermark further than memory, or a limit, / 8. */
#define HERMES_AHEAD_SHIFT	3

/**
 * struct hermes_levels - memory of the machine, or room below a limit, bytes
 * @free: free now
 * @kernel_high: sum of the zones' high watermarks; of the machine only
 * @hard: below it a victim's suffering does not count
 * @low: below it the controller starts
 * @high: there it stops
 * @demand: what the reserves consume, bytes per second
 * @within: the cgroup that the limit is of, only its descendants can help;
 *	NULL for the machine
 */
struct hermes_levels {
	u64 free;
	u64 kernel_high;
	u64 hard;
	u64 low;
	u64 high;
	u64 demand;
	struct cgroup *within;
};

/* How far it is to the low watermark; below 0 it has been passed. */
static inline s64 hermes_spare(const struct hermes_levels *l)
{
	return (s64)l->free - (s64)l->low;
}

/* What is taken from whom; references to both. */
struct hermes_pick {
	struct hermes_registration *reg;
	struct hermes_victim *victim;
	enum hermes_kind kind;
	u64 bytes;
};

extern struct mutex hermes_cgroups_lock;
extern struct list_head hermes_registrations;

/* cgroup.c APIs: */
void hermes_cgroup_get(struct hermes_registration *reg);
void hermes_cgroup_put(struct hermes_registration *reg);
void hermes_cgroups_prune(void);
void hermes_cgroups_count(u32 *best_effort, u32 *latency_critical);
void hermes_cgroups_exit(void);
void hermes_cgroup_path(struct cgroup *cgrp, char *path);

/* split.c APIs: */
void hermes_split(struct hermes_registration *reg);
void hermes_split_stale(void);
void hermes_split_drop(struct hermes_registration *reg);

/* victim.c APIs: */
int hermes_victim_open(const struct path *dir, const char *name,
		       struct cgroup *cgrp, struct hermes_victim **victim);
void hermes_victim_get(struct hermes_victim *victim);
void hermes_victim_put(struct hermes_victim *victim);
int hermes_victim_read(struct hermes_victim *victim, struct hermes_seen *s);
int hermes_victim_look(struct hermes_victim *victim);
u64 hermes_victim_current(const struct hermes_victim *victim);
int hermes_victim_write(const struct hermes_pick *pick);
void hermes_victim_probe(struct hermes_victim *victim);
bool hermes_can_choose_kind(void);

/* judge.c APIs: */
void hermes_judge_window(struct hermes_victim *victim,
			 const struct hermes_policy *policy, u64 now);
u32 hermes_judge_step(struct hermes_pick *pick, struct hermes_decision *d,
		      const struct hermes_seen *before,
		      const struct hermes_policy *policy, u64 now);
u32 hermes_judge_pressure(const struct hermes_victim *victim, u64 now);

/* choice.c APIs: */
bool hermes_choose(struct hermes_decision *d, struct hermes_pick *pick,
		   const struct hermes_policy *policy,
		   const struct hermes_levels *l);

/* decision.c APIs: */
void hermes_decision_add(struct hermes_decision *decision);

/* watermark.c APIs: */
void hermes_levels(struct hermes_levels *l, const struct hermes_policy *p);
void hermes_demand_sample(u64 now);

/* limit.c APIs: */
/* Shared limits that are looked after at a time. */
#define HERMES_LIMITS_MAX	8

unsigned int hermes_limits(struct hermes_levels *limits,
			   const struct hermes_policy *policy);

#endif /* _HERMES_VICTIM_H */
