// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Every call to the operating system but those to /dev/hermes (os_dev.c).
 * Cancellation points of libc (open, close, write) are called by number.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "os.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE	0x100000
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE	23
#endif
#ifndef MADV_COLD
#define MADV_COLD		20
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP	4
#endif
#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK		18
#endif

#define RESERVE_FLAGS	(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

static void *do_mmap(void *addr, size_t len, int prot, int flags)
{
	int saved = errno;
	void *p = mmap(addr, len, prot, flags, -1, 0);

	errno = saved;
	return p == MAP_FAILED ? NULL : p;
}

/* Address space at exactly @at, without access; NULL when it is taken. */
void *hu_os_reserve(void *at, size_t len)
{
	void *p = do_mmap(at, len, PROT_NONE, RESERVE_FLAGS | MAP_FIXED_NOREPLACE);

	/* A kernel before 4.17 takes @at for a hint. */
	if (p && p != at) {
		hu_os_unmap(p, len);
		p = NULL;
	}
	return p;
}

/* Address space without access, anywhere, aligned to the power of two @align. */
void *hu_os_reserve_aligned(size_t len, size_t align)
{
	uintptr_t p, start;

	if (len + align < len)
		return NULL;
	p = (uintptr_t)do_mmap(NULL, len + align, PROT_NONE, RESERVE_FLAGS);
	if (!p)
		return NULL;
	start = hu_align_up(p, align);
	if (start > p)
		hu_os_unmap((void *)p, start - p);
	if (start < p + align)
		hu_os_unmap((void *)(start + len), p + align - start);
	return (void *)start;
}

int hu_os_commit(void *addr, size_t len)
{
	int saved = errno, ret = 0;

	if (mprotect(addr, len, PROT_READ | PROT_WRITE))
		ret = -errno;
	errno = saved;
	return ret;
}

void *hu_os_map(size_t len)
{
	return do_mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
}

void hu_os_unmap(void *addr, size_t len)
{
	int saved = errno;

	munmap(addr, len);
	errno = saved;
}

void *hu_os_remap(void *addr, size_t old_len, size_t new_len)
{
	int saved = errno;
	void *p = mremap(addr, old_len, new_len, MREMAP_MAYMOVE);

	errno = saved;
	return p == MAP_FAILED ? NULL : p;
}

/*
 * Whether memory may be moved: not where it is locked, as the kernel would
 * forget that for what is left behind. MADV_COLD (Linux 5.4) tells.
 */
bool hu_os_may_move(void *page)
{
	int saved = errno;
	bool may = !madvise(page, HU_PAGE, MADV_COLD);

	errno = saved;
	return may;
}

/*
 * Move the pages at @from to a mapping of their own that is @new_len long;
 * @from stays mapped and reads zero. NULL: not possible, nothing was changed.
 * (Linux 5.7; one VMA of anonymous memory.)
 */
void *hu_os_move_pages(void *from, size_t len, size_t new_len)
{
	const int keep = MREMAP_MAYMOVE | MREMAP_DONTUNMAP;
	int saved = errno;
	void *to = MAP_FAILED, *longer = MAP_FAILED;

	if (hu_os_may_move(from))
		to = mremap(from, len, len, keep, NULL);
	if (to != MAP_FAILED) {
		longer = mremap(to, len, new_len, MREMAP_MAYMOVE);
		if (longer == MAP_FAILED)
			mremap(to, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, from);
	}
	errno = saved;
	return longer == MAP_FAILED ? NULL : longer;
}

/*
 * Move the pages at @from over the @len bytes at @to; @from is unmapped. 0; a
 * negative errno when nothing was changed; 1 when @to must not be used any more:
 * the kernel may have unmapped it before it refused, and another thread may have
 * mapped something there. (One VMA of anonymous memory that may be moved.)
 */
int hu_os_move_over(void *from, size_t len, void *to)
{
	const int over = MREMAP_MAYMOVE | MREMAP_FIXED;
	int saved = errno, ret = 0;

	if (mremap(from, len, len, over, to) == MAP_FAILED) {
		ret = -errno;
		if (!hu_os_reserve(to, len) || hu_os_commit(to, len))
			ret = 1;
	} else {
		/* The program may have protected it. */
		hu_os_commit(to, len);
	}
	errno = saved;
	return ret;
}

static int do_madvise(void *addr, size_t len, int advice)
{
	int saved = errno, ret = 0;

	if (madvise(addr, len, advice))
		ret = -errno;
	errno = saved;
	return ret;
}

/*
 * The range reads zero afterwards, whatever happens: locked memory (mlockall)
 * refuses MADV_DONTNEED and is cleared by hand.
 */
void hu_os_purge(void *addr, size_t len)
{
	if (do_madvise(addr, len, MADV_DONTNEED))
		memset(addr, 0, len);
}

/*
 * Make memory resident that nobody else uses yet. A kernel before 5.14 knows
 * no such call: then by touching it. False: the kernel has no memory.
 */
bool hu_os_populate(void *addr, size_t len)
{
	int ret = do_madvise(addr, len, MADV_POPULATE_WRITE);
	size_t i;

	if (ret != -EINVAL)
		return !ret;
	for (i = 0; i < len; i += HU_PAGE)
		((volatile char *)addr)[i] = 0;
	return true;
}

/* Faults may map 2 MiB at once. */
void hu_os_huge_pages(void *addr, size_t len)
{
	do_madvise(addr, len, MADV_HUGEPAGE);
}

void hu_os_no_huge_pages(void *addr, size_t len)
{
	do_madvise(addr, len, MADV_NOHUGEPAGE);
}

bool hu_os_wipe_on_fork(void *addr, size_t len)
{
	return !do_madvise(addr, len, MADV_WIPEONFORK);
}

static size_t limit_of(int resource)
{
	int saved = errno;
	struct rlimit rl;
	size_t limit = SIZE_MAX;

	if (!getrlimit(resource, &rl) && rl.rlim_cur != RLIM_INFINITY)
		limit = rl.rlim_cur;
	errno = saved;
	return limit;
}

/* Bytes, SIZE_MAX when there is no limit. */
size_t hu_os_address_space_limit(void)
{
	return limit_of(RLIMIT_AS);
}

/* Whether memory that is mapped and not used would be missed elsewhere. */
bool hu_os_memory_limited(void)
{
	return limit_of(RLIMIT_AS) != SIZE_MAX || limit_of(RLIMIT_DATA) != SIZE_MAX;
}

/* Milliseconds since some time in the past; wraps after 49 days. */
uint32_t hu_os_clock_ms(void)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint32_t)(ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

uint64_t hu_os_clock_ns(void)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* To spread arenas. Without getrandom(), the stack's place is random enough. */
uint64_t hu_os_random(void)
{
	int saved = errno;
	uint64_t x;

	if (syscall(SYS_getrandom, &x, sizeof(x), GRND_NONBLOCK) != sizeof(x))
		x = (uintptr_t)&saved >> 4;
	errno = saved;
	return x;
}

/* Page faults of the process. */
void hu_os_faults(uint64_t *minor, uint64_t *major)
{
	struct rusage usage = { 0 };
	int saved = errno;

	getrusage(RUSAGE_SELF, &usage);
	errno = saved;
	*minor = (uint64_t)usage.ru_minflt;
	*major = (uint64_t)usage.ru_majflt;
}

/* On how many processors this process may run; at least 1. */
unsigned int hu_os_cpus(void)
{
	unsigned long mask[1024 / (8 * sizeof(long))] = { 0 };
	int saved = errno;
	long len = syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask);
	unsigned int n = 0;
	size_t i;

	errno = saved;
	for (i = 0; len > 0 && i < (size_t)len / sizeof(long); i++)
		n += (unsigned int)__builtin_popcountl(mask[i]);
	return n ? n : 1;
}

/* Whether the program runs with the rights of another user. */
bool hu_os_secure(void)
{
	return getauxval(AT_SECURE);
}

extern char **environ;
extern void *__libc_stack_end __attribute__((weak));

/*
 * getenv() under the rules of secure_getenv(), also before libc has set
 * environ: then the environment is found where the kernel put it, after the
 * argument vector on the stack.
 */
const char *hu_os_getenv(const char *name)
{
	size_t len = strlen(name);
	char **env = environ;

	if (hu_os_secure())
		return NULL;
	if (!env && &__libc_stack_end && __libc_stack_end) {
		long argc = *(long *)__libc_stack_end;

		env = (char **)__libc_stack_end + 1 + argc + 1;
	}
	for (; env && *env; env++)
		if (!strncmp(*env, name, len) && (*env)[len] == '=')
			return *env + len + 1;
	return NULL;
}

void hu_os_futex_wait(atomic_int *word, int value)
{
	int saved = errno;

	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
	errno = saved;
}

void hu_os_futex_wake(atomic_int *word)
{
	int saved = errno;

	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	errno = saved;
}

void hu_os_write_stderr(const char *text, size_t len)
{
	int saved = errno;
	long n;

	while (len) {
		n = syscall(SYS_write, STDERR_FILENO, text, len);
		if (n <= 0)
			break;
		text += n;
		len -= (size_t)n;
	}
	errno = saved;
}

static size_t append(char *buf, size_t used, size_t room, const char *text)
{
	size_t len = strlen(text);

	if (len > room - used)
		len = room - used;
	memcpy(buf + used, text, len);
	return used + len;
}

void hu_os_complain(const char *what, const char *detail)
{
	char buf[256];
	size_t len = append(buf, 0, sizeof(buf) - 1, "hermes-u: ");

	len = append(buf, len, sizeof(buf) - 1, what);
	len = append(buf, len, sizeof(buf) - 1, detail);
	buf[len++] = '\n';
	hu_os_write_stderr(buf, len);
}

void hu_os_complain_of(const char *what, const void *pointer)
{
	char text[2 + 2 * sizeof(uintptr_t) + 1] = "0x";
	uintptr_t v = (uintptr_t)pointer;
	size_t i;

	for (i = 0; i < 2 * sizeof(v); i++)
		text[2 + i] = "0123456789abcdef"[v >> (8 * sizeof(v) - 4 - 4 * i) & 15];
	text[2 + i] = '\0';
	hu_os_complain(what, text);
}

_Noreturn void hu_os_fatal(const char *what, const void *pointer)
{
	hu_os_complain_of(what, pointer);
	abort();
}
