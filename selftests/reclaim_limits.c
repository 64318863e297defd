// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proactive reclaim is bounded (rate, CPU time, back-off), explained
 * (decisions), and lives with all that may happen meanwhile: cgroups that are
 * removed, registrations that change, a module that is unloaded.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"
#include "hermes_pressure.h"

#define BEST_EFFORT	HERMES_CGROUP_BEST_EFFORT
#define CRITICAL	HERMES_CGROUP_LATENCY_CRITICAL
#define MODULE_FILE	"/run/hermes/hermes.ko"
#define SMALL_STEP	(64 * 1024)
/* The time of its budgets that the controller may save up. */
#define RATE_BURST_NS	250000000ULL
#define CPU_BURST_NS	200000000ULL
#define NSEC		1000000000ULL

static const struct nl_cgroup_conf with_anon = { .anon = 1 };

FIXTURE(limits)
{
	struct stage s;
	struct job a, b;
	struct hermes_nl events;
};

FIXTURE_SETUP(limits)
{
	memset(self, 0, sizeof(*self));
	if (!have_scratch())
		SKIP(_exit(255), "no disk at /scratch");
	ASSERT_EQ(0, stage_open(&self->s));
	ASSERT_EQ(0, nl_open(&self->events));
	ASSERT_EQ(0, job_create(&self->a, NULL, "a"));
	ASSERT_EQ(0, job_create(&self->b, NULL, "b"));
}

FIXTURE_TEARDOWN(limits)
{
	stage_release(&self->s);
	job_destroy(&self->b);
	job_destroy(&self->a);
	nl_close(&self->events);
	stage_close(&self->s);
}

static uint64_t asked_of(struct stage *s, const struct job *j)
{
	uint64_t asked = 0;

	stage_look(s);
	for (int i = 0; i < s->nr; i++)
		if (s->log[i].id == j->id)
			asked += s->log[i].asked;
	return asked;
}

/*
 * Between any two decisions no more was asked for than the rate allows. What
 * was saved up counts twice: a decision's time is some time before the budget
 * is looked at.
 */
static void expect_rate(struct __test_metadata *_metadata, struct stage *s,
			uint64_t rate)
{
	uint64_t burst = rate / (NSEC / RATE_BURST_NS);

	for (int i = 0; i < s->nr; i++) {
		uint64_t asked = 0;

		for (int j = i; j < s->nr; j++) {
			uint64_t ns = s->log[j].time - s->log[i].time;

			asked += s->log[j].asked;
			ASSERT_LE(asked, 2 * burst + rate / 1000 *
					 (ns / 1000000 + 1));
		}
	}
}

static void press_with_rate(struct __test_metadata *_metadata, struct stage *s,
			    struct job *a, uint64_t rate)
{
	uint64_t start;

	ASSERT_EQ(0, stage_set(s, HERMES_A_POLICY_STEP, MIB));
	ASSERT_EQ(0, stage_press(s, 48 * MIB, 0));
	start = now_ms();
	ASSERT_TRUE(wait_until(asked_of(s, a) >= rate * 2));
	EXPECT_GE(now_ms() - start, 1500);
	EXPECT_TRUE(stage_decided(s, HERMES_CHOICE_RATE));
	expect_rate(_metadata, s, rate);
}

TEST_F(limits, rate)
{
	const struct nl_cgroup_conf conf = { .rate = 4 * MIB };
	struct stage *s = &self->s;

	ASSERT_EQ(0, job_cache(&self->a, 48 * MIB, 1));
	ASSERT_EQ(0, stage_add(s, &self->a, BEST_EFFORT, &conf));
	press_with_rate(_metadata, s, &self->a, 4 * MIB);
}

/* The policy's is for those that have none of their own. */
TEST_F(limits, rate_of_policy)
{
	const struct nl_cgroup_conf conf = { .rate = 1024 * MIB };
	struct stage *s = &self->s;

	ASSERT_EQ(0, job_cache(&self->a, 48 * MIB, 1));
	ASSERT_EQ(0, job_cache(&self->b, 24 * MIB, 1));
	ASSERT_EQ(0, stage_add(s, &self->a, BEST_EFFORT, NULL));
	ASSERT_EQ(0, stage_set(s, HERMES_A_POLICY_RATE, 4 * MIB));
	press_with_rate(_metadata, s, &self->a, 4 * MIB);
	ASSERT_EQ(0, stage_add(s, &self->b, BEST_EFFORT, &conf));
	EXPECT_TRUE(wait_until(asked_of(s, &self->b) >= 6 * MIB));
}

/* The controller's thread. */
static int reclaimd_pid(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int pid = 0;

	while (dir && !pid && (entry = readdir(dir))) {
		char path[300], name[32];

		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		if (atoi(entry->d_name) > 0 &&
		    read_text(path, name, sizeof(name)) > 0 &&
		    !strcmp(name, "hermes_reclaimd\n"))
			pid = atoi(entry->d_name);
	}
	if (dir)
		closedir(dir);
	return pid;
}

static uint64_t thread_cpu_ns(int pid)
{
	char path[64], text[128];

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	return read_text(path, text, sizeof(text)) > 0 ?
		       strtoull(text, NULL, 10) : 0;
}

struct cpu_use {
	uint64_t ms;
	uint64_t thread;
	uint64_t told;
	uint64_t throttled;
};

static void cpu_now(struct stage *s, struct cpu_use *use)
{
	use->ms = now_ms();
	use->thread = thread_cpu_ns(reclaimd_pid());
	use->told = nl_total(&s->nl, HERMES_A_TOTALS_CPU_NS);
	use->throttled = nl_total(&s->nl, HERMES_A_TOTALS_THROTTLED);
}

/* What it says and what the scheduler says, and @more for the last step. */
static void expect_cpu(struct __test_metadata *_metadata, struct stage *s,
		       const struct cpu_use *from, uint64_t pct, uint64_t more)
{
	uint64_t most;
	struct cpu_use use;

	cpu_now(s, &use);
	most = (use.ms + 1 - from->ms) * 1000000 / 100 * pct +
	       CPU_BURST_NS / 100 * pct + more;
	TH_LOG("%lu ms: %lu us of the thread, %lu us told, %lu us allowed, %lu pauses",
	       (long)(use.ms - from->ms),
	       (long)((use.thread - from->thread) / 1000),
	       (long)((use.told - from->told) / 1000), (long)(most / 1000),
	       (long)(use.throttled - from->throttled));
	EXPECT_LE(use.told - from->told, most);
	EXPECT_LE(use.thread - from->thread, most + most / 4);
	EXPECT_GT(use.throttled, from->throttled);
}

TEST_F(limits, cpu_budget)
{
	struct stage *s = &self->s;
	struct cpu_use from;

	ASSERT_EQ(0, job_cache(&self->a, 64 * MIB, 1));
	ASSERT_EQ(0, stage_add(s, &self->a, BEST_EFFORT, NULL));
	ASSERT_EQ(0, stage_set(s, HERMES_A_POLICY_STEP, SMALL_STEP));
	ASSERT_EQ(0, stage_set(s, HERMES_A_POLICY_CPU_PCT, 2));
	ASSERT_EQ(0, stage_room(s));
	cpu_now(s, &from);
	ASSERT_EQ(0, stage_press(s, 48 * MIB, 0));
	ASSERT_TRUE(wait_until(stage_look(s) > 8));
	sleep_ms(3000);
	expect_cpu(_metadata, s, &from, 2, 20000000);
}

#define MANY	64

/* Looking costs, too: at many cgroups, again and again, with nothing to take. */
TEST_F(limits, cpu_budget_of_looking)
{
	static struct job jobs[MANY];
	struct stage *s = &self->s;
	struct cpu_use from;

	for (int i = 0; i < MANY; i++) {
		char name[16];

		snprintf(name, sizeof(name), "many%d", i);
		ASSERT_EQ(0, job_create(&jobs[i], self->a.cgroup, name));
		ASSERT_EQ(0, stage_add(s, &jobs[i], BEST_EFFORT, NULL));
	}
	ASSERT_EQ(0, stage_set(s, HERMES_A_POLICY_CPU_PCT, 2));
	ASSERT_EQ(0, stage_room(s));
	cpu_now(s, &from);
	ASSERT_EQ(0, stage_press(s, 16 * MIB, 0));
	sleep_ms(4000);
	expect_cpu(_metadata, s, &from, 2, 50000000);
	for (int i = 0; i < MANY; i++)
		job_destroy(&jobs[i]);
}

/* Steps on a that got little; each is followed by a pause at least. */
static void expect_pauses(struct __test_metadata *_metadata, struct stage *s,
			  const struct job *j)
{
	uint64_t last = 0, backoff_ms = s->saved[HERMES_A_POLICY_BACKOFF_MS];

	for (int i = 0; i < s->nr; i++) {
		const struct nl_decision *d = &s->log[i];

		if (d->id != j->id)
			continue;
		if (last)
			EXPECT_GE(d->time, last + backoff_ms * 1000000);
		last = d->backoff ? d->time : 0;
	}
}

/* a has the most, but none of it can be had: what is left is b. */
static void expect_yield(struct __test_metadata *_metadata, struct stage *s,
			 const struct job *a, const struct job *b)
{
	struct nl_cgroup cg;

	ASSERT_TRUE(wait_until(stage_at_high(s)))
		stage_show(s);
	ASSERT_LT(0, stage_look(s));
	EXPECT_EQ(a->id, s->log[0].id);
	EXPECT_EQ(-EAGAIN, s->log[0].error);
	EXPECT_EQ(HERMES_BACKOFF_YIELD, s->log[0].backoff);
	EXPECT_LT(s->log[0].got, s->log[0].asked / 10);
	EXPECT_TRUE(stage_took_from(s, b));
	expect_pauses(_metadata, s, a);
	ASSERT_EQ(0, nl_cgroup_get(&s->nl, a->cgroup, &cg));
	EXPECT_EQ(HERMES_BACKOFF_YIELD, cg.backoff);
	EXPECT_GE(cg.partial, 1);
	EXPECT_GE(cg.steps, cg.partial);
	EXPECT_LT(cg.got, cg.asked / 10);
	ASSERT_EQ(0, nl_cgroup_get(&s->nl, b->cgroup, &cg));
	EXPECT_EQ(0, cg.partial);
	EXPECT_GE(cg.got, cg.asked);
}

TEST_F(limits, no_yield_of_anon)
{
	struct stage *s = &self->s;

	ASSERT_EQ(0, cg_write(self->a.cgroup, "memory.swap.max", "0"));
	ASSERT_EQ(0, job_anon(&self->a, 64 * MIB));
	ASSERT_EQ(0, job_anon(&self->b, 40 * MIB));
	ASSERT_EQ(0, stage_add(s, &self->a, BEST_EFFORT, &with_anon));
	ASSERT_EQ(0, stage_add(s, &self->b, BEST_EFFORT, &with_anon));
	ASSERT_EQ(0, stage_press(s, 16 * MIB, 0));
	expect_yield(_metadata, s, &self->a, &self->b);
}

TEST_F(limits, no_yield_of_file)
{
	struct stage *s = &self->s;

	ASSERT_EQ(0, job_pin_cache(&self->a, 32 * MIB));
	ASSERT_EQ(0, job_cache(&self->b, 24 * MIB, 1));
	ASSERT_EQ(0, stage_add(s, &self->a, BEST_EFFORT, &with_anon));
	ASSERT_EQ(0, stage_add(s, &self->b, BEST_EFFORT, &with_anon));
	ASSERT_EQ(0, stage_press(s, 12 * MIB, 0));
	expect_yield(_metadata, s, &self->a, &self->b);
}

static uint32_t backoff_of(struct stage *s, const struct job *j)
{
	struct nl_cgroup cg;

	return nl_cgroup_get(&s->nl, j->cgroup, &cg) ? ~0U : cg.backoff;
}

/* A job that reads back what is taken from it, as fast as it can. */
TEST_F(limits, refaults)
{
	struct stage *s = &self->s;
	struct nl_cgroup cg;

	ASSERT_EQ(0, job_reread(&self->a, 48 * MIB));
	ASSERT_EQ(0, stage_add(s, &self->a, BEST_EFFORT, &with_anon));
	ASSERT_EQ(0, stage_press(s, 40 * MIB, 0));
	EXPECT_TRUE(wait_until(backoff_of(s, &self->a) ==
			       HERMES_BACKOFF_REFAULT))
		stage_show(s);
	EXPECT_TRUE(wait_until(stage_decided(s, HERMES_CHOICE_BACKOFF)));
	ASSERT_EQ(0, nl_cgroup_get(&s->nl, self->a.cgroup, &cg));
	TH_LOG("%lu steps, %lu MiB asked, %lu MiB got, %lu MiB refaulted",
	       (long)cg.steps, (long)(cg.asked / MIB), (long)(cg.got / MIB),
	       (long)(cg.refaults / MIB));
	EXPECT_GT(cg.refaults, 0);
}

TEST_F(limits, disabled_at_once)
{
	const struct nl_cgroup_conf conf = { .rate = 4 * MIB };
	struct stage *s = &self->s;
	uint64_t steps;

	ASSERT_EQ(0, job_cache(&self->a, 48 * MIB, 1));
	ASSERT_EQ(0, stage_add(s, &self->a, BEST_EFFORT, &conf));
	ASSERT_EQ(0, stage_press(s, 40 * MIB, 0));
	ASSERT_TRUE(wait_until(stage_look(s) > 1));
	ASSERT_EQ(0, stage_set(s, HERMES_A_POLICY_ENABLED, 0));
	steps = nl_total(&s->nl, HERMES_A_TOTALS_STEPS);
	sleep_ms(1000);
	/* One may have been under way. */
	EXPECT_LE(nl_total(&s->nl, HERMES_A_TOTALS_STEPS), steps + 1);
	ASSERT_EQ(0, stage_set(s, HERMES_A_POLICY_ENABLED, 1));
	EXPECT_TRUE(wait_until(nl_total(&s->nl, HERMES_A_TOTALS_STEPS) >
			       steps + 1));
}

TEST_F(limits, decisions)
{
	static struct nl_decision d[STAGE_DECISIONS + 50];
	struct stage *s = &self->s;
	int nr;

	ASSERT_EQ(0, job_cache(&self->a, 48 * MIB, 1));
	ASSERT_EQ(0, stage_add(s, &self->a, BEST_EFFORT, NULL));
	ASSERT_EQ(0, stage_set(s, HERMES_A_POLICY_STEP, SMALL_STEP));
	ASSERT_EQ(0, stage_press(s, 24 * MIB, 0));
	ASSERT_TRUE(wait_until(stage_at_high(s)))
		stage_show(s);
	ASSERT_EQ(0, stage_release(s));
	/* A step may be under way. */
	sleep_ms(200);
	nr = nl_decisions(&s->nl, d, STAGE_DECISIONS + 50);
	ASSERT_EQ(STAGE_DECISIONS, nr);
	for (int i = 1; i < nr; i++) {
		EXPECT_EQ(d[i - 1].seq + 1, d[i].seq);
		EXPECT_GE(d[i].time, d[i - 1].time);
		EXPECT_TRUE(!d[i].repeats || !d[i].id);
		EXPECT_TRUE(d[i].choice != d[i - 1].choice ||
			    d[i].trigger != d[i - 1].trigger || d[i].id);
	}
	EXPECT_GE(d[nr - 1].seq, 24 * MIB / SMALL_STEP);

	/* The same again and again is one. */
	ASSERT_EQ(0, nl_cgroup_set(&s->nl, self->a.cgroup, HERMES_A_CGROUP_MIN,
				   1024 * MIB));
	ASSERT_EQ(0, stage_press(s, 8 * MIB, 0));
	ASSERT_TRUE(wait_until(stage_look(s) > 0 && s->log[0].repeats > 3));
	EXPECT_EQ(1, s->nr);
	EXPECT_EQ(HERMES_CHOICE_EMPTY, s->log[0].choice);
	EXPECT_EQ(d[nr - 1].seq + 1, s->log[0].seq);
}

/* A victim that is killed and removed in the middle of it. */
TEST_F_TIMEOUT(limits, victim_is_removed, TEST_TIMEOUT_LONG)
{
	struct stage *s = &self->s;
	struct nl_attrs event;
	struct nl_cgroup cg;
	struct job j;

	ASSERT_EQ(0, nl_subscribe(&self->events));
	ASSERT_EQ(0, stage_set(s, HERMES_A_POLICY_STEP, SMALL_STEP));
	for (int round = 0; round < 10; round++) {
		ASSERT_EQ(0, job_create(&j, NULL, "gone"));
		ASSERT_EQ(0, job_cache(&j, 16 * MIB, 1));
		ASSERT_EQ(0, job_anon(&j, 16 * MIB));
		ASSERT_EQ(0, stage_add(s, &j, BEST_EFFORT, &with_anon));
		ASSERT_EQ(0, stage_press(s, 30 * MIB, 0));
		ASSERT_TRUE(wait_until(stage_took_from(s, &j)));
		sleep_ms(round * 10);
		job_destroy(&j);
		EXPECT_EQ(-ENOENT, nl_cgroup_get_id(&s->nl, j.id, &cg));
		EXPECT_EQ(0, nl_total(&s->nl, HERMES_A_TOTALS_BEST_EFFORT));
		ASSERT_EQ(0, nl_event_of(&self->events,
					 HERMES_EVENT_CGROUP_GONE, &event));
		EXPECT_EQ(j.id, nl_u64(&event, HERMES_A_EVENT_CGROUP_ID));
	}
}

/* Registrations change while steps are taken. */
TEST_F_TIMEOUT(limits, registrations_change, TEST_TIMEOUT_LONG)
{
	const struct nl_cgroup_conf conf = { .rate = 32 * MIB };
	struct stage *s = &self->s;
	struct job child;
	uint64_t steps;

	ASSERT_EQ(0, job_create(&child, self->b.cgroup, "child"));
	ASSERT_EQ(0, job_cache(&self->a, 64 * MIB, 1));
	ASSERT_EQ(0, job_cache(&child, 48 * MIB, 1));
	ASSERT_EQ(0, stage_add(s, &self->b, BEST_EFFORT, &conf));
	ASSERT_EQ(0, stage_set(s, HERMES_A_POLICY_STEP, SMALL_STEP));
	ASSERT_EQ(0, stage_press(s, 60 * MIB, 0));
	steps = nl_total(&s->nl, HERMES_A_TOTALS_STEPS);
	for (int i = 0; i < 150; i++) {
		EXPECT_EQ(0, stage_add(s, &self->a, BEST_EFFORT, &conf));
		EXPECT_EQ(0, stage_add(s, &child, CRITICAL, NULL));
		EXPECT_EQ(0, nl_cgroup_set(&s->nl, self->a.cgroup,
					   HERMES_A_CGROUP_WEIGHT, 1 + i));
		sleep_ms(i % 8);
		EXPECT_EQ(0, nl_cgroup_del(&s->nl, child.cgroup));
		EXPECT_EQ(0, nl_cgroup_set(&s->nl, self->b.cgroup,
					   HERMES_A_CGROUP_RATE, 8 * MIB + i));
		sleep_ms(i % 8);
		EXPECT_EQ(0, nl_cgroup_del(&s->nl, self->a.cgroup));
	}
	EXPECT_GT(nl_total(&s->nl, HERMES_A_TOTALS_STEPS), steps);
	EXPECT_EQ(1, nl_total(&s->nl, HERMES_A_TOTALS_BEST_EFFORT));
	EXPECT_EQ(0, nl_total(&s->nl, HERMES_A_TOTALS_LATENCY_CRITICAL));
	stage_release(s);
	job_destroy(&child);
}

static int module_unload(void)
{
	return syscall(SYS_delete_module, "hermes", O_NONBLOCK) ? -errno : 0;
}

static int module_load(void)
{
	const char *file = getenv("HERMES_KO") ?: MODULE_FILE;
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return err;
}

/* The module goes while the controller is busy, and comes back afresh. */
TEST_F_TIMEOUT(limits, module_is_removed, TEST_TIMEOUT_LONG)
{
	struct stage *s = &self->s;

	if (access(getenv("HERMES_KO") ?: MODULE_FILE, R_OK))
		SKIP(return, "the module's file is not there");
	nl_close(&self->events);
	for (int round = 0; round < 3; round++) {
		ASSERT_EQ(0, job_cache(&self->a, 48 * MIB, 1));
		ASSERT_EQ(0, stage_add(s, &self->a, BEST_EFFORT, NULL));
		ASSERT_EQ(0, stage_set(s, HERMES_A_POLICY_STEP, SMALL_STEP));
		ASSERT_EQ(0, stage_press(s, 40 * MIB, 0));
		ASSERT_TRUE(wait_until(stage_look(s) > 4));
		nl_close(&s->nl);
		ASSERT_TRUE(wait_until(!module_unload()));
		ASSERT_EQ(0, module_load());
		ASSERT_EQ(0, nl_open(&s->nl));
		s->seq = 0;
		s->repeats = 0;
		EXPECT_EQ(0, stage_look(s));
		EXPECT_EQ(0, nl_total(&s->nl, HERMES_A_TOTALS_BEST_EFFORT));
		EXPECT_EQ(0, nl_total(&s->nl, HERMES_A_TOTALS_STEPS));
	}
}

TEST_HARNESS_MAIN
