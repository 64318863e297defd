// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits that a latency-critical and a best-effort cgroup share: room is made
 * below a common ancestor's memory.max or memory.high although the machine has
 * memory to spare, and only by those that are below it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "kselftest_harness.h"
#include "hermes_pressure.h"

#define BEST_EFFORT	HERMES_CGROUP_BEST_EFFORT
#define CRITICAL	HERMES_CGROUP_LATENCY_CRITICAL
#define LIMIT		(128 * (long)MIB)
/* Leaves less below the limit than there should be, see setup. */
#define FILLED		(LIMIT - 6 * (long)MIB)

/* pod/batch and pod/service share what pod has; other is somewhere else. */
FIXTURE(shared)
{
	struct stage s;
	struct job pod, batch, service, other;
};

/*
 * The distances of the policy are for the machine's memory; for the limit they
 * are as much smaller as it is: 8 MiB, and a quarter of that below it.
 */
FIXTURE_SETUP(shared)
{
	struct stage *s = &self->s;
	uint64_t memory;

	memset(self, 0, sizeof(*self));
	if (!have_scratch())
		SKIP(_exit(255), "no disk at /scratch");
	ASSERT_EQ(0, stage_open(s));
	stage_forget(s);
	memory = nl_total(&s->nl, HERMES_A_TOTALS_MEMORY);
	ASSERT_EQ(0, job_create(&self->pod, NULL, "pod"));
	ASSERT_EQ(0, cg_write(self->pod.cgroup, "cgroup.subtree_control",
			      "+memory"));
	ASSERT_EQ(0, job_create(&self->batch, self->pod.cgroup, "batch"));
	ASSERT_EQ(0, job_create(&self->service, self->pod.cgroup, "service"));
	ASSERT_EQ(0, job_create(&self->other, NULL, "other"));
	ASSERT_EQ(0, job_cache(&self->other, 64 * MIB, 1));
	ASSERT_EQ(0, job_cache(&self->batch, FILLED - 24 * MIB, 1));
	ASSERT_EQ(0, job_cache(&self->service, 24 * MIB, 1));
	ASSERT_EQ(0, stage_add(s, &self->batch, BEST_EFFORT, NULL));
	ASSERT_EQ(0, stage_add(s, &self->other, BEST_EFFORT, NULL));
	ASSERT_EQ(0, stage_set(s, HERMES_A_POLICY_GAP, memory / 16));
	ASSERT_EQ(0, stage_set(s, HERMES_A_POLICY_HYSTERESIS, memory / 16));
	ASSERT_EQ(0, stage_set(s, HERMES_A_POLICY_ENABLED, 1));
	ASSERT_GT(nl_total(&s->nl, HERMES_A_TOTALS_FREE),
		  nl_total(&s->nl, HERMES_A_TOTALS_HIGH) + 32 * MIB);
}

FIXTURE_TEARDOWN(shared)
{
	stage_release(&self->s);
	job_destroy(&self->other);
	job_destroy(&self->service);
	job_destroy(&self->batch);
	job_destroy(&self->pod);
	stage_close(&self->s);
}

static void expect_room(struct __test_metadata *_metadata, struct stage *s,
			const struct job *pod, const struct job *batch,
			const struct job *service, const struct job *other)
{
	int steps = 0;

	EXPECT_TRUE(wait_until(job_current(pod) <= LIMIT - 12 * (long)MIB))
		stage_show(s);
	/* Not below what is asked for, but for a step. */
	sleep_ms(300);
	EXPECT_GE(job_current(pod), LIMIT - 30 * (long)MIB);
	ASSERT_LT(0, stage_look(s));
	for (int i = 0; i < s->nr; i++) {
		if (!s->log[i].id)
			continue;
		steps++;
		EXPECT_EQ(batch->id, s->log[i].id);
		EXPECT_STREQ(strrchr(pod->cgroup, '/'), s->log[i].within);
		EXPECT_LT(s->log[i].free, s->log[i].high);
	}
	EXPECT_LT(0, steps);
	EXPECT_EQ(0, job_stolen(service));
	EXPECT_EQ(0, job_stolen(other));
}

TEST_F(shared, memory_max)
{
	struct stage *s = &self->s;

	ASSERT_EQ(0, stage_add(s, &self->service, CRITICAL, NULL));
	ASSERT_EQ(0, cg_write_long(self->pod.cgroup, "memory.max", LIMIT));
	expect_room(_metadata, s, &self->pod, &self->batch, &self->service,
		    &self->other);
}

TEST_F(shared, memory_high)
{
	struct stage *s = &self->s;

	ASSERT_EQ(0, cg_write_long(self->pod.cgroup, "memory.high", LIMIT));
	ASSERT_EQ(0, stage_add(s, &self->service, CRITICAL, NULL));
	expect_room(_metadata, s, &self->pod, &self->batch, &self->service,
		    &self->other);
}

/* There is nothing that it may take, but it says for what it would. */
TEST_F(shared, dry_run)
{
	static const struct nl_cgroup_conf keep = { .min = 1024 * MIB };
	struct stage *s = &self->s;
	struct nl_decision d;

	ASSERT_EQ(0, nl_cgroup_del(&s->nl, self->batch.cgroup));
	ASSERT_EQ(0, stage_add(s, &self->batch, BEST_EFFORT, &keep));
	ASSERT_EQ(0, stage_add(s, &self->service, CRITICAL, NULL));
	ASSERT_EQ(0, nl_dry_run(&s->nl, 1ULL << 40, &d));
	EXPECT_EQ(HERMES_CHOICE_ENOUGH, d.choice);
	EXPECT_STREQ("", d.within);
	ASSERT_EQ(0, cg_write_long(self->pod.cgroup, "memory.max", LIMIT));
	ASSERT_EQ(0, nl_dry_run(&s->nl, 1ULL << 40, &d));
	EXPECT_EQ(HERMES_CHOICE_EMPTY, d.choice);
	EXPECT_STREQ(strrchr(self->pod.cgroup, '/'), d.within);
	EXPECT_LT(d.free, d.low);
	/* The machine comes first. */
	ASSERT_EQ(0, nl_dry_run(&s->nl, 0, &d));
	EXPECT_EQ(HERMES_CHOICE_FILE, d.choice);
	EXPECT_EQ(self->other.id, d.id);
	EXPECT_STREQ("", d.within);
	EXPECT_EQ(0, job_stolen(&self->batch));
}

/* Who fills a limit of its own hurts nobody that Hermes looks after. */
TEST_F(shared, not_without_a_service)
{
	struct stage *s = &self->s;
	uint64_t looks;

	ASSERT_EQ(0, cg_write_long(self->pod.cgroup, "memory.max", LIMIT));
	looks = nl_total(&s->nl, HERMES_A_TOTALS_LOOKS);
	EXPECT_TRUE(wait_until(nl_total(&s->nl, HERMES_A_TOTALS_LOOKS) >
			       looks + 50));
	EXPECT_EQ(0, job_stolen(&self->batch));
	EXPECT_EQ(0, job_stolen(&self->service));
}

/* The service is outside: the limit is not shared with it. */
TEST_F(shared, not_for_a_service_elsewhere)
{
	struct stage *s = &self->s;
	uint64_t looks;

	ASSERT_EQ(0, nl_cgroup_del(&s->nl, self->other.cgroup));
	ASSERT_EQ(0, stage_add(s, &self->other, CRITICAL, NULL));
	ASSERT_EQ(0, cg_write_long(self->pod.cgroup, "memory.max", LIMIT));
	looks = nl_total(&s->nl, HERMES_A_TOTALS_LOOKS);
	EXPECT_TRUE(wait_until(nl_total(&s->nl, HERMES_A_TOTALS_LOOKS) >
			       looks + 50));
	EXPECT_EQ(0, job_stolen(&self->batch));
	EXPECT_EQ(0, job_stolen(&self->other));
}

TEST_HARNESS_MAIN
