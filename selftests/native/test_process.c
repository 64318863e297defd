// SPDX-License-Identifier: GPL-2.0-only
/*
 * What programs do to themselves: end while threads allocate, cancel threads,
 * become a daemon, close every descriptor, change the root directory, run out
 * of processes.
 */
#define _GNU_SOURCE
#include "test.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "model.h"

#define NOBODY	65534

static uint64_t seed;

static void *storm(void *arg)
{
	struct model_options options = {
		(uintptr_t)arg, 2000, 200, 256 * KIB, 16 * MIB, false,
	};

	for (;; options.seed += 2)
		if (model_run(&options))
			abort();
	return NULL;
}

static void *one_run(void *arg)
{
	struct model_options options = {
		(uintptr_t)arg, 3000, 200, MIB, 32 * MIB, false,
	};

	return (void *)model_run(&options);
}

/* All that a process may want of the allocator: threads and children, too. */
static bool model_in_child(void *arg)
{
	return !one_run(arg);
}

static bool work(void *arg)
{
	pthread_t thread;
	void *wrong;

	if (one_run(arg) || pthread_create(&thread, NULL, one_run, (char *)arg + 1))
		return false;
	pthread_join(thread, &wrong);
	return !wrong && !in_child(model_in_child, (char *)arg + 2, -1);
}

static void at_exit(void)
{
	void *small = malloc(100), *large = calloc(1, 3 * MIB);

	free(realloc(small, 100000));
	free(large);
}

static void *end_later(void *arg)
{
	if (one_run(arg))
		_exit(1);
	exit(0);
}

/* The process ends in the midst of it, in one of the ways it can. */
static bool end_process(void *arg)
{
	uint64_t random = (uintptr_t)arg;
	unsigned int how = model_random(&random) % 4;
	pthread_t thread;
	int i;

	atexit(at_exit);
	at_quick_exit(at_exit);
	for (i = 0; i < 3; i++)
		pthread_create(&thread, NULL, storm, (void *)(seed + i));
	usleep(model_random(&random) % 3000);
	switch (how) {
	case 0:
		exit(0);
	case 1:
		quick_exit(0);
	case 2:
		_exit(0);
	}
	pthread_create(&thread, NULL, end_later, (void *)seed);
	pthread_exit(NULL);
}

static void exit_under_allocation(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 150; i++)
		assert_int_equal(in_child(end_process, (void *)(seed + i * 12345), -1), 0);
}

static atomic_int survived;

/* The allocator is no place to be cancelled in: the request waits. */
static void *cancelled_meanwhile(void *arg)
{
	pthread_cancel(pthread_self());
	if (!one_run(arg))
		survived++;
	pthread_testcancel();
	survived = -1000;
	return NULL;
}

static void cancel_is_not_acted_on(void **state)
{
	pthread_t thread;
	void *result;
	int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		assert_int_equal(pthread_create(&thread, NULL, cancelled_meanwhile,
						(void *)(seed + i)), 0);
		pthread_join(thread, &result);
		assert_ptr_equal(result, PTHREAD_CANCELED);
	}
	assert_int_equal(survived, 5);
}

static atomic_int cleaned_up;

static void clean_up(void *arg)
{
	free(arg);
	free(calloc(1, 70000));
	cleaned_up++;
}

static void *to_be_cancelled(void *arg)
{
	uint64_t random = (uintptr_t)arg;
	void *p = malloc(model_random(&random) % 100000);

	pthread_cleanup_push(clean_up, p);
	for (;;) {
		free(malloc(model_random(&random) % 5000));
		pthread_testcancel();
	}
	pthread_cleanup_pop(0);
	return NULL;
}

static void cancelled_threads_clean_up(void **state)
{
	enum { COUNT = 300 };
	pthread_t thread;
	long before = 0;
	int i;

	(void)state;
	for (i = 0; i < COUNT; i++) {
		assert_int_equal(pthread_create(&thread, NULL, to_be_cancelled,
						(void *)(seed + i)), 0);
		pthread_cancel(thread);
		pthread_join(thread, NULL);
		if (i == COUNT / 3)
			before = status_kib("VmRSS");
	}
	/* A thread may be cancelled before it has begun. */
	assert_true(cleaned_up <= COUNT);
	assert_true(status_kib("VmRSS") - before < 16 * 1024);
}

/* Reports through a pipe, as nobody waits for a daemon. */
static void a_daemon_works(void **state)
{
	char text[8] = "";
	int fds[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		if (one_run((void *)seed) || daemon(0, 0))
			_exit(1);
		if (work((void *)(seed + 1)) && write(fds[1], "works", 5) == 5)
			_exit(0);
		_exit(1);
	}
	close(fds[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(read(fds[0], text, sizeof(text) - 1), 5);
	assert_string_equal(text, "works");
	close(fds[0]);
}

static bool is_null_device(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

/* Numbers of closed descriptors are used for files, which stay as they are. */
static bool without_descriptors(void *arg)
{
	int fd;

	if (one_run(arg))
		return false;
	closefrom(3);
	for (fd = 3; fd < 300; fd++)
		if (open("/dev/null", O_RDWR) != fd)
			return false;
	if (!work(arg))
		return false;
	for (fd = 3; fd < 300; fd++)
		if (!is_null_device(fd))
			return false;
	closefrom(0);
	return work((char *)arg + 10);
}

static void all_descriptors_closed(void **state)
{
	struct rlimit limit = { 1024, 1024 };

	(void)state;
	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < 400)
		skip();
	assert_int_equal(in_child(without_descriptors, (void *)seed, -1), 0);
}

/* An empty root directory: no /proc, no /dev; and no privilege. */
static bool jailed(void *arg)
{
	if (chroot(arg) || chdir("/") || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY))
		return false;
	return work((void *)seed);
}

static void in_a_chroot(void **state)
{
	char dir[] = "/tmp/hermes-chroot-XXXXXX";
	int status;

	(void)state;
	if (geteuid())
		skip();
	assert_non_null(mkdtemp(dir));
	status = in_child(jailed, dir, -1);
	rmdir(dir);
	assert_int_equal(status, 0);
}

static void *nothing(void *arg)
{
	return arg;
}

/* No further thread can be made, by anybody. */
static bool no_more_threads(void *arg)
{
	struct rlimit limit = { 0, 0 };
	pthread_t thread;

	if (setresuid(NOBODY, NOBODY, NOBODY) || setrlimit(RLIMIT_NPROC, &limit))
		return false;
	if (pthread_create(&thread, NULL, nothing, NULL) != EAGAIN)
		return false;
	return !one_run(arg);
}

static void out_of_processes(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(in_child(no_more_threads, (void *)seed, -1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cancel_is_not_acted_on),
		cmocka_unit_test(cancelled_threads_clean_up),
		cmocka_unit_test(a_daemon_works),
		cmocka_unit_test(all_descriptors_closed),
		cmocka_unit_test(in_a_chroot),
		cmocka_unit_test(out_of_processes),
		cmocka_unit_test(exit_under_allocation),
	};

	seed = model_seed();
	print_message("seed %#lx\n", (unsigned long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
