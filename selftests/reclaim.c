// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proactive reclaim: when, from whom and what the controller takes. Who is
 * latency-critical, or not registered at all, keeps what it has.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "kselftest_harness.h"
#include "hermes_pressure.h"

#define BEST_EFFORT	HERMES_CGROUP_BEST_EFFORT
#define CRITICAL	HERMES_CGROUP_LATENCY_CRITICAL
/* File cache that the controller leaves a job to run. */
#define FILE_LEAST	((long)MIB)
/*
 * Where the kernel chooses between file cache and anonymous memory, jobs that
 * may not lose the latter keep so much of the former.
 */
#define FILE_LEAST_6_1	(16 * (long)MIB)

/* The kernel takes more than it was asked for: 0.4 MiB a step on 6.1. */
#define OVERSHOOT	(4 * (long)MIB)

FIXTURE(reclaim)
{
	struct stage s;
	struct job a, b, c;
	char swap[64];
};

FIXTURE_SETUP(reclaim)
{
	memset(self, 0, sizeof(*self));
	if (!have_scratch())
		SKIP(_exit(255), "no disk at /scratch");
	ASSERT_EQ(0, stage_open(&self->s));
	ASSERT_EQ(0, job_create(&self->a, NULL, "a"));
	ASSERT_EQ(0, job_create(&self->b, NULL, "b"));
}

FIXTURE_TEARDOWN(reclaim)
{
	stage_release(&self->s);
	if (self->swap[0])
		EXPECT_EQ(0, swap_on(self->swap));
	job_destroy(&self->c);
	job_destroy(&self->b);
	job_destroy(&self->a);
	stage_close(&self->s);
}

/* File cache that may be lost by a job whose anonymous memory may not. */
static long file_kept(void)
{
	return kernel_chooses_kind() ? FILE_LEAST_6_1 : FILE_LEAST;
}

TEST_F(reclaim, nothing_above_low)
{
	struct stage *s = &self->s;
	uint64_t steps, looks;
	long before;

	ASSERT_EQ(0, job_cache(&self->a, 32 * MIB, 1));
	ASSERT_EQ(0, stage_add(s, &self->a, BEST_EFFORT, NULL));
	/* Below the high watermark, but not below the low one. */
	steps = nl_total(&s->nl, HERMES_A_TOTALS_STEPS);
	ASSERT_EQ(0, stage_press(s, -8 * (long)MIB, 32 * MIB));
	before = job_current(&self->a);
	looks = nl_total(&s->nl, HERMES_A_TOTALS_LOOKS);
	EXPECT_TRUE(wait_until(nl_total(&s->nl, HERMES_A_TOTALS_LOOKS) >
			       looks + 50));
	EXPECT_EQ(0, stage_look(s));
	EXPECT_EQ(steps, nl_total(&s->nl, HERMES_A_TOTALS_STEPS));
	EXPECT_EQ(0, job_stolen(&self->a));
	EXPECT_GE(job_current(&self->a), before - JOB_SLACK);
}

TEST_F(reclaim, largest_first_up_to_high)
{
	struct stage *s = &self->s;
	uint64_t free;

	ASSERT_EQ(0, job_cache(&self->a, 24 * MIB, 1));
	ASSERT_EQ(0, job_cache(&self->b, 64 * MIB, 1));
	ASSERT_EQ(0, stage_add(s, &self->a, BEST_EFFORT, NULL));
	ASSERT_EQ(0, stage_add(s, &self->b, BEST_EFFORT, NULL));
	ASSERT_EQ(0, stage_press(s, 4 * MIB, 16 * MIB));
	ASSERT_TRUE(wait_until(stage_at_high(s)));
	sleep_ms(200);

	/* No more than was missing, and the larger one gave all of it. */
	free = nl_total(&s->nl, HERMES_A_TOTALS_FREE);
	EXPECT_LT(free, nl_total(&s->nl, HERMES_A_TOTALS_HIGH) + 8 * MIB);
	EXPECT_EQ(0, job_stolen(&self->a));
	EXPECT_GE(job_stolen(&self->b), 16 * (long)MIB - JOB_SLACK);
	EXPECT_LE(job_stolen(&self->b), 28 * (long)MIB);
	ASSERT_LT(0, stage_look(s));
	for (int i = 0; i < s->nr; i++) {
		EXPECT_EQ(self->b.id, s->log[i].id);
		EXPECT_EQ(HERMES_CHOICE_FILE, s->log[i].choice);
		EXPECT_EQ(HERMES_TRIGGER_WATERMARK, s->log[i].trigger);
		EXPECT_EQ(2, s->log[i].candidates);
		EXPECT_LT(s->log[i].free, s->log[i].high);
		EXPECT_LE(s->log[i].asked, 4 * MIB);
		EXPECT_STREQ(strrchr(self->b.cgroup, '/'), s->log[i].path);
	}
	EXPECT_LT(s->log[0].free, s->log[0].low);
}

/* The last decision comes before the first step of the next pressure. */
TEST_F(reclaim, weights)
{
	static const struct nl_cgroup_conf heavy = { .weight = 1000 };
	struct stage *s = &self->s;

	ASSERT_EQ(0, job_cache(&self->a, 24 * MIB, 1));
	ASSERT_EQ(0, job_cache(&self->b, 48 * MIB, 1));
	ASSERT_EQ(0, stage_add(s, &self->a, BEST_EFFORT, &heavy));
	ASSERT_EQ(0, stage_add(s, &self->b, BEST_EFFORT, NULL));
	ASSERT_EQ(0, stage_press(s, 4 * MIB, 0));
	ASSERT_TRUE(wait_until(stage_look(s) > 0));
	EXPECT_EQ(self->a.id, s->log[0].id);
	EXPECT_TRUE(wait_until(stage_at_high(s)));
	EXPECT_EQ(0, job_stolen(&self->b));

	ASSERT_EQ(0, nl_cgroup_set(&s->nl, self->a.cgroup,
				   HERMES_A_CGROUP_WEIGHT, 1));
	ASSERT_EQ(0, stage_press(s, 4 * MIB, 0));
	ASSERT_TRUE(wait_until(stage_look(s) > 0));
	EXPECT_EQ(self->b.id, s->log[0].id);
}

/* a: file cache; b: anonymous memory only, and more of it. */
TEST_F(reclaim, file_before_anon)
{
	static const struct nl_cgroup_conf anon = { .anon = 1 };
	struct stage *s = &self->s;

	ASSERT_EQ(0, job_cache(&self->a, 16 * MIB, 1));
	ASSERT_EQ(0, job_anon(&self->b, 64 * MIB));
	ASSERT_EQ(0, stage_add(s, &self->a, BEST_EFFORT, &anon));
	ASSERT_EQ(0, stage_add(s, &self->b, BEST_EFFORT, &anon));
	ASSERT_EQ(0, stage_press(s, 8 * MIB, 0));
	ASSERT_TRUE(wait_until(stage_at_high(s)));
	EXPECT_FALSE(stage_took_from(s, &self->b));
	EXPECT_EQ(0, job_swapped(&self->b));
	EXPECT_GT(job_stolen(&self->a), 0);

	ASSERT_EQ(0, stage_press(s, 24 * MIB, 0));
	ASSERT_TRUE(wait_until(stage_at_high(s)));
	EXPECT_TRUE(stage_decided(s, HERMES_CHOICE_ANON));
	EXPECT_TRUE(stage_took_from(s, &self->b));
	EXPECT_GT(job_swapped(&self->b), 8 * (long)MIB);
	EXPECT_LE(job_file(&self->a), FILE_LEAST + JOB_SLACK);
	TH_LOG("%ld KiB of file cache left, %ld MiB swapped",
	       job_file(&self->a) / 1024, job_swapped(&self->b) / (long)MIB);
}

TEST_F(reclaim, no_anon_unless_allowed)
{
	struct stage *s = &self->s;

	ASSERT_EQ(0, job_cache(&self->a, 40 * MIB, 1));
	ASSERT_EQ(0, job_anon(&self->a, 48 * MIB));
	ASSERT_EQ(0, stage_add(s, &self->a, BEST_EFFORT, NULL));
	ASSERT_EQ(0, stage_press(s, 60 * MIB, 0));
	ASSERT_TRUE(wait_until(stage_done(s)));
	EXPECT_FALSE(stage_decided(s, HERMES_CHOICE_ANON));
	EXPECT_LE(job_file(&self->a), file_kept() + JOB_SLACK);
	/* Where the kernel chooses, not much of it may go wrong. */
	EXPECT_LE(job_swapped(&self->a), kernel_chooses_kind() ? (long)MIB : 0);
	TH_LOG("%ld KiB swapped", job_swapped(&self->a) / 1024);
}

/* The same with file cache in use, which the kernel would rather keep. */
TEST_F(reclaim, no_anon_beside_active_file)
{
	struct stage *s = &self->s;

	ASSERT_EQ(0, job_cache(&self->a, 40 * MIB, 3));
	ASSERT_EQ(0, job_anon(&self->a, 48 * MIB));
	ASSERT_EQ(0, stage_add(s, &self->a, BEST_EFFORT, NULL));
	ASSERT_EQ(0, stage_press(s, 60 * MIB, 0));
	ASSERT_TRUE(wait_until(stage_done(s) || stage_at_high(s)))
		stage_show(s);
	EXPECT_FALSE(stage_decided(s, HERMES_CHOICE_ANON));
	EXPECT_LE(job_swapped(&self->a),
		  kernel_chooses_kind() ? 4 * (long)MIB : 0);
	TH_LOG("%ld KiB swapped, %ld KiB of file cache left",
	       job_swapped(&self->a) / 1024, job_file(&self->a) / 1024);
}

TEST_F(reclaim, no_swap)
{
	static const struct nl_cgroup_conf anon = { .anon = 1 };
	struct stage *s = &self->s;
	struct nl_cgroup cg;
	long before;

	ASSERT_EQ(0, job_anon(&self->a, 32 * MIB));
	ASSERT_EQ(0, stage_add(s, &self->a, BEST_EFFORT, &anon));
	ASSERT_EQ(0, swap_off(self->swap, sizeof(self->swap)));
	before = job_stat(&self->a, "anon");
	ASSERT_EQ(0, stage_press(s, 16 * MIB, 0));
	EXPECT_TRUE(wait_until(stage_decided(s, HERMES_CHOICE_NO_SWAP)));
	EXPECT_GE(job_stat(&self->a, "anon"), before - JOB_SLACK);
	ASSERT_EQ(0, nl_cgroup_get(&s->nl, self->a.cgroup, &cg));
	EXPECT_EQ(0, cg.steps);

	ASSERT_EQ(0, swap_on(self->swap));
	self->swap[0] = '\0';
	EXPECT_TRUE(wait_until(stage_decided(s, HERMES_CHOICE_ANON)));
	EXPECT_TRUE(wait_until(job_swapped(&self->a) > 0));
}

TEST_F(reclaim, others_keep_theirs)
{
	struct stage *s = &self->s;
	long critical, stranger;

	ASSERT_EQ(0, job_create(&self->c, NULL, "c"));
	ASSERT_EQ(0, job_cache(&self->a, 16 * MIB, 1));
	ASSERT_EQ(0, job_cache(&self->b, 48 * MIB, 1));
	ASSERT_EQ(0, job_anon(&self->b, 16 * MIB));
	ASSERT_EQ(0, job_cache(&self->c, 48 * MIB, 1));
	ASSERT_EQ(0, stage_add(s, &self->a, BEST_EFFORT, NULL));
	ASSERT_EQ(0, stage_add(s, &self->b, CRITICAL, NULL));
	critical = job_current(&self->b);
	stranger = job_current(&self->c);
	ASSERT_EQ(0, stage_press(s, 48 * MIB, 0));
	ASSERT_TRUE(wait_until(stage_done(s)));
	sleep_ms(500);
	EXPECT_EQ(0, job_stolen(&self->b));
	EXPECT_EQ(0, job_stolen(&self->c));
	EXPECT_GE(job_current(&self->b), critical - JOB_SLACK);
	EXPECT_GE(job_current(&self->c), stranger - JOB_SLACK);
	EXPECT_FALSE(stage_at_high(s));
	EXPECT_EQ(1, nl_total(&s->nl, HERMES_A_TOTALS_BEST_EFFORT));
	EXPECT_EQ(1, nl_total(&s->nl, HERMES_A_TOTALS_LATENCY_CRITICAL));
}

TEST_F(reclaim, minimum_is_left)
{
	static const struct nl_cgroup_conf conf = { .min = 32 * MIB };
	struct stage *s = &self->s;

	ASSERT_EQ(0, job_cache(&self->a, 56 * MIB, 1));
	ASSERT_EQ(0, stage_add(s, &self->a, BEST_EFFORT, &conf));
	ASSERT_EQ(0, stage_press(s, 56 * MIB, 0));
	ASSERT_TRUE(wait_until(stage_done(s)));
	sleep_ms(200);
	EXPECT_GE(job_current(&self->a), 32 * (long)MIB - OVERSHOOT);
	EXPECT_LE(job_current(&self->a), 32 * (long)MIB + JOB_SLACK);
	EXPECT_TRUE(stage_decided(s, HERMES_CHOICE_EMPTY));

	/* A new one counts at once. */
	ASSERT_EQ(0, nl_cgroup_set(&s->nl, self->a.cgroup, HERMES_A_CGROUP_MIN,
				   24 * MIB));
	EXPECT_TRUE(wait_until(job_current(&self->a) <
			       24 * (long)MIB + JOB_SLACK));
	sleep_ms(200);
	EXPECT_GE(job_current(&self->a), 24 * (long)MIB - OVERSHOOT);
}

static void expect_steps(struct __test_metadata *_metadata, struct stage *s,
			 uint64_t most)
{
	ASSERT_LT(0, stage_look(s));
	for (int i = 0; i < s->nr; i++) {
		EXPECT_LE(s->log[i].asked, most);
		/* Whole folios, so it may be more; all, where there was no error. */
		EXPECT_TRUE(s->log[i].error ||
			    s->log[i].got >= s->log[i].asked);
	}
}

TEST_F(reclaim, steps_are_bounded)
{
	static const uint64_t sizes[] = { 64 * 1024, MIB, 32 * MIB };
	struct stage *s = &self->s;

	ASSERT_EQ(0, job_cache(&self->a, 64 * MIB, 1));
	ASSERT_EQ(0, stage_add(s, &self->a, BEST_EFFORT, NULL));
	EXPECT_EQ(-ERANGE, stage_set(s, HERMES_A_POLICY_STEP, 32 * MIB + 1));
	EXPECT_EQ(-ERANGE, stage_set(s, HERMES_A_POLICY_STEP, 4096));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, stage_set(s, HERMES_A_POLICY_STEP, sizes[i]));
		ASSERT_EQ(0, stage_press(s, i == 2 ? 40 * MIB : 4 * MIB, 0));
		EXPECT_TRUE(wait_until(stage_at_high(s) || stage_done(s)));
		expect_steps(_metadata, s, sizes[i]);
	}
}

/* A large folio goes as a whole: a step may take one more than it asked for. */
TEST_F(reclaim, large_folios)
{
	struct stage *s = &self->s;
	uint64_t asked = 0;

	self->a.large = true;
	ASSERT_EQ(0, job_cache(&self->a, 64 * MIB, 1));
	ASSERT_EQ(0, stage_add(s, &self->a, BEST_EFFORT, NULL));
	ASSERT_EQ(0, stage_set(s, HERMES_A_POLICY_STEP, MIB));
	ASSERT_EQ(0, stage_press(s, 32 * MIB, 0));
	EXPECT_TRUE(wait_until(stage_at_high(s) || stage_done(s)));
	ASSERT_LT(0, stage_look(s));
	for (int i = 0; i < s->nr; i++)
		asked += s->log[i].asked;
	TH_LOG("%ld KiB taken in %d steps that asked for %ld KiB",
	       job_stolen(&self->a) / 1024, s->nr, (long)asked / 1024);
	EXPECT_LE(job_stolen(&self->a), asked + 2 * MIB * s->nr);
}

/* What a dry run says is what then happens; it does nothing itself. */
TEST_F(reclaim, dry_run)
{
	struct stage *s = &self->s;
	struct nl_decision d;
	uint64_t steps;
	long a, b;

	ASSERT_EQ(0, job_cache(&self->a, 32 * MIB, 1));
	ASSERT_EQ(0, job_cache(&self->b, 16 * MIB, 1));
	ASSERT_EQ(0, nl_dry_run(&s->nl, 0, &d));
	EXPECT_EQ(HERMES_CHOICE_DISABLED, d.choice);
	ASSERT_EQ(0, stage_press(s, -32 * (long)MIB, 0));
	ASSERT_EQ(0, nl_dry_run(&s->nl, 0, &d));
	EXPECT_EQ(HERMES_CHOICE_NOBODY, d.choice);
	ASSERT_EQ(0, stage_add(s, &self->a, BEST_EFFORT, NULL));
	ASSERT_EQ(0, stage_add(s, &self->b, BEST_EFFORT, NULL));
	steps = nl_total(&s->nl, HERMES_A_TOTALS_STEPS);
	a = job_current(&self->a);
	b = job_current(&self->b);
	for (int i = 0; i < 20; i++) {
		ASSERT_EQ(0, nl_dry_run(&s->nl, 0, &d));
		EXPECT_EQ(self->a.id, d.id);
		EXPECT_EQ(HERMES_CHOICE_FILE, d.choice);
		EXPECT_EQ(HERMES_TRIGGER_DRY_RUN, d.trigger);
		EXPECT_EQ(0, d.seq);
		EXPECT_EQ(4 * MIB, d.asked);
		EXPECT_EQ(0, d.got);
	}
	ASSERT_EQ(0, nl_dry_run(&s->nl, d.low, &d));
	EXPECT_EQ(HERMES_CHOICE_ENOUGH, d.choice);
	EXPECT_EQ(0, d.id);
	EXPECT_EQ(steps, nl_total(&s->nl, HERMES_A_TOTALS_STEPS));
	EXPECT_EQ(0, stage_look(s));
	EXPECT_EQ(a, job_current(&self->a));
	EXPECT_EQ(b, job_current(&self->b));
	EXPECT_EQ(0, job_stolen(&self->a) + job_stolen(&self->b));

	ASSERT_EQ(0, stage_press(s, 4 * MIB, 0));
	ASSERT_TRUE(wait_until(stage_look(s) > 0));
	EXPECT_EQ(self->a.id, s->log[0].id);
}

/* A best-effort parent with three jobs inside, of which one is critical. */
FIXTURE(split)
{
	struct stage s;
	struct job parent, a, b, c;
	long pinned;
};

FIXTURE_SETUP(split)
{
	memset(self, 0, sizeof(*self));
	if (!have_scratch())
		SKIP(_exit(255), "no disk at /scratch");
	ASSERT_EQ(0, stage_open(&self->s));
	ASSERT_EQ(0, job_create(&self->parent, NULL, "parent"));
	ASSERT_EQ(0, job_create(&self->a, self->parent.cgroup, "a"));
	ASSERT_EQ(0, job_create(&self->b, self->parent.cgroup, "b"));
	ASSERT_EQ(0, job_create(&self->c, self->parent.cgroup, "c"));
	ASSERT_EQ(0, job_cache(&self->a, 32 * MIB, 1));
	ASSERT_EQ(0, job_cache(&self->b, 32 * MIB, 1));
	ASSERT_EQ(0, job_cache(&self->c, 48 * MIB, 1));
}

FIXTURE_TEARDOWN(split)
{
	stage_release(&self->s);
	job_destroy(&self->c);
	job_destroy(&self->b);
	job_destroy(&self->a);
	job_destroy(&self->parent);
	stage_close(&self->s);
}

static uint32_t split_of(struct stage *s, const struct job *j)
{
	struct nl_cgroup cg;

	return nl_cgroup_get(&s->nl, j->cgroup, &cg) ? ~0U : cg.split;
}

TEST_F(split, child_is_left_alone)
{
	struct stage *s = &self->s;
	long kept;

	ASSERT_EQ(0, stage_add(s, &self->parent, BEST_EFFORT, NULL));
	ASSERT_EQ(0, stage_add(s, &self->c, CRITICAL, NULL));
	kept = job_current(&self->c);
	ASSERT_EQ(0, stage_press(s, 60 * MIB, 0));
	ASSERT_TRUE(wait_until(stage_done(s) || stage_at_high(s)));
	EXPECT_TRUE(stage_took_from(s, &self->a));
	EXPECT_TRUE(stage_took_from(s, &self->b));
	EXPECT_FALSE(stage_took_from(s, &self->parent));
	EXPECT_FALSE(stage_took_from(s, &self->c));
	EXPECT_EQ(1, split_of(s, &self->parent));
	EXPECT_EQ(0, job_stolen(&self->c));
	EXPECT_GE(job_current(&self->c), kept - JOB_SLACK);

	/* One whole again. */
	ASSERT_EQ(0, nl_cgroup_del(&s->nl, self->c.cgroup));
	ASSERT_EQ(0, stage_press(s, 16 * MIB, 0));
	ASSERT_TRUE(wait_until(stage_at_high(s) || stage_done(s)));
	EXPECT_TRUE(stage_took_from(s, &self->parent));
	EXPECT_EQ(0, split_of(s, &self->parent));
	EXPECT_GT(job_stolen(&self->c), 0);
}

/* Another child becomes critical in place of the first. */
TEST_F(split, critical_changes)
{
	struct stage *s = &self->s;
	long before;

	ASSERT_EQ(0, stage_add(s, &self->parent, BEST_EFFORT, NULL));
	ASSERT_EQ(0, stage_add(s, &self->c, CRITICAL, NULL));
	ASSERT_EQ(0, stage_press(s, 4 * MIB, 0));
	ASSERT_TRUE(wait_until(stage_at_high(s)));
	ASSERT_EQ(0, stage_press(s, 60 * MIB, 0) ?:
		     stage_set(s, HERMES_A_POLICY_ENABLED, 0));
	sleep_ms(50);
	ASSERT_EQ(0, nl_cgroup_del(&s->nl, self->c.cgroup));
	ASSERT_EQ(0, stage_add(s, &self->b, CRITICAL, NULL));
	before = job_stolen(&self->b);
	ASSERT_EQ(0, stage_set(s, HERMES_A_POLICY_ENABLED, 1));
	ASSERT_TRUE(wait_until(stage_at_high(s) || stage_done(s)));
	EXPECT_EQ(before, job_stolen(&self->b));
}

/* A best-effort cgroup inside a critical one: nobody to take from, no hurry. */
TEST_F(split, inside_critical)
{
	struct stage *s = &self->s;
	uint64_t looks, start;

	ASSERT_EQ(0, stage_add(s, &self->parent, CRITICAL, NULL));
	ASSERT_EQ(0, stage_add(s, &self->a, BEST_EFFORT, NULL));
	ASSERT_EQ(0, stage_set(s, HERMES_A_POLICY_POLL_MS, 1000));
	ASSERT_EQ(0, stage_press(s, 16 * MIB, 0));
	ASSERT_TRUE(wait_until(stage_look(s) > 0));
	EXPECT_EQ(HERMES_CHOICE_EMPTY, s->log[0].choice);
	start = now_ms();
	looks = nl_total(&s->nl, HERMES_A_TOTALS_LOOKS);
	sleep_ms(2000);
	looks = nl_total(&s->nl, HERMES_A_TOTALS_LOOKS) - looks;
	EXPECT_LE(looks, (now_ms() - start) / 100 + 5);
	EXPECT_GE(looks, 2);
	EXPECT_EQ(0, job_stolen(&self->parent));
}

TEST_HARNESS_MAIN
