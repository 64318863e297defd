/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Proactive reclaim: registered cgroups, policy, controller, and what of them
 * generic netlink shows.
 *
 * DOC: Locks of this part, in the order in which they may be taken
 *
 *	hermes_policy_change	mutex: between reading the policy and writing it
 *	hermes_arm_lock		mutex: whether the controller has work at all
 *	hermes_cgroups_lock	mutex: registrations, and what was last seen of
 *				their victims; held while cgroup files are
 *				read, never during a reclaim step
 *	hermes_policy_lock	spinlock: the policy
 *	hermes_decision_lock	spinlock: the last decisions
 *	hermes_event_lock	spinlock: order and numbers of the events
 *
 * None of them is ever taken by memory reclaim or on an allocation path: from
 * there only hermes_reclaim_trigger() is called, which takes none.
 */
#ifndef _HERMES_RECLAIM_H
#define _HERMES_RECLAIM_H

#include <linux/atomic.h>
#include <linux/cgroup.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/netlink.h>
#include <linux/uidgid.h>

#include <linux/hermes.h>
#include <linux/hermes_netlink.h>

struct hermes_client;

/*
 * Registrations in all; so many that users without CAP_SYS_ADMIN get no more;
 * and of one such user.
 */
#define HERMES_CGROUPS_MAX	1024
#define HERMES_CGROUPS_USERS_MAX	768
#define HERMES_CGROUPS_USER_MAX	64
#define HERMES_WEIGHT_DEF	100
#define HERMES_WEIGHT_MAX	10000
/* Decisions that are remembered. */
#define HERMES_DECISIONS	256
/* Longest path shown; longer ones are cut. */
#define HERMES_PATH_MAX		256

/* Fields as enum hermes_policy_attr. */
struct hermes_policy {
	bool enabled;
	u64 gap;
	u64 hysteresis;
	u32 reaction_ms;
	u64 step;
	u64 rate;
	u32 cpu_pct;
	u32 refill_cpu_pct;
	u32 poll_ms;
	u32 yield_pct;
	u32 refault_pct;
	u32 pressure_pct;
	u32 backoff_ms;
	u32 backoff_max_ms;
};

/* What a user chooses for a registration; fields as enum hermes_cgroup_attr. */
struct hermes_cgroup_conf {
	u32 type;
	u32 weight;
	u64 min;
	u64 rate;
	bool anon;
};

/* Who asks, from where. */
struct hermes_actor {
	kuid_t uid;
	bool admin; /* CAP_SYS_ADMIN */
	struct netlink_ext_ack *extack;
};

/* A registration as it is shown; fields as enum hermes_cgroup_attr. */
struct hermes_cgroup_info {
	u64 id;
	char path[HERMES_PATH_MAX];
	struct hermes_cgroup_conf conf;
	kuid_t uid;
	u64 current_bytes;
	u64 file;
	u64 anon;
	u64 steps;
	u64 partial;
	u64 asked;
	u64 got;
	u64 refaults;
	u64 cpu_ns;
	u32 backoff;
	u32 backoff_ms;
	u32 split;
};

/* Fields as enum hermes_decision_attr; id 0: no victim. */
struct hermes_decision {
	u64 seq;
	u64 time;
	u32 repeats;
	u32 trigger;
	u64 free;
	u64 low;
	u64 high;
	u64 demand;
	u32 choice;
	u32 candidates;
	char within[HERMES_PATH_MAX];
	u64 id;
	char path[HERMES_PATH_MAX];
	u64 file;
	u64 anon;
	u64 asked;
	u64 got;
	int error;
	u64 wall_ns;
	u64 cpu_ns;
	u64 refaults;
	u32 pressure_pct;
	u32 backoff;
};

/* Fields as enum hermes_totals_attr, but for what comes from elsewhere. */
struct hermes_reclaim_totals {
	u32 best_effort;
	u32 latency_critical;
	u64 free;
	u64 kernel_high;
	u64 low;
	u64 high;
	u64 demand;
	u64 wakes;
	u64 looks;
	u64 steps;
	u64 asked;
	u64 got;
	u64 cpu_ns;
	u64 throttled;
};

/* One client as it is shown; fields as enum hermes_client_attr. */
struct hermes_client_info {
	u32 id;
	struct pid *pid; /* reference */
	kuid_t uid;
	u64 cgroup_id;
	char path[HERMES_PATH_MAX];
	struct hermes_reserve conf;
	struct hermes_stats stats;
	u64 batches;
	u64 refill_ns;
	u64 throttled;
	/* By cause, indexed by attribute - HERMES_A_CLIENT_MISS_BURST. */
	u64 misses[HERMES_A_CLIENT_MISS_UNASKED - HERMES_A_CLIENT_MISS_BURST + 1];
};

/* policy.c APIs: */
void hermes_policy_init(void);
void hermes_policy_get(struct hermes_policy *policy);
int hermes_policy_set(const struct hermes_policy *policy,
		      struct netlink_ext_ack *extack);

/* cgroup.c APIs: */
int hermes_cgroup_add(int fd, const struct hermes_cgroup_conf *conf,
		      const struct hermes_actor *who);
/* @fields: BIT(HERMES_A_CGROUP_...) of what @conf names. */
int hermes_cgroup_set(u64 id, const struct hermes_cgroup_conf *conf,
		      unsigned long fields, const struct hermes_actor *who);
int hermes_cgroup_del(u64 id, const struct hermes_actor *who);
int hermes_cgroup_id_of_fd(int fd, u64 *id, struct netlink_ext_ack *extack);
bool hermes_cgroup_info(u64 after, struct hermes_cgroup_info *info);

/* reclaimd.c APIs: */
int hermes_reclaim_init(void);
void hermes_reclaim_exit(void);
void hermes_reclaim_trigger(enum hermes_trigger trigger);
void hermes_reclaim_changed(void);
void hermes_reclaim_totals(struct hermes_reclaim_totals *totals);
void hermes_reclaim_dry_run(u64 free, struct hermes_decision *decision);

/* decision.c APIs: */
bool hermes_decision_next(u64 after, struct hermes_decision *decision);

/* account.c APIs: */
/* Of all clients, also of closed ones. */
extern atomic64_t hermes_refill_ns_total;
extern atomic64_t hermes_misses_total;

/* inspect.c APIs: */
bool hermes_client_info(u32 after, struct hermes_client_info *info);
/* @fields: BIT(HERMES_A_CLIENT_...) of what @conf names. */
int hermes_client_resize(u32 id, const struct hermes_reserve *conf,
			 unsigned long fields, const struct hermes_actor *who);

/* client.c APIs: */
u32 hermes_client_count(void);

/* netlink.c APIs: */
int hermes_netlink_init(void);
void hermes_netlink_exit(void);

/* nl_event.c APIs; none of them sleeps or reclaims: */
void hermes_event_step(const struct hermes_decision *decision);
void hermes_event_cgroup_gone(u64 id, const char *path);
void hermes_event_client(u32 id, enum hermes_event_type type, u64 ready,
			 u64 target, u64 misses, u32 cause);
void hermes_event_counts(u64 *made, u64 *lost);

#endif /* _HERMES_RECLAIM_H */
