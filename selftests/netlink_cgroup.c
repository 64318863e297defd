// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family: registered cgroups; who may register which, and
 * how long that lasts.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "kselftest_harness.h"
#include "hermes_nl.h"
#include "hermes_util.h"

#define ROOT		"/sys/fs/cgroup"
#define MEMBER		1000
#define OUTSIDER	1001
#define BE		HERMES_CGROUP_BEST_EFFORT
#define LC		HERMES_CGROUP_LATENCY_CRITICAL

/* Where the first attribute of a message lies. */
#define FIRST		(NLMSG_HDRLEN + GENL_HDRLEN)

FIXTURE(cgroup)
{
	struct hermes_nl nl;
	char path[CG_PATH_MAX];
};

FIXTURE_SETUP(cgroup)
{
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, cg_create(self->path, NULL, "nl"));
}

FIXTURE_TEARDOWN(cgroup)
{
	cg_remove(self->path);
	/* The registration went with the directory. */
	EXPECT_EQ(0, nl_total(&self->nl, HERMES_A_TOTALS_BEST_EFFORT));
	EXPECT_EQ(0, nl_total(&self->nl, HERMES_A_TOTALS_LATENCY_CRITICAL));
	nl_close(&self->nl);
}

static int add_fd(struct hermes_nl *nl, int fd, uint32_t type)
{
	struct nl_request req;

	nl_begin(nl, &req, HERMES_CMD_CGROUP_ADD);
	nl_put_s32(&req, HERMES_A_CGROUP_FD, fd);
	nl_put_u32(&req, HERMES_A_CGROUP_TYPE, type);
	return nl_run(nl, &req);
}

static int add_path(struct hermes_nl *nl, const char *path, int flags,
		    uint32_t type)
{
	int fd = open(path, flags | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = add_fd(nl, fd, type);
	close(fd);
	return err;
}

/* The directory and its memory.reclaim belong to a user, as when delegated. */
static int give_to(const char *path, uid_t uid)
{
	char file[CG_PATH_MAX + 32];

	snprintf(file, sizeof(file), "%s/memory.reclaim", path);
	return chown(path, uid, uid) || chown(file, uid, uid) ? -errno : 0;
}

static bool is_registered(struct hermes_nl *nl, const char *path)
{
	struct nl_cgroup cg;

	return !nl_cgroup_get(nl, path, &cg);
}

static int see_attributes(const struct nl_attrs *a, void *data)
{
	static const uint16_t u64s[] = {
		HERMES_A_CGROUP_ID, HERMES_A_CGROUP_CURRENT,
		HERMES_A_CGROUP_FILE, HERMES_A_CGROUP_ANON_BYTES,
		HERMES_A_CGROUP_STEPS, HERMES_A_CGROUP_PARTIAL,
		HERMES_A_CGROUP_ASKED, HERMES_A_CGROUP_GOT,
		HERMES_A_CGROUP_REFAULTS, HERMES_A_CGROUP_CPU_NS,
	};
	static const uint16_t u32s[] = {
		HERMES_A_CGROUP_TYPE, HERMES_A_CGROUP_UID,
		HERMES_A_CGROUP_BACKOFF, HERMES_A_CGROUP_BACKOFF_MS,
		HERMES_A_CGROUP_SPLIT,
	};
	bool be = nl_u32(a, HERMES_A_CGROUP_TYPE) == BE;
	unsigned int *nr = data;

	for (size_t i = 0; i < ARRAY_SIZE(u64s); i++)
		if (!nl_has(a, u64s[i], 8))
			return -EPROTO;
	for (size_t i = 0; i < ARRAY_SIZE(u32s); i++)
		if (!nl_has(a, u32s[i], 4))
			return -EPROTO;
	if (!nl_string(a, HERMES_A_CGROUP_PATH)[0] ||
	    nl_has(a, HERMES_A_CGROUP_WEIGHT, 4) != be ||
	    nl_has(a, HERMES_A_CGROUP_MIN, 8) != be ||
	    nl_has(a, HERMES_A_CGROUP_RATE, 8) != be ||
	    nl_has(a, HERMES_A_CGROUP_ANON, 4) != be)
		return -EPROTO;
	++*nr;
	return 0;
}

TEST_F(cgroup, has_all_attributes)
{
	char critical[CG_PATH_MAX];
	struct nl_request req;
	unsigned int nr = 0;

	ASSERT_EQ(0, cg_create(critical, NULL, "nl-lc"));
	EXPECT_EQ(0, nl_cgroup_add(&self->nl, self->path, BE, NULL));
	EXPECT_EQ(0, nl_cgroup_add(&self->nl, critical, LC, NULL));
	EXPECT_EQ(1, nl_total(&self->nl, HERMES_A_TOTALS_BEST_EFFORT));
	EXPECT_EQ(1, nl_total(&self->nl, HERMES_A_TOTALS_LATENCY_CRITICAL));
	nl_begin(&self->nl, &req, HERMES_CMD_CGROUP_GET);
	EXPECT_EQ(0, nl_dump(&self->nl, &req, see_attributes, &nr));
	EXPECT_EQ(2, nr);
	cg_remove(critical);
}

TEST_F(cgroup, add_and_delete)
{
	const struct nl_cgroup_conf conf = { 7, 5 * MIB, 3 * MIB, 1 };
	struct nl_cgroup cg;

	ASSERT_EQ(0, nl_cgroup_add(&self->nl, self->path, BE, NULL));
	ASSERT_EQ(0, nl_cgroup_get(&self->nl, self->path, &cg));
	EXPECT_EQ(nl_cgroup_id(self->path), cg.id);
	EXPECT_STREQ(self->path + strlen(ROOT), cg.path);
	EXPECT_EQ(BE, cg.type);
	EXPECT_EQ(100, cg.weight);
	EXPECT_EQ(0, cg.min);
	EXPECT_EQ(0, cg.rate);
	EXPECT_EQ(0, cg.anon);
	EXPECT_EQ(0, cg.uid);
	EXPECT_EQ(0, cg.steps);
	EXPECT_EQ(0, nl_cgroup_del(&self->nl, self->path));
	EXPECT_FALSE(is_registered(&self->nl, self->path));
	EXPECT_EQ(-ENOENT, nl_cgroup_del(&self->nl, self->path));
	EXPECT_NE(0, strlen(self->nl.message));
	EXPECT_EQ(FIRST, self->nl.offset);

	ASSERT_EQ(0, nl_cgroup_add(&self->nl, self->path, BE, &conf));
	ASSERT_EQ(0, nl_cgroup_get(&self->nl, self->path, &cg));
	EXPECT_EQ(7, cg.weight);
	EXPECT_EQ(5 * MIB, cg.min);
	EXPECT_EQ(3 * MIB, cg.rate);
	EXPECT_EQ(1, cg.anon);
}

TEST_F(cgroup, once_only)
{
	const struct nl_cgroup_conf conf = { .weight = 7 };
	struct nl_cgroup cg;

	ASSERT_EQ(0, nl_cgroup_add(&self->nl, self->path, BE, NULL));
	EXPECT_EQ(-EEXIST, nl_cgroup_add(&self->nl, self->path, BE, &conf));
	EXPECT_NE(0, strlen(self->nl.message));
	EXPECT_EQ(FIRST, self->nl.offset);
	EXPECT_EQ(-EEXIST, nl_cgroup_add(&self->nl, self->path, LC, NULL));
	ASSERT_EQ(0, nl_cgroup_get(&self->nl, self->path, &cg));
	EXPECT_EQ(BE, cg.type);
	EXPECT_EQ(100, cg.weight);
}

static bool refused(struct hermes_nl *nl, int got, int want)
{
	if (got == want && nl->message[0] && nl->offset == FIRST)
		return true;
	fprintf(stderr, "# error %d, not %d, message \"%s\", offset %u\n", got, want,
		nl->message, nl->offset);
	return false;
}

TEST_F(cgroup, not_a_cgroup)
{
	struct hermes_nl *nl = &self->nl;
	char file[CG_PATH_MAX + 32];
	int fd;

	snprintf(file, sizeof(file), "%s/cgroup.procs", self->path);
	for (uint32_t type = BE; type <= LC; type++) {
		EXPECT_TRUE(refused(nl, add_fd(nl, -1, type), -EBADF));
		EXPECT_TRUE(refused(nl, add_fd(nl, 1000, type), -EBADF));
		EXPECT_TRUE(refused(nl, add_fd(nl, nl->fd, type), -EBADR));
		EXPECT_TRUE(refused(nl, add_path(nl, self->path, O_PATH,
						 type), -EBADF));
		EXPECT_TRUE(refused(nl, add_path(nl, "/tmp", O_RDONLY, type),
				    -EBADR));
		EXPECT_TRUE(refused(nl, add_path(nl, "/proc/self/status",
						 O_RDONLY, type), -EBADR));
		EXPECT_TRUE(refused(nl, add_path(nl, file, O_RDONLY, type),
				    -EBADR));
	}
	fd = open(self->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, rmdir(self->path));
	EXPECT_TRUE(refused(nl, add_fd(nl, fd, BE), -EBADR));
	EXPECT_TRUE(refused(nl, add_fd(nl, fd, LC), -EBADR));
	close(fd);
}

TEST_F(cgroup, of_version_1)
{
	char dir[] = "/tmp/hermes-v1-XXXXXX";

	ASSERT_NE(NULL, mkdtemp(dir));
	if (mount("hermes", dir, "cgroup", 0, "none,name=hermes")) {
		rmdir(dir);
		SKIP(return, "no cgroup version 1");
	}
	EXPECT_TRUE(refused(&self->nl, add_path(&self->nl, dir, O_RDONLY, BE),
			    -EBADR));
	EXPECT_TRUE(refused(&self->nl, add_path(&self->nl, dir, O_RDONLY, LC),
			    -EBADR));
	EXPECT_EQ(0, umount(dir));
	EXPECT_EQ(0, rmdir(dir));
}

/* Nothing to be reclaimed from, nor to be left alone, by itself. */
TEST_F(cgroup, without_memory_controller)
{
	char inner[CG_PATH_MAX + 32];

	snprintf(inner, sizeof(inner), "%s/inner", self->path);
	ASSERT_EQ(0, mkdir(inner, 0755));
	for (uint32_t type = BE; type <= LC; type++) {
		EXPECT_TRUE(refused(&self->nl, add_path(&self->nl, inner,
							O_RDONLY, type),
				    -EOPNOTSUPP));
		EXPECT_TRUE(refused(&self->nl, add_path(&self->nl, ROOT,
							O_RDONLY, type),
				    -EOPNOTSUPP));
		EXPECT_FALSE(is_registered(&self->nl, ROOT));
	}
	EXPECT_EQ(0, rmdir(inner));
}

TEST_F(cgroup, requests_that_lack_something)
{
	struct nl_request req;

	nl_begin(&self->nl, &req, HERMES_CMD_CGROUP_ADD);
	nl_put_u32(&req, HERMES_A_CGROUP_TYPE, BE);
	EXPECT_EQ(-EINVAL, nl_run(&self->nl, &req));
	EXPECT_EQ(HERMES_A_CGROUP_FD, self->nl.missing);
	nl_begin(&self->nl, &req, HERMES_CMD_CGROUP_ADD);
	nl_put_s32(&req, HERMES_A_CGROUP_FD, 0);
	EXPECT_EQ(-EINVAL, nl_run(&self->nl, &req));
	EXPECT_EQ(HERMES_A_CGROUP_TYPE, self->nl.missing);
	for (int cmd = HERMES_CMD_CGROUP_SET; cmd <= HERMES_CMD_CGROUP_DEL;
	     cmd++) {
		nl_begin(&self->nl, &req, cmd);
		EXPECT_EQ(-EINVAL, nl_run(&self->nl, &req));
		EXPECT_NE(0, strlen(self->nl.message));
		EXPECT_EQ(HERMES_A_CGROUP_FD, self->nl.missing);
	}
}

TEST_F(cgroup, set_each_field)
{
	struct nl_decision d;
	struct nl_cgroup cg;

	ASSERT_EQ(0, nl_cgroup_add(&self->nl, self->path, BE, NULL));
	EXPECT_EQ(0, nl_cgroup_set(&self->nl, self->path,
				   HERMES_A_CGROUP_WEIGHT, 10000));
	EXPECT_EQ(0, nl_cgroup_set(&self->nl, self->path,
				   HERMES_A_CGROUP_MIN, ~0ULL));
	ASSERT_EQ(0, nl_cgroup_get(&self->nl, self->path, &cg));
	EXPECT_EQ(10000, cg.weight);
	EXPECT_EQ(~0ULL, cg.min);
	EXPECT_EQ(0, cg.rate);
	EXPECT_EQ(0, cg.anon);
	EXPECT_EQ(0, nl_cgroup_set(&self->nl, self->path,
				   HERMES_A_CGROUP_RATE, ~0ULL));
	EXPECT_EQ(0, nl_cgroup_set(&self->nl, self->path,
				   HERMES_A_CGROUP_ANON, 1));
	EXPECT_EQ(0, nl_cgroup_set(&self->nl, self->path,
				   HERMES_A_CGROUP_WEIGHT, 1));
	ASSERT_EQ(0, nl_cgroup_get(&self->nl, self->path, &cg));
	EXPECT_EQ(1, cg.weight);
	EXPECT_EQ(~0ULL, cg.min);
	EXPECT_EQ(~0ULL, cg.rate);
	EXPECT_EQ(1, cg.anon);
	/* Whoever computes with them does not stumble. */
	ASSERT_EQ(0, nl_dry_run(&self->nl, 0, &d));
	EXPECT_EQ(HERMES_CHOICE_EMPTY, d.choice);
	EXPECT_EQ(1, d.candidates);
}

TEST_F(cgroup, set_out_of_range)
{
	const struct {
		uint16_t attr;
		uint32_t value;
	} bad[] = {
		{ HERMES_A_CGROUP_WEIGHT, 0 },
		{ HERMES_A_CGROUP_WEIGHT, 10001 },
		{ HERMES_A_CGROUP_WEIGHT, ~0U },
		{ HERMES_A_CGROUP_ANON, 2 },
	};
	struct nl_cgroup cg;

	ASSERT_EQ(0, nl_cgroup_add(&self->nl, self->path, BE, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-ERANGE, nl_cgroup_set(&self->nl, self->path,
						 bad[i].attr, bad[i].value));
		EXPECT_NE(0, strlen(self->nl.message));
		EXPECT_EQ(FIRST + 12, self->nl.offset);
	}
	EXPECT_EQ(-EINVAL, nl_cgroup_set(&self->nl, self->path,
					 HERMES_A_CGROUP_TYPE, LC));
	EXPECT_NE(0, strlen(self->nl.message));
	ASSERT_EQ(0, nl_cgroup_get(&self->nl, self->path, &cg));
	EXPECT_EQ(100, cg.weight);
	EXPECT_EQ(0, cg.anon);
	EXPECT_EQ(BE, cg.type);
}

TEST_F(cgroup, named_by_descriptor)
{
	int fd = open(self->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct nl_request req;
	struct nl_cgroup cg;
	uint32_t offset;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, add_fd(&self->nl, fd, BE));
	nl_begin(&self->nl, &req, HERMES_CMD_CGROUP_SET);
	nl_put_s32(&req, HERMES_A_CGROUP_FD, fd);
	nl_put_u32(&req, HERMES_A_CGROUP_WEIGHT, 9);
	EXPECT_EQ(0, nl_run(&self->nl, &req));
	EXPECT_EQ(0, nl_cgroup_get(&self->nl, self->path, &cg));
	EXPECT_EQ(9, cg.weight);

	for (int cmd = HERMES_CMD_CGROUP_SET; cmd <= HERMES_CMD_CGROUP_DEL;
	     cmd++) {
		nl_begin(&self->nl, &req, cmd);
		nl_put_u64(&req, HERMES_A_CGROUP_ID, cg.id);
		offset = nl_put_s32(&req, HERMES_A_CGROUP_FD, fd);
		EXPECT_EQ(-EINVAL, nl_run(&self->nl, &req));
		EXPECT_NE(0, strlen(self->nl.message));
		EXPECT_EQ(offset, self->nl.offset);
		nl_begin(&self->nl, &req, cmd);
		nl_put_s32(&req, HERMES_A_CGROUP_FD, 1000);
		EXPECT_TRUE(refused(&self->nl, nl_run(&self->nl, &req),
				    -EBADF));
		nl_begin(&self->nl, &req, cmd);
		nl_put_u64(&req, HERMES_A_CGROUP_ID, cg.id + 12345);
		EXPECT_TRUE(refused(&self->nl, nl_run(&self->nl, &req),
				    -ENOENT));
	}
	EXPECT_TRUE(is_registered(&self->nl, self->path));
	nl_begin(&self->nl, &req, HERMES_CMD_CGROUP_DEL);
	nl_put_s32(&req, HERMES_A_CGROUP_FD, fd);
	EXPECT_EQ(0, nl_run(&self->nl, &req));
	EXPECT_FALSE(is_registered(&self->nl, self->path));
	close(fd);
}

TEST_F(cgroup, latency_critical_has_no_parameters)
{
	const struct nl_cgroup_conf confs[] = {
		{ .weight = 100 }, { .min = MIB }, { .rate = MIB }, { .anon = 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(confs); i++) {
		EXPECT_EQ(-EINVAL, nl_cgroup_add(&self->nl, self->path, LC,
						 &confs[i]));
		EXPECT_NE(0, strlen(self->nl.message));
		EXPECT_EQ(FIRST + 16, self->nl.offset);
		EXPECT_FALSE(is_registered(&self->nl, self->path));
	}
	ASSERT_EQ(0, nl_cgroup_add(&self->nl, self->path, LC, NULL));
	EXPECT_EQ(-EINVAL, nl_cgroup_set(&self->nl, self->path,
					 HERMES_A_CGROUP_WEIGHT, 100));
	EXPECT_NE(0, strlen(self->nl.message));
}

/* As soon as the directory is gone, whoever holds what of it. */
TEST_F(cgroup, ends_with_the_directory)
{
	uint64_t id = nl_cgroup_id(self->path);
	struct nl_cgroup cg;
	pid_t pid;

	pid = fork();
	if (!pid) {
		struct hermes_nl nl;

		CHILD_CHECK(!nl_open(&nl));
		CHILD_CHECK(!nl_cgroup_add(&nl, self->path, BE, NULL));
		_exit(0);
	}
	EXPECT_EQ(0, child_exit(pid));
	EXPECT_TRUE(is_registered(&self->nl, self->path));
	EXPECT_EQ(0, rmdir(self->path));
	EXPECT_EQ(-ENOENT, nl_cgroup_get_id(&self->nl, id, &cg));
	EXPECT_EQ(0, mkdir(self->path, 0755));
	EXPECT_FALSE(is_registered(&self->nl, self->path));
}

/* A listener need not ask, nobody else either. */
TEST_F(cgroup, removal_is_told)
{
	uint64_t ids[2] = { nl_cgroup_id(self->path) };
	char critical[CG_PATH_MAX];
	struct nl_attrs event;

	ASSERT_EQ(0, cg_create(critical, NULL, "nl-lc"));
	ids[1] = nl_cgroup_id(critical);
	ASSERT_EQ(0, nl_cgroup_add(&self->nl, self->path, BE, NULL));
	ASSERT_EQ(0, nl_cgroup_add(&self->nl, critical, LC, NULL));
	ASSERT_EQ(0, nl_subscribe(&self->nl));
	EXPECT_EQ(0, rmdir(self->path));
	ASSERT_EQ(0, nl_event_of(&self->nl, HERMES_EVENT_CGROUP_GONE, &event));
	EXPECT_EQ(ids[0], nl_u64(&event, HERMES_A_EVENT_CGROUP_ID));
	EXPECT_STREQ(strrchr(self->path, '/'),
		     nl_string(&event, HERMES_A_EVENT_CGROUP_PATH));
	EXPECT_EQ(0, rmdir(critical));
	ASSERT_EQ(0, nl_event_of(&self->nl, HERMES_EVENT_CGROUP_GONE, &event));
	EXPECT_EQ(ids[1], nl_u64(&event, HERMES_A_EVENT_CGROUP_ID));
}

/* Longer paths are cut. */
TEST_F(cgroup, long_path)
{
	char path[2048], name[200];
	struct nl_cgroup cg;

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	snprintf(path, sizeof(path), "%s/%s", self->path, name);
	ASSERT_EQ(0, cg_write(self->path, "cgroup.subtree_control", "+memory"));
	ASSERT_EQ(0, mkdir(path, 0755));
	ASSERT_EQ(0, write_text(strcat(path, "/cgroup.subtree_control"),
				"+memory"));
	snprintf(path, sizeof(path), "%s/%s/%s", self->path, name, name);
	ASSERT_EQ(0, mkdir(path, 0755));
	ASSERT_EQ(0, nl_cgroup_add(&self->nl, path, BE, NULL));
	ASSERT_EQ(0, nl_cgroup_get(&self->nl, path, &cg));
	EXPECT_EQ(255, strlen(cg.path));
	EXPECT_EQ(0, strncmp(cg.path, path + strlen(ROOT), 255));
	EXPECT_EQ(0, rmdir(path));
	snprintf(path, sizeof(path), "%s/%s", self->path, name);
	EXPECT_EQ(0, rmdir(path));
}

/* As of the last look, which a dry run takes. */
TEST_F(cgroup, split)
{
	char inner[CG_PATH_MAX];
	struct nl_decision d;
	struct nl_cgroup cg;

	ASSERT_EQ(0, cg_create(inner, self->path, "inner"));
	ASSERT_EQ(0, nl_cgroup_add(&self->nl, self->path, BE, NULL));
	ASSERT_EQ(0, nl_cgroup_add(&self->nl, inner, LC, NULL));
	ASSERT_EQ(0, nl_dry_run(&self->nl, 0, &d));
	ASSERT_EQ(0, nl_cgroup_get(&self->nl, self->path, &cg));
	EXPECT_EQ(1, cg.split);
	ASSERT_EQ(0, nl_cgroup_del(&self->nl, inner));
	ASSERT_EQ(0, nl_dry_run(&self->nl, 0, &d));
	ASSERT_EQ(0, nl_cgroup_get(&self->nl, self->path, &cg));
	EXPECT_EQ(0, cg.split);
	cg_remove(inner);
}

static void add_as_user(const char *path, int theirs)
{
	struct hermes_nl nl;

	CHILD_CHECK(!become_user(MEMBER, MEMBER));
	CHILD_CHECK(!nl_open(&nl));
	CHILD_CHECK(refused(&nl, nl_cgroup_add(&nl, path, BE, NULL), -EACCES));
	/* Who opened the directory does not matter. */
	CHILD_CHECK(refused(&nl, add_fd(&nl, theirs, BE), -EACCES));
	CHILD_CHECK(nl_cgroup_add(&nl, path, LC, NULL) == -EPERM);
	CHILD_CHECK(nl.message[0]);
	_exit(0);
}

TEST_F(cgroup, of_another_owner)
{
	int fd = open(self->path, O_RDONLY | O_DIRECTORY);
	pid_t pid;

	ASSERT_LE(0, fd);
	pid = fork();
	if (!pid)
		add_as_user(self->path, fd);
	EXPECT_EQ(0, child_exit(pid));
	EXPECT_FALSE(is_registered(&self->nl, self->path));
	close(fd);
}

static void change_own(const char *path)
{
	struct nl_cgroup cg;
	struct hermes_nl nl;

	CHILD_CHECK(!become_user(MEMBER, MEMBER));
	CHILD_CHECK(!nl_open(&nl));
	CHILD_CHECK(nl_cgroup_add(&nl, path, LC, NULL) == -EPERM);
	CHILD_CHECK(!nl_cgroup_add(&nl, path, BE, NULL));
	CHILD_CHECK(!nl_cgroup_set(&nl, path, HERMES_A_CGROUP_WEIGHT, 3));
	CHILD_CHECK(!nl_cgroup_get(&nl, path, &cg));
	CHILD_CHECK(cg.uid == MEMBER && cg.weight == 3);
	CHILD_CHECK(!nl_cgroup_del(&nl, path));
	CHILD_CHECK(!nl_cgroup_add(&nl, path, BE, NULL));
	_exit(0);
}

static void change_others(const char *path)
{
	struct hermes_nl nl;

	CHILD_CHECK(!become_user(OUTSIDER, OUTSIDER));
	CHILD_CHECK(!nl_open(&nl));
	CHILD_CHECK(refused(&nl, nl_cgroup_set(&nl, path,
					       HERMES_A_CGROUP_WEIGHT, 4),
			    -EPERM));
	CHILD_CHECK(refused(&nl, nl_cgroup_del(&nl, path), -EPERM));
	_exit(0);
}

/* Who may reclaim from it may let Hermes do so; others may not interfere. */
TEST_F(cgroup, of_a_user)
{
	struct nl_cgroup cg;
	pid_t pid;

	ASSERT_EQ(0, give_to(self->path, MEMBER));
	pid = fork();
	if (!pid)
		change_own(self->path);
	ASSERT_EQ(0, child_exit(pid));
	pid = fork();
	if (!pid)
		change_others(self->path);
	EXPECT_EQ(0, child_exit(pid));
	ASSERT_EQ(0, nl_cgroup_get(&self->nl, self->path, &cg));
	EXPECT_EQ(MEMBER, cg.uid);
	EXPECT_EQ(100, cg.weight);
	/* Root may. */
	EXPECT_EQ(0, nl_cgroup_set(&self->nl, self->path,
				   HERMES_A_CGROUP_WEIGHT, 5));
	EXPECT_EQ(0, nl_cgroup_del(&self->nl, self->path));
}

TEST_HARNESS_MAIN
