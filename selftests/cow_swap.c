// SPDX-License-Identifier: GPL-2.0-only
/*
 * The copies that fork() makes of ready pages are ordinary anonymous memory:
 * swapped, migrated and unmapped for NUMA hinting. None of that may map a page
 * that two processes share writable, so none may show one's write to the other.
 *
 * Three processes share each page: the client (which wrote after its first
 * fork, so that its pages are anonymous), a child and a grandchild.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"
#include "hermes_util.h"

#define LEN		(2 * MIB)
#define PAGES		(LEN / PAGE_BYTES)
#define SCHED_DEBUG	"/sys/kernel/debug/sched/numa_balancing/"
#define TAG(who)	(0x1000000000000ULL * (who))
#define TAG_ALL		TAG(1)
#define HINTING_MS	10000		/* once they have begun */
#define MOVE_ALL	4		/* MPOL_MF_MOVE_ALL */

enum { PARENT = 2, CHILD, CHILD2, NR_PROCS = 3 };

FIXTURE(cow_swap)
{
	struct hermes_client c;
	char cgroup[CG_PATH_MAX];
	char *mem;
	struct gate to_child[2];
	struct gate from_child[2];
	pid_t pid[2];
};

/*
 * A child's life, in step with the parent: read, write its own third, check.
 * The pages of one third are only ever written by one process.
 */
static void child_run(struct gate *turn, struct gate *done, char *mem, int who)
{
	const size_t third = PAGES / NR_PROCS * PAGE_BYTES;
	size_t own = (who - PARENT) * third;

	/* Wake up from swap, a migration or a hinting fault by reading. */
	CHILD_CHECK(gate_wait(turn));
	CHILD_CHECK(has_stamps(mem, LEN, TAG_ALL));
	gate_open(done);

	CHILD_CHECK(gate_wait(turn));
	stamp_pages(mem + own, third, TAG(who));
	gate_open(done);

	CHILD_CHECK(gate_wait(turn));
	for (size_t i = 0; i < NR_PROCS * third; i += third)
		CHILD_CHECK(has_stamps(mem + i, third,
				       i == own ? TAG(who) : TAG_ALL + i));
	_exit(0);
}

/* Make the client's pages anonymous, then share them with two children. */
static void share_pages(struct __test_metadata *_metadata, char *mem,
			struct gate *to_child, struct gate *from_child,
			pid_t *pid)
{
	pid_t first = fork();

	if (!first) {
		pause();
		_exit(0);
	}
	stamp_pages(mem, LEN, TAG_ALL);
	kill(first, SIGKILL);
	ASSERT_EQ(-SIGKILL, child_exit(first));

	for (int i = 0; i < 2; i++) {
		pid[i] = fork();
		if (!pid[i])
			child_run(&to_child[i], &from_child[i], mem,
				  CHILD + i);
		ASSERT_GT(pid[i], 0);
	}
}

FIXTURE_SETUP(cow_swap)
{
	ASSERT_EQ(0, cg_create(self->cgroup, NULL, "cow_swap"));
	ASSERT_EQ(0, cg_enter(self->cgroup));
	ASSERT_EQ(0, hermes_open(&self->c));
	self->mem = hermes_ready_range(&self->c, LEN);
	ASSERT_NE(NULL, self->mem);
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, gate_init(&self->to_child[i]));
		ASSERT_EQ(0, gate_init(&self->from_child[i]));
	}
}

FIXTURE_TEARDOWN(cow_swap)
{
	for (int i = 0; i < 2; i++)
		if (self->pid[i] > 0)
			kill(self->pid[i], SIGKILL);
	hermes_close(&self->c);
	cg_leave();
	cg_remove(self->cgroup);
}

static void step_children(struct __test_metadata *_metadata,
			  struct gate *to_child, struct gate *from_child)
{
	for (int i = 0; i < 2; i++) {
		gate_open(&to_child[i]);
		ASSERT_TRUE(gate_wait(&from_child[i]));
	}
}

/* Everybody reads, then everybody writes, then everybody checks. */
static void check_isolation(struct __test_metadata *_metadata, char *mem,
			    struct gate *to_child, struct gate *from_child,
			    pid_t *pid)
{
	const size_t third = PAGES / NR_PROCS * PAGE_BYTES;

	EXPECT_TRUE(has_stamps(mem, LEN, TAG_ALL));
	step_children(_metadata, to_child, from_child);
	stamp_pages(mem, third, TAG(PARENT));
	step_children(_metadata, to_child, from_child);
	for (int i = 0; i < 2; i++) {
		gate_open(&to_child[i]);
		EXPECT_EQ(0, child_exit(pid[i]));
		pid[i] = 0;
	}
	EXPECT_TRUE(has_stamps(mem, third, TAG(PARENT)));
	EXPECT_TRUE(has_stamps(mem + third, third, TAG_ALL + third));
	EXPECT_TRUE(has_stamps(mem + 2 * third, third, TAG_ALL + 2 * third));
}

/* Reclaim the cgroup until most of the pages are in swap, however slow it is. */
static bool swap_out(const char *cgroup, const char *mem)
{
	return wait_until((cg_write(cgroup, "memory.reclaim", "4M"),
			   swapped_bytes(mem, LEN) > (long)(LEN / 2)));
}

TEST_F(cow_swap, swapped_by_reclaim)
{
	if (meminfo_kb("SwapTotal") < 64 * 1024)
		SKIP(return, "no swap");
	share_pages(_metadata, self->mem, self->to_child, self->from_child,
		    self->pid);
	ASSERT_TRUE(swap_out(self->cgroup, self->mem));
	check_isolation(_metadata, self->mem, self->to_child, self->from_child,
			self->pid);
}

/* Pages in the swap cache as well: in by reading, then out once more. */
TEST_F(cow_swap, swapped_twice)
{
	if (meminfo_kb("SwapTotal") < 64 * 1024)
		SKIP(return, "no swap");
	share_pages(_metadata, self->mem, self->to_child, self->from_child,
		    self->pid);
	ASSERT_TRUE(swap_out(self->cgroup, self->mem));
	ASSERT_TRUE(has_stamps(self->mem, LEN, TAG_ALL));
	ASSERT_TRUE(swap_out(self->cgroup, self->mem));
	check_isolation(_metadata, self->mem, self->to_child, self->from_child,
			self->pid);
}

/* madvise() only pages out what nobody shares: the copies after the writes. */
TEST_F(cow_swap, copies_paged_out_by_madvise)
{
	pid_t pid;

	if (meminfo_kb("SwapTotal") < 64 * 1024)
		SKIP(return, "no swap");
	stamp_pages(self->mem, LEN, TAG_ALL);
	pid = fork();
	if (!pid) {
		stamp_pages(self->mem, LEN, TAG(CHILD));
		CHILD_CHECK(!madvise(self->mem, LEN, MADV_PAGEOUT));
		CHILD_CHECK(self_status_kb("VmSwap") > 0);
		gate_open(&self->from_child[0]);
		CHILD_CHECK(gate_wait(&self->to_child[0]));
		CHILD_CHECK(has_stamps(self->mem, LEN, TAG(CHILD)));
		_exit(0);
	}
	stamp_pages(self->mem, LEN, TAG(PARENT));
	ASSERT_EQ(0, madvise(self->mem, LEN, MADV_PAGEOUT));
	EXPECT_GT(self_status_kb("VmSwap"), 0);
	ASSERT_TRUE(gate_wait(&self->from_child[0]));
	EXPECT_TRUE(has_stamps(self->mem, LEN, TAG(PARENT)));
	stamp_pages(self->mem, LEN, TAG(CHILD2));
	gate_open(&self->to_child[0]);
	EXPECT_EQ(0, child_exit(pid));
	EXPECT_TRUE(has_stamps(self->mem, LEN, TAG(CHILD2)));
}

/*
 * Pages of a cgroup that needs more than its limit, with swap, while both go
 * on. The limit is memory.high: at memory.max the kernel kills a process that
 * makes pages faster than a slow swap device can write them, as all that it
 * could reclaim is under writeback.
 */
TEST_F(cow_swap, swapped_by_memory_pressure)
{
	const size_t limit = 8 * MIB, hog_len = 12 * MIB;
	uint64_t round = 0;
	char *hog;

	if (meminfo_kb("SwapTotal") < 64 * 1024)
		SKIP(return, "no swap");
	share_pages(_metadata, self->mem, self->to_child, self->from_child,
		    self->pid);
	ASSERT_EQ(0, cg_write_long(self->cgroup, "memory.high", limit));
	hog = mmap(NULL, hog_len, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, hog);
	ASSERT_TRUE(wait_until((stamp_pages(hog, hog_len, ++round),
				swapped_bytes(self->mem, LEN) >
					(long)(LEN / 2))));
	check_isolation(_metadata, self->mem, self->to_child, self->from_child,
			self->pid);
	EXPECT_TRUE(has_stamps(hog, hog_len, round));
	EXPECT_GT(cg_read_key(self->cgroup, "memory.events", "high"), 0);
	EXPECT_EQ(0, cg_read_key(self->cgroup, "memory.events", "oom_kill"));
}

static bool has_two_nodes(void)
{
	return !access("/sys/devices/system/node/node1", F_OK);
}

/* Move pages of the calling process to a node; returns how many are there. */
static long move_to_node(char *mem, int node)
{
	static void *pages[PAGES];
	static int nodes[PAGES], status[PAGES];
	long there = 0;

	for (size_t i = 0; i < PAGES; i++) {
		pages[i] = mem + i * PAGE_BYTES;
		nodes[i] = node;
	}
	if (syscall(SYS_move_pages, 0, PAGES, pages, nodes, status,
		    MOVE_ALL) < 0)
		return -errno;
	for (size_t i = 0; i < PAGES; i++)
		there += status[i] == node;
	return there;
}

TEST_F(cow_swap, migrated_by_move_pages)
{
	if (!has_two_nodes())
		SKIP(return, "one NUMA node");
	share_pages(_metadata, self->mem, self->to_child, self->from_child,
		    self->pid);
	/* There and back, so that every page did move. */
	EXPECT_GT(move_to_node(self->mem, 0), (long)PAGES / 2);
	EXPECT_GT(move_to_node(self->mem, 1), (long)PAGES / 2);
	check_isolation(_metadata, self->mem, self->to_child, self->from_child,
			self->pid);
}

/* Ready pages themselves stay where they are, with their content. */
TEST_F(cow_swap, ready_pages_do_not_move)
{
	long faults;

	if (!has_two_nodes())
		SKIP(return, "one NUMA node");
	stamp_pages(self->mem, LEN, TAG_ALL);
	move_to_node(self->mem, 0);
	move_to_node(self->mem, 1);
	write_text("/proc/sys/vm/compact_memory", "1");
	madvise(self->mem, LEN, MADV_PAGEOUT);
	cg_write(self->cgroup, "memory.reclaim", "4M");
	faults = thread_minflt();
	ASSERT_TRUE(has_stamps(self->mem, LEN, TAG_ALL));
	EXPECT_LE(thread_minflt() - faults, 2);
}

TEST_F(cow_swap, migrated_by_compaction)
{
	long before = vm_event("compact_migrate_scanned");

	share_pages(_metadata, self->mem, self->to_child, self->from_child,
		    self->pid);
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, write_text("/proc/sys/vm/compact_memory", "1"));
	/* Else nothing was even looked at. */
	EXPECT_GT(vm_event("compact_migrate_scanned"), before);
	check_isolation(_metadata, self->mem, self->to_child, self->from_child,
			self->pid);
}

static void *do_nothing(void *arg)
{
	pause();
	return arg;
}

/*
 * Which mappings are scanned is the kernel's choice, so ordinary memory beside
 * the arena shows that the scan went through the address space at all.
 */
TEST_F(cow_swap, unmapped_for_numa_hinting)
{
	long before = vm_event("numa_hint_faults"), seen;
	uint64_t start = now_ms();
	pthread_t thread;
	char *anon;

	if (!has_two_nodes() || before < 0)
		SKIP(return, "no NUMA balancing");
	/* Scan at once, and often. */
	write_text(SCHED_DEBUG "scan_delay_ms", "10");
	write_text(SCHED_DEBUG "scan_period_min_ms", "20");
	if (write_text("/proc/sys/kernel/numa_balancing", "1"))
		SKIP(return, "no NUMA balancing");
	share_pages(_metadata, self->mem, self->to_child, self->from_child,
		    self->pid);
	/*
	 * Left alone are pages that are shared and, with a single thread, those
	 * of the node that it runs on.
	 */
	ASSERT_EQ(0, pthread_create(&thread, NULL, do_nothing, NULL));
	anon = mmap(NULL, LEN, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, anon);
	stamp_pages(anon, LEN, TAG_ALL);
	do {
		ASSERT_TRUE(has_stamps(self->mem, LEN, TAG_ALL));
		ASSERT_TRUE(has_stamps(anon, LEN, TAG_ALL));
		seen = vm_event("numa_hint_faults") - before;
	} while (seen < (long)PAGES &&
		 now_ms() - start < (seen ? HINTING_MS : WAIT_MS));
	check_isolation(_metadata, self->mem, self->to_child, self->from_child,
			self->pid);
	write_text("/proc/sys/kernel/numa_balancing", "0");
	if (!seen)
		SKIP(return, "no hinting faults");
}

TEST_HARNESS_MAIN
