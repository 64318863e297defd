// SPDX-License-Identifier: GPL-2.0-only
/*
 * hermes-pressure - a best-effort job that holds memory and keeps using it.
 *
 * Anonymous memory is filled with content that does not compress and then written again page after
 * page, so that what was swapped out comes back; a file larger than the memory left for it is read
 * over and over; working memory is got, written and freed in bursts, as a batch job does from one
 * piece of work to the next. Every page carries a stamp that is checked on each visit: memory that
 * comes back wrong ends the program with EXIT_MISMATCH.
 *
 * Standard output: "ready" once when the level is reached, one line of JSON on SIGUSR1 (so far)
 * and one at the end (SIGTERM or SIGINT). A job that was killed prints no last line.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "cli.h"
#include "timer.h"

#define PAGE_BYTES	4096
#define PAGE_WORDS	(PAGE_BYTES / sizeof(uint64_t))
#define IO_BYTES	(128 * 1024)
#define JOBS_MAX	4
#define NS_PER_S	1000000000
/* A job that stood still this long does not hurry to make up for it. */
#define CATCH_UP_NS	NS_PER_S
#define READY_POLL_NS	100000000
/* A job that is ahead by less than this does not sleep: a wake-up costs more. */
#define PACE_TICK_NS	1000000
/* Odd, so that multiplying by it spreads page numbers over all words. */
#define STAMP_FACTOR	0x9e3779b97f4a7c15ULL

static struct {
	uint64_t anon, anon_rate, churn, churn_rate, file_size, file_rate, write_rate;
	uint64_t oom_score_adj;
	const char *cgroup, *memory_high, *memory_max, *file;
} opt = {
	.anon_rate = 100 << 20,
	.churn_rate = 100 << 20,
	.file_rate = 100 << 20,
};

static const char summary[] =
"Hold memory and keep using it until SIGTERM, as a best-effort job would.\n";

static const struct cli_option options[] = {
	CLI_HEAD("Load (SIZE: bytes, or with K, M, G; rates are per second, 0 is no limit):"),
	CLI_OPTION("anon", "SIZE", "anonymous memory to fill and keep writing (0)",
		   CLI_SIZE, &opt.anon),
	CLI_OPTION("anon-rate", "SIZE", "visit that much of it per second (100M)",
		   CLI_SIZE, &opt.anon_rate),
	CLI_OPTION("churn", "SIZE", "get, write and free so much at a time (0)",
		   CLI_SIZE, &opt.churn),
	CLI_OPTION("churn-rate", "SIZE", "that much of it per second (100M)",
		   CLI_SIZE, &opt.churn_rate),
	CLI_OPTION("file", "PATH", "file to keep reading, made when missing or too small",
		   CLI_TEXT, &opt.file),
	CLI_OPTION("file-size", "SIZE", "size of that file",
		   CLI_SIZE, &opt.file_size),
	CLI_OPTION("file-rate", "SIZE", "read that much of it per second (100M)",
		   CLI_SIZE, &opt.file_rate),
	CLI_OPTION("write-rate", "SIZE", "also write PATH.out, this much per second (do not)",
		   CLI_SIZE, &opt.write_rate),
	CLI_HEAD("Place:"),
	CLI_OPTION("cgroup", "DIR", "memory cgroup (v2 or v1) to run in, made when missing",
		   CLI_TEXT, &opt.cgroup),
	CLI_OPTION("memory-high", "VALUE", "memory.high of that cgroup (v2)",
		   CLI_TEXT, &opt.memory_high),
	CLI_OPTION("memory-max", "VALUE", "memory.max of that cgroup (v1: memory.limit_in_bytes)",
		   CLI_TEXT, &opt.memory_max),
	CLI_OPTION("oom-score-adj", "N", "make it the first (1000) or an ordinary (0) OOM victim",
		   CLI_NUMBER, &opt.oom_score_adj, .min = 0, .max = 1000),
	CLI_END,
};

/* One kind of work and how far it came; @done and @passes are read by the main thread. */
struct job {
	const char *name;
	void (*fill)(struct job *job);
	void (*visit)(struct job *job, uint64_t offset);
	uint64_t size, step, rate;
	atomic_ullong done, passes;
	atomic_bool ready;
	pthread_t thread;
	char *memory;
	int fd;
};

static atomic_bool stop;
static int64_t started_ns;

static uint64_t stamp(uint64_t offset)
{
	return (offset / PAGE_BYTES + 1) * STAMP_FACTOR;
}

/* xorshift64: quick, and no page compresses or equals another. */
static void fill_random(char *memory, uint64_t size, uint64_t offset)
{
	uint64_t *words = (uint64_t *)memory;
	uint64_t x = stamp(offset);
	size_t i;

	for (i = 0; i < size / sizeof(x); i++) {
		words[i] = x;
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
}

static void wrong_content(const struct job *job, uint64_t offset)
{
	fprintf(stderr, "hermes-pressure: %s: wrong content at offset %llu\n", job->name,
		(unsigned long long)offset);
	_exit(EXIT_MISMATCH);
}

static void anon_fill(struct job *job)
{
	uint64_t offset;

	job->memory = mmap(NULL, job->size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (job->memory == MAP_FAILED)
		die(errno, "%llu bytes of anonymous memory", (unsigned long long)job->size);
	for (offset = 0; offset < job->size && !stop; offset += PAGE_BYTES)
		fill_random(job->memory + offset, PAGE_BYTES, offset);
}

static void anon_visit(struct job *job, uint64_t offset)
{
	volatile uint64_t *page = (uint64_t *)(job->memory + offset);

	if (page[0] != stamp(offset))
		wrong_content(job, offset);
	page[PAGE_WORDS - 1]++;
}

static void churn_fill(struct job *job)
{
	(void)job;
}

/* One burst: fresh memory, written once, checked and freed. */
static void churn_visit(struct job *job, uint64_t offset)
{
	uint64_t at;

	job->memory = mmap(NULL, job->size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (job->memory == MAP_FAILED)
		die(errno, "%llu bytes of working memory", (unsigned long long)job->size);
	for (at = offset; at < job->size && !stop; at += PAGE_BYTES)
		*(volatile uint64_t *)(job->memory + at) = stamp(at);
	while (at > offset) {
		at -= PAGE_BYTES;
		if (*(volatile uint64_t *)(job->memory + at) != stamp(at))
			wrong_content(job, at);
	}
	munmap(job->memory, job->size);
}

static void write_all(int fd, const char *buf, uint64_t offset)
{
	if (pwrite(fd, buf, IO_BYTES, (off_t)offset) != IO_BYTES)
		die(errno, "write to %s", opt.file);
}

static void file_visit(struct job *job, uint64_t offset)
{
	static char buf[IO_BYTES];
	uint64_t first;

	if (pread(job->fd, buf, IO_BYTES, (off_t)offset) != IO_BYTES)
		die(errno, "read from %s", opt.file);
	memcpy(&first, buf, sizeof(first));
	if (first != stamp(offset))
		wrong_content(job, offset);
}

/* A file left over from an earlier run serves again: its content depends on nothing else. */
static void file_fill(struct job *job)
{
	static char buf[IO_BYTES];
	uint64_t offset, old_size;
	struct stat st;

	job->fd = open(opt.file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (job->fd < 0 || fstat(job->fd, &st))
		die(errno, "%s", opt.file);
	old_size = (uint64_t)st.st_size / IO_BYTES * IO_BYTES;
	for (offset = 0; offset < job->size && !stop; offset += IO_BYTES) {
		if (offset < old_size) {
			file_visit(job, offset);
			continue;
		}
		fill_random(buf, IO_BYTES, offset);
		write_all(job->fd, buf, offset);
	}
}

static void out_fill(struct job *job)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s.out", opt.file);
	job->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (job->fd < 0)
		die(errno, "%s", path);
}

static void out_visit(struct job *job, uint64_t offset)
{
	static char buf[IO_BYTES];

	fill_random(buf, IO_BYTES, offset);
	write_all(job->fd, buf, offset);
}

static void sleep_ns(int64_t ns)
{
	struct timespec ts = { .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };

	nanosleep(&ts, NULL);
}

/* Advances @due by one step and sleeps until then. */
static void keep_rate(const struct job *job, int64_t *due)
{
	int64_t ahead;

	if (!job->rate)
		return;
	*due += (int64_t)((double)job->step * NS_PER_S / (double)job->rate);
	ahead = *due - clock_ns();
	if (ahead > PACE_TICK_NS)
		sleep_ns(ahead);
	else if (ahead < -CATCH_UP_NS)
		*due = clock_ns();
}

static void *run_job(void *arg)
{
	struct job *job = arg;
	uint64_t offset = 0;
	int64_t due;

	job->fill(job);
	job->ready = true;
	due = clock_ns();
	while (!stop) {
		job->visit(job, offset);
		atomic_fetch_add_explicit(&job->done, job->step, memory_order_relaxed);
		offset += job->step;
		if (offset >= job->size) {
			offset = 0;
			atomic_fetch_add_explicit(&job->passes, 1, memory_order_relaxed);
		}
		keep_rate(job, &due);
	}
	return NULL;
}

static void report(const struct job *jobs, size_t nr_jobs, bool final)
{
	double elapsed = (double)(clock_ns() - started_ns) / NS_PER_S;
	size_t i;

	printf("{\"tool\": \"hermes-pressure\", \"final\": %s, \"elapsed_s\": %.3f",
	       final ? "true" : "false", elapsed);
	for (i = 0; i < nr_jobs; i++)
		printf(", \"%s\": {\"size\": %llu, \"bytes\": %llu, \"passes\": %llu}",
		       jobs[i].name, (unsigned long long)jobs[i].size,
		       (unsigned long long)jobs[i].done, (unsigned long long)jobs[i].passes);
	printf("}\n");
	fflush(stdout);
}

static bool all_ready(const struct job *jobs, size_t nr_jobs)
{
	size_t i;

	for (i = 0; i < nr_jobs; i++)
		if (!jobs[i].ready)
			return false;
	return true;
}

/* Serves signals until SIGTERM or SIGINT; announces readiness when it comes. */
static void wait_for_end(const struct job *jobs, size_t nr_jobs, const sigset_t *signals)
{
	const struct timespec poll = { .tv_nsec = READY_POLL_NS };
	bool announced = false;
	int sig;

	for (;;) {
		sig = sigtimedwait(signals, NULL, announced ? NULL : &poll);
		if (sig == SIGUSR1)
			report(jobs, nr_jobs, false);
		else if (sig == SIGTERM || sig == SIGINT)
			return;
		if (!announced && all_ready(jobs, nr_jobs)) {
			announced = true;
			puts("ready");
			fflush(stdout);
		}
	}
}

static void set_oom_score_adj(void)
{
	FILE *f = fopen("/proc/self/oom_score_adj", "we");

	if (!f || fprintf(f, "%llu", (unsigned long long)opt.oom_score_adj) < 0 || fclose(f))
		die(errno, "/proc/self/oom_score_adj");
}

static size_t choose_jobs(struct job *jobs)
{
	size_t nr = 0;

	if (opt.anon)
		jobs[nr++] = (struct job){
			.name = "anon", .fill = anon_fill, .visit = anon_visit,
			.size = opt.anon / PAGE_BYTES * PAGE_BYTES, .step = PAGE_BYTES,
			.rate = opt.anon_rate,
		};
	if (opt.churn)
		jobs[nr++] = (struct job){
			.name = "churn", .fill = churn_fill, .visit = churn_visit,
			.size = opt.churn / PAGE_BYTES * PAGE_BYTES,
			.step = opt.churn / PAGE_BYTES * PAGE_BYTES, .rate = opt.churn_rate,
		};
	if (opt.file)
		jobs[nr++] = (struct job){
			.name = "file", .fill = file_fill, .visit = file_visit,
			.size = opt.file_size / IO_BYTES * IO_BYTES, .step = IO_BYTES,
			.rate = opt.file_rate,
		};
	if (opt.write_rate)
		jobs[nr++] = (struct job){
			.name = "write", .fill = out_fill, .visit = out_visit,
			.size = opt.file_size / IO_BYTES * IO_BYTES, .step = IO_BYTES,
			.rate = opt.write_rate,
		};
	return nr;
}

static void check_options(void)
{
	if (!opt.anon && !opt.churn && !opt.file)
		usage_error("nothing to do: give --anon, --churn or --file");
	if (opt.anon && opt.anon < PAGE_BYTES)
		usage_error("--anon must be at least a page");
	if (opt.churn && opt.churn < PAGE_BYTES)
		usage_error("--churn must be at least a page");
	if (opt.file && opt.file_size < IO_BYTES)
		usage_error("--file needs --file-size of at least %d bytes", IO_BYTES);
	if (opt.write_rate && !opt.file)
		usage_error("--write-rate needs --file");
	if (!opt.cgroup && (opt.memory_high || opt.memory_max))
		usage_error("--memory-high and --memory-max need --cgroup");
}

int main(int argc, char **argv)
{
	struct job jobs[JOBS_MAX];
	size_t nr_jobs, i;
	sigset_t signals;
	int err;

	cli_parse(argc, argv, summary, options);
	check_options();
	if (opt.cgroup)
		cgroup_join(opt.cgroup, opt.memory_high, opt.memory_max);
	if (opt.oom_score_adj)
		set_oom_score_adj();
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGUSR1);
	/* Before the threads, which inherit it: signals are for the main thread alone. */
	sigprocmask(SIG_BLOCK, &signals, NULL);
	started_ns = clock_ns();
	nr_jobs = choose_jobs(jobs);
	for (i = 0; i < nr_jobs; i++) {
		err = pthread_create(&jobs[i].thread, NULL, run_job, &jobs[i]);
		if (err)
			die(err, "thread");
	}
	wait_for_end(jobs, nr_jobs, &signals);
	stop = true;
	for (i = 0; i < nr_jobs; i++)
		pthread_join(jobs[i].thread, NULL);
	report(jobs, nr_jobs, true);
	return EXIT_SUCCESS;
}
