/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory pressure to order, for the tests of the reclaim controller: cgroups
 * with known file cache and anonymous memory, and a process that locks memory
 * until a given amount is free.
 *
 * The controller's watermarks are moved around what is free, not the other way
 * round, and stay above the kernel's own: so the kernel itself reclaims nothing
 * and what was reclaimed was the controller's choice.
 */
#ifndef HERMES_PRESSURE_H
#define HERMES_PRESSURE_H

#include "hermes_nl.h"
#include "hermes_util.h"

/* Charges are batched per CPU, and so are the statistics. */
#define JOB_SLACK	(2 * (long)MIB)
/* The controller may put at least so much below the mark, see stage_press(). */
#define STAGE_MOST	(64 * (long)MIB)
/* One for each stage_press() after which too much was free. */
#define STAGE_HOGS	8
/* Decisions that the module remembers. */
#define STAGE_DECISIONS	256

/**
 * struct job - a cgroup with something in it
 * @cgroup: path of its directory; empty: none
 * @id: number of the cgroup
 * @pid: process that holds or reads memory in it; 0: none
 * @file: what job_cache() read
 * @large: read it ahead, into folios as large as the kernel likes; else pages
 * @go: to tell @pid something
 * @done: for its answer
 */
struct job {
	char cgroup[CG_PATH_MAX];
	uint64_t id;
	pid_t pid;
	char file[64];
	bool large;
	struct gate go, done;
};

bool have_scratch(void);
int job_create(struct job *j, const char *parent, const char *name);
void job_destroy(struct job *j);
int job_cache(struct job *j, size_t bytes, int times);
int job_anon(struct job *j, size_t bytes);
int job_pin_cache(struct job *j, size_t bytes);
int job_reread(struct job *j, size_t bytes);
void job_kill(struct job *j);

long job_current(const struct job *j);
long job_stat(const struct job *j, const char *key);
long job_file(const struct job *j);
long job_stolen(const struct job *j);
long job_swapped(const struct job *j);

/**
 * struct stage - the controller, held still until it is wanted
 * @nl: socket
 * @saved: policy before, by attribute
 * @hogs: processes that lock memory; 0: none
 * @seq: number of the last decision before the last stage_press()
 * @repeats: how often that had been repeated
 * @log: decisions since, by stage_look(); that one, too, if it was repeated
 * @nr: how many
 */
struct stage {
	struct hermes_nl nl;
	uint64_t saved[HERMES_A_POLICY_MAX + 1];
	pid_t hogs[STAGE_HOGS];
	uint64_t seq;
	uint32_t repeats;
	struct nl_decision log[STAGE_DECISIONS];
	int nr;
};

int stage_open(struct stage *s);
void stage_close(struct stage *s);
int stage_set(struct stage *s, uint16_t attr, uint64_t value);
int stage_room(struct stage *s);
void stage_forget(struct stage *s);
int stage_press(struct stage *s, long missing, long hysteresis);
int stage_release(struct stage *s);
int stage_look(struct stage *s);
bool stage_decided(struct stage *s, uint32_t choice);
bool stage_took_from(struct stage *s, const struct job *j);
bool stage_at_high(struct stage *s);
bool stage_done(struct stage *s);
void stage_show(struct stage *s);
int stage_add(struct stage *s, const struct job *j, uint32_t type,
	      const struct nl_cgroup_conf *conf);

pid_t hog_until_free(uint64_t bytes);
void hog_end(pid_t *pid);

/* The swap device; both return a negative errno when there is none. */
int swap_off(char *device, size_t size);
int swap_on(const char *device);
bool kernel_chooses_kind(void);

#endif /* HERMES_PRESSURE_H */
