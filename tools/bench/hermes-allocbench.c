// SPDX-License-Identifier: GPL-2.0-only
/*
 * hermes-allocbench - what a whole allocator costs, in time and in memory, by workloads in the
 * style of the well-known ones.
 *
 * A case does a fixed number of operations, the same for a seed whatever the allocator; measured
 * are the time that all take, the latency of a random sample of them, and the resident set. The
 * allocator is whichever LD_PRELOAD puts there; one that spoils a block ends the program.
 */
#include <errno.h>
#include <time.h>

#include "allocator.h"
#include "allocbench.h"
#include "cli.h"
#include "procstat.h"
#include "warm.h"

#define NS_PER_MS	1000000
#define MAX_MS		3600000
#define MIN_LIVE	(1 << 20)
#define MAX_SAMPLE	1000000

struct allocbench ab;

static const struct ab_case *const cases[] = {
	&case_larson, &case_handover, &case_churn, &case_realloc, &case_realloc_huge,
	&case_threads, &case_tree, &case_fragment,
};

/* In the order of cases[]. */
static const char *const case_names[] = {
	"larson", "handover", "churn", "realloc", "realloc-huge", "threads", "tree", "fragment",
	NULL,
};

static const char *const timer_names[] = { "auto", "clock", "tsc", NULL };

#define NO_CASE		UINT32_MAX
#define NOT_GIVEN	UINT64_MAX

static struct {
	uint64_t ops, scale, threads, live, seed, sample, idle_ms, warm_memory;
	unsigned int case_nr, timer;
	const char *json, *label, *require_malloc;
} opt = {
	.scale = 100,
	.seed = 1,
	.sample = NOT_GIVEN,
	.case_nr = NO_CASE,
};

static const char summary[] =
"Measure a whole allocator: time, latency and resident set of one workload.\n\n"
"  larson        servers: random blocks replaced, arrays handed to new threads\n"
"  handover      producers and consumers in pairs\n"
"  churn         random blocks of 16 B to 64 KB replaced in a live set\n"
"  realloc       many growing buffers\n"
"  realloc-huge  one growing buffer\n"
"  threads       threads that come, get some blocks, and go\n"
"  tree          small objects: subtrees freed and built again\n"
"  fragment      phases with sizes of their own\n";

static const struct cli_option options[] = {
	CLI_HEAD("Work (SIZE: bytes, or with K, M, G):"),
	CLI_OPTION("case", "CASE", "one of the above; must be given",
		   CLI_CHOICE, &opt.case_nr, .choices = case_names),
	CLI_OPTION("ops", "N", "operations over all threads, roughly (the case's own)",
		   CLI_NUMBER, &opt.ops, .min = 1, .max = UINT64_MAX / 100),
	CLI_OPTION("scale", "PERCENT", "that much of the case's own number (100)",
		   CLI_NUMBER, &opt.scale, .min = 1, .max = 10000),
	CLI_OPTION("threads", "N", "threads that share the work (the case's own)",
		   CLI_NUMBER, &opt.threads, .min = 1, .max = AB_MAX_THREADS),
	CLI_OPTION("live", "SIZE", "live set of churn, fragment, realloc-huge (the case's own)",
		   CLI_SIZE, &opt.live),
	CLI_OPTION("seed", "N", "of the random sequences (1)",
		   CLI_NUMBER, &opt.seed, .min = 0, .max = UINT64_MAX),
	CLI_HEAD("Before and after:"),
	CLI_OPTION("warm-memory", "SIZE", "touch and return this much memory first (0)",
		   CLI_SIZE, &opt.warm_memory),
	CLI_OPTION("idle", "MS", "pause before the final resident set is read (0)",
		   CLI_NUMBER, &opt.idle_ms, .min = 0, .max = MAX_MS),
	CLI_HEAD("Result:"),
	CLI_OPTION("sample", "N", "time one operation in N on average, 0: none (8, realloc 1)",
		   CLI_NUMBER, &opt.sample, .min = 0, .max = MAX_SAMPLE),
	CLI_OPTION("timer", "auto|clock|tsc", "how to read the time (auto)",
		   CLI_CHOICE, &opt.timer, .choices = timer_names),
	CLI_OPTION("require-malloc", "TEXT",
		   "fail unless the object of malloc has TEXT in its path",
		   CLI_TEXT, &opt.require_malloc),
	CLI_OPTION("label", "TEXT", "name of the run",
		   CLI_TEXT, &opt.label),
	CLI_OPTION("json", "FILE", "as JSON; - for standard output, instead of the table",
		   CLI_TEXT, &opt.json),
	CLI_END,
};

/**
 * struct result - what one run gave.
 * @elapsed_ns: from the first operation to the last
 * @cpu_ns: processor time of all threads meanwhile, those of the allocator too
 * @ops: operations done
 * @live_kib: requested and not freed when the clock stopped
 * @before: when the clock started
 * @stopped: when the clock stopped
 * @after: when everything was freed
 */
struct result {
	int64_t elapsed_ns, cpu_ns;
	uint64_t ops, live_kib;
	struct latency *all, *got, *freed;
	struct procstat before, stopped, after;
};

static int64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void pause_ms(uint64_t ms)
{
	struct timespec ts = { .tv_sec = (time_t)(ms / 1000),
			       .tv_nsec = (long)(ms % 1000) * NS_PER_MS };

	while (ms && nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static void measure(const struct ab_case *c, struct result *r)
{
	r->got = histogram_create();
	r->freed = histogram_create();
	r->all = histogram_create();
	if (c->prepare)
		c->prepare();
	workers_begin();
	procstat_read(&r->before, 0);
	r->cpu_ns = cpu_ns();
	r->elapsed_ns = clock_ns();
	c->run();
	r->elapsed_ns = clock_ns() - r->elapsed_ns;
	r->cpu_ns = cpu_ns() - r->cpu_ns;
	procstat_read(&r->stopped, 0);
}

/* The samples and counts before what is freed at the end is added to them. */
static void collect(struct result *r)
{
	unsigned int i;

	for (i = 0; i < ab.threads; i++) {
		latency_merge(r->got, ab.workers[i].got);
		latency_merge(r->freed, ab.workers[i].freed);
		r->ops += ab.workers[i].ops;
	}
	latency_merge(r->all, r->got);
	latency_merge(r->all, r->freed);
	r->live_kib = (uint64_t)workers_live() >> 10;
}

static void print_json(const struct ab_case *c, const struct result *r)
{
	FILE *f = open_output(opt.json);

	fprintf(f, "{\"tool\": \"hermes-allocbench\", \"version\": \"" HERMES_VERSION "\", ");
	fprintf(f, "\"label\": ");
	print_json_string(f, opt.label);
	fprintf(f, ", \"preload\": ");
	print_json_string(f, getenv("LD_PRELOAD"));
	fprintf(f, ", \"hermes_conf\": ");
	print_json_string(f, getenv("HERMES_CONF"));
	fprintf(f, ", \"malloc_object\": ");
	print_json_string(f, allocator_object());
	fprintf(f, ",\n\"case\": \"%s\", \"ops\": %llu, \"threads\": %llu, \"live\": %llu, ",
		c->name, (unsigned long long)r->ops, (unsigned long long)ab.threads,
		(unsigned long long)ab.live);
	fprintf(f, "\"seed\": %llu, \"sample\": %llu,\n", (unsigned long long)ab.seed,
		(unsigned long long)ab.sample);
	fprintf(f, "\"timer\": \"%s\", \"timer_overhead_ns\": %.1f, ",
		ab.timer.tsc ? "tsc" : "clock_gettime", timer_overhead_ns(&ab.timer));
	fprintf(f, "\"elapsed_s\": %.6f, \"cpu_s\": %.6f,\n", (double)r->elapsed_ns / 1e9,
		(double)r->cpu_ns / 1e9);
	fprintf(f, "\"latency_ns\": ");
	latency_print_json(f, r->all);
	fprintf(f, ",\n\"get_ns\": ");
	latency_print_json(f, r->got);
	fprintf(f, ",\n\"free_ns\": ");
	latency_print_json(f, r->freed);
	fprintf(f, ",\n\"tables_kib\": %llu, \"live_kib\": %llu, \"rss_live_kib\": %llu,\n",
		(unsigned long long)tables_kib(), (unsigned long long)r->live_kib,
		(unsigned long long)r->stopped.rss_kib);
	if (c->print_json)
		c->print_json(f);
	procstat_print_json(f, &r->before, &r->after);
	fprintf(f, "}\n");
	close_output(f, opt.json);
}

static void print_table(const struct ab_case *c, const struct result *r)
{
	printf("%s %s: %llu operations, %llu thread(s), %.3f s, %.1f ns each, CPU time %.3f s\n",
	       opt.label ? opt.label : "hermes-allocbench", c->name, (unsigned long long)r->ops,
	       (unsigned long long)ab.threads, (double)r->elapsed_ns / 1e9,
	       (double)r->elapsed_ns / (double)r->ops, (double)r->cpu_ns / 1e9);
	printf("malloc   %s\n", allocator_object());
	printf("timer    %s, two reads take %.1f ns (included), %llu operations timed\n",
	       ab.timer.tsc ? "tsc" : "clock_gettime", timer_overhead_ns(&ab.timer),
	       (unsigned long long)r->all->count);
	printf("malloc, calloc, realloc with first use:\n");
	latency_print_table(stdout, r->got);
	printf("free:\n");
	latency_print_table(stdout, r->freed);
	printf("memory   %llu KiB live in RSS %llu KiB (of which tables %llu KiB)\n",
	       (unsigned long long)r->live_kib, (unsigned long long)r->stopped.rss_kib,
	       (unsigned long long)tables_kib());
	if (c->print_table)
		c->print_table(stdout);
	procstat_print_table(stdout, &r->before, &r->after);
}

static const struct ab_case *apply_options(void)
{
	const struct ab_case *c;

	if (opt.case_nr == NO_CASE)
		usage_error("nothing to do: give --case");
	c = cases[opt.case_nr];
	if (opt.live && !c->live)
		usage_error("--case %s has no --live", c->name);
	if (opt.live && opt.live < MIN_LIVE)
		usage_error("--live must be at least 1M");
	ab.ops = opt.ops ? opt.ops : c->ops * opt.scale / 100;
	ab.threads = opt.threads ? opt.threads : c->threads;
	ab.live = opt.live ? opt.live : c->live;
	ab.seed = opt.seed;
	ab.sample = opt.sample == NOT_GIVEN ? c->sample : opt.sample;
	return c;
}

int main(int argc, char **argv)
{
	const struct ab_case *c;
	struct result r = { 0 };

	cli_parse(argc, argv, summary, options);
	c = apply_options();
	if (timer_init(&ab.timer, opt.timer))
		die(0, "--timer tsc: not on this machine");
	if (opt.require_malloc)
		allocator_require(opt.require_malloc);
	warm_memory(opt.warm_memory);
	workers_create();
	measure(c, &r);
	collect(&r);
	c->release();
	pause_ms(opt.idle_ms);
	procstat_read(&r.after, 0);
	if (opt.json)
		print_json(c, &r);
	if (!opt.json || strcmp(opt.json, "-"))
		print_table(c, &r);
	return EXIT_SUCCESS;
}
