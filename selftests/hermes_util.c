// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory content, kernel counters, cgroups and processes for the selftests.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "hermes_util.h"

#define CG_ROOT		"/sys/fs/cgroup"

/* A bit of each word of /proc/PID/pagemap. */
#define PAGEMAP_SWAPPED	62

/* Exit status of a kselftest that was skipped. */
#define EXIT_SKIP	4

/* Runs before main(): without the device there is nothing to test. */
static void __attribute__((constructor)) require_device(void)
{
	if (access(HERMES_DEVICE, F_OK) == 0)
		return;
	printf("TAP version 13\n1..0 # SKIP %s is not there\n", HERMES_DEVICE);
	exit(EXIT_SKIP);
}

bool is_filled(const void *addr, int byte, size_t len)
{
	const unsigned char *p = addr;

	return !len || (p[0] == byte && !memcmp(p, p + 1, len - 1));
}

bool is_zero(const void *addr, size_t len)
{
	return is_filled(addr, 0, len);
}

/**
 * stamp_pages() - write a tag of its own into every page
 * @addr: page-aligned start
 * @len: bytes
 * @tag: what distinguishes the writer
 */
void stamp_pages(void *addr, size_t len, uint64_t tag)
{
	for (size_t i = 0; i < len; i += PAGE_BYTES) {
		uint64_t *page = (uint64_t *)((char *)addr + i);

		page[0] = tag + i;
		page[PAGE_BYTES / sizeof(*page) - 1] = tag + i;
	}
}

bool has_stamps(const void *addr, size_t len, uint64_t tag)
{
	for (size_t i = 0; i < len; i += PAGE_BYTES) {
		const volatile uint64_t *page =
			(const volatile uint64_t *)((const char *)addr + i);

		if (page[0] != tag + i ||
		    page[PAGE_BYTES / sizeof(*page) - 1] != tag + i)
			return false;
	}
	return true;
}

/**
 * read_text() - read a small file as a string
 * @path: the file
 * @buf: where to; always terminated
 * @size: of @buf
 *
 * Return: the length or a negative errno.
 */
int read_text(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;
	int err;

	if (fd < 0)
		return -errno;
	do {
		n = read(fd, buf + len, size - 1 - len);
		len += n > 0 ? n : 0;
	} while (n > 0 && len < size - 1);
	err = n < 0 ? -errno : 0;
	buf[len] = '\0';
	close(fd);
	return err ?: (int)len;
}

/* The number in a file; -1 when it cannot be read; "max" is LONG_MAX. */
long read_long(const char *path)
{
	char buf[64];

	if (read_text(path, buf, sizeof(buf)) <= 0)
		return -1;
	return strncmp(buf, "max", 3) ? atol(buf) : __LONG_MAX__;
}

/* The number after a key at the beginning of a line; -1 when not there. */
long read_key(const char *path, const char *key)
{
	FILE *file = fopen(path, "re");
	size_t n = strlen(key);
	char line[256];
	long value = -1;

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, key, n) || !strchr(" :\t", line[n]))
			continue;
		value = atol(line + n + 1);
		break;
	}
	fclose(file);
	return value;
}

int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

int write_long(const char *path, long value)
{
	char buf[32];

	snprintf(buf, sizeof(buf), "%ld", value);
	return write_text(path, buf);
}

long meminfo_kb(const char *key)
{
	return read_key("/proc/meminfo", key);
}

long vm_event(const char *key)
{
	return read_key("/proc/vmstat", key);
}

long self_status_kb(const char *key)
{
	return read_key("/proc/self/status", key);
}

/* Page faults without I/O of the calling thread so far. */
long thread_minflt(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_minflt;
}

/**
 * swapped_bytes() - how much of the calling process' memory is swapped out
 * @addr: page-aligned start
 * @len: bytes
 *
 * Return: bytes, or a negative errno.
 */
long swapped_bytes(const void *addr, size_t len)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry, page = (uintptr_t)addr / PAGE_BYTES;
	long bytes = 0;

	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < len / PAGE_BYTES; i++) {
		if (pread(fd, &entry, sizeof(entry),
			  (page + i) * sizeof(entry)) != sizeof(entry)) {
			bytes = -EIO;
			break;
		}
		bytes += entry >> PAGEMAP_SWAPPED & 1 ? PAGE_BYTES : 0;
	}
	close(fd);
	return bytes;
}

/* Free pages that wait in the per-CPU lists of all zones, kB. */
static long percpu_free_kb(void)
{
	FILE *file = fopen("/proc/zoneinfo", "re");
	long pages = 0, count;
	char line[256];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, " count: %ld", &count) == 1)
			pages += count;
	fclose(file);
	return pages * (PAGE_BYTES / 1024);
}

/**
 * free_kb() - free and cached memory, wherever the kernel keeps it
 *
 * Page cache is dropped, but no shrinker is run: that would hide what a
 * reserve has not returned. The lists of the CPUs may hold an eighth of all
 * memory.
 *
 * Return: kB.
 */
long free_kb(void)
{
	sync();
	write_text("/proc/sys/vm/drop_caches", "1");
	/* Folds the per-CPU counters. */
	write_text("/proc/sys/vm/stat_refresh", "1");
	return meminfo_kb("MemFree") + percpu_free_kb() +
	       meminfo_kb("SReclaimable");
}

/**
 * free_kb_settled() - free memory, when deferred frees have come to rest
 *
 * Dying processes, cgroups and RCU free late: waits until the figure has
 * stopped growing.
 *
 * Return: kB.
 */
long free_kb_settled(void)
{
	long most = free_kb();

	for (int quiet = 0, i = 0; quiet < 3 && i < 40; i++) {
		long now;

		sleep_ms(100);
		now = free_kb();
		quiet = now > most + 64 ? 0 : quiet + 1;
		most = now > most ? now : most;
	}
	return most;
}

/**
 * free_kb_lost() - how much less memory is free than it was
 * @before: free memory then, kB
 * @tolerance: a loss that is none, kB
 *
 * What was deferred may take its time on a busy machine: a greater loss counts
 * only if it lasts.
 *
 * Return: kB.
 */
long free_kb_lost(long before, long tolerance)
{
	long lost;

	wait_until((lost = before - free_kb()) <= tolerance);
	return lost;
}

int module_param_set(const char *name, unsigned long value)
{
	char path[128];

	snprintf(path, sizeof(path), HERMES_PARAMS "%s", name);
	return write_long(path, value);
}

long module_param_get(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), HERMES_PARAMS "%s", name);
	return read_long(path);
}

/**
 * cg_create() - make a cgroup with the memory controller
 * @path: its path, of %CG_PATH_MAX bytes, filled in
 * @parent: path of the parent, or NULL for the root
 * @name: a prefix; the process id makes it unique
 *
 * Return: 0 or a negative errno.
 */
int cg_create(char *path, const char *parent, const char *name)
{
	int err;

	if (!parent)
		parent = CG_ROOT;
	err = cg_write(parent, "cgroup.subtree_control", "+memory");
	if (err)
		return err;
	if (snprintf(path, CG_PATH_MAX, "%s/%s-%d", parent, name, getpid()) >=
	    CG_PATH_MAX)
		return -ENAMETOOLONG;
	return mkdir(path, 0755) ? -errno : 0;
}

void cg_remove(const char *path)
{
	/* The last process may still be on its way out. */
	wait_until(!rmdir(path) || errno != EBUSY);
}

int cg_enter(const char *path)
{
	return cg_write(path, "cgroup.procs", "0");
}

int cg_leave(void)
{
	return cg_enter(CG_ROOT);
}

static const char *cg_file(const char *path, const char *file)
{
	static char buf[2 * CG_PATH_MAX];

	snprintf(buf, sizeof(buf), "%s/%s", path, file);
	return buf;
}

int cg_write(const char *path, const char *file, const char *text)
{
	return write_text(cg_file(path, file), text);
}

int cg_write_long(const char *path, const char *file, long value)
{
	return write_long(cg_file(path, file), value);
}

long cg_read_long(const char *path, const char *file)
{
	return read_long(cg_file(path, file));
}

long cg_read_key(const char *path, const char *file, const char *key)
{
	return read_key(cg_file(path, file), key);
}

/* A gate lets one process through for each time that it was opened. */
int gate_init(struct gate *g)
{
	return pipe(g->fd) ? -errno : 0;
}

void gate_open(struct gate *g)
{
	if (write(g->fd[1], "", 1) != 1)
		abort();
}

/* False when nobody opened it in time: whoever should have may be dead. */
bool gate_wait(struct gate *g)
{
	struct pollfd pfd = { .fd = g->fd[0], .events = POLLIN };
	char c;

	return poll(&pfd, 1, GATE_MS) == 1 && read(g->fd[0], &c, 1) == 1;
}

/* The exit status of a child, or minus the signal that killed it. */
int child_exit(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/**
 * become_user() - give up all privilege, for good
 * @uid: the user from now on, and its group of the same number
 * @group: the only supplementary group
 *
 * Return: 0 or a negative errno.
 */
int become_user(uid_t uid, gid_t group)
{
	if (setgroups(1, &group) || setgid(uid) || setuid(uid))
		return -errno;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
}

void sleep_ms(unsigned int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000UL + t.tv_nsec / 1000000;
}

/* xorshift64*: the same sequence in every run. */
uint32_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (*state * 2685821657736338717ULL) >> 32;
}

/* Send a file descriptor over a Unix socket. */
int fd_send(int sock, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { .iov_base = "", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -errno;
}

/* Receive one; returns it or a negative errno. */
int fd_receive(int sock)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	int fd;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != 1)
		return -errno;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS)
		return -ENOMSG;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}
