// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clients that end at any moment and in any way: nothing leaks, nothing that
 * outlives them does harm.
 *
 * Free memory before and after is compared with a tolerance of 4 MiB, which is
 * what the kernel's own slabs and page tables may differ by; every loop runs
 * often enough for a loss to exceed it, or says what it would find.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "hermes_util.h"

#define TOLERANCE_KB	(4L * 1024)
#define RESERVE		(2 * MIB)

FIXTURE(lifetime)
{
	long free_kb;
};

FIXTURE_SETUP(lifetime)
{
	struct hermes_client c;

	/* What is only allocated once is not a leak. */
	for (int i = 0; i < 8; i++) {
		pid_t pid = fork();

		if (!pid) {
			CHILD_CHECK(!hermes_open(&c));
			CHILD_CHECK(hermes_ready_range(&c, RESERVE));
			_exit(0);
		}
		ASSERT_EQ(0, child_exit(pid));
	}
	self->free_kb = free_kb_settled();
}

FIXTURE_TEARDOWN(lifetime)
{
	EXPECT_LE(free_kb_lost(self->free_kb, TOLERANCE_KB), TOLERANCE_KB);
}

/* A client at work: consumes, gives back, takes, posts more, for ever. */
static void work_for_ever(struct hermes_client *c)
{
	char *arena = hermes_arena(c, 8 * RESERVE);

	CHILD_CHECK(arena != MAP_FAILED);
	CHILD_CHECK(!hermes_set_reserve(c, RESERVE, 4 * RESERVE));
	for (unsigned int i = 0; ; i++) {
		uint64_t word = hermes_pop(c);
		char *mem = (char *)HERMES_READY_ADDR(word);
		size_t len = HERMES_READY_PAGES(word) * PAGE_BYTES;

		if (word) {
			stamp_pages(mem, len, i);
			if (i % 2)
				hermes_give(c, mem, len, NULL, NULL);
			else
				madvise(mem, len, MADV_DONTNEED);
		}
		if (!(i % 16))
			hermes_fill_add(c, arena + i / 16 % 8 * RESERVE,
					RESERVE);
		if (!(i % 32))
			hermes_take(c, arena, 16 * PAGE_BYTES, NULL);
	}
}

TEST_F_TIMEOUT(lifetime, killed_at_work, TEST_TIMEOUT_LONG)
{
	uint64_t seed = 1;

	/* A reserve lost in each round would be 120 MiB. */
	for (int round = 0; round < 60; round++) {
		pid_t pid = fork();

		if (!pid) {
			struct hermes_client c;

			CHILD_CHECK(!hermes_open(&c));
			work_for_ever(&c);
		}
		sleep_ms(random_next(&seed) % 80);
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(-SIGKILL, child_exit(pid));
	}
}

static void *worker_thread(void *arg)
{
	work_for_ever(arg);
	return NULL;
}

/* exec() ends an address space whose threads are in the middle of calls. */
TEST_F_TIMEOUT(lifetime, exec_at_work, TEST_TIMEOUT_LONG)
{
	static char *const argv[] = { "true", NULL };
	uint64_t seed = 2;

	for (int round = 0; round < 40; round++) {
		unsigned int ms = random_next(&seed) % 60;
		pid_t pid = fork();

		if (!pid) {
			struct hermes_client c;
			pthread_t thread;

			CHILD_CHECK(!hermes_open(&c));
			/* Let some descriptors survive exec(). */
			if (round % 2)
				fcntl(c.fd, F_SETFD, 0);
			CHILD_CHECK(!pthread_create(&thread, NULL,
						    worker_thread, &c));
			sleep_ms(ms);
			execv("/bin/true", argv);
			_exit(127);
		}
		ASSERT_EQ(0, child_exit(pid));
	}
}

/* Calls with a descriptor that another thread closes, and mappings go. */
static void *closer_thread(void *arg)
{
	struct hermes_client *c = arg;
	uint64_t seed = c->fd;

	for (int i = 0; i < 30; i++) {
		struct hermes_stats stats = { .size = sizeof(stats) };

		hermes_ioctl(c->fd, HERMES_IOC_GET_STATS, &stats);
		hermes_ioctl(c->fd, HERMES_IOC_DOORBELL, NULL);
		if (random_next(&seed) % 16 == 0)
			sched_yield();
	}
	return NULL;
}

TEST_F_TIMEOUT(lifetime, close_during_calls, TEST_TIMEOUT_LONG)
{
	for (int round = 0; round < 100; round++) {
		struct hermes_client c;
		pthread_t threads[2];
		char *arena;

		ASSERT_EQ(0, hermes_open(&c));
		arena = hermes_arena(&c, RESERVE);
		ASSERT_NE(MAP_FAILED, arena);
		ASSERT_EQ(0, hermes_fill_add(&c, arena, RESERVE));
		for (int i = 0; i < 2; i++)
			ASSERT_EQ(0, pthread_create(&threads[i], NULL,
						    closer_thread, &c));
		/* The refill is at work, or not begun, or done. */
		if (round % 3)
			sleep_ms(round % 8);
		if (round % 2)
			munmap(arena, RESERVE);
		close(c.fd);
		munmap(c.ctl, c.info.control_bytes);
		for (int i = 0; i < 2; i++)
			ASSERT_EQ(0, pthread_join(threads[i], NULL));
		if (!(round % 2))
			munmap(arena, RESERVE);
	}
}

/* An arena is as good without the descriptor: the mapping holds the client. */
TEST_F(lifetime, arena_outlives_the_descriptor)
{
	struct hermes_client c;
	char *mem, *arena;

	ASSERT_EQ(0, hermes_open(&c));
	mem = hermes_ready_range(&c, RESERVE);
	ASSERT_NE(NULL, mem);
	stamp_pages(mem, RESERVE, 1);
	arena = hermes_arena(&c, RESERVE);
	hermes_close(&c);
	EXPECT_TRUE(has_stamps(mem, RESERVE, 1));
	EXPECT_TRUE(is_zero(arena, RESERVE));
	stamp_pages(arena, RESERVE, 2);
	EXPECT_TRUE(has_stamps(arena, RESERVE, 2));
	ASSERT_EQ(0, munmap(mem, RESERVE));
	ASSERT_EQ(0, munmap(arena, RESERVE));
}

TEST_F_TIMEOUT(lifetime, thousand_clients, TEST_TIMEOUT_LONG)
{
	/* One page lost for each would be just above the tolerance. */
	for (int i = 0; i < 1100; i++) {
		struct hermes_client c;
		char *arena;

		ASSERT_EQ(0, hermes_open(&c));
		ASSERT_EQ(0, hermes_set_reserve(&c, 16 * PAGE_BYTES,
						16 * PAGE_BYTES));
		arena = hermes_arena(&c, 16 * PAGE_BYTES);
		ASSERT_EQ(0, hermes_fill_add(&c, arena, 16 * PAGE_BYTES));
		if (i % 2)
			ASSERT_NE(0, hermes_pop_wait(&c));
		*arena = 1;
		hermes_close(&c);
		ASSERT_EQ(0, munmap(arena, 16 * PAGE_BYTES));
	}
}

/* All at the same time, each with a reserve; then one too many. */
TEST_F_TIMEOUT(lifetime, many_clients_at_once, TEST_TIMEOUT_LONG)
{
	enum { MANY = 200 };
	static struct hermes_client clients[MANY];
	static char *arenas[MANY];
	long limit = module_param_get("max_clients");
	struct hermes_client more;
	int err;

	ASSERT_GE(limit, MANY);
	for (int i = 0; i < MANY; i++) {
		ASSERT_EQ(0, hermes_open(&clients[i]));
		ASSERT_EQ(0, hermes_set_reserve(&clients[i], 16 * PAGE_BYTES,
						16 * PAGE_BYTES));
		arenas[i] = hermes_arena(&clients[i], MIB);
		ASSERT_NE(MAP_FAILED, arenas[i]);
		ASSERT_EQ(0, hermes_fill_add(&clients[i], arenas[i], MIB));
	}
	for (int i = 0; i < MANY; i++) {
		uint64_t word = hermes_pop_wait(&clients[i]);

		ASSERT_NE(0, word);
		ASSERT_TRUE(is_zero((void *)HERMES_READY_ADDR(word),
				    PAGE_BYTES));
	}
	ASSERT_EQ(0, module_param_set("max_clients", MANY));
	err = hermes_open(&more);
	EXPECT_EQ(0, module_param_set("max_clients", limit));
	EXPECT_EQ(-EMFILE, err);
	ASSERT_EQ(0, hermes_open(&more));
	hermes_close(&more);
	for (int i = 0; i < MANY; i++) {
		hermes_close(&clients[i]);
		ASSERT_EQ(0, munmap(arenas[i], MIB));
	}
}

/* Somebody else holds the descriptor: the reserve does not wait for that. */
TEST_F(lifetime, descriptor_outlives_the_process)
{
	const size_t reserve = 32 * MIB;
	int sock[2], fd;
	struct hermes_info info = { .size = sizeof(info) };
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sock));
	pid = fork();
	if (!pid) {
		struct hermes_client c;
		char *arena;

		CHILD_CHECK(!hermes_open(&c));
		arena = hermes_arena(&c, reserve);
		CHILD_CHECK(!hermes_set_reserve(&c, reserve, reserve));
		CHILD_CHECK(!hermes_fill_add(&c, arena, reserve));
		CHILD_CHECK(!hermes_wait_ready(&c, reserve));
		CHILD_CHECK(!fd_send(sock[1], c.fd));
		pause();
	}
	fd = fd_receive(sock[0]);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(-SIGKILL, child_exit(pid));

	EXPECT_EQ(0, hermes_ioctl(fd, HERMES_IOC_INFO, &info));
	EXPECT_EQ(-EPERM, hermes_ioctl(fd, HERMES_IOC_DOORBELL, NULL));
	EXPECT_LE(free_kb_lost(self->free_kb, TOLERANCE_KB), TOLERANCE_KB);
	close(fd);
	close(sock[0]);
	close(sock[1]);
}

/* The child of a client that died holds its copy-on-write arena, not more. */
TEST_F(lifetime, child_outlives_the_client)
{
	const size_t reserve = 32 * MIB;
	struct gate forked, check;
	pid_t pid;

	ASSERT_EQ(0, gate_init(&forked));
	ASSERT_EQ(0, gate_init(&check));
	pid = fork();
	if (!pid) {
		struct hermes_client c;
		char *mem, *arena;

		CHILD_CHECK(!hermes_open(&c));
		mem = hermes_ready_range(&c, MIB);
		CHILD_CHECK(mem);
		stamp_pages(mem, MIB, 1);
		arena = hermes_arena(&c, reserve);
		if (!fork()) {
			gate_open(&forked);
			CHILD_CHECK(gate_wait(&check));
			CHILD_CHECK(has_stamps(mem, MIB, 1));
			stamp_pages(mem, MIB, 2);
			CHILD_CHECK(has_stamps(mem, MIB, 2));
			gate_open(&forked);
			pause();
		}
		CHILD_CHECK(!hermes_set_reserve(&c, reserve, reserve));
		CHILD_CHECK(!hermes_fill_add(&c, arena, reserve));
		CHILD_CHECK(!hermes_wait_ready(&c, reserve));
		_exit(0);
	}
	ASSERT_TRUE(gate_wait(&forked));
	ASSERT_EQ(0, child_exit(pid));
	/* The grandchild's MiB and its process are within the tolerance. */
	EXPECT_LE(free_kb_lost(self->free_kb, TOLERANCE_KB), TOLERANCE_KB);
	gate_open(&check);
	EXPECT_TRUE(gate_wait(&forked));
	/* The grandchild is in this test's process group. */
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
}

TEST_HARNESS_MAIN
