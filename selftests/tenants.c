// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two clients know nothing of each other: neither data, nor rings, nor each
 * other's memory cgroup.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "hermes_util.h"

#define LEN		(2 * MIB)
#define BLOCK		(64 * PAGE_BYTES)
#define ROUNDS		24
#define SLACK		((long)(2 * MIB))

FIXTURE(tenants)
{
	char cgroup[2][CG_PATH_MAX];
	struct gate go[2], done[2];
	pid_t pid[2];
};

FIXTURE_SETUP(tenants)
{
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, cg_create(self->cgroup[i], NULL,
				       i ? "tenant-b" : "tenant-a"));
		ASSERT_EQ(0, gate_init(&self->go[i]));
		ASSERT_EQ(0, gate_init(&self->done[i]));
	}
}

FIXTURE_TEARDOWN(tenants)
{
	for (int i = 0; i < 2; i++) {
		if (self->pid[i] > 0)
			kill(self->pid[i], SIGKILL);
		cg_remove(self->cgroup[i]);
	}
}

/* Dirty memory, give it back, and find nobody else's dirt in what comes. */
static void churn(const char *cgroup, int who)
{
	struct hermes_client c;
	char *mem;

	CHILD_CHECK(!cg_enter(cgroup));
	CHILD_CHECK(!hermes_open(&c));
	mem = hermes_ready_range(&c, LEN);
	CHILD_CHECK(mem);
	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < LEN; i += BLOCK) {
			CHILD_CHECK(is_zero(mem + i, BLOCK));
			memset(mem + i, who + 1, BLOCK);
		}
		CHILD_CHECK(is_filled(mem, who + 1, LEN));
		for (size_t i = 0; i < LEN; i += BLOCK) {
			CHILD_CHECK(!hermes_give(&c, mem + i, BLOCK, NULL,
						 NULL));
			/* It stops at a page that the last take fell short of. */
			CHILD_CHECK(!madvise(mem + i, BLOCK, MADV_DONTNEED));
			CHILD_CHECK(!hermes_take(&c, mem + i, BLOCK, NULL));
		}
	}
	_exit(0);
}

TEST_F(tenants, no_data_of_the_other)
{
	for (int i = 0; i < 2; i++) {
		self->pid[i] = fork();
		if (!self->pid[i])
			churn(self->cgroup[i], i);
	}
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(0, child_exit(self->pid[i]));
		self->pid[i] = 0;
	}
}

TEST_F(tenants, no_data_of_the_other_in_one_cgroup)
{
	for (int i = 0; i < 2; i++) {
		self->pid[i] = fork();
		if (!self->pid[i])
			churn(self->cgroup[0], i);
	}
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(0, child_exit(self->pid[i]));
		self->pid[i] = 0;
	}
}

/* Two clients of one process: what one posted only one delivers. */
TEST_F(tenants, rings_are_separate)
{
	struct hermes_client c[2];
	char *arena[2];

	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, hermes_open(&c[i]));
		ASSERT_EQ(0, hermes_set_reserve(&c[i], LEN, LEN));
		arena[i] = hermes_arena(&c[i], LEN);
		ASSERT_NE(MAP_FAILED, arena[i]);
	}
	EXPECT_NE(c[0].info.client_id, c[1].info.client_id);

	ASSERT_EQ(0, hermes_fill_add(&c[0], arena[0], LEN));
	ASSERT_EQ(0, hermes_wait_ready(&c[0], LEN));
	EXPECT_EQ(0, hermes_pop(&c[1]));
	EXPECT_EQ(0, c[1].ctl->ready_prod);

	/* Neither serves the other's arena. */
	EXPECT_EQ(-EFAULT, hermes_take(&c[1], arena[0], PAGE_BYTES, NULL));
	EXPECT_EQ(-EFAULT, hermes_give(&c[1], arena[0], PAGE_BYTES, NULL,
				       NULL));
	ASSERT_EQ(0, hermes_fill_add(&c[1], arena[0], LEN));
	ASSERT_EQ(0, hermes_fill_add(&c[1], arena[1], LEN));
	for (size_t got = 0; got < LEN; ) {
		uint64_t word = hermes_pop_wait(&c[1]);
		uint64_t addr = HERMES_READY_ADDR(word);

		ASSERT_GE(addr, (uintptr_t)arena[1]);
		ASSERT_LT(addr, (uintptr_t)arena[1] + LEN);
		got += HERMES_READY_PAGES(word) * PAGE_BYTES;
	}
	hermes_close(&c[0]);
	EXPECT_TRUE(is_zero(arena[1], LEN));
	hermes_close(&c[1]);
}

/* Builds a reserve, then recycles dirty memory into its pool. */
static void charged_tenant(const char *cgroup, struct gate *go,
			   struct gate *done, size_t reserve)
{
	struct hermes_client c;
	char *arena;

	CHILD_CHECK(!cg_enter(cgroup));
	CHILD_CHECK(!hermes_open(&c));
	CHILD_CHECK(!hermes_set_reserve(&c, 0, 0));
	gate_open(done);
	CHILD_CHECK(gate_wait(go));

	arena = hermes_arena(&c, reserve);
	CHILD_CHECK(!hermes_set_reserve(&c, reserve, reserve));
	CHILD_CHECK(!hermes_fill_add(&c, arena, reserve));
	CHILD_CHECK(!hermes_wait_ready(&c, reserve));
	gate_open(done);
	CHILD_CHECK(gate_wait(go));
	_exit(0);
}

TEST_F(tenants, each_pays_for_its_own)
{
	const long reserve[2] = { 12 * MIB, 4 * MIB };
	long base[2];

	for (int i = 0; i < 2; i++) {
		self->pid[i] = fork();
		if (!self->pid[i])
			charged_tenant(self->cgroup[i], &self->go[i],
				       &self->done[i], reserve[i]);
		ASSERT_TRUE(gate_wait(&self->done[i]));
		base[i] = cg_read_long(self->cgroup[i], "memory.current");
	}
	for (int i = 0; i < 2; i++) {
		gate_open(&self->go[i]);
		ASSERT_TRUE(gate_wait(&self->done[i]));
	}
	for (int i = 0; i < 2; i++) {
		long rise = cg_read_long(self->cgroup[i], "memory.current") -
			    base[i];

		EXPECT_GE(rise, reserve[i] - SLACK);
		EXPECT_LE(rise, reserve[i] + SLACK + reserve[i] / 4);
	}
	/* The end of one changes nothing for the other. */
	gate_open(&self->go[0]);
	EXPECT_EQ(0, child_exit(self->pid[0]));
	self->pid[0] = 0;
	EXPECT_GE(cg_read_long(self->cgroup[1], "memory.current") - base[1],
		  reserve[1] - SLACK);
	gate_open(&self->go[1]);
	EXPECT_EQ(0, child_exit(self->pid[1]));
	self->pid[1] = 0;
}

/* A process that changes its cgroup takes the charge of new memory along. */
TEST_F(tenants, charge_follows_the_process)
{
	struct hermes_client c;
	long before;
	char *arena;

	ASSERT_EQ(0, cg_enter(self->cgroup[0]));
	ASSERT_EQ(0, hermes_open(&c));
	ASSERT_NE(NULL, hermes_ready_range(&c, LEN));
	ASSERT_EQ(0, cg_enter(self->cgroup[1]));
	before = cg_read_long(self->cgroup[1], "memory.current");
	arena = hermes_arena(&c, 4 * LEN);
	ASSERT_EQ(0, hermes_set_reserve(&c, 4 * LEN, 4 * LEN));
	ASSERT_EQ(0, hermes_fill_add(&c, arena, 4 * LEN));
	ASSERT_EQ(0, hermes_wait_ready(&c, 4 * LEN));
	EXPECT_GE(cg_read_long(self->cgroup[1], "memory.current") - before,
		  (long)(4 * LEN) - SLACK);
	ASSERT_EQ(0, cg_leave());
	hermes_close(&c);
}

TEST_HARNESS_MAIN
