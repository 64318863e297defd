// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals: a handler that does not allocate may interrupt the allocator
 * anywhere, and no signal is ever delivered to a thread that the program did
 * not make, should the library have one.
 */
#define _GNU_SOURCE
#include "test.h"
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include "model.h"

#define THREADS		3
#define SIGNALS_MIN	2000

static atomic_int known[THREADS + 1];	/* thread ids of the program */
static atomic_int models_done;
static atomic_long handled, strays;
static atomic_bool wrong;

static pid_t my_tid(void)
{
	return (pid_t)syscall(SYS_gettid);
}

static bool is_known(pid_t tid)
{
	int i;

	for (i = 0; i <= THREADS; i++)
		if (known[i] == tid)
			return true;
	return false;
}

static void handler(int signo)
{
	(void)signo;
	handled++;
	if (!is_known(my_tid()))
		strays++;
}

static void handle(int signo)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };

	sigaction(signo, &action, NULL);
}

/* Enough of everything to make the library start whatever it starts. */
static const char *work(uint64_t seed)
{
	struct model_options options = { seed, 20000, 500, 4 * MIB, 96 * MIB, false };

	return model_run(&options);
}

struct worker {
	int number;
	uint64_t seed;
};

/* Until enough signals have come: how many that takes is no matter. */
static void *interrupted(void *arg)
{
	struct worker *me = arg;
	uint64_t i;

	known[me->number] = my_tid();
	for (i = 0; i < 2 || handled < SIGNALS_MIN; i++)
		if (work(me->seed + i * 100))
			wrong = true;
	models_done++;
	return NULL;
}

static timer_t start_timer(int signo, clockid_t clock, long ns)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = signo };
	struct itimerspec every = { { 0, ns }, { 0, ns } };
	timer_t timer;

	assert_int_equal(timer_create(clock, &event, &timer), 0);
	assert_int_equal(timer_settime(timer, 0, &every, NULL), 0);
	return timer;
}

/* Two timers send to the process; any thread may be interrupted, in any place. */
static void interrupts(void **state)
{
	struct worker workers[THREADS];
	pthread_t threads[THREADS];
	uint64_t seed = model_seed();
	timer_t timers[2];
	int i;

	(void)state;
	print_message("seed %#lx\n", (unsigned long)seed);
	known[THREADS] = my_tid();
	for (i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ i, seed + i };
		assert_int_equal(pthread_create(&threads[i], NULL, interrupted, &workers[i]), 0);
	}
	while (!known[0] || !known[1] || !known[2])
		usleep(1000);
	handle(SIGUSR1);
	handle(SIGPROF);
	timers[0] = start_timer(SIGUSR1, CLOCK_MONOTONIC, 300000);
	timers[1] = start_timer(SIGPROF, CLOCK_PROCESS_CPUTIME_ID, 400000);
	for (i = 0; i < THREADS; i++)
		while (models_done <= i) {
			pthread_kill(threads[i], SIGUSR1);
			usleep(100);
		}
	timer_delete(timers[0]);
	timer_delete(timers[1]);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_false(wrong);
	assert_true(handled >= SIGNALS_MIN);
	assert_int_equal(strays, 0);
}

static bool can_be_blocked(int signo)
{
	return signo != SIGKILL && signo != SIGSTOP && (signo < 32 || signo >= SIGRTMIN);
}

/* SIGCONT and the signals that stop a process remove each other. */
static bool is_sendable(int signo)
{
	return can_be_blocked(signo) && signo != SIGCONT;
}

/*
 * The program blocks all signals: a signal to the process stays pending. If
 * it does not, some other thread took it.
 */
static bool stay_pending(void *arg)
{
	struct timespec none = { 0, 0 };
	sigset_t all, pending;
	int signo;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	if (work((uintptr_t)arg))
		return false;
	handled = 0;
	for (signo = 1; signo <= SIGRTMAX; signo++) {
		if (!is_sendable(signo))
			continue;
		handle(signo);
		kill(getpid(), signo);
	}
	if (work((uintptr_t)arg + 1) || handled)
		return false;
	sigpending(&pending);
	for (signo = 1; signo <= SIGRTMAX; signo++)
		if (is_sendable(signo) && sigismember(&pending, signo) != 1)
			return false;
	while (sigtimedwait(&all, NULL, &none) > 0)
		;
	return !handled;
}

/* What a thread blocks, by the kernel's own account. */
static uint64_t blocked_by(const char *tid)
{
	unsigned long long mask = 0;
	char path[64], line[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%s/status", tid);
	f = fopen(path, "r");
	if (!f)
		return UINT64_MAX;
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, "SigBlk:", 7))
			mask = strtoull(line + 7, NULL, 16);
	fclose(f);
	return mask;
}

/* Every thread that the program did not make blocks all that can be blocked. */
static bool others_block_all(void *arg)
{
	uint64_t wanted = 0, blocked;
	struct dirent *entry;
	bool ok = true;
	int signo;
	DIR *dir;

	if (work((uintptr_t)arg))
		return false;
	for (signo = 1; signo <= SIGRTMAX; signo++)
		if (can_be_blocked(signo))
			wanted |= 1ULL << (signo - 1);
	dir = opendir("/proc/self/task");
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || atoi(entry->d_name) == my_tid())
			continue;
		blocked = blocked_by(entry->d_name);
		if ((blocked & wanted) != wanted) {
			fprintf(stderr, "# thread %s blocks only %#lx\n", entry->d_name,
				(unsigned long)blocked);
			ok = false;
		}
	}
	if (dir)
		closedir(dir);
	return dir && ok;
}

static bool (*const in_processes[])(void *) = { stay_pending, others_block_all };

static bool again_in_child(void *arg)
{
	uint64_t seed = model_seed();
	bool (*body)(void *) = *(bool (*const *)(void *))arg;

	return body((void *)seed) && !in_child(body, (void *)(seed + 10), -1);
}

/* In a process that has one thread of its own, and in its child. */
static void signals_of_the_process(void **state)
{
	assert_int_equal(in_child(again_in_child, *state, -1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "signals to the process stay pending", signals_of_the_process, NULL, NULL,
		  (void *)&in_processes[0] },
		{ "other threads block all signals", signals_of_the_process, NULL, NULL,
		  (void *)&in_processes[1] },
		cmocka_unit_test(interrupts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
