// SPDX-License-Identifier: GPL-2.0-only
/*
 * Under memory pressure of the whole machine the reserve of an idle client is
 * given back; the client and everybody else live on.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "hermes_util.h"

FIXTURE(shrink)
{
	struct hermes_client c;
	uint64_t reserve;
	char *arena;
};

/* An idle reserve as large as the module allows, of its own accord. */
FIXTURE_SETUP(shrink)
{
	ASSERT_EQ(0, hermes_open(&self->c));
	self->reserve = self->c.info.client_max_bytes / MIB * MIB;
	if (self->reserve > 64 * MIB)
		self->reserve = 64 * MIB;
	self->arena = hermes_arena(&self->c, self->reserve);
	ASSERT_NE(MAP_FAILED, self->arena);
	ASSERT_EQ(0, hermes_set_reserve(&self->c, self->reserve,
					self->reserve));
	ASSERT_EQ(0, hermes_fill_add(&self->c, self->arena, self->reserve));
	ASSERT_EQ(0, hermes_wait_ready(&self->c, self->reserve / 10 * 9));
	/* Let the client count as idle: a second after the last that it did. */
	ASSERT_EQ(0, hermes_wait_asleep(&self->c));
	sleep_ms(2000);
}

FIXTURE_TEARDOWN(shrink)
{
	hermes_close(&self->c);
}

/*
 * Use so much memory for a moment, all of it at once. Somebody unrelated: a
 * forked child would hold on to the ready pages that it inherited.
 */
static void hog(size_t len, char *arena, size_t arena_len)
{
	char *mem;

	CHILD_CHECK(!munmap(arena, arena_len));
	mem = mmap(NULL, len, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	CHILD_CHECK(mem != MAP_FAILED);
	for (size_t i = 0; i < len; i += PAGE_BYTES)
		*(volatile size_t *)(mem + i) = i;
	for (size_t i = 0; i < len; i += PAGE_BYTES)
		CHILD_CHECK(*(volatile size_t *)(mem + i) == i);
	_exit(0);
}

static uint64_t reserve_now(struct hermes_client *c)
{
	struct hermes_stats stats;

	if (hermes_get_stats(c, &stats))
		return ~0ULL;
	return stats.ready_bytes + stats.pool_bytes;
}

TEST_F_TIMEOUT(shrink, global_pressure, TEST_TIMEOUT_LONG)
{
	size_t len = meminfo_kb("MemAvailable") * 1024;
	long kills = vm_event("oom_kill");
	uint64_t before = reserve_now(&self->c);
	struct hermes_stats stats;
	uint64_t word;
	pid_t pid;

	if (meminfo_kb("SwapFree") < 256 * 1024)
		SKIP(return, "less than 256 MiB of swap");
	if (len > 768 * MIB)
		SKIP(return, "more than 768 MiB of memory available");
	pid = fork();
	if (!pid)
		hog(len + 64 * MIB, self->arena, self->reserve);
	ASSERT_EQ(0, child_exit(pid));
	EXPECT_EQ(kills, vm_event("oom_kill"));

	ASSERT_EQ(0, hermes_get_stats(&self->c, &stats));
	TH_LOG("%ld of %ld MiB given back, %ld MiB of them ready batches",
	       (long)((before - reserve_now(&self->c)) / MIB),
	       (long)(before / MIB), (long)(stats.reclaimed_bytes / MIB));
	EXPECT_GT(stats.reclaimed_bytes, 0);

	/* What is still there is whole, what is not comes back. */
	while ((word = hermes_pop(&self->c)))
		ASSERT_TRUE(is_zero((void *)HERMES_READY_ADDR(word),
				    HERMES_READY_PAGES(word) * PAGE_BYTES));
	stamp_pages(self->arena, self->reserve, 1);
	EXPECT_TRUE(has_stamps(self->arena, self->reserve, 1));
	ASSERT_EQ(0, hermes_fill_add(&self->c, hermes_arena(&self->c, MIB),
				     MIB));
	EXPECT_NE(0, hermes_pop_wait(&self->c));
}

/* All that could be had without the reserve, if every page of it went. */
static size_t memory_beside_reserve(void)
{
	return (free_kb_settled() + meminfo_kb("Cached") + meminfo_kb("AnonPages")) *
	       1024;
}

/* More than that, without swap for it: the reserve goes, and nobody is killed. */
TEST_F_TIMEOUT(shrink, before_any_oom_kill, TEST_TIMEOUT_LONG)
{
	uint64_t before = reserve_now(&self->c);
	long kills = vm_event("oom_kill");
	size_t len = memory_beside_reserve();
	char cgroup[CG_PATH_MAX];
	pid_t pid;

	if (len > 768 * MIB)
		SKIP(return, "more than 768 MiB of memory");
	ASSERT_EQ(0, cg_create(cgroup, NULL, "shrink"));
	ASSERT_EQ(0, cg_write(cgroup, "memory.swap.max", "0"));
	pid = fork();
	if (!pid) {
		CHILD_CHECK(!cg_enter(cgroup));
		hog(len + before / 4, self->arena, self->reserve);
	}
	EXPECT_EQ(0, child_exit(pid));
	EXPECT_EQ(kills, vm_event("oom_kill"));
	cg_remove(cgroup);
	TH_LOG("%ld of %ld MiB given back for %ld MiB",
	       (long)((before - reserve_now(&self->c)) / MIB),
	       (long)(before / MIB), (long)(len / MIB));
	EXPECT_LT(reserve_now(&self->c), before);
}

TEST_HARNESS_MAIN
