// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family: as many registered cgroups as there may be.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "kselftest_harness.h"
#include "hermes_nl.h"
#include "hermes_util.h"

#define MEMBER		1000

/* Registrations of one user, and in all. */
#define USER_MAX	64
#define ALL_MAX		1024

/* Of one that has no memory to spare for that many. */
#define ROOM_KB		(600 << 10)

FIXTURE(limits)
{
	struct hermes_nl nl;
	char path[CG_PATH_MAX];
	int nr;
};

FIXTURE_SETUP(limits)
{
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, cg_create(self->path, NULL, "limits"));
	ASSERT_EQ(0, cg_write(self->path, "cgroup.subtree_control", "+memory"));
	self->nr = 0;
}

static const char *inner(const char *path, int i)
{
	static char buf[CG_PATH_MAX + 32];

	snprintf(buf, sizeof(buf), "%s/%d", path, i);
	return buf;
}

FIXTURE_TEARDOWN(limits)
{
	while (self->nr)
		cg_remove(inner(self->path, --self->nr));
	cg_remove(self->path);
	EXPECT_EQ(0, nl_total(&self->nl, HERMES_A_TOTALS_BEST_EFFORT));
	nl_close(&self->nl);
}

static int make(const char *path, int i, uid_t owner)
{
	const char *dir = inner(path, i);
	char file[CG_PATH_MAX + 64];

	if (mkdir(dir, 0755))
		return -errno;
	snprintf(file, sizeof(file), "%s/memory.reclaim", dir);
	return chown(dir, owner, owner) || chown(file, owner, owner) ?
		       -errno : 0;
}

static void add_as_user(const char *path, int nr)
{
	struct hermes_nl nl;

	CHILD_CHECK(!become_user(MEMBER, MEMBER));
	CHILD_CHECK(!nl_open(&nl));
	for (int i = 0; i < nr; i++)
		CHILD_CHECK(!nl_cgroup_add(&nl, inner(path, i),
					   HERMES_CGROUP_BEST_EFFORT, NULL));
	CHILD_CHECK(nl_cgroup_add(&nl, inner(path, nr),
				  HERMES_CGROUP_BEST_EFFORT, NULL) == -EUSERS);
	CHILD_CHECK(nl.message[0]);
	/* One less, one more. */
	CHILD_CHECK(!nl_cgroup_del(&nl, inner(path, 0)));
	CHILD_CHECK(!nl_cgroup_add(&nl, inner(path, nr),
				   HERMES_CGROUP_BEST_EFFORT, NULL));
	_exit(0);
}

TEST_F(limits, of_one_user)
{
	pid_t pid;

	for (; self->nr <= USER_MAX; self->nr++)
		ASSERT_EQ(0, make(self->path, self->nr, MEMBER));
	pid = fork();
	if (!pid)
		add_as_user(self->path, USER_MAX);
	EXPECT_EQ(0, child_exit(pid));
	EXPECT_EQ(USER_MAX, nl_total(&self->nl, HERMES_A_TOTALS_BEST_EFFORT));
	/* Others are not concerned. */
	EXPECT_EQ(0, nl_cgroup_add(&self->nl, inner(self->path, 0),
				   HERMES_CGROUP_BEST_EFFORT, NULL));
}

struct ids {
	uint64_t last;
	unsigned int nr;
};

static int in_order(const struct nl_attrs *attrs, void *data)
{
	uint64_t id = nl_u64(attrs, HERMES_A_CGROUP_ID);
	struct ids *ids = data;

	if (id <= ids->last)
		return -EPROTO;
	ids->last = id;
	ids->nr++;
	return 0;
}

TEST_F_TIMEOUT(limits, of_all, TEST_TIMEOUT_LONG)
{
	struct nl_request req;
	struct ids ids = {};

	if (meminfo_kb("MemAvailable") < ROOM_KB)
		SKIP(return, "too little memory");
	for (; self->nr < ALL_MAX; self->nr++) {
		ASSERT_EQ(0, make(self->path, self->nr, 0));
		ASSERT_EQ(0, nl_cgroup_add(&self->nl,
					   inner(self->path, self->nr),
					   HERMES_CGROUP_BEST_EFFORT, NULL));
	}
	EXPECT_EQ(-EUSERS, nl_cgroup_add(&self->nl, self->path,
					 HERMES_CGROUP_BEST_EFFORT, NULL));
	EXPECT_EQ(ALL_MAX, nl_total(&self->nl, HERMES_A_TOTALS_BEST_EFFORT));
	nl_begin(&self->nl, &req, HERMES_CMD_CGROUP_GET);
	EXPECT_EQ(0, nl_dump(&self->nl, &req, in_order, &ids));
	EXPECT_EQ(ALL_MAX, ids.nr);
	EXPECT_LT(2, self->nl.messages);
}

TEST_HARNESS_MAIN
