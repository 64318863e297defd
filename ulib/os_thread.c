// SPDX-License-Identifier: LGPL-2.1-or-later
/* What only the background thread needs of the operating system. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "os.h"

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE	(1U << 1)
#endif
#ifndef SYS_close_range
#define SYS_close_range		436
#endif

#define STACK_BYTES	(256 * KIB)

/* The processors that the process was started on: a later pinning of the
 * thread that starts ours is meant for that one.
 */
static cpu_set_t cpus;
static bool have_cpus;
static void *(*thread_run)(void *arg);

void hu_os_save_affinity(void)
{
	int saved = errno;

	have_cpus = syscall(SYS_sched_getaffinity, 0, sizeof(cpus), &cpus) > 0;
	errno = saved;
}

static void *thread_main(void *arg)
{
	if (have_cpus)
		syscall(SYS_sched_setaffinity, 0, sizeof(cpus), &cpus);
	prctl(PR_SET_NAME, "hermes-u", 0, 0, 0);
	return thread_run(arg);
}

/* @ordinary: whatever the policy of the one that starts it. */
static int create(pthread_t *thread, size_t stack_bytes, bool ordinary)
{
	struct sched_param param = { 0 };
	pthread_attr_t attr;
	int ret;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (ordinary) {
		pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
		pthread_attr_setschedpolicy(&attr, SCHED_OTHER);
		pthread_attr_setschedparam(&attr, &param);
	}
	if (stack_bytes)
		pthread_attr_setstacksize(&attr, stack_bytes);
	ret = pthread_create(thread, &attr, thread_main, NULL);
	pthread_attr_destroy(&attr);
	return ret;
}

/**
 * hu_os_thread_start() - start the background thread, all signals blocked
 * @run: what it does; returns never
 *
 * Return: 0 or an errno. May allocate: no lock held.
 */
int hu_os_thread_start(void *(*run)(void *arg))
{
	int saved = errno, ret;
	sigset_t all, before;
	pthread_t thread;

	thread_run = run;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = create(&thread, STACK_BYTES, true);
	/* Thread-local variables of large programs live on the stack, too. */
	if (ret == EINVAL)
		ret = create(&thread, 0, true);
	/* SCHED_IDLE is not left without a privilege. */
	if (ret == EPERM)
		ret = create(&thread, 0, false);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	return ret;
}

/**
 * hu_os_own_files() - give the calling thread a table of files of its own
 *
 * Empty: what the thread opens cannot take a number that the program expects
 * to get, and it keeps nothing open that the program closes.
 *
 * Return: false where the kernel (before 5.9) cannot do that.
 */
bool hu_os_own_files(void)
{
	return !syscall(SYS_close_range, 0U, ~0U, CLOSE_RANGE_UNSHARE);
}

bool hu_os_is_main_thread(void)
{
	return syscall(SYS_gettid) == syscall(SYS_getpid);
}

/*
 * Whether the process has @threads threads, one of them the main thread that
 * has ended ("Z"; @leader: that is just about to end, and calls).
 */
bool hu_os_threads_left(unsigned int threads, bool leader)
{
	char text[512], count[] = " 0 ";
	int fd = hu_os_open("/proc/self/stat");
	size_t len = hu_os_read(fd, text, sizeof(text));
	const char *p = strrchr(text, ')');
	int field;

	if (fd >= 0)
		hu_os_close(fd);
	/* Fields 3, the state, and 20, the number of threads. */
	if (!len || !p || (!leader && strncmp(p, ") Z ", 4)))
		return false;
	for (field = 2; p && field < 20; field++)
		p = strchr(p + 1, ' ');
	count[1] = (char)('0' + threads);
	return p && !strncmp(p, count, 3);
}

int hu_os_open(const char *path)
{
	return (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

/* The text of a small file; returns its length, 0 when it cannot be read. */
size_t hu_os_read(int fd, char *buf, size_t size)
{
	ssize_t len = fd < 0 ? -1 : syscall(SYS_pread64, fd, buf, size - 1, 0L);

	if (len < 0)
		len = 0;
	buf[len] = '\0';
	return (size_t)len;
}

void hu_os_close(int fd)
{
	syscall(SYS_close, fd);
}

/* Sleeps while *@word is @value, for @us at most (UINT64_MAX: for ever). */
void hu_os_futex_wait_for(atomic_uint *word, uint32_t value, uint64_t us)
{
	struct timespec ts = {
		.tv_sec = (time_t)(us / 1000000),
		.tv_nsec = (long)(us % 1000000) * 1000,
	};
	int saved = errno;

	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, us == UINT64_MAX ? NULL : &ts, NULL, 0);
	errno = saved;
}

void hu_os_futex_wake_word(atomic_uint *word)
{
	int saved = errno;

	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	errno = saved;
}
