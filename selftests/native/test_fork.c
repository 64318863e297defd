// SPDX-License-Identifier: GPL-2.0-only
/* fork() in every situation, vfork() and posix_spawn(). */
#define _GNU_SOURCE
#include "test.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include "model.h"

static atomic_bool stop;

static void *allocate_all_the_time(void *arg)
{
	struct model_options options = {
		(uintptr_t)arg, 3000, 200, 256 * KIB, 32 * MIB, false,
	};

	while (!stop) {
		if (model_run(&options))
			abort();
		options.seed += 2;
	}
	return NULL;
}

static void *one_run(void *arg)
{
	struct model_options options = {
		(uintptr_t)arg, 2000, 100, 128 * KIB, 16 * MIB, false,
	};

	return (void *)model_run(&options);
}

/* What a child must be able to do: allocate, and use threads. */
static bool work(void *arg)
{
	struct model_options options = {
		(uintptr_t)arg, 3000, 200, MIB, 64 * MIB, false,
	};
	pthread_t thread;
	void *wrong;

	alarm(600);
	if (model_run(&options) || pthread_create(&thread, NULL, one_run, arg))
		return false;
	pthread_join(thread, &wrong);
	return !wrong;
}

static void under_allocation(void **state)
{
	enum { THREADS = 4 };
	pthread_t threads[THREADS];
	uint64_t seed = model_seed();
	int i;

	(void)state;
	print_message("seed %#lx\n", (unsigned long)seed);
	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, allocate_all_the_time, (void *)(seed + i));
	for (i = 0; i < 250; i++)
		assert_int_equal(in_child(work, (void *)(seed + 100 + i), -1), 0);
	stop = true;
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static char *inherited[2000];

static bool free_inherited(void *arg)
{
	int i;

	for (i = 0; i < 2000; i++) {
		if (inherited[i][0] != 'x' || inherited[i][99] != (char)i)
			return false;
		free(inherited[i]);
	}
	return work(arg);
}

static void *allocate_inherited(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < 2000; i++) {
		inherited[i] = malloc(100 + (i % 300) * 200);
		inherited[i][0] = 'x';
		inherited[i][99] = (char)i;
	}
	return NULL;
}

static bool grandchild(void *arg)
{
	return work(arg) && !in_child(free_inherited, arg, -1) && free_inherited(arg);
}

/* Blocks of a thread that has ended, of one that lives, and of the parent. */
static void child_frees(void **state)
{
	pthread_t thread;

	(void)state;
	pthread_create(&thread, NULL, allocate_inherited, NULL);
	pthread_join(thread, NULL);
	assert_int_equal(in_child(grandchild, (void *)model_seed(), -1), 0);
	assert_true(free_inherited((void *)model_seed()));
	allocate_inherited(NULL);
	assert_int_equal(in_child(grandchild, (void *)model_seed(), -1), 0);
	assert_true(free_inherited((void *)model_seed()));
}

static int handlers_ran;

static void allocating_handler(void)
{
	void *small = malloc(100), *large = calloc(1, 3 * MIB);

	free(realloc(small, 100000));
	free(large);
	handlers_ran++;
}

/* Other libraries' fork handlers allocate while our locks are held. */
static void fork_handlers_allocate(void **state)
{
	(void)state;
	pthread_atfork(allocating_handler, allocating_handler, allocating_handler);
	assert_int_equal(in_child(work, (void *)model_seed(), -1), 0);
	assert_int_equal(handlers_ran, 2);
}

/* A child made without libc's help: no fork handler has run. */
static void raw_fork(void **state)
{
	int status;
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	(void)state;
	assert_true(pid >= 0);
	if (!pid) {
		struct model_options options = { 99, 20000, 500, MIB, 64 * MIB, false };

		_exit(model_run(&options) ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void spawns(void **state)
{
	char *const argv[] = { "true", NULL };
	volatile int i;
	int status;
	pid_t pid;

	(void)state;
	for (i = 0; i < 50; i++) {
		assert_int_equal(posix_spawnp(&pid, "true", NULL, NULL, argv, environ), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		pid = vfork();
		if (!pid) {
			execvp("true", argv);
			_exit(1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	assert_int_equal(system("true"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(child_frees),
		cmocka_unit_test(raw_fork),
		cmocka_unit_test(spawns),
		cmocka_unit_test(under_allocation),
		cmocka_unit_test(fork_handlers_allocate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
