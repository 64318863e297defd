// SPDX-License-Identifier: GPL-2.0-only
/*
 * The core file of a client contains its heap, and nothing but what it used:
 * writing it must not fault in the untouched rest of a large arena.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "kselftest_harness.h"
#include "hermes_util.h"

#define CORE_PATTERN	"/proc/sys/kernel/core_pattern"
#define CORE_USES_PID	"/proc/sys/kernel/core_uses_pid"
#define USED		(64 * PAGE_BYTES)
#define ARENA		(512 * MIB)
#define TAG		0x1000000000000ULL

FIXTURE(core_dump)
{
	char pattern[256];
	char cgroup[CG_PATH_MAX];
	char path[64];
	struct gate at;
	int fd;
};

FIXTURE_SETUP(core_dump)
{
	const char *dir = access("/scratch", W_OK) ? "/tmp" : "/scratch";

	self->fd = -1;
	ASSERT_GT(read_text(CORE_PATTERN, self->pattern,
			    sizeof(self->pattern)), 0);
	snprintf(self->path, sizeof(self->path), "%s/core-%d", dir, getpid());
	ASSERT_EQ(0, write_text(CORE_PATTERN, self->path));
	ASSERT_EQ(0, write_text(CORE_USES_PID, "0"));
	ASSERT_EQ(0, gate_init(&self->at));
	ASSERT_EQ(0, cg_create(self->cgroup, NULL, "core_dump"));
}

FIXTURE_TEARDOWN(core_dump)
{
	cg_remove(self->cgroup);
	write_text(CORE_PATTERN, self->pattern);
	if (self->fd >= 0)
		close(self->fd);
	unlink(self->path);
}

/*
 * A client with ready memory at the start of a large arena and a page that was
 * faulted in at its end; tells where and dies.
 */
static void client_abort(const char *cgroup, struct gate *at)
{
	const size_t batch = HERMES_BATCH_PAGES_DEF * PAGE_BYTES;
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct hermes_client c;
	size_t got = 0;
	char *mem;

	CHILD_CHECK(!cg_enter(cgroup));
	CHILD_CHECK(!setrlimit(RLIMIT_CORE, &unlimited));
	CHILD_CHECK(!hermes_open(&c));
	mem = hermes_arena(&c, ARENA);
	CHILD_CHECK(mem != MAP_FAILED);
	CHILD_CHECK(!hermes_set_reserve(&c, USED, USED));
	CHILD_CHECK(!hermes_fill_add(&c, mem, USED));
	for (; got < USED; got += batch)
		CHILD_CHECK(hermes_pop_wait(&c));
	stamp_pages(mem, USED, TAG);
	stamp_pages(mem + ARENA - PAGE_BYTES, PAGE_BYTES, TAG);
	CHILD_CHECK(write(at->fd[1], &mem, sizeof(mem)) == sizeof(mem));
	signal(SIGABRT, SIG_DFL);
	abort();
}

/* Read from the core file what lay at an address of the process. */
static ssize_t core_read(int fd, uint64_t addr, void *buf, size_t len)
{
	Elf64_Ehdr head;
	Elf64_Phdr segment;

	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
	    memcmp(head.e_ident, ELFMAG, SELFMAG) || head.e_type != ET_CORE)
		return -1;
	for (int i = 0; i < head.e_phnum; i++) {
		if (pread(fd, &segment, sizeof(segment),
			  head.e_phoff + i * sizeof(segment)) !=
		    sizeof(segment))
			return -1;
		if (segment.p_type == PT_LOAD && addr >= segment.p_vaddr &&
		    addr + len <= segment.p_vaddr + segment.p_filesz)
			return pread(fd, buf, len,
				     segment.p_offset + addr - segment.p_vaddr);
	}
	return 0;
}

TEST_F_TIMEOUT(core_dump, contains_the_heap, TEST_TIMEOUT_LONG)
{
	static char buf[USED] __attribute__((aligned(4096)));
	pid_t pid = fork();
	struct stat st;
	long peak;
	uint64_t mem;

	if (!pid)
		client_abort(self->cgroup, &self->at);
	ASSERT_EQ(-SIGABRT, child_exit(pid));
	ASSERT_EQ(sizeof(mem), read(self->at.fd[0], &mem, sizeof(mem)));
	peak = cg_read_long(self->cgroup, "memory.peak");

	self->fd = open(self->path, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ((ssize_t)USED, core_read(self->fd, mem, buf, USED));
	EXPECT_TRUE(has_stamps(buf, USED, TAG));
	ASSERT_EQ((ssize_t)PAGE_BYTES,
		  core_read(self->fd, mem + ARENA - PAGE_BYTES, buf,
			    PAGE_BYTES));
	EXPECT_TRUE(has_stamps(buf, PAGE_BYTES, TAG));
	/* Holes read as zero and take no room. */
	ASSERT_EQ((ssize_t)PAGE_BYTES,
		  core_read(self->fd, mem + ARENA / 2, buf, PAGE_BYTES));
	EXPECT_TRUE(is_zero(buf, PAGE_BYTES));
	ASSERT_EQ(0, fstat(self->fd, &st));
	TH_LOG("%ld kB on disk, %ld kB of memory at most",
	       (long)st.st_blocks / 2, peak / 1024);
	EXPECT_LT(st.st_blocks * 512L, (long)(16 * MIB));
	EXPECT_LT(peak, (long)(16 * MIB));
}

TEST_HARNESS_MAIN
