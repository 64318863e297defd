// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module cannot be removed while anything of it is in use, can be removed
 * when nothing is, and leaves nothing behind. The module's file is expected in
 * $HERMES_KO, by default where the VM puts it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"
#include "hermes_util.h"

#define MODULE_FILE	"/run/hermes/hermes.ko"
#define LEN		(MIB)

static int unload(void)
{
	return syscall(SYS_delete_module, "hermes", O_NONBLOCK) ? -errno : 0;
}

static int load(const char *args)
{
	const char *file = getenv("HERMES_KO") ?: MODULE_FILE;
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = syscall(SYS_finit_module, fd, args, 0) ? -errno : 0;
	close(fd);
	return err;
}

static bool is_loaded(void)
{
	return !access("/sys/module/hermes", F_OK) ||
	       read_key("/proc/modules", "hermes") != -1;
}

/* Whatever holds the module for a moment (a late fput) lets go soon. */
static int unload_soon(void)
{
	int err;

	wait_until(!(err = unload()));
	return err;
}

FIXTURE(rmmod)
{
	struct stat node;
};

FIXTURE_SETUP(rmmod)
{
	const char *file = getenv("HERMES_KO") ?: MODULE_FILE;

	if (access(file, R_OK)) {
		/* Status 255 tells the harness that a test was skipped. */
		SKIP(_exit(255), "%s is not there", file);
	}
	ASSERT_EQ(0, stat(HERMES_DEVICE, &self->node));
}

/* The tests after this one find the module and the node as they were. */
FIXTURE_TEARDOWN(rmmod)
{
	if (!is_loaded())
		EXPECT_EQ(0, load(""));
	EXPECT_TRUE(wait_until(!access(HERMES_DEVICE, F_OK)));
	EXPECT_EQ(0, chown(HERMES_DEVICE, self->node.st_uid,
			   self->node.st_gid));
	EXPECT_EQ(0, chmod(HERMES_DEVICE, self->node.st_mode & 07777));
}

TEST_F(rmmod, refused_while_open)
{
	int fd = open(HERMES_DEVICE, O_RDWR | O_CLOEXEC);

	ASSERT_GE(fd, 0);
	EXPECT_EQ(-EWOULDBLOCK, unload());
	EXPECT_TRUE(is_loaded());
	close(fd);
	EXPECT_EQ(0, unload_soon());
	EXPECT_FALSE(is_loaded());
	EXPECT_NE(0, access(HERMES_DEVICE, F_OK));
}

TEST_F(rmmod, refused_while_mapped)
{
	struct hermes_client c;
	char *mem;

	ASSERT_EQ(0, hermes_open(&c));
	mem = hermes_ready_range(&c, LEN);
	ASSERT_NE(NULL, mem);
	stamp_pages(mem, LEN, 1);
	hermes_close(&c);
	EXPECT_EQ(-EWOULDBLOCK, unload());
	EXPECT_TRUE(has_stamps(mem, LEN, 1));
	ASSERT_EQ(0, munmap(mem, LEN));
	EXPECT_EQ(0, unload_soon());
}

/* A forked child holds the arena of a client that is gone. */
TEST_F(rmmod, refused_while_a_child_has_it)
{
	struct gate go;
	pid_t pid;

	ASSERT_EQ(0, gate_init(&go));
	pid = fork();
	if (!pid) {
		struct hermes_client c;
		char *mem;

		CHILD_CHECK(!hermes_open(&c));
		mem = hermes_ready_range(&c, LEN);
		CHILD_CHECK(mem);
		stamp_pages(mem, LEN, 1);
		pid = fork();
		if (!pid) {
			close(c.fd);
			CHILD_CHECK(gate_wait(&go));
			CHILD_CHECK(has_stamps(mem, LEN, 1));
		}
		_exit(0);
	}
	ASSERT_EQ(0, child_exit(pid));
	EXPECT_EQ(-EWOULDBLOCK, unload());
	gate_open(&go);
	EXPECT_EQ(0, unload_soon());
}

TEST_F_TIMEOUT(rmmod, twenty_times, TEST_TIMEOUT_LONG)
{
	long before = 0;

	for (int round = 0; round < 21; round++) {
		struct hermes_client c;
		char *mem;

		/* After the first round all that is kept has been made. */
		if (round == 1)
			before = free_kb_settled();
		if (!is_loaded()) {
			ASSERT_EQ(0, load(""));
			ASSERT_TRUE(wait_until(!access(HERMES_DEVICE, F_OK)));
		}
		ASSERT_EQ(0, hermes_open(&c));
		mem = hermes_ready_range(&c, 4 * LEN);
		ASSERT_NE(NULL, mem);
		stamp_pages(mem, 4 * LEN, round);
		ASSERT_EQ(0, hermes_give(&c, mem, LEN, NULL, NULL));
		hermes_close(&c);
		ASSERT_EQ(0, munmap(mem, 4 * LEN));
		ASSERT_EQ(0, unload_soon());
		ASSERT_FALSE(is_loaded());
	}
	EXPECT_LE(free_kb_lost(before, 4 * 1024), 4 * 1024);
}

/* Values from the command line are taken over. */
TEST_F(rmmod, parameters)
{
	ASSERT_EQ(0, unload_soon());
	ASSERT_EQ(0, load("client_max_bytes=8388608 max_clients=3"));
	EXPECT_EQ(8388608, module_param_get("client_max_bytes"));
	EXPECT_EQ(3, module_param_get("max_clients"));
	ASSERT_EQ(0, unload_soon());
	EXPECT_EQ(-EINVAL, load("client_max_bytes=rubbish"));
	EXPECT_FALSE(is_loaded());
}

TEST_HARNESS_MAIN
