// SPDX-License-Identifier: GPL-2.0-only
/*
 * hermes-bench - latency of memory requests: malloc() and the first use of what it returned.
 *
 * The micro benchmark of the Hermes paper: requests of one size until a total is reached, each
 * timed by itself from before malloc() to after the first write of the block. The allocator is
 * whichever LD_PRELOAD puts there; --mode ideal replaces it with a pointer moving over memory that
 * was populated before, the limit for any allocator.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "allocator.h"
#include "cli.h"
#include "latency.h"
#include "procstat.h"
#include "timer.h"
#include "warm.h"

#define PAGE_BYTES	4096
/* A paced thread that is ahead by less than this does not sleep: a wake-up costs more. */
#define PACE_TICK_NS	1000000
#define NS_PER_MS	1000000
#define IDEAL_ALIGN	16

/* In the order of the names in the table of options. */
enum { USE_BLOCK, USE_PAGE };
enum { FREE_NEVER, FREE_BATCH };
enum { MODE_MALLOC, MODE_IDEAL, MODE_IDEAL_LOCKED };

static struct {
	uint64_t size, total, threads, warmup, warm_memory, pace, burst, batch;
	uint64_t gap_ms, settle_ms;
	unsigned int use, free, mode, timer;
	const char *json, *hist, *label, *require_map, *require_malloc;
} opt = {
	.size = 1024,
	.total = 1 << 30,
	.batch = 16 << 20,
	.settle_ms = 100,
	.threads = 1,
};

static const char summary[] =
"Measure the latency of memory requests: malloc() and first use.\n";

static const char *const use_names[] = { "block", "page", NULL };
static const char *const free_names[] = { "never", "batch", NULL };
static const char *const mode_names[] = { "malloc", "ideal", "ideal-locked", NULL };
static const char *const timer_names[] = { "auto", "clock", "tsc", NULL };

#define MAX_THREADS	1024
#define MAX_MS		3600000

static const struct cli_option options[] = {
	CLI_HEAD("Requests (SIZE: bytes, or with K, M, G):"),
	CLI_OPTION("size", "SIZE", "bytes per request (1K)",
		   CLI_SIZE, &opt.size),
	CLI_OPTION("total", "SIZE", "bytes over all requests and threads (1G)",
		   CLI_SIZE, &opt.total),
	CLI_OPTION("threads", "N", "threads that share the work (1)",
		   CLI_NUMBER, &opt.threads, .min = 1, .max = MAX_THREADS),
	CLI_OPTION("use", "block|page", "first use: write all, or a byte of every page (block)",
		   CLI_CHOICE, &opt.use, .choices = use_names),
	CLI_OPTION("free", "never|batch", "keep all, or free when --batch bytes are kept (never)",
		   CLI_CHOICE, &opt.free, .choices = free_names),
	CLI_OPTION("batch", "SIZE", "per thread, see --free (16M)",
		   CLI_SIZE, &opt.batch),
	CLI_OPTION("mode", "malloc|ideal|ideal-locked",
		   "ideal: no allocator, memory populated before (malloc)",
		   CLI_CHOICE, &opt.mode, .choices = mode_names),
	CLI_HEAD("Pace:"),
	CLI_OPTION("pace", "SIZE", "bytes per second, even in steps of a millisecond (no limit)",
		   CLI_SIZE, &opt.pace),
	CLI_OPTION("burst", "SIZE", "a thread pauses after every SIZE bytes, for ...",
		   CLI_SIZE, &opt.burst),
	CLI_OPTION("gap", "MS", "... so many milliseconds",
		   CLI_NUMBER, &opt.gap_ms, .min = 1, .max = MAX_MS),
	CLI_HEAD("Before measuring:"),
	CLI_OPTION("warm-memory", "SIZE", "touch and return this much memory (0)",
		   CLI_SIZE, &opt.warm_memory),
	CLI_OPTION("warmup", "SIZE", "bytes requested and not measured (0)",
		   CLI_SIZE, &opt.warmup),
	CLI_OPTION("settle", "MS", "pause after both (100)",
		   CLI_NUMBER, &opt.settle_ms, .min = 0, .max = MAX_MS),
	CLI_HEAD("Result:"),
	CLI_OPTION("timer", "auto|clock|tsc", "how to read the time (auto)",
		   CLI_CHOICE, &opt.timer, .choices = timer_names),
	CLI_OPTION("require-map", "TEXT", "fail unless /proc/self/maps contains TEXT at the end",
		   CLI_TEXT, &opt.require_map),
	CLI_OPTION("require-malloc", "TEXT",
		   "fail unless the object of malloc has TEXT in its path",
		   CLI_TEXT, &opt.require_malloc),
	CLI_OPTION("label", "TEXT", "name of the run",
		   CLI_TEXT, &opt.label),
	CLI_OPTION("json", "FILE", "as JSON; - for standard output, instead of the table",
		   CLI_TEXT, &opt.json),
	CLI_OPTION("hist", "FILE", "percentile distribution in HdrHistogram's text format",
		   CLI_TEXT, &opt.hist),
	CLI_END,
};

struct worker {
	pthread_t thread;
	struct latency *latency;
	char *ideal_next;
	void **blocks;
	size_t nr_blocks, nr_warmup, nr_measured;
};

static struct timer timer;
static pthread_barrier_t warmed_up, go;

static inline void *request(struct worker *w)
{
	char *p;

	if (opt.mode == MODE_MALLOC)
		return malloc(opt.size);
	p = w->ideal_next;
	w->ideal_next += (opt.size + IDEAL_ALIGN - 1) & ~(uint64_t)(IDEAL_ALIGN - 1);
	return p;
}

static inline void first_use(char *p)
{
	size_t offset;

	if (opt.use == USE_PAGE) {
		for (offset = 0; offset < opt.size; offset += PAGE_BYTES)
			p[offset] = 1;
		p[opt.size - 1] = 1;
	} else {
		memset(p, 0x5a, opt.size);
	}
	/* The block is not used any further; without this the compiler could drop the writes. */
	__asm__ volatile("" : : "r"(p) : "memory");
}

static void free_blocks(struct worker *w)
{
	while (w->nr_blocks)
		free(w->blocks[--w->nr_blocks]);
}

static void keep_block(struct worker *w, void *p)
{
	if (opt.free != FREE_BATCH)
		return;
	w->blocks[w->nr_blocks++] = p;
	if (w->nr_blocks * opt.size >= opt.batch)
		free_blocks(w);
}

/* Waits for the time at which the next request is due, given @done bytes since @start_ns. */
static void pace(int64_t start_ns, uint64_t done, uint64_t per_second)
{
	int64_t due = start_ns + (int64_t)((double)done * 1e9 / (double)per_second);

	if (due - clock_ns() >= PACE_TICK_NS)
		clock_sleep_until(due);
}

static void one_request(struct worker *w, bool record)
{
	int64_t start, end;
	char *p;

	start = timer_read(&timer);
	p = request(w);
	if (!p)
		die(errno, "malloc(%llu)", (unsigned long long)opt.size);
	first_use(p);
	end = timer_read(&timer);
	if (record)
		latency_record(w->latency, timer_ns(&timer, end - start));
	keep_block(w, p);
}

static void measure(struct worker *w)
{
	uint64_t in_burst = 0, per_second = opt.pace / opt.threads;
	int64_t start_ns = clock_ns();
	size_t i;

	for (i = 0; i < w->nr_measured; i++) {
		if (opt.pace)
			pace(start_ns, i * opt.size, per_second);
		if (opt.burst && in_burst >= opt.burst) {
			clock_sleep_until(clock_ns() + (int64_t)opt.gap_ms * NS_PER_MS);
			in_burst = 0;
		}
		one_request(w, true);
		in_burst += opt.size;
	}
}

static void warm_up(struct worker *w)
{
	size_t i;

	for (i = 0; i < w->nr_warmup; i++)
		one_request(w, false);
	free_blocks(w);
	pthread_barrier_wait(&warmed_up);
}

static void *work(void *arg)
{
	struct worker *w = arg;

	warm_up(w);
	pthread_barrier_wait(&go);
	measure(w);
	return NULL;
}

/* Each thread has as many, so that all together reach @bytes. */
static size_t requests_per_thread(uint64_t bytes)
{
	uint64_t all = bytes / opt.size + !!(bytes % opt.size);

	return all / opt.threads + !!(all % opt.threads);
}

static void worker_init(struct worker *w)
{
	uint64_t block = (opt.size + IDEAL_ALIGN - 1) & ~(uint64_t)(IDEAL_ALIGN - 1);
	size_t ideal;

	w->latency = latency_create();
	w->nr_warmup = requests_per_thread(opt.warmup);
	w->nr_measured = requests_per_thread(opt.total);
	if (opt.free == FREE_BATCH)
		w->blocks = map_populated((opt.batch / opt.size + 1) * sizeof(void *));
	if (opt.mode == MODE_MALLOC)
		return;
	ideal = (w->nr_warmup + w->nr_measured) * block;
	w->ideal_next = map_populated(ideal);
	if (opt.mode == MODE_IDEAL_LOCKED && mlock(w->ideal_next, ideal))
		die(errno, "%zu bytes of locked memory", ideal);
}

/* The first worker is the main thread: allocators may treat that one differently. */
static struct latency *run(struct procstat *before, struct procstat *after, int64_t *elapsed_ns)
{
	struct worker *workers = map_populated(opt.threads * sizeof(*workers));
	unsigned int i;

	pthread_barrier_init(&warmed_up, NULL, opt.threads);
	pthread_barrier_init(&go, NULL, opt.threads);
	for (i = 0; i < opt.threads; i++)
		worker_init(&workers[i]);
	for (i = 1; i < opt.threads; i++) {
		int err = pthread_create(&workers[i].thread, NULL, work, &workers[i]);

		if (err)
			die(err, "thread %u", i);
	}
	warm_up(&workers[0]);
	clock_sleep_until(clock_ns() + (int64_t)opt.settle_ms * NS_PER_MS);
	procstat_read(before, 0);
	*elapsed_ns = clock_ns();
	pthread_barrier_wait(&go);
	measure(&workers[0]);
	for (i = 1; i < opt.threads; i++) {
		pthread_join(workers[i].thread, NULL);
		latency_merge(workers[0].latency, workers[i].latency);
	}
	*elapsed_ns = clock_ns() - *elapsed_ns;
	procstat_read(after, 0);
	return workers[0].latency;
}

static void print_json(const struct latency *l, const struct procstat *before,
		       const struct procstat *after, int64_t elapsed_ns)
{
	FILE *f = open_output(opt.json);

	fprintf(f, "{\"tool\": \"hermes-bench\", \"version\": \"" HERMES_VERSION "\", \"label\": ");
	print_json_string(f, opt.label);
	fprintf(f, ", \"preload\": ");
	print_json_string(f, getenv("LD_PRELOAD"));
	fprintf(f, ", \"hermes_conf\": ");
	print_json_string(f, getenv("HERMES_CONF"));
	fprintf(f, ", \"malloc_object\": ");
	print_json_string(f, allocator_object());
	fprintf(f, ",\n\"mode\": \"%s\", \"size\": %llu, \"total\": %llu, \"threads\": %llu,\n",
		mode_names[opt.mode], (unsigned long long)opt.size, (unsigned long long)opt.total,
		(unsigned long long)opt.threads);
	fprintf(f, "\"pace\": %llu, \"burst\": %llu, \"gap_ms\": %llu,\n",
		(unsigned long long)opt.pace, (unsigned long long)opt.burst,
		(unsigned long long)opt.gap_ms);
	fprintf(f, "\"free\": \"%s\", \"use\": \"%s\",\n", free_names[opt.free],
		use_names[opt.use]);
	fprintf(f, "\"timer\": \"%s\", \"timer_overhead_ns\": %.1f, \"elapsed_s\": %.3f,\n",
		timer.tsc ? "tsc" : "clock_gettime", timer_overhead_ns(&timer),
		(double)elapsed_ns / 1e9);
	fprintf(f, "\"latency_ns\": ");
	latency_print_json(f, l);
	fprintf(f, ",\n");
	procstat_print_json(f, before, after);
	fprintf(f, "}\n");
	close_output(f, opt.json);
}

static void print_table(const struct latency *l, const struct procstat *before,
			const struct procstat *after, int64_t elapsed_ns)
{
	printf("%s %s: %llu requests of %llu bytes, %llu thread(s), %.3f s\n",
	       opt.label ? opt.label : "hermes-bench", mode_names[opt.mode],
	       (unsigned long long)l->count, (unsigned long long)opt.size,
	       (unsigned long long)opt.threads, (double)elapsed_ns / 1e9);
	printf("timer    %s, two reads take %.1f ns (included)\n",
	       timer.tsc ? "tsc" : "clock_gettime", timer_overhead_ns(&timer));
	latency_print_table(stdout, l);
	procstat_print_table(stdout, before, after);
}

static void check_options(void)
{
	if (!opt.size || opt.size > opt.total)
		usage_error("--size must be from 1 to --total");
	if (opt.pace && opt.burst)
		usage_error("--pace and --burst exclude each other");
	if (!opt.burst != !opt.gap_ms)
		usage_error("--burst and --gap go together");
	if (opt.pace && opt.pace < opt.threads)
		usage_error("--pace is less than a byte per second and thread");
	if (opt.free == FREE_BATCH && opt.mode != MODE_MALLOC)
		usage_error("--free batch needs --mode malloc");
	if (opt.free == FREE_BATCH && opt.batch < opt.size)
		usage_error("--batch is less than --size");
}

int main(int argc, char **argv)
{
	struct procstat before, after;
	struct latency *latency;
	int64_t elapsed_ns;

	cli_parse(argc, argv, summary, options);
	check_options();
	if (timer_init(&timer, opt.timer))
		die(0, "--timer tsc: not on this machine");
	if (opt.require_malloc)
		allocator_require(opt.require_malloc);
	warm_memory(opt.warm_memory);
	latency = run(&before, &after, &elapsed_ns);
	if (opt.require_map && !proc_maps_contains(0, opt.require_map))
		die(0, "no '%s' in /proc/self/maps: not the allocator that was asked for",
		    opt.require_map);
	if (opt.json)
		print_json(latency, &before, &after, elapsed_ns);
	if (!opt.json || strcmp(opt.json, "-"))
		print_table(latency, &before, &after, elapsed_ns);
	if (opt.hist)
		latency_write_percentiles(opt.hist, latency);
	return EXIT_SUCCESS;
}
