// SPDX-License-Identifier: GPL-2.0-only
/*
 * fork(): arenas are copy-on-write in every direction, the reserve stays with
 * the process that opened it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "hermes_util.h"

#define LEN		(MIB)
#define TAG_OLD		0x1000000000000ULL
#define TAG_PARENT	0x2000000000000ULL
#define TAG_CHILD	0x3000000000000ULL
#define TAG_GRANDCHILD	0x4000000000000ULL

FIXTURE(fork_cow)
{
	struct hermes_client c;
	struct gate child, parent;
	char *mem;
};

FIXTURE_SETUP(fork_cow)
{
	ASSERT_EQ(0, hermes_open(&self->c));
	ASSERT_EQ(0, gate_init(&self->child));
	ASSERT_EQ(0, gate_init(&self->parent));
	self->mem = hermes_ready_range(&self->c, LEN);
	ASSERT_NE(NULL, self->mem);
	stamp_pages(self->mem, LEN, TAG_OLD);
}

FIXTURE_TEARDOWN(fork_cow)
{
	hermes_close(&self->c);
}

TEST_F(fork_cow, child_does_not_see_the_parent)
{
	pid_t pid = fork();

	if (!pid) {
		CHILD_CHECK(gate_wait(&self->parent));
		CHILD_CHECK(has_stamps(self->mem, LEN, TAG_OLD));
		_exit(0);
	}
	stamp_pages(self->mem, LEN, TAG_PARENT);
	gate_open(&self->parent);
	EXPECT_EQ(0, child_exit(pid));
	EXPECT_TRUE(has_stamps(self->mem, LEN, TAG_PARENT));
}

TEST_F(fork_cow, parent_does_not_see_the_child)
{
	pid_t pid = fork();

	if (!pid) {
		stamp_pages(self->mem, LEN, TAG_CHILD);
		gate_open(&self->child);
		CHILD_CHECK(gate_wait(&self->parent));
		CHILD_CHECK(has_stamps(self->mem, LEN, TAG_CHILD));
		_exit(0);
	}
	ASSERT_TRUE(gate_wait(&self->child));
	EXPECT_TRUE(has_stamps(self->mem, LEN, TAG_OLD));
	stamp_pages(self->mem, LEN, TAG_PARENT);
	gate_open(&self->parent);
	EXPECT_EQ(0, child_exit(pid));
	EXPECT_TRUE(has_stamps(self->mem, LEN, TAG_PARENT));
}

/* Writing after the only other user is gone, and with a second child. */
TEST_F(fork_cow, one_child_after_another)
{
	for (int round = 0; round < 4; round++) {
		uint64_t old = TAG_OLD + round, new = TAG_CHILD + round;
		pid_t pid;

		stamp_pages(self->mem, LEN, old);
		pid = fork();
		if (!pid) {
			CHILD_CHECK(has_stamps(self->mem, LEN, old));
			stamp_pages(self->mem, LEN / 2, new);
			CHILD_CHECK(has_stamps(self->mem, LEN / 2, new));
			_exit(0);
		}
		ASSERT_EQ(0, child_exit(pid));
		ASSERT_TRUE(has_stamps(self->mem, LEN, old));
	}
}

/* Waits for the grandchild's turn, then checks what it left alone. */
static void child_with_grandchild(struct gate *child, struct gate *parent,
				  char *mem)
{
	pid_t pid = fork();

	if (!pid) {
		CHILD_CHECK(gate_wait(parent));
		CHILD_CHECK(has_stamps(mem, LEN, TAG_OLD));
		stamp_pages(mem, LEN / 2, TAG_GRANDCHILD);
		gate_open(child);
		CHILD_CHECK(gate_wait(parent));
		CHILD_CHECK(has_stamps(mem, LEN / 2, TAG_GRANDCHILD));
		CHILD_CHECK(has_stamps(mem + LEN / 2, LEN / 2,
				       TAG_OLD + LEN / 2));
		_exit(0);
	}
	stamp_pages(mem, LEN, TAG_CHILD);
	gate_open(child);
	CHILD_CHECK(!child_exit(pid));
	CHILD_CHECK(has_stamps(mem, LEN, TAG_CHILD));
	_exit(0);
}

TEST_F(fork_cow, grandchild)
{
	pid_t pid = fork();

	if (!pid)
		child_with_grandchild(&self->child, &self->parent, self->mem);

	/* The child has written and forked: let the grandchild look. */
	ASSERT_TRUE(gate_wait(&self->child));
	stamp_pages(self->mem, LEN, TAG_PARENT);
	gate_open(&self->parent);
	ASSERT_TRUE(gate_wait(&self->child));
	EXPECT_TRUE(has_stamps(self->mem, LEN, TAG_PARENT));
	gate_open(&self->parent);
	EXPECT_EQ(0, child_exit(pid));
	EXPECT_TRUE(has_stamps(self->mem, LEN, TAG_PARENT));
}

/* Batches that lie in the ready ring at fork() are the parent's alone. */
TEST_F(fork_cow, published_but_not_taken)
{
	char *arena = hermes_arena(&self->c, LEN);
	pid_t pid;

	ASSERT_NE(MAP_FAILED, arena);
	ASSERT_EQ(0, hermes_set_reserve(&self->c, LEN, LEN));
	ASSERT_EQ(0, hermes_fill_add(&self->c, arena, LEN));
	ASSERT_EQ(0, hermes_wait_ready(&self->c, LEN));
	pid = fork();
	if (!pid) {
		CHILD_CHECK(gate_wait(&self->parent));
		CHILD_CHECK(is_zero(arena, LEN));
		stamp_pages(arena, LEN, TAG_CHILD);
		gate_open(&self->child);
		_exit(0);
	}
	for (size_t got = 0; got < LEN; ) {
		uint64_t word = hermes_pop(&self->c);
		size_t len = HERMES_READY_PAGES(word) * PAGE_BYTES;
		char *batch = (char *)HERMES_READY_ADDR(word);

		ASSERT_NE(0, word);
		ASSERT_TRUE(is_zero(batch, len));
		stamp_pages(batch, len, TAG_PARENT);
		got += len;
	}
	gate_open(&self->parent);
	ASSERT_TRUE(gate_wait(&self->child));
	for (size_t i = 0; i < LEN; i += PAGE_BYTES) {
		uint64_t *page = (uint64_t *)(arena + i);

		ASSERT_EQ(TAG_PARENT, *page & ~0xfffffffffULL);
	}
	EXPECT_EQ(0, child_exit(pid));
}

/* Batches mapped after fork() do not appear in the child. */
TEST_F(fork_cow, mapped_after_fork)
{
	char *arena = hermes_arena(&self->c, LEN);
	pid_t pid;

	ASSERT_NE(MAP_FAILED, arena);
	pid = fork();
	if (!pid) {
		CHILD_CHECK(gate_wait(&self->parent));
		CHILD_CHECK(is_zero(arena, LEN));
		stamp_pages(arena, LEN, TAG_CHILD);
		CHILD_CHECK(has_stamps(arena, LEN, TAG_CHILD));
		_exit(0);
	}
	ASSERT_EQ(0, hermes_set_reserve(&self->c, LEN, LEN));
	ASSERT_EQ(0, hermes_fill_add(&self->c, arena, LEN));
	ASSERT_EQ(0, hermes_wait_ready(&self->c, LEN));
	stamp_pages(arena, LEN, TAG_PARENT);
	gate_open(&self->parent);
	EXPECT_EQ(0, child_exit(pid));
	EXPECT_TRUE(has_stamps(arena, LEN, TAG_PARENT));
}

TEST_F(fork_cow, child_allocates_on)
{
	char *arena = hermes_arena(&self->c, LEN);
	pid_t pid;

	ASSERT_NE(MAP_FAILED, arena);
	pid = fork();
	if (!pid) {
		struct hermes_client own;
		char *mem;

		/* In the inherited arena by faults, in its own by batches. */
		CHILD_CHECK(is_zero(arena, LEN));
		stamp_pages(arena, LEN, TAG_CHILD);
		CHILD_CHECK(!hermes_open(&own));
		mem = hermes_ready_range(&own, LEN);
		CHILD_CHECK(mem && is_zero(mem, LEN));
		stamp_pages(mem, LEN, TAG_CHILD);
		CHILD_CHECK(has_stamps(arena, LEN, TAG_CHILD));
		CHILD_CHECK(has_stamps(self->mem, LEN, TAG_OLD));
		_exit(0);
	}
	stamp_pages(arena, LEN, TAG_PARENT);
	EXPECT_EQ(0, child_exit(pid));
	EXPECT_TRUE(has_stamps(arena, LEN, TAG_PARENT));
	EXPECT_TRUE(has_stamps(self->mem, LEN, TAG_OLD));
}

/* Giving back what a child shares must not pull it away from the child. */
TEST_F(fork_cow, give_after_fork)
{
	pid_t pid = fork();
	uint64_t unmapped;

	if (!pid) {
		CHILD_CHECK(gate_wait(&self->parent));
		CHILD_CHECK(has_stamps(self->mem, LEN, TAG_OLD));
		_exit(0);
	}
	ASSERT_EQ(0, hermes_give(&self->c, self->mem, LEN, &unmapped, NULL));
	EXPECT_EQ(0, unmapped);
	ASSERT_EQ(0, madvise(self->mem, LEN, MADV_DONTNEED));
	ASSERT_EQ(0, hermes_take(&self->c, self->mem, LEN, NULL));
	EXPECT_TRUE(is_zero(self->mem, LEN));
	stamp_pages(self->mem, LEN, TAG_PARENT);
	gate_open(&self->parent);
	EXPECT_EQ(0, child_exit(pid));
}

/*
 * Batches that the kernel takes back lie where a child may still have the data
 * of older pages: their place is the same, the pages are not.
 */
TEST_F(fork_cow, batches_taken_back_after_fork)
{
	pid_t pid = fork();

	if (!pid) {
		CHILD_CHECK(gate_wait(&self->parent));
		CHILD_CHECK(has_stamps(self->mem, LEN, TAG_OLD));
		_exit(0);
	}
	ASSERT_EQ(0, madvise(self->mem, LEN, MADV_DONTNEED));
	ASSERT_EQ(0, hermes_fill_add(&self->c, self->mem, LEN));
	ASSERT_EQ(0, hermes_wait_ready(&self->c, LEN));
	ASSERT_EQ(0, hermes_set_reserve(&self->c, 0, 0));
	ASSERT_EQ(0, hermes_wait_reserve_below(&self->c, 0));
	EXPECT_TRUE(is_zero(self->mem, LEN));
	gate_open(&self->parent);
	EXPECT_EQ(0, child_exit(pid));
}

/* The same for pages that the client itself took anew and gave back. */
TEST_F(fork_cow, new_pages_given_after_fork)
{
	pid_t pid = fork();
	uint64_t unmapped;

	if (!pid) {
		CHILD_CHECK(gate_wait(&self->parent));
		CHILD_CHECK(has_stamps(self->mem, LEN, TAG_OLD));
		_exit(0);
	}
	ASSERT_EQ(0, madvise(self->mem, LEN, MADV_DONTNEED));
	ASSERT_EQ(0, hermes_take(&self->c, self->mem, LEN, NULL));
	stamp_pages(self->mem, LEN, TAG_PARENT);
	ASSERT_EQ(0, hermes_give(&self->c, self->mem, LEN, &unmapped, NULL));
	EXPECT_EQ(LEN, unmapped);
	EXPECT_TRUE(is_zero(self->mem, LEN));
	gate_open(&self->parent);
	EXPECT_EQ(0, child_exit(pid));
}

TEST_F(fork_cow, control_mapping_is_not_inherited)
{
	pid_t pid = fork();

	if (!pid) {
		unsigned char vec[64];

		CHILD_CHECK(mincore(self->c.ctl, PAGE_BYTES, vec) &&
			    errno == ENOMEM);
		_exit(0);
	}
	EXPECT_EQ(0, child_exit(pid));
}

TEST_F(fork_cow, vfork_and_exec)
{
	static char *const argv[] = { "true", NULL };

	for (int i = 0; i < 20; i++) {
		uint64_t word;
		pid_t pid = vfork();

		if (!pid) {
			execv("/bin/true", argv);
			_exit(127);
		}
		ASSERT_EQ(0, child_exit(pid));
		ASSERT_TRUE(has_stamps(self->mem, LEN, TAG_OLD));
		/* And the reserve goes on working. */
		ASSERT_EQ(0, hermes_fill_add(&self->c,
					     hermes_arena(&self->c, LEN),
					     16 * PAGE_BYTES));
		word = hermes_pop_wait(&self->c);
		ASSERT_NE(0, word);
		stamp_pages((void *)HERMES_READY_ADDR(word),
			    HERMES_READY_PAGES(word) * PAGE_BYTES, TAG_PARENT);
	}
}

/* A thread that pops batches and owns what it popped, or else aborts. */
struct popper {
	struct hermes_client *c;
	pthread_t thread;
	uint64_t tag;
	bool stop;
	unsigned long batches;
};

static void *popper_run(void *arg)
{
	struct popper *p = arg;

	while (!__atomic_load_n(&p->stop, __ATOMIC_RELAXED)) {
		uint64_t word = hermes_pop(p->c);
		char *mem = (char *)HERMES_READY_ADDR(word);
		size_t len = HERMES_READY_PAGES(word) * PAGE_BYTES;

		if (!word) {
			sleep_ms(1);
			continue;
		}
		if (!is_zero(mem, len))
			abort();
		stamp_pages(mem, len, p->tag);
		if (!has_stamps(mem, len, p->tag))
			abort();
		/* Recycle: the address space lasts for any number of rounds. */
		madvise(mem, len, MADV_DONTNEED);
		p->batches++;
	}
	return NULL;
}

static void fork_and_check(struct __test_metadata *_metadata, char *mem,
			   int round)
{
	pid_t pid = fork();

	if (!pid) {
		CHILD_CHECK(has_stamps(mem, 16 * PAGE_BYTES, TAG_OLD + round));
		stamp_pages(mem, 4 * PAGE_BYTES, TAG_CHILD);
		_exit(0);
	}
	stamp_pages(mem + 8 * PAGE_BYTES, 4 * PAGE_BYTES, TAG_PARENT);
	ASSERT_EQ(0, child_exit(pid));
	ASSERT_TRUE(has_stamps(mem, 8 * PAGE_BYTES, TAG_OLD + round));
	ASSERT_TRUE(has_stamps(mem + 8 * PAGE_BYTES, 4 * PAGE_BYTES,
			       TAG_PARENT));
}

TEST_F_TIMEOUT(fork_cow, thousand_forks_under_allocation, TEST_TIMEOUT_LONG)
{
	struct popper poppers[2] = {
		{ .c = &self->c, .tag = 0x5000000000000ULL },
		{ .c = &self->c, .tag = 0x6000000000000ULL },
	};
	char *arena = hermes_arena(&self->c, LEN);

	ASSERT_NE(MAP_FAILED, arena);
	ASSERT_EQ(0, hermes_set_reserve(&self->c, LEN, LEN));
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&poppers[i].thread, NULL,
					    popper_run, &poppers[i]));
	for (int i = 0; i < 1000; i++) {
		stamp_pages(self->mem, 16 * PAGE_BYTES, TAG_OLD + i);
		if (!(i % 8))
			hermes_fill_add(&self->c, arena, LEN / 4);
		fork_and_check(_metadata, self->mem, i);
	}
	for (int i = 0; i < 2; i++) {
		__atomic_store_n(&poppers[i].stop, true, __ATOMIC_RELAXED);
		ASSERT_EQ(0, pthread_join(poppers[i].thread, NULL));
	}
	/* Both threads together did get memory meanwhile. */
	EXPECT_GT(poppers[0].batches + poppers[1].batches, 16);
}

TEST_HARNESS_MAIN
