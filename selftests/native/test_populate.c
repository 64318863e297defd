// SPDX-License-Identifier: GPL-2.0-only
/*
 * The backend that populates ahead, and the background thread. Each case is a
 * process of its own, because the configuration is read once; what the thread
 * does in its own time is waited for.
 */
#define _GNU_SOURCE
#include "test.h"
#include <errno.h>
#include <fcntl.h>
#include <hermes-u.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#define WAIT_MS		60000
#define SKIPPED		77
#define PIECE		(64 * KIB)
/* More than a process may grow by without a thread. */
#define GROWTH		(8 * MIB)

#define CHECK(condition) check(condition, __LINE__, #condition)

static char *executable;

static void check(bool ok, int line, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "# line %d: %s\n", line, what);
	_exit(1);
}

static struct hermes_u_stats stats(void)
{
	struct hermes_u_stats s;

	hermes_u_get_stats(&s, sizeof(s));
	return s;
}

static void sleep_ms(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

/* Wait until @condition holds, without an allocation. */
#define WAIT_UNTIL(condition) do {					\
	int ms_;							\
									\
	for (ms_ = 0; !(condition); ms_ += 10) {			\
		check(ms_ < WAIT_MS, __LINE__, #condition);		\
		sleep_ms(10);						\
	}								\
} while (0)

static long minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_minflt;
}

static void grow(size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes; i += PIECE)
		memset(opaque(malloc(PIECE)), 1, PIECE);
}

/* The library's thread; 0: none. Without malloc. */
static int worker(void)
{
	struct dirent64 {
		uint64_t ino;
		int64_t off;
		unsigned short len;
		unsigned char type;
		char name[];
	} *d;
	char buf[4096] __attribute__((aligned(8))), path[64], name[16];
	int dir = open("/proc/self/task", O_RDONLY | O_DIRECTORY), found = 0, fd;
	long n = syscall(SYS_getdents64, dir, buf, sizeof(buf)), at;

	for (at = 0; at < n; at += d->len) {
		d = (struct dirent64 *)(buf + at);
		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", d->name);
		fd = open(path, O_RDONLY);
		if (fd < 0)
			continue;
		if (read(fd, name, sizeof(name)) >= 9 && !memcmp(name, "hermes-u\n", 9))
			found = atoi(d->name);
		close(fd);
	}
	close(dir);
	return found;
}

/* The line of /proc/self/task/@tid/status that begins with @key. */
static const char *task_status(int tid, const char *key)
{
	static char buf[4096];
	char path[64], *line;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
	fd = open(path, O_RDONLY);
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	line = strstr(buf, key);
	return line ? line + strlen(key) : "";
}

static long rss_kib(void)
{
	return atol(task_status(getpid(), "VmRSS:"));
}

/* The first thing that a program allocates is ready. */
static int first_is_ready(void)
{
	CHECK(malloc(100));
	CHECK(stats().hits > 0 && !stats().misses);
	CHECK(!worker());
	return 0;
}

/* Of a reserve that the user sized the beginning is ready before there is a thread. */
static int sized_is_ready(void)
{
	CHECK(malloc(100));
	CHECK(stats().ready_bytes >= MIB + MIB / 2);
	grow(MIB);
	CHECK(!worker());
	CHECK(stats().hits && !stats().misses);
	grow(GROWTH);
	WAIT_UNTIL(worker() && stats().ready_bytes >= 8 * MIB);
	return 0;
}

/* After real growth there is a reserve, and what it holds causes no fault. */
static int ready_ahead(void)
{
	struct hermes_u_status status;
	struct hermes_u_stats before;
	long faults;

	grow(GROWTH);
	WAIT_UNTIL(worker() && stats().resident_free_bytes >= 4 * MIB);
	hermes_u_status(&status);
	CHECK(status.backend == HERMES_U_BACKEND_POPULATE);
	before = stats();
	faults = minor_faults();
	grow(2 * MIB);
	/* The stack may grow, and metadata. */
	CHECK(minor_faults() - faults <= 4);
	CHECK(stats().misses == before.misses);
	CHECK(stats().hits >= before.hits + 2 * MIB / PIECE);
	return 0;
}

/* Bursts of large requests use up the reserve: after a while it serves them again. */
static int large_after_bursts(void)
{
	/* The thread sleeps by the end of a pause. */
	enum { BURSTS = 8, BURST = 32, BYTES = 256 * 1024, PAUSE_MS = 100 };
	uint64_t hits;
	int i, j;

	for (i = 0; i < BURSTS; i++) {
		for (j = 0; j < BURST; j++)
			memset(opaque(malloc(BYTES)), 1, BYTES);
		sleep_ms(PAUSE_MS);
	}
	hits = stats().hits;
	for (i = 0; stats().hits == hits; i++) {
		CHECK(i < WAIT_MS / PAUSE_MS);
		memset(opaque(malloc(BYTES)), 1, BYTES);
		sleep_ms(PAUSE_MS);
	}
	return 0;
}

/* The reserve follows the consumption: it gets larger than its minimum. */
static int adapts(void)
{
	size_t want = 4 * MIB + 2 * MIB;
	int i, ms;

	/* What was made ready before it adapted does not count. */
	malloc_trim(0);
	for (i = 0; stats().resident_free_bytes <= want; i++) {
		CHECK(i < 100);
		grow(8 * MIB);
		for (ms = 0; ms < 100 && stats().resident_free_bytes <= want; ms += 5)
			sleep_ms(5);
	}
	return 0;
}

/* An idle process is not woken, and keeps no more than the minimum. */
static int idle(void)
{
	long switches = -1, quiet = 0;
	char *p[64];
	int i, tid;

	grow(GROWTH);
	for (i = 0; i < 64; i++) {
		p[i] = malloc(MIB);
		memset(p[i], 1, MIB);
	}
	for (i = 0; i < 64; i++)
		free(p[i]);
	WAIT_UNTIL(worker());
	tid = worker();
	WAIT_UNTIL(stats().resident_free_bytes <= 4 * MIB);
	for (i = 0; i < WAIT_MS / 100 && quiet < 10; i++) {
		long now = atol(task_status(tid, "\nvoluntary_ctxt_switches:"));

		quiet = now == switches ? quiet + 1 : 0;
		switches = now;
		sleep_ms(100);
	}
	CHECK(quiet == 10);
	CHECK(rss_kib() < 40 * 1024);
	return 0;
}

/* Freed memory goes back without any call of the program. */
static int gives_back(void)
{
	char *p[100];
	int i;

	grow(GROWTH);
	for (i = 0; i < 100; i++) {
		p[i] = malloc(MIB);
		memset(p[i], 1, MIB);
	}
	CHECK(rss_kib() > 100 * 1024);
	for (i = 0; i < 100; i++)
		free(p[i]);
	WAIT_UNTIL(rss_kib() < 40 * 1024);
	CHECK(stats().given_back_bytes >= 80 * MIB);
	return 0;
}

/* A buffer that grows to @bytes and is freed; returns the faults. */
static long grow_buffer(size_t bytes)
{
	long before = minor_faults();
	size_t size = MIB;
	char *p = NULL;

	for (; size <= bytes; size += size / 8) {
		char *q = realloc(p, size);

		CHECK(q);
		if (p)
			CHECK(q[0] == 1 && q[size / 2] == 1);
		memset(q + size / 2, 1, size - size / 2);
		q[0] = 1;
		p = q;
	}
	free(p);
	return minor_faults() - before;
}

/* What one that grew by moving its pages has freed serves the next one. */
static int huge_is_reused(void)
{
	char *zeros;
	size_t i;

	grow_buffer(200 * MIB);
	CHECK(rss_kib() > 100 * 1024);
	CHECK(grow_buffer(100 * MIB) < 2000);
	zeros = calloc(1, 50 * MIB);
	for (i = 0; i < 50 * MIB; i++)
		CHECK(!zeros[i]);
	free(zeros);
	malloc_trim(0);
	CHECK(rss_kib() < 40 * 1024);
	return 0;
}

/* Signals for the process are none of the thread's business. */
static int blocks_signals(void)
{
	const char *blocked;

	grow(GROWTH);
	WAIT_UNTIL(worker());
	blocked = task_status(worker(), "SigBlk:\t");
	/* All but SIGKILL, SIGSTOP and the two that libc needs. */
	CHECK(!strncmp(blocked, "fffffffe7ffbfeff\n", 17) ||
	      !strncmp(blocked, "fffffffffffbfeff\n", 17));
	return 0;
}

/* The thread holds no file of the program, and takes no number from it. */
static int own_files(void)
{
	int fds[2], fd;
	char c;

	CHECK(!pipe(fds));
	grow(GROWTH);
	WAIT_UNTIL(worker() && stats().resident_free_bytes >= 4 * MIB);
	close(fds[1]);
	CHECK(read(fds[0], &c, 1) == 0);
	fd = open("/dev/null", O_RDONLY);
	CHECK(fd == fds[1]);
	return 0;
}

/* A forked child has no thread, until it grows; then it has its own. */
static int forked(void)
{
	pid_t pid;
	int status;

	grow(GROWTH);
	WAIT_UNTIL(worker() && stats().resident_free_bytes >= 4 * MIB);
	pid = fork();
	if (!pid) {
		CHECK(malloc(10) && !worker());
		/* First it uses up what the parent had ready. */
		grow(2 * GROWTH);
		WAIT_UNTIL(worker() && stats().resident_free_bytes >= 4 * MIB);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && !status);
	return 0;
}

static int bounds(void)
{
	size_t min, max;

	CHECK(malloc(1));
	CHECK(!hermes_u_reserve_get(&min, &max) && min == 4 * MIB && max == 64 * MIB);
	CHECK(!hermes_u_reserve_set(8 * MIB, 16 * MIB));
	CHECK(!hermes_u_reserve_get(&min, &max) && min == 8 * MIB && max == 16 * MIB);
	WAIT_UNTIL(stats().resident_free_bytes >= 8 * MIB);
	CHECK(!hermes_u_reserve_set(0, 0));
	WAIT_UNTIL(stats().resident_free_bytes < MIB);
	return 0;
}

/* Without a thread everything else is as ever. */
static int no_thread(void)
{
	struct hermes_u_status status;

	grow(GROWTH);
	hermes_u_status(&status);
	CHECK(status.backend == HERMES_U_BACKEND_ANON && !worker());
	CHECK(hermes_u_reserve_set(MIB, 2 * MIB) == -ENODEV);
	return 0;
}

/* No more threads are allowed: not an error, and tried again later. */
static int thread_refused(void)
{
	struct rlimit before;

	if (getuid() == 0 && setresuid(65534, 65534, 65534))
		return SKIPPED;
	CHECK(!getrlimit(RLIMIT_NPROC, &before));
	CHECK(!setrlimit(RLIMIT_NPROC, &(struct rlimit){ 0, before.rlim_max }));
	grow(GROWTH);
	CHECK(!worker());
	CHECK(!setrlimit(RLIMIT_NPROC, &before));
	grow(16 * GROWTH);
	WAIT_UNTIL(worker());
	return 0;
}

static void *last_thread(void *arg)
{
	sleep_ms(200);
	return arg;
}

/* Ends the process, as ever, when the last thread of the program ends. */
static int main_thread_ends(void)
{
	pthread_t thread;

	alarm(300);
	grow(GROWTH);
	WAIT_UNTIL(worker());
	CHECK(!pthread_create(&thread, NULL, last_thread, NULL));
	pthread_detach(thread);
	pthread_exit(NULL);
}

/* A thread in a forked child sees the limits, too: it has files of its own. */
static int forked_headroom(void)
{
	char path[64], target[64];
	int status, fds;
	pid_t pid;

	grow(GROWTH);
	WAIT_UNTIL(worker() && stats().resident_free_bytes >= 4 * MIB);
	for (fds = 0; fds < 64; fds++) {
		snprintf(path, sizeof(path), "/proc/self/task/%d/fd/%d", worker(), fds);
		if (readlink(path, target, sizeof(target)) < 0)
			break;
	}
	CHECK(fds > 0);
	pid = fork();
	if (!pid) {
		grow(2 * GROWTH);
		WAIT_UNTIL(worker() && stats().resident_free_bytes >= 4 * MIB);
		snprintf(path, sizeof(path), "/proc/self/task/%d/fd/%d", worker(), fds - 1);
		CHECK(readlink(path, target, sizeof(target)) > 0);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && !status);
	return 0;
}

static const struct {
	const char *name;
	int (*body)(void);
	const char *conf;
} cases[] = {
	{ "the first memory is ready", first_is_ready, "" },
	{ "a reserve of a given size is ready from the start", sized_is_ready, "reserve_min=8M" },
	{ "memory is ready ahead of use", ready_ahead, "reserve_min=4M" },
	{ "memory is ready ahead of use, 4 KiB pages", ready_ahead, "thp=never,reserve_min=4M" },
	{ "large requests after bursts", large_after_bursts, "thp=never,decay=never" },
	{ "the reserve adapts", adapts, "" },
	{ "an idle process sleeps", idle, "decay=100ms" },
	{ "freed memory goes back by itself", gives_back, "decay=100ms" },
	{ "a huge buffer's memory is used again", huge_is_reused, "thp=never" },
	{ "the thread blocks signals", blocks_signals, "" },
	{ "the thread has its own files", own_files, "reserve_min=4M" },
	{ "forked children", forked, "reserve_min=4M" },
	{ "the limits in a forked child", forked_headroom, "reserve_min=4M" },
	{ "the main thread ends first", main_thread_ends, "" },
	{ "bounds of the reserve", bounds, "decay=100ms" },
	{ "background=0", no_thread, "background=0" },
	{ "no thread is to be had", thread_refused, "" },
};

/* One case in a new process; prints its result. */
static bool run_case(size_t i)
{
	char number[8], conf[128];
	int status, code;

	snprintf(number, sizeof(number), "%zu", i);
	snprintf(conf, sizeof(conf), "backend=populate,%s", cases[i].conf);
	setenv("HERMES_CONF", conf, 1);
	if (!fork()) {
		execl(executable, executable, number, NULL);
		_exit(127);
	}
	wait(&status);
	code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	if (code == SKIPPED)
		printf("ok %zu - %s # SKIP no rights\n", i + 1, cases[i].name);
	else
		printf("%s %zu - %s\n", code ? "not ok" : "ok", i + 1, cases[i].name);
	fflush(stdout);
	return !code || code == SKIPPED;
}

int main(int argc, char **argv)
{
	bool ok = true;
	size_t i;

	if (argc > 1)
		return cases[atoi(argv[1])].body();
	executable = argv[0];
	printf("1..%zu\n", ARRAY_SIZE(cases));
	fflush(stdout);
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		ok = run_case(i) && ok;
	return ok ? 0 : 1;
}
