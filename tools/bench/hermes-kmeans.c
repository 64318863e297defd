// SPDX-License-Identifier: GPL-2.0-only
/*
 * hermes-kmeans - a best-effort job that clusters points, over and over, until it is ended.
 *
 * Lloyd's algorithm on random points: every pass reads all points, in order, and computes with
 * each, so the rate of passes says how long the job waited for its memory. As hermes-pressure it
 * prints "ready" when its memory is filled, and a line of JSON at the end (SIGTERM or SIGINT).
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "cli.h"
#include "timer.h"
#include "values.h"

#define DIMENSIONS	16
#define CLUSTERS	8

struct point {
	float x[DIMENSIONS];
};

static uint64_t size = 256 << 20, seed = 1;
static atomic_bool stop;

static const char summary[] =
"Cluster random points until SIGTERM, as a best-effort job would.\n";

static const struct cli_option options[] = {
	CLI_OPTION("size", "SIZE", "bytes of points (256M)", CLI_SIZE, &size),
	CLI_OPTION("seed", "N", "of the points (1)", CLI_NUMBER, &seed, .max = UINT32_MAX),
	CLI_END,
};

struct job {
	struct point *points;
	uint64_t count, done, passes;
	struct point centers[CLUSTERS];
};

static void on_end(int signal)
{
	(void)signal;
	stop = true;
}

static void fill(struct job *job)
{
	uint64_t i, random = seed << 32;
	int d;

	job->count = size / sizeof(struct point);
	job->points = mmap(NULL, job->count * sizeof(struct point), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (job->points == MAP_FAILED)
		die(errno, "%llu bytes of points", (unsigned long long)size);
	for (i = 0; i < job->count && !stop; i++)
		for (d = 0; d < DIMENSIONS; d++)
			job->points[i].x[d] = (float)splitmix64(random++);
	memcpy(job->centers, job->points, sizeof(job->centers));
}

static float distance(const struct point *a, const struct point *b)
{
	float sum = 0;
	int d;

	for (d = 0; d < DIMENSIONS; d++)
		sum += (a->x[d] - b->x[d]) * (a->x[d] - b->x[d]);
	return sum;
}

static int nearest(const struct job *job, const struct point *p)
{
	float least = distance(p, &job->centers[0]), now;
	int c, best = 0;

	for (c = 1; c < CLUSTERS; c++) {
		now = distance(p, &job->centers[c]);
		if (now < least) {
			least = now;
			best = c;
		}
	}
	return best;
}

/* Every point goes to its nearest center; then the centers move into the middle of theirs. */
static void pass(struct job *job)
{
	double sums[CLUSTERS][DIMENSIONS] = { 0 };
	uint64_t members[CLUSTERS] = { 0 }, i;
	int c, d;

	for (i = 0; i < job->count && !stop; i++) {
		c = nearest(job, &job->points[i]);
		members[c]++;
		for (d = 0; d < DIMENSIONS; d++)
			sums[c][d] += job->points[i].x[d];
		job->done++;
	}
	for (c = 0; c < CLUSTERS; c++)
		for (d = 0; d < DIMENSIONS && members[c]; d++)
			job->centers[c].x[d] = (float)(sums[c][d] / (double)members[c]);
	job->passes += !stop;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_end };
	struct job job = { 0 };
	int64_t start;

	cli_parse(argc, argv, summary, options);
	if (size < sizeof(job.centers))
		usage_error("--size must be at least %zu", sizeof(job.centers));
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	fill(&job);
	printf("ready\n");
	fflush(stdout);
	start = clock_ns();
	while (!stop)
		pass(&job);
	printf("{\"tool\": \"hermes-kmeans\", \"final\": true, \"elapsed_s\": %.3f, ",
	       (double)(clock_ns() - start) / 1e9);
	printf("\"passes\": %llu, \"anon\": {\"size\": %llu, \"bytes\": %llu}}\n",
	       (unsigned long long)job.passes, (unsigned long long)size,
	       (unsigned long long)(job.done * sizeof(struct point)));
	return 0;
}
