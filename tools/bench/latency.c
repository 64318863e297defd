// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <math.h>
#include <sys/mman.h>

#include "cli.h"
#include "latency.h"

/* Lines for each halving of the distance to 100 % in latency_write_percentiles(). */
#define LINES_PER_HALVING	10

/* Percentiles in parts of PARTS: integers, because 99.9 / 100 * 1000 is above 999. */
#define PARTS	10000

static const struct {
	const char *name;
	unsigned int parts;
} points[] = {
	{ "p50", 5000 }, { "p75", 7500 }, { "p90", 9000 }, { "p95", 9500 },
	{ "p99", 9900 }, { "p99.9", 9990 }, { "p99.99", 9999 },
};

struct latency *latency_create(void)
{
	struct latency *l = mmap(NULL, sizeof(*l), PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (l == MAP_FAILED)
		die(errno, "histogram of %zu bytes", sizeof(*l));
	/* Best effort: RLIMIT_MEMLOCK may be small, and without pressure it makes no difference. */
	(void)mlock(l, sizeof(*l));
	return l;
}

/* Longest value that belongs into a bucket, and that can have been recorded. */
static int64_t bucket_top(const struct latency *l, unsigned int bucket)
{
	unsigned int shift = bucket >> LATENCY_SUB_BITS;
	int64_t top;

	shift = shift > 1 ? shift - 1 : 0;
	top = ((int64_t)(bucket - (shift << LATENCY_SUB_BITS) + 1) << shift) - 1;
	return top < l->max ? top : l->max;
}

void latency_merge(struct latency *dst, const struct latency *src)
{
	unsigned int i;

	for (i = 0; i < LATENCY_BUCKETS; i++)
		dst->buckets[i] += src->buckets[i];
	dst->count += src->count;
	dst->sum += src->sum;
	if (src->max > dst->max)
		dst->max = src->max;
}

double latency_mean(const struct latency *l)
{
	return l->count ? (double)l->sum / (double)l->count : 0;
}

/* The smallest recorded value that at least @parts of all PARTS do not exceed. */
static int64_t at_percentile(const struct latency *l, unsigned int parts)
{
	uint64_t rank = (l->count * parts + PARTS - 1) / PARTS, seen = 0;
	unsigned int i;

	for (i = 0; i < LATENCY_BUCKETS; i++) {
		seen += l->buckets[i];
		if (seen && seen >= rank)
			return bucket_top(l, i);
	}
	return 0;
}

void latency_print_table(FILE *f, const struct latency *l)
{
	size_t i;

	fprintf(f, "%-8s %14.3f us\n", "mean", latency_mean(l) / 1e3);
	for (i = 0; i < ARRAY_SIZE(points); i++)
		fprintf(f, "%-8s %14.3f us\n", points[i].name,
			(double)at_percentile(l, points[i].parts) / 1e3);
	fprintf(f, "%-8s %14.3f us\n", "max", (double)l->max / 1e3);
}

void latency_print_json(FILE *f, const struct latency *l)
{
	size_t i;

	fprintf(f, "{\"count\": %llu, \"mean\": %.1f", (unsigned long long)l->count,
		latency_mean(l));
	for (i = 0; i < ARRAY_SIZE(points); i++)
		fprintf(f, ", \"%s\": %lld", points[i].name,
			(long long)at_percentile(l, points[i].parts));
	fprintf(f, ", \"max\": %lld}", (long long)l->max);
}

static void print_percentiles(FILE *f, const struct latency *l)
{
	double step = pow(0.5, 1.0 / LINES_PER_HALVING), distance = 2, fraction;
	uint64_t seen = 0;
	unsigned int i;

	fprintf(f, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
		"1/(1-Percentile)");
	for (i = 0; i < LATENCY_BUCKETS && seen < l->count; i++) {
		if (!l->buckets[i])
			continue;
		seen += l->buckets[i];
		fraction = (double)seen / (double)l->count;
		if (seen < l->count && 1 - fraction > distance * step)
			continue;
		distance = 1 - fraction;
		fprintf(f, "%12lld %14.12f %10llu", (long long)bucket_top(l, i), fraction,
			(unsigned long long)seen);
		if (seen < l->count)
			fprintf(f, " %14.2f", 1 / distance);
		fprintf(f, "\n");
	}
}

void latency_write_percentiles(const char *path, const struct latency *l)
{
	FILE *f = open_output(path);

	print_percentiles(f, l);
	if (ferror(f))
		die(errno, "write to %s", path);
	close_output(f, path);
}
