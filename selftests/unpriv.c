// SPDX-License-Identifier: GPL-2.0-only
/*
 * A user without privilege, in the group of the device, has all of Hermes for
 * its own process, within the module's limits. Other users have nothing.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "kselftest_harness.h"
#include "hermes_util.h"

#define UID		1000
#define GID_DEVICE	4242
#define GID_OTHER	1000
#define LEN		(MIB)

FIXTURE(unpriv)
{
	struct stat st;
	gid_t gid;
};

/* The node's group is root's where no udev rule has run. */
FIXTURE_SETUP(unpriv)
{
	ASSERT_EQ(0, geteuid()) TH_LOG("must be run by root");
	ASSERT_EQ(0, stat(HERMES_DEVICE, &self->st));
	self->gid = self->st.st_gid ?: GID_DEVICE;
	ASSERT_EQ(0, chown(HERMES_DEVICE, 0, self->gid));
}

FIXTURE_TEARDOWN(unpriv)
{
	EXPECT_EQ(0, chown(HERMES_DEVICE, 0, self->st.st_gid));
}

static void become_member(gid_t group)
{
	CHILD_CHECK(!become_user(UID, group));
}

TEST_F(unpriv, node)
{
	EXPECT_TRUE(S_ISCHR(self->st.st_mode));
	EXPECT_EQ(0660, self->st.st_mode & 07777);
	EXPECT_EQ(0, self->st.st_uid);
}

TEST_F(unpriv, refused_to_others)
{
	pid_t pid = fork();

	if (!pid) {
		become_member(GID_OTHER);
		CHILD_CHECK(open(HERMES_DEVICE, O_RDWR) < 0);
		CHILD_CHECK(errno == EACCES);
		CHILD_CHECK(open(HERMES_DEVICE, O_RDONLY) < 0);
		CHILD_CHECK(errno == EACCES);
		_exit(0);
	}
	EXPECT_EQ(0, child_exit(pid));
}

static void use_everything(void)
{
	struct hermes_client c;
	struct hermes_stats stats;
	uint64_t mapped, unmapped;
	char *mem;

	CHILD_CHECK(!hermes_open(&c));
	mem = hermes_ready_range(&c, LEN);
	CHILD_CHECK(mem && is_zero(mem, LEN));
	stamp_pages(mem, LEN, 1);
	CHILD_CHECK(!hermes_give(&c, mem, PAGE_BYTES, &unmapped, NULL));
	CHILD_CHECK(unmapped == PAGE_BYTES);
	CHILD_CHECK(!hermes_take(&c, mem, PAGE_BYTES, &mapped));
	CHILD_CHECK(!hermes_get_stats(&c, &stats));
	CHILD_CHECK(stats.consumed_bytes == LEN && stats.gives == 1);

	/* Bounded by the module, for everybody. */
	CHILD_CHECK(hermes_set_reserve(&c, 0, (c.info.client_max_bytes &
					       ~(PAGE_BYTES - 1)) +
					      PAGE_BYTES) == -EDQUOT);
	_exit(0);
}

TEST_F(unpriv, group_may_use_it)
{
	pid_t pid = fork();

	if (!pid) {
		become_member(self->gid);
		use_everything();
	}
	EXPECT_EQ(0, child_exit(pid));
}

TEST_F(unpriv, parameters_are_for_root)
{
	pid_t pid = fork();

	if (!pid) {
		become_member(self->gid);
		CHILD_CHECK(module_param_set("client_max_bytes", 1) == -EACCES);
		_exit(0);
	}
	EXPECT_EQ(0, child_exit(pid));
}

/* What three clients of one pool hold together. */
static uint64_t sum_of_reserves(struct hermes_client *c)
{
	struct hermes_stats stats;
	uint64_t sum = 0;

	for (int i = 0; i < 3; i++) {
		if (hermes_get_stats(&c[i], &stats))
			return ~0ULL;
		sum += stats.ready_bytes + (i ? 0 : stats.pool_bytes);
	}
	return sum;
}

/*
 * All reserves together stay below the module's maximum. While pages move from
 * the pool to a client the sum may count them twice.
 */
TEST_F(unpriv, total_is_bounded)
{
	long total = module_param_get("total_max_bytes");
	struct hermes_client c[3];
	bool filled, bounded;

	ASSERT_EQ(0, module_param_set("total_max_bytes", 12 * MIB));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(0, hermes_open(&c[i]));
		EXPECT_EQ(0, hermes_set_reserve(&c[i], 8 * MIB, 8 * MIB));
		EXPECT_EQ(0, hermes_fill_add(&c[i],
					     hermes_arena(&c[i], 8 * MIB),
					     8 * MIB));
	}
	filled = wait_until(sum_of_reserves(c) >= 8 * MIB);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, hermes_wait_asleep(&c[i]));
	bounded = wait_until(sum_of_reserves(c) <= 12 * MIB);
	EXPECT_EQ(0, module_param_set("total_max_bytes", total));
	EXPECT_TRUE(filled);
	EXPECT_TRUE(bounded);
	for (int i = 0; i < 3; i++)
		hermes_close(&c[i]);
}

/* Take all that there is, in an arena of its own; returns the bytes mapped. */
static uint64_t take_all(struct hermes_client *c, size_t len)
{
	char *arena = hermes_arena(c, len);
	uint64_t mapped, all = 0;

	for (size_t i = 0; i < len; i += 256 * PAGE_BYTES) {
		if (hermes_take(c, arena + i, 256 * PAGE_BYTES, &mapped))
			return 0;
		all += mapped;
	}
	return all;
}

/* What a client took from its reserve, which nobody can swap out, as well. */
TEST_F(unpriv, mapped_memory_is_bounded)
{
	long limit = module_param_get("client_mapped_max_bytes");
	struct hermes_client c;
	uint64_t first = 0, second = 0;
	char *untouched;

	ASSERT_EQ(0, hermes_open(&c));
	untouched = hermes_arena(&c, 2 * MIB);
	ASSERT_NE(MAP_FAILED, untouched);
	ASSERT_EQ(0, module_param_set("client_mapped_max_bytes", 16 * MIB));
	first = take_all(&c, 64 * MIB);
	/* To give back what one never had does not help. */
	for (int i = 0; i < 64; i++)
		EXPECT_EQ(0, hermes_give(&c, untouched, 2 * MIB, NULL, NULL));
	second = take_all(&c, 64 * MIB);
	EXPECT_EQ(0, module_param_set("client_mapped_max_bytes", limit));
	EXPECT_GE(first, 8 * MIB);
	EXPECT_LE(first, 18 * MIB);
	EXPECT_LE(first + second, 18 * MIB);
	/* And more than that is served by ordinary faults. */
	stamp_pages(untouched, 2 * MIB, 1);
	EXPECT_TRUE(has_stamps(untouched, 2 * MIB, 1));
	hermes_close(&c);
}

TEST_HARNESS_MAIN
