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
static uint64_t seed;

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

	if (model_run(&options))
		return false;
	if (!THREADS_AFTER_FORK)
		return true;
	if (pthread_create(&thread, NULL, one_run, arg))
		return false;
	pthread_join(thread, &wrong);
	return !wrong;
}

static void under_allocation(void **state)
{
	enum { THREADS = 4 };
	pthread_t threads[THREADS];
	int i;

	(void)state;
	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, allocate_all_the_time, (void *)(seed + i));
	for (i = 0; i < REPEAT(120); i++)
		assert_int_equal(in_child(work, (void *)(seed + 100 + i), -1), 0);
	stop = true;
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static pthread_key_t late_key;

static void late_destructor(void *arg)
{
	free(arg);
	free(calloc(1, 50000));
}

/* A short life, most of which is its end: destructors, heaps that are given up. */
static void *short_life(void *arg)
{
	uint64_t random = (uintptr_t)arg;

	pthread_setspecific(late_key, malloc(1 + model_random(&random) % 9000));
	free(malloc(1 + model_random(&random) % 9000));
	return NULL;
}

static void *come_and_go(void *arg)
{
	uint64_t random = (uintptr_t)arg;
	pthread_t threads[4];
	int i;

	while (!stop) {
		for (i = 0; i < 4; i++)
			pthread_create(&threads[i], NULL, short_life,
				       (void *)(model_random(&random) | 1));
		for (i = 0; i < 4; i++)
			pthread_join(threads[i], NULL);
	}
	return NULL;
}

/* For threads, where cmocka cannot be called: whether a child did its work. */
static bool child_works(uint64_t child_seed)
{
	pid_t pid = fork();
	int status = -1;

	if (!pid)
		_exit(work((void *)child_seed) ? 0 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

static void *fork_children(void *arg)
{
	uintptr_t failed = 0;
	int i;

	for (i = 0; i < REPEAT(20); i++)
		failed += !child_works((uintptr_t)arg + i * 1000);
	return (void *)failed;
}

/* Several threads fork at a time, while others begin and end. */
static void from_threads(void **state)
{
	enum { FORKERS = 3, OTHERS = 2 };
	pthread_t forkers[FORKERS], others[OTHERS];
	uintptr_t failed = 0;
	void *result;
	int i;

	(void)state;
	stop = false;
	assert_int_equal(pthread_key_create(&late_key, late_destructor), 0);
	for (i = 0; i < OTHERS; i++)
		pthread_create(&others[i], NULL, come_and_go, (void *)(seed + i));
	for (i = 0; i < FORKERS; i++)
		pthread_create(&forkers[i], NULL, fork_children, (void *)(seed + 10 + i));
	for (i = 0; i < FORKERS; i++) {
		pthread_join(forkers[i], &result);
		failed += (uintptr_t)result;
	}
	stop = true;
	for (i = 0; i < OTHERS; i++)
		pthread_join(others[i], NULL);
	pthread_key_delete(late_key);
	assert_int_equal(failed, 0);
}

/* A child forks a child, and so on, each with a thread that allocates meanwhile. */
static bool generation(void *arg)
{
	uintptr_t depth = (uintptr_t)arg;
	pthread_t thread;
	bool ok;

	stop = false;
	if (pthread_create(&thread, NULL, allocate_all_the_time, (void *)(seed + depth)))
		return false;
	ok = work((void *)(seed + depth)) &&
	     (depth == 6 || !in_child(generation, (void *)(depth + 1), -1)) &&
	     work((void *)(seed + depth + 100));
	stop = true;
	pthread_join(thread, NULL);
	return ok;
}

static void generations(void **state)
{
	(void)state;
	if (!THREADS_AFTER_FORK)
		skip();
	assert_int_equal(in_child(generation, NULL, -1), 0);
}

/*
 * A child of vfork() shares the heap with its parent, whose thread waits: what
 * it allocates is the parent's. Other threads go on meanwhile.
 */
static void vfork_child_allocates(void **state)
{
	static char *volatile left_behind;
	pthread_t thread;
	volatile int i;
	int status;
	pid_t pid;

	(void)state;
	/* A sanitizer's vfork() is a fork(). */
	if (!RESIDENT_COUNTS)
		skip();
	stop = false;
	pthread_create(&thread, NULL, allocate_all_the_time, (void *)seed);
	for (i = 0; i < 150; i++) {
		pid = vfork();
		if (!pid) {
			left_behind = calloc(1, 100 + i * 300);
			free(malloc(50000));
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		assert_non_null(left_behind);
		assert_int_equal(left_behind[99 + i * 300], 0);
		free(left_behind);
	}
	stop = true;
	pthread_join(thread, NULL);
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
	assert_int_equal(in_child(grandchild, (void *)seed, -1), 0);
	assert_true(free_inherited((void *)seed));
	allocate_inherited(NULL);
	assert_int_equal(in_child(grandchild, (void *)seed, -1), 0);
	assert_true(free_inherited((void *)seed));
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
	assert_int_equal(in_child(work, (void *)seed, -1), 0);
	assert_int_equal(handlers_ran, 2);
}

/*
 * A child made without libc's help: no fork handler has run. Comes first, before
 * there is a background thread: such a child of a process with threads, ours
 * too, may not allocate.
 */
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
		cmocka_unit_test(raw_fork),
		cmocka_unit_test(child_frees),
		cmocka_unit_test(spawns),
		cmocka_unit_test(under_allocation),
		cmocka_unit_test(from_threads),
		cmocka_unit_test(generations),
		cmocka_unit_test(vfork_child_allocates),
		cmocka_unit_test(fork_handlers_allocate),
	};

	seed = model_seed();
	print_message("seed %#lx\n", (unsigned long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
