// SPDX-License-Identifier: GPL-2.0-only
/*
 * Jobs with known memory, and pressure to order.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/utsname.h>

#include "hermes_pressure.h"

#define SCRATCH		"/scratch"
#define CHUNK		MIB

/*
 * What is freed may wait in a CPU's lists, in sight of nobody: 20 MiB on a
 * small machine. A large fraction makes these lists short; 0 is the default.
 */
#define PERCPU_FRACTION	"/proc/sys/vm/percpu_pagelist_high_fraction"

/* Whether there is a disk for files that may be cached. */
bool have_scratch(void)
{
	struct stat here, above;

	return !stat(SCRATCH, &here) && !stat(SCRATCH "/..", &above) &&
	       here.st_dev != above.st_dev;
}

/* A child that dies with the test that made it. */
static pid_t fork_bound(void)
{
	pid_t pid = fork();

	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

/**
 * job_create() - make a cgroup for a job
 * @j: filled in
 * @parent: path of the parent, or NULL for the root
 * @name: a prefix
 *
 * Return: 0 or a negative errno.
 */
int job_create(struct job *j, const char *parent, const char *name)
{
	int err;

	memset(j, 0, sizeof(*j));
	err = gate_init(&j->go) ?: gate_init(&j->done) ?:
	      cg_create(j->cgroup, parent, name);
	if (err)
		return err;
	snprintf(j->file, sizeof(j->file), SCRATCH "/%s", name);
	j->id = nl_cgroup_id(j->cgroup);
	return 0;
}

void job_kill(struct job *j)
{
	if (j->pid <= 0)
		return;
	kill(j->pid, SIGKILL);
	child_exit(j->pid);
	j->pid = 0;
}

void job_destroy(struct job *j)
{
	if (!j->cgroup[0])
		return;
	job_kill(j);
	cg_remove(j->cgroup);
	unlink(j->file);
	j->cgroup[0] = '\0';
}

/* A file that nothing is cached of, on behalf of nobody. */
static int make_file(const char *path, size_t bytes)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char *buf = calloc(1, CHUNK);
	int err = fd < 0 || !buf ? -EIO : 0;

	for (size_t i = 0; !err && i < bytes; i += CHUNK)
		if (pwrite(fd, buf, CHUNK, i) != (ssize_t)CHUNK)
			err = -EIO;
	if (!err && (fsync(fd) ||
		     posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED)))
		err = -errno;
	free(buf);
	if (fd >= 0)
		close(fd);
	return err;
}

static int read_file(int fd, size_t bytes)
{
	static char buf[64 * 1024];

	for (size_t i = 0; i < bytes; i += sizeof(buf))
		if (pread(fd, buf, sizeof(buf), i) != sizeof(buf))
			return -EIO;
	return 0;
}

/* In a child in the job's cgroup. */
static void read_times(const struct job *j, size_t bytes, int times)
{
	int fd = open(j->file, O_RDONLY | O_CLOEXEC);

	CHILD_CHECK(fd >= 0);
	if (!j->large)
		CHILD_CHECK(!posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM));
	CHILD_CHECK(!cg_enter(j->cgroup));
	while (times--)
		CHILD_CHECK(!read_file(fd, bytes));
	_exit(0);
}

/**
 * job_cache() - give a job file cache, clean
 * @j: the job
 * @bytes: so much, a multiple of a MiB
 * @times: that it is read; from the second time on it counts as active
 *
 * Return: 0 or a negative errno.
 */
int job_cache(struct job *j, size_t bytes, int times)
{
	int err = make_file(j->file, bytes);
	pid_t pid;

	if (err)
		return err;
	pid = fork_bound();
	if (!pid)
		read_times(j, bytes, times);
	return child_exit(pid);
}

static int job_started(struct job *j)
{
	return gate_wait(&j->done) ? 0 : -ETIMEDOUT;
}

/**
 * job_anon() - give a job anonymous memory, held by a process that sleeps
 * @j: the job
 * @bytes: so much
 *
 * Return: 0 or a negative errno.
 */
int job_anon(struct job *j, size_t bytes)
{
	char *mem;

	j->pid = fork_bound();
	if (j->pid)
		return job_started(j);
	CHILD_CHECK(!cg_enter(j->cgroup));
	mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHILD_CHECK(mem != MAP_FAILED);
	CHILD_CHECK(!madvise(mem, bytes, MADV_NOHUGEPAGE));
	stamp_pages(mem, bytes, j->id);
	gate_open(&j->done);
	for (;;)
		pause();
}

/**
 * job_pin_cache() - file cache that cannot be reclaimed: a pipe holds it
 * @j: the job
 * @bytes: so much
 *
 * Return: 0 or a negative errno.
 */
int job_pin_cache(struct job *j, size_t bytes)
{
	int err = make_file(j->file, bytes);
	int fd, pipes[2];
	loff_t pos = 0;

	if (err)
		return err;
	j->pid = fork_bound();
	if (j->pid)
		return job_started(j);
	fd = open(j->file, O_RDONLY | O_CLOEXEC);
	CHILD_CHECK(fd >= 0);
	CHILD_CHECK(!cg_enter(j->cgroup));
	CHILD_CHECK(!pipe(pipes));
	CHILD_CHECK(fcntl(pipes[1], F_SETPIPE_SZ, (int)bytes) >= (int)bytes);
	while (pos < (loff_t)bytes)
		CHILD_CHECK(splice(fd, &pos, pipes[1], NULL, bytes - pos, 0) > 0);
	gate_open(&j->done);
	for (;;)
		pause();
}

/**
 * job_reread() - a job that needs its file cache: reads it again and again
 * @j: the job
 * @bytes: so much
 *
 * Return: 0 when it was read twice, or a negative errno.
 */
int job_reread(struct job *j, size_t bytes)
{
	int err = make_file(j->file, bytes);
	int fd;

	if (err)
		return err;
	j->pid = fork_bound();
	if (j->pid)
		return job_started(j);
	fd = open(j->file, O_RDONLY | O_CLOEXEC);
	CHILD_CHECK(fd >= 0);
	CHILD_CHECK(!cg_enter(j->cgroup));
	CHILD_CHECK(!read_file(fd, bytes) && !read_file(fd, bytes));
	gate_open(&j->done);
	while (!read_file(fd, bytes))
		;
	_exit(1);
}

long job_current(const struct job *j)
{
	return cg_read_long(j->cgroup, "memory.current");
}

long job_stat(const struct job *j, const char *key)
{
	return cg_read_key(j->cgroup, "memory.stat", key);
}

/* File cache on its lists. */
long job_file(const struct job *j)
{
	return job_stat(j, "inactive_file") + job_stat(j, "active_file");
}

/* Bytes ever reclaimed from it, by whomever. */
long job_stolen(const struct job *j)
{
	return job_stat(j, "pgsteal") * (long)PAGE_BYTES;
}

long job_swapped(const struct job *j)
{
	return cg_read_long(j->cgroup, "memory.swap.current");
}

/**
 * hog_until_free() - lock memory until only so much is free
 * @bytes: that stay free
 *
 * Return: the process that holds it, or a negative errno.
 */
pid_t hog_until_free(uint64_t bytes)
{
	struct gate done;
	pid_t pid;

	if (gate_init(&done))
		return -errno;
	pid = fork_bound();
	if (!pid) {
		while (meminfo_kb("MemFree") * 1024UL > bytes)
			CHILD_CHECK(mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS |
					 MAP_LOCKED | MAP_POPULATE, -1, 0) !=
				    MAP_FAILED);
		gate_open(&done);
		for (;;)
			pause();
	}
	if (!gate_wait(&done)) {
		hog_end(&pid);
		pid = -ETIMEDOUT;
	}
	close(done.fd[0]);
	close(done.fd[1]);
	return pid;
}

void hog_end(pid_t *pid)
{
	if (*pid <= 0)
		return;
	kill(*pid, SIGKILL);
	child_exit(*pid);
	*pid = 0;
}

/**
 * swap_off() - switch the first swap device off
 * @device: out: its path
 * @size: of @device
 *
 * Return: 0 or a negative errno; -ENODEV there is none.
 */
int swap_off(char *device, size_t size)
{
	char text[512], *line;
	int n = read_text("/proc/swaps", text, sizeof(text));

	line = n > 0 ? strchr(text, '\n') : NULL;
	if (!line || !line[1])
		return -ENODEV;
	line++;
	line[strcspn(line, " \t")] = '\0';
	snprintf(device, size, "%s", line);
	return swapoff(device) ? -errno : 0;
}

int swap_on(const char *device)
{
	return swapon(device, 0) ? -errno : 0;
}

/* 6.9 and newer can be told to reclaim file cache only; before, the kernel chooses. */
bool kernel_chooses_kind(void)
{
	int major = 0, minor = 0;
	struct utsname name;

	uname(&name);
	return sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	       (major < 6 || (major == 6 && minor < 9));
}

static int policy_put(struct hermes_nl *nl, const uint64_t *values,
		      const uint16_t *attrs, int nr)
{
	struct nl_request req;

	nl_begin(nl, &req, HERMES_CMD_POLICY_SET);
	for (int i = 0; i < nr; i++)
		if (nl_policy_is_u64(attrs[i]))
			nl_put_u64(&req, attrs[i], values[i]);
		else
			nl_put_u32(&req, attrs[i], values[i]);
	return nl_run(nl, &req);
}

/**
 * stage_open() - stop the controller and remember its policy
 * @s: filled in
 *
 * It will look often, and use a whole CPU: tests are not to wait for it.
 *
 * Return: 0 or a negative errno.
 */
int stage_open(struct stage *s)
{
	int err;

	memset(s, 0, sizeof(*s));
	write_long(PERCPU_FRACTION, 100000);
	err = nl_open(&s->nl);
	for (uint16_t a = HERMES_A_POLICY_ENABLED;
	     !err && a <= HERMES_A_POLICY_MAX; a++)
		err = nl_policy_get(&s->nl, a, &s->saved[a]);
	return err ?: stage_release(s) ?:
	       stage_set(s, HERMES_A_POLICY_POLL_MS, 10) ?:
	       stage_set(s, HERMES_A_POLICY_CPU_PCT, 100);
}

void stage_close(struct stage *s)
{
	uint16_t attrs[HERMES_A_POLICY_MAX];

	for (int i = 0; i < HERMES_A_POLICY_MAX; i++)
		attrs[i] = i + 1;
	/* From HERMES_A_POLICY_ENABLED on. */
	if (policy_put(&s->nl, s->saved + HERMES_A_POLICY_ENABLED,
		       attrs + HERMES_A_POLICY_ENABLED - 1,
		       HERMES_A_POLICY_MAX - HERMES_A_POLICY_PAD))
		fprintf(stderr, "# the policy could not be restored\n");
	for (int i = 0; i < STAGE_HOGS; i++)
		hog_end(&s->hogs[i]);
	write_long(PERCPU_FRACTION, 0);
	nl_close(&s->nl);
}

int stage_set(struct stage *s, uint16_t attr, uint64_t value)
{
	return nl_policy_set(&s->nl, attr, value);
}

/**
 * stage_room() - leave so little free that the watermarks can come near
 * @s: the stage; the jobs have what they need
 *
 * Return: 0 or a negative errno.
 */
int stage_room(struct stage *s)
{
	uint64_t most = nl_total(&s->nl, HERMES_A_TOTALS_MEMORY) / 4;
	uint64_t keep = nl_total(&s->nl, HERMES_A_TOTALS_KERNEL_HIGH) + most -
			STAGE_MOST - 16 * MIB;

	int i = 0;

	if (nl_total(&s->nl, HERMES_A_TOTALS_FREE) <= keep + 8 * MIB)
		return 0;
	while (s->hogs[i])
		if (++i == STAGE_HOGS)
			return -ENOSPC;
	s->hogs[i] = hog_until_free(keep);
	if (s->hogs[i] > 0)
		return 0;
	s->hogs[i] = 0;
	return -ENOMEM;
}

/* Decisions up to now are not looked at any more. */
void stage_forget(struct stage *s)
{
	if (stage_look(s) <= 0)
		return;
	s->seq = s->log[s->nr - 1].seq;
	s->repeats = s->log[s->nr - 1].repeats;
}

/**
 * stage_press() - put the watermarks near what is free, and let go
 * @s: the stage
 * @missing: bytes that are missing to the low one; below 0: that are over
 * @hysteresis: from there to the high one
 *
 * Return: 0 or a negative errno.
 */
int stage_press(struct stage *s, long missing, long hysteresis)
{
	static const uint16_t attrs[] = {
		HERMES_A_POLICY_GAP, HERMES_A_POLICY_HYSTERESIS,
		HERMES_A_POLICY_ENABLED,
	};
	struct nl_attrs totals;
	uint64_t ahead;
	int err;

	err = stage_release(s) ?: stage_room(s);
	if (err)
		return err;
	stage_forget(s);
	err = nl_totals(&s->nl, &totals);
	if (err)
		return err;
	/* With a gap of 0: the kernel's, and what the reserves will need. */
	ahead = nl_u64(&totals, HERMES_A_TOTALS_LOW);
	return policy_put(&s->nl, (uint64_t[]){
		nl_u64(&totals, HERMES_A_TOTALS_FREE) + missing - ahead,
		hysteresis, 1 }, attrs, 3);
}

/* The controller sleeps, its watermarks are out of reach. */
int stage_release(struct stage *s)
{
	return stage_set(s, HERMES_A_POLICY_ENABLED, 0) ?:
	       stage_set(s, HERMES_A_POLICY_GAP, 0) ?:
	       stage_set(s, HERMES_A_POLICY_HYSTERESIS, 0);
}

/**
 * stage_look() - read the decisions since the last stage_press()
 * @s: the stage
 *
 * Return: how many, or a negative errno.
 */
int stage_look(struct stage *s)
{
	int nr = nl_decisions(&s->nl, s->log, STAGE_DECISIONS), old = 0;

	while (old < nr && (s->log[old].seq < s->seq ||
			    (s->log[old].seq == s->seq &&
			     s->log[old].repeats <= s->repeats)))
		old++;
	s->nr = nr < 0 ? 0 : nr - old;
	memmove(s->log, s->log + old, s->nr * sizeof(*s->log));
	return nr < 0 ? nr : s->nr;
}

bool stage_decided(struct stage *s, uint32_t choice)
{
	stage_look(s);
	for (int i = 0; i < s->nr; i++)
		if (s->log[i].choice == choice)
			return true;
	return false;
}

bool stage_took_from(struct stage *s, const struct job *j)
{
	stage_look(s);
	for (int i = 0; i < s->nr; i++)
		if (s->log[i].id == j->id)
			return true;
	return false;
}

bool stage_at_high(struct stage *s)
{
	struct nl_attrs totals;

	return !nl_totals(&s->nl, &totals) &&
	       nl_u64(&totals, HERMES_A_TOTALS_FREE) >=
	       nl_u64(&totals, HERMES_A_TOTALS_HIGH);
}

/* Nobody has anything to give any more. */
bool stage_done(struct stage *s)
{
	return stage_decided(s, HERMES_CHOICE_EMPTY) ||
	       stage_decided(s, HERMES_CHOICE_NO_SWAP) ||
	       stage_decided(s, HERMES_CHOICE_BACKOFF);
}

/* For who wonders why a test failed. */
void stage_show(struct stage *s)
{
	stage_look(s);
	for (int i = s->nr > 40 ? s->nr - 40 : 0; i < s->nr; i++) {
		const struct nl_decision *d = &s->log[i];

		fprintf(stderr,
			"# %lu: %lu ms choice %u (+%u) trigger %u free %ld/%ld KiB %s file %lu anon %lu asked %lu got %lu KiB error %d %lu us backoff %u\n",
			(long)d->seq, (long)(d->time / 1000000), d->choice,
			d->repeats, d->trigger, (long)(d->free - d->low) / 1024,
			(long)(d->high - d->low) / 1024, d->path,
			(long)d->file / 1024, (long)d->anon / 1024,
			(long)d->asked / 1024, (long)d->got / 1024, d->error,
			(long)d->wall_ns / 1000, d->backoff);
	}
}

int stage_add(struct stage *s, const struct job *j, uint32_t type,
	      const struct nl_cgroup_conf *conf)
{
	return nl_cgroup_add(&s->nl, j->cgroup, type, conf);
}
