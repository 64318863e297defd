// SPDX-License-Identifier: GPL-2.0-only
/*
 * What programs do to heap memory works on ready memory as on any other:
 * system calls on the mapping, and the kernel's and other processes' access.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "kselftest_harness.h"
#include "hermes_util.h"

#define LEN		(MIB)
#define TAG		0x1000000000000ULL
#define TAG_NEW		0x2000000000000ULL
#define SCRATCH		"/scratch"

FIXTURE(map_ops)
{
	struct hermes_client c;
	char *mem;
};

FIXTURE_SETUP(map_ops)
{
	ASSERT_EQ(0, hermes_open(&self->c));
	self->mem = hermes_ready_range(&self->c, LEN);
	ASSERT_NE(NULL, self->mem);
	stamp_pages(self->mem, LEN, TAG);
}

FIXTURE_TEARDOWN(map_ops)
{
	hermes_close(&self->c);
}

static sigjmp_buf fault_env;

static void on_fault(int sig)
{
	siglongjmp(fault_env, sig);
}

/* The signal that a write to the address raises, 0 for none. */
static int write_signal(volatile char *addr)
{
	struct sigaction sa = { .sa_handler = on_fault }, old_segv, old_bus;
	int sig;

	sigaction(SIGSEGV, &sa, &old_segv);
	sigaction(SIGBUS, &sa, &old_bus);
	sig = sigsetjmp(fault_env, 1);
	if (!sig)
		*addr = *addr;
	sigaction(SIGSEGV, &old_segv, NULL);
	sigaction(SIGBUS, &old_bus, NULL);
	return sig;
}

TEST_F(map_ops, mprotect)
{
	const size_t part = LEN / 4;

	ASSERT_EQ(0, mprotect(self->mem + part, part, PROT_READ));
	EXPECT_EQ(SIGSEGV, write_signal(self->mem + part));
	EXPECT_EQ(0, write_signal(self->mem));
	EXPECT_EQ(0, write_signal(self->mem + 2 * part));
	EXPECT_TRUE(has_stamps(self->mem, LEN, TAG));

	ASSERT_EQ(0, mprotect(self->mem + part, part, PROT_NONE));
	EXPECT_EQ(SIGSEGV, write_signal(self->mem + part));

	ASSERT_EQ(0, mprotect(self->mem, LEN, PROT_READ | PROT_WRITE));
	EXPECT_TRUE(has_stamps(self->mem, LEN, TAG));
	stamp_pages(self->mem, LEN, TAG_NEW);
	EXPECT_TRUE(has_stamps(self->mem, LEN, TAG_NEW));
}

/* The worker meets an arena that may not be written. */
TEST_F(map_ops, fill_of_a_read_only_arena)
{
	char *arena = hermes_arena(&self->c, LEN);
	uint64_t word;

	ASSERT_NE(MAP_FAILED, arena);
	ASSERT_EQ(0, mprotect(arena, LEN, PROT_READ));
	ASSERT_EQ(0, hermes_fill_add(&self->c, arena, LEN / 2));
	sleep_ms(100);
	EXPECT_EQ(SIGSEGV, write_signal(arena));
	ASSERT_EQ(0, mprotect(arena, LEN, PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, hermes_fill_add(&self->c, arena + LEN / 2, LEN / 2));
	word = hermes_pop_wait(&self->c);
	EXPECT_NE(0, word);
	stamp_pages(arena, LEN, TAG_NEW);
	EXPECT_TRUE(has_stamps(arena, LEN, TAG_NEW));
}

TEST_F(map_ops, dontneed_then_touch)
{
	ASSERT_EQ(0, madvise(self->mem, LEN / 2, MADV_DONTNEED));
	EXPECT_TRUE(is_zero(self->mem, LEN / 2));
	EXPECT_TRUE(has_stamps(self->mem + LEN / 2, LEN / 2, TAG + LEN / 2));
	stamp_pages(self->mem, LEN / 2, TAG_NEW);
	EXPECT_TRUE(has_stamps(self->mem, LEN / 2, TAG_NEW));
}

TEST_F(map_ops, partial_munmap)
{
	char *hole = self->mem + LEN / 4;

	ASSERT_EQ(0, munmap(hole, LEN / 4));
	EXPECT_EQ(SIGSEGV, write_signal(hole));
	EXPECT_TRUE(has_stamps(self->mem, LEN / 4, TAG));
	EXPECT_TRUE(has_stamps(self->mem + LEN / 2, LEN / 2, TAG + LEN / 2));
	/* A range over the hole is not in one arena. */
	EXPECT_EQ(-EFAULT, hermes_take(&self->c, hole - PAGE_BYTES,
				       2 * PAGE_BYTES, NULL));
}

/* The kernel's notes about an extent outlive the mapping that it lay in. */
TEST_F(map_ops, munmap_of_what_is_being_filled)
{
	for (int i = 0; i < 50; i++) {
		char *arena = hermes_arena(&self->c, LEN);
		uint64_t word;

		ASSERT_NE(MAP_FAILED, arena);
		ASSERT_EQ(0, hermes_set_reserve(&self->c, LEN, LEN));
		hermes_fill_add(&self->c, arena, LEN);
		if (i % 3)
			sleep_ms(i % 3);
		ASSERT_EQ(0, munmap(arena, LEN));
		while ((word = hermes_pop(&self->c)))
			;
	}
	EXPECT_TRUE(has_stamps(self->mem, LEN, TAG));
}

TEST_F(map_ops, mremap_move)
{
	char *to = mmap(NULL, LEN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);
	long faults;

	ASSERT_NE(MAP_FAILED, to);
	ASSERT_EQ(to, mremap(self->mem, LEN, LEN,
			     MREMAP_MAYMOVE | MREMAP_FIXED, to));
	faults = thread_minflt();
	EXPECT_TRUE(has_stamps(to, LEN, TAG));
	stamp_pages(to, LEN, TAG_NEW);
	EXPECT_LE(thread_minflt() - faults, 2);
	EXPECT_TRUE(has_stamps(to, LEN, TAG_NEW));
	EXPECT_EQ(SIGSEGV, write_signal(self->mem));

	/* It is an arena there, too. */
	ASSERT_EQ(0, hermes_give(&self->c, to, 16 * PAGE_BYTES, NULL, NULL));
	EXPECT_TRUE(is_zero(to, 16 * PAGE_BYTES));
	EXPECT_TRUE(has_stamps(to + 16 * PAGE_BYTES, LEN - 16 * PAGE_BYTES,
			       TAG_NEW + 16 * PAGE_BYTES));
}

TEST_F(map_ops, mremap_shrink)
{
	ASSERT_EQ(self->mem, mremap(self->mem, LEN, LEN / 2, 0));
	EXPECT_TRUE(has_stamps(self->mem, LEN / 2, TAG));
	EXPECT_EQ(SIGSEGV, write_signal(self->mem + LEN / 2));
}

TEST_F(map_ops, mremap_grow_refused)
{
	EXPECT_EQ(MAP_FAILED, mremap(self->mem, LEN, 2 * LEN, MREMAP_MAYMOVE));
	EXPECT_TRUE(errno == EFAULT || errno == EINVAL);
	EXPECT_TRUE(has_stamps(self->mem, LEN, TAG));
}

TEST_F(map_ops, shared_arena_refused)
{
	EXPECT_EQ(MAP_FAILED, mmap(NULL, LEN, PROT_READ | PROT_WRITE,
				   MAP_SHARED, self->c.fd,
				   HERMES_MMAP_ARENA));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, LEN, PROT_READ, MAP_SHARED,
				   self->c.fd, HERMES_MMAP_ARENA));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(map_ops, control_mapping_rules)
{
	size_t len = self->c.info.control_bytes;

	EXPECT_EQ(MAP_FAILED, mmap(NULL, len, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE, self->c.fd,
				   HERMES_MMAP_CONTROL));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, len + PAGE_BYTES,
				   PROT_READ | PROT_WRITE, MAP_SHARED,
				   self->c.fd, HERMES_MMAP_CONTROL));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE,
				   MAP_SHARED, self->c.fd, len));
	EXPECT_EQ(MAP_FAILED, mremap(self->c.ctl, len, 2 * len,
				     MREMAP_MAYMOVE));
}

TEST_F(map_ops, mlock)
{
	ASSERT_EQ(0, mlock(self->mem, LEN));
	EXPECT_TRUE(has_stamps(self->mem, LEN, TAG));
	ASSERT_EQ(0, munlock(self->mem, LEN));
	ASSERT_EQ(0, mlockall(MCL_CURRENT));
	stamp_pages(self->mem, LEN, TAG_NEW);
	EXPECT_TRUE(has_stamps(self->mem, LEN, TAG_NEW));
	munlockall();
}

TEST_F(map_ops, other_advice)
{
	static const int advice[] = {
		MADV_NORMAL, MADV_RANDOM, MADV_WILLNEED, MADV_HUGEPAGE,
		MADV_NOHUGEPAGE, MADV_MERGEABLE, MADV_COLD, MADV_PAGEOUT,
		MADV_FREE, MADV_WIPEONFORK, MADV_POPULATE_READ,
		MADV_POPULATE_WRITE,
	};

	/* Refused or not, none may change the content. */
	for (size_t i = 0; i < ARRAY_SIZE(advice); i++) {
		madvise(self->mem, LEN, advice[i]);
		ASSERT_TRUE(has_stamps(self->mem, LEN, TAG)) {
			TH_LOG("after advice %d", advice[i]);
		}
	}
}

/* Tell the other end of @request what was read, then write something back. */
static void peer_process_vm(pid_t target, char *mem)
{
	uint64_t word;
	struct iovec local = { &word, sizeof(word) };
	struct iovec remote = { mem, sizeof(word) };

	CHILD_CHECK(process_vm_readv(target, &local, 1, &remote, 1, 0) == 8);
	CHILD_CHECK(word == TAG);
	word = TAG_NEW;
	CHILD_CHECK(process_vm_writev(target, &local, 1, &remote, 1, 0) == 8);
	_exit(0);
}

TEST_F(map_ops, process_vm_access)
{
	pid_t pid = fork();

	if (!pid)
		peer_process_vm(getppid(), self->mem);
	ASSERT_EQ(0, child_exit(pid));
	EXPECT_EQ(TAG_NEW, *(volatile uint64_t *)self->mem);
	EXPECT_TRUE(has_stamps(self->mem + PAGE_BYTES, LEN - PAGE_BYTES,
			       TAG + PAGE_BYTES));
}

TEST_F(map_ops, proc_mem)
{
	uint64_t word, *page = (uint64_t *)(self->mem + PAGE_BYTES);
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(8, pread(fd, &word, 8, (uintptr_t)page));
	EXPECT_EQ(TAG + PAGE_BYTES, word);
	word = TAG_NEW;
	ASSERT_EQ(8, pwrite(fd, &word, 8, (uintptr_t)page));
	EXPECT_EQ(TAG_NEW, *(volatile uint64_t *)page);

	close(fd);
}

/* What a debugger does, unless the kernel is told to refuse it. */
TEST_F(map_ops, forced_write_by_proc_mem)
{
	uint64_t word = TAG_NEW, *page = (uint64_t *)(self->mem + PAGE_BYTES);
	uint64_t *anon = mmap(NULL, PAGE_BYTES, PROT_READ,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	ssize_t wanted;

	ASSERT_NE(MAP_FAILED, anon);
	ASSERT_GE(fd, 0);
	wanted = pwrite(fd, &word, 8, (uintptr_t)anon);
	ASSERT_EQ(0, mprotect(self->mem, LEN, PROT_READ));
	EXPECT_EQ(wanted, pwrite(fd, &word, 8, (uintptr_t)page));
	EXPECT_EQ(wanted == 8 ? TAG_NEW : TAG + PAGE_BYTES,
		  *(volatile uint64_t *)page);
	close(fd);
}

/* A tracer changes its child's copy, not the client's page. */
TEST_F(map_ops, ptrace)
{
	volatile uint64_t *page = (uint64_t *)self->mem;
	pid_t pid = fork();
	int status;

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		CHILD_CHECK(*page == TAG_NEW);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSTOPPED(status));
	EXPECT_EQ(TAG, (uint64_t)ptrace(PTRACE_PEEKDATA, pid, page, NULL));
	ASSERT_EQ(0, ptrace(PTRACE_POKEDATA, pid, page, TAG_NEW));
	EXPECT_EQ(TAG_NEW, (uint64_t)ptrace(PTRACE_PEEKDATA, pid, page, NULL));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, NULL, NULL));
	EXPECT_EQ(0, child_exit(pid));
	EXPECT_EQ(TAG, *page);
}

/* A tracer in a client that traces a client: the tracee's own ready page. */
TEST_F(map_ops, ptrace_of_a_client)
{
	pid_t pid = fork();
	int status;
	long word;

	if (!pid) {
		struct hermes_client own;
		char *mem;

		CHILD_CHECK(!hermes_open(&own));
		mem = hermes_ready_range(&own, 16 * PAGE_BYTES);
		CHILD_CHECK(mem);
		CHILD_CHECK(!munmap(self->mem, LEN));
		CHILD_CHECK(mremap(mem, 16 * PAGE_BYTES, 16 * PAGE_BYTES,
				   MREMAP_MAYMOVE | MREMAP_FIXED,
				   self->mem) == self->mem);
		stamp_pages(self->mem, 16 * PAGE_BYTES, TAG_NEW);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		CHILD_CHECK(*(volatile uint64_t *)self->mem == 42);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSTOPPED(status));
	word = ptrace(PTRACE_PEEKDATA, pid, self->mem, NULL);
	EXPECT_EQ(TAG_NEW, (uint64_t)word);
	ASSERT_EQ(0, ptrace(PTRACE_POKEDATA, pid, self->mem, 42L));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, NULL, NULL));
	EXPECT_EQ(0, child_exit(pid));
	EXPECT_TRUE(has_stamps(self->mem, LEN, TAG));
}

TEST_F(map_ops, direct_io)
{
	int fd = open(SCRATCH "/direct_io",
		      O_RDWR | O_CREAT | O_TRUNC | O_DIRECT | O_CLOEXEC, 0600);

	if (fd < 0)
		SKIP(return, "no O_DIRECT file on " SCRATCH);
	/* Out of ready memory, and into ready memory that was never touched. */
	ASSERT_EQ((ssize_t)LEN, pwrite(fd, self->mem, LEN, 0));
	ASSERT_EQ(0, hermes_give(&self->c, self->mem, LEN / 2, NULL, NULL));
	ASSERT_EQ(0, hermes_take(&self->c, self->mem, LEN / 2, NULL));
	memset(self->mem + LEN / 2, 0, LEN / 2);
	ASSERT_EQ((ssize_t)LEN, pread(fd, self->mem, LEN, 0));
	EXPECT_TRUE(has_stamps(self->mem, LEN, TAG));
	close(fd);
	unlink(SCRATCH "/direct_io");
}

/* A read that is on its way when the process forks stays the reader's. */
TEST_F(map_ops, buffered_read_and_write)
{
	int fd = memfd_create("map_ops", MFD_CLOEXEC);

	ASSERT_GE(fd, 0);
	ASSERT_EQ((ssize_t)LEN, pwrite(fd, self->mem, LEN, 0));
	ASSERT_EQ(0, hermes_give(&self->c, self->mem, LEN, NULL, NULL));
	ASSERT_EQ((ssize_t)LEN, pread(fd, self->mem, LEN, 0));
	EXPECT_TRUE(has_stamps(self->mem, LEN, TAG));
	close(fd);
}

/*
 * The pipe refers to the pages: they must not be given to anybody else, nor
 * cleared, before it has been read. In a cgroup where given pages are reused.
 */
static void splice_and_give(const char *cgroup)
{
	static char buf[4 * PAGE_BYTES] __attribute__((aligned(4096)));
	const size_t len = 64 * PAGE_BYTES;
	struct hermes_client c;
	struct iovec iov = { .iov_len = sizeof(buf) };
	uint64_t recycled;
	int p[2];

	CHILD_CHECK(!pipe(p));
	CHILD_CHECK(!cg_enter(cgroup));
	CHILD_CHECK(!hermes_open(&c));
	iov.iov_base = hermes_ready_range(&c, len);
	CHILD_CHECK(iov.iov_base);
	CHILD_CHECK(!hermes_starve(&c, cgroup));
	stamp_pages(iov.iov_base, len, TAG);
	CHILD_CHECK(vmsplice(p[1], &iov, 1, 0) == sizeof(buf));
	CHILD_CHECK(!hermes_give(&c, iov.iov_base, len, NULL, &recycled));
	CHILD_CHECK(recycled && recycled <= len - sizeof(buf));
	CHILD_CHECK(!madvise(iov.iov_base, len, MADV_DONTNEED));
	CHILD_CHECK(!hermes_take(&c, iov.iov_base, len, NULL));
	stamp_pages(iov.iov_base, len, TAG_NEW);
	CHILD_CHECK(read(p[0], buf, sizeof(buf)) == sizeof(buf));
	CHILD_CHECK(has_stamps(buf, sizeof(buf), TAG));
	CHILD_CHECK(has_stamps(iov.iov_base, len, TAG_NEW));
	_exit(0);
}

TEST_F(map_ops, vmsplice)
{
	char cgroup[CG_PATH_MAX];
	pid_t pid;

	ASSERT_EQ(0, cg_create(cgroup, NULL, "map_ops"));
	pid = fork();
	if (!pid)
		splice_and_give(cgroup);
	EXPECT_EQ(0, child_exit(pid));
	cg_remove(cgroup);
}

TEST_HARNESS_MAIN
