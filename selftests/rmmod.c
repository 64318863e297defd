// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module cannot be removed while anything of it is in use, can be removed
 * when nothing is, and leaves nothing behind. The module's file is expected in
 * $HERMES_KO, by default where the VM puts it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"
#include "hermes_nl.h"
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

/* Loaded anew, it has a family again, and nothing of before. */
static int reload_and_ask(void)
{
	struct hermes_nl nl;
	int err = load("");

	if (err)
		return err;
	wait_until(!access(HERMES_DEVICE, F_OK));
	err = nl_open(&nl);
	if (err)
		return err;
	if (nl_total(&nl, HERMES_A_TOTALS_BEST_EFFORT) ||
	    nl_total(&nl, HERMES_A_TOTALS_LATENCY_CRITICAL) ||
	    nl_total(&nl, HERMES_A_TOTALS_CLIENTS))
		err = -EBUSY;
	nl_close(&nl);
	return err;
}

/* Netlink sockets are not the module's: neither an idle one nor a listener. */
TEST_F(rmmod, netlink_sockets)
{
	static struct hermes_nl idle, listener;
	struct nl_attrs event;

	ASSERT_EQ(0, nl_open(&idle));
	ASSERT_EQ(0, nl_open(&listener));
	ASSERT_EQ(0, nl_subscribe(&listener));
	EXPECT_NE(~0ULL, nl_total(&idle, HERMES_A_TOTALS_FREE));
	EXPECT_EQ(0, unload_soon());
	EXPECT_EQ(~0ULL, nl_total(&idle, HERMES_A_TOTALS_FREE));
	EXPECT_EQ(-ETIMEDOUT, nl_event(&listener, &event, 0));
	EXPECT_EQ(0, reload_and_ask());
	nl_close(&idle);
	nl_close(&listener);
}

TEST_F(rmmod, registrations)
{
	char best_effort[CG_PATH_MAX], critical[CG_PATH_MAX];
	static struct hermes_nl nl;

	ASSERT_EQ(0, cg_create(best_effort, NULL, "rmmod-be"));
	ASSERT_EQ(0, cg_create(critical, NULL, "rmmod-lc"));
	ASSERT_EQ(0, nl_open(&nl));
	EXPECT_EQ(0, nl_cgroup_add(&nl, best_effort, HERMES_CGROUP_BEST_EFFORT,
				   NULL));
	EXPECT_EQ(0, nl_cgroup_add(&nl, critical,
				   HERMES_CGROUP_LATENCY_CRITICAL, NULL));
	nl_close(&nl);
	EXPECT_EQ(0, unload_soon());
	EXPECT_EQ(0, reload_and_ask());
	cg_remove(best_effort);
	cg_remove(critical);
}

static int ignore(const struct nl_attrs *object, void *data)
{
	(void)object;
	(void)data;
	return 0;
}

/* Asks all the time, whether there is a module or not. */
static void dump_for_ever(void)
{
	static const uint8_t cmds[] = {
		HERMES_CMD_CLIENT_GET, HERMES_CMD_CGROUP_GET,
		HERMES_CMD_DECISION_GET,
	};
	static struct hermes_nl nl;
	struct nl_request req;

	for (;;) {
		while (nl_open(&nl))
			sleep_ms(1);
		for (size_t i = 0; i < 3 * ARRAY_SIZE(cmds); i++) {
			nl_begin(&nl, &req, cmds[i % ARRAY_SIZE(cmds)]);
			nl_dump(&nl, &req, ignore, NULL);
			nl_total(&nl, HERMES_A_TOTALS_FREE);
		}
		nl_close(&nl);
	}
}

/* Refused or not, nothing breaks. */
TEST_F_TIMEOUT(rmmod, while_others_dump, TEST_TIMEOUT_LONG)
{
	pid_t pid = fork();

	if (!pid)
		dump_for_ever();
	for (int i = 0; i < 20; i++) {
		int err = unload();

		EXPECT_TRUE(!err || err == -EWOULDBLOCK) TH_LOG("%d", err);
		if (!err)
			ASSERT_EQ(0, load(""));
		sleep_ms(20);
	}
	EXPECT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(-SIGKILL, child_exit(pid));
	EXPECT_EQ(0, unload_soon());
	EXPECT_EQ(0, reload_and_ask());
}

/* A dump that nobody reads on holds the module until its socket is closed. */
TEST_F(rmmod, dump_half_read)
{
	static struct hermes_client c[60];
	static struct hermes_nl nl;
	struct nl_request req;

	for (size_t i = 0; i < ARRAY_SIZE(c); i++)
		ASSERT_EQ(0, hermes_open(&c[i]));
	ASSERT_EQ(0, nl_open(&nl));
	nl_begin(&nl, &req, HERMES_CMD_CLIENT_GET);
	req.head.nlmsg_flags |= NLM_F_DUMP;
	ASSERT_EQ(0, nl_send(&nl, &req, req.head.nlmsg_len));
	for (size_t i = 0; i < ARRAY_SIZE(c); i++)
		hermes_close(&c[i]);
	EXPECT_EQ(-EWOULDBLOCK, unload());
	nl_close(&nl);
	EXPECT_EQ(0, unload_soon());
	EXPECT_EQ(0, reload_and_ask());
}

TEST_HARNESS_MAIN
