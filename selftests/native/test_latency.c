// SPDX-License-Identifier: GPL-2.0-only
/* The histogram of the tools, against the sorted array of the same samples. */
#include <sys/mman.h>

#include "test.h"
#include "latency.h"

#define NR_SAMPLES	100000
#define LINE		256

/* Percentiles as parts of 10000, in the order and with the names of the output. */
static const struct {
	const char *name;
	uint64_t parts;
} points[] = {
	{ "p50", 5000 }, { "p75", 7500 }, { "p90", 9000 }, { "p95", 9500 },
	{ "p99", 9900 }, { "p99.9", 9990 }, { "p99.99", 9999 },
};

#define NR_POINTS	((int)(sizeof(points) / sizeof((points)[0])))

/* What latency_print_json() says. */
struct summary {
	uint64_t count;
	double mean;
	int64_t at[NR_POINTS], max;
};

static uint64_t seed = 1;

/* splitmix64 */
static uint64_t next_random(void)
{
	uint64_t x = seed += 0x9e3779b97f4a7c15ULL;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/* Every magnitude up to LATENCY_MAX_NS is as likely. */
static int64_t any_magnitude(void)
{
	return (int64_t)((next_random() >> 22) >> next_random() % 42) % (LATENCY_MAX_NS + 1);
}

static int64_t below_a_thousand(void)
{
	return (int64_t)(next_random() % 1000);
}

/* Mostly a few hundred ns; one of a thousand takes milliseconds. */
static int64_t long_tail(void)
{
	return (int64_t)(next_random() % 1000 ? 100 + next_random() % 900 :
						next_random() % 50000000);
}

static double number_after(const char *text, const char *name)
{
	char key[32];
	const char *p;

	snprintf(key, sizeof(key), "\"%s\": ", name);
	p = strstr(text, key);
	assert_non_null(p);
	return strtod(p + strlen(key), NULL);
}

static struct summary summary_of(const struct latency *l)
{
	struct summary s;
	size_t size;
	char *text;
	FILE *f;
	int i;

	f = open_memstream(&text, &size);
	assert_non_null(f);
	latency_print_json(f, l);
	fclose(f);
	s.count = (uint64_t)number_after(text, "count");
	s.mean = number_after(text, "mean");
	s.max = (int64_t)number_after(text, "max");
	for (i = 0; i < NR_POINTS; i++)
		s.at[i] = (int64_t)number_after(text, points[i].name);
	free(text);
	return s;
}

static int64_t *draw(struct latency *l, int64_t (*distribution)(void), size_t nr)
{
	int64_t *samples = calloc(nr, sizeof(*samples));
	size_t i;

	assert_non_null(samples);
	for (i = 0; i < nr; i++) {
		samples[i] = distribution();
		latency_record(l, samples[i]);
	}
	return samples;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* @reported stands for @exact: never below it, and not 0.1 % above. */
static void assert_resolution(int64_t reported, int64_t exact)
{
	assert_true(reported >= exact);
	assert_true((reported - exact) * 1000 <= exact);
}

static void assert_matches(const struct latency *l, int64_t *samples, size_t nr)
{
	struct summary s = summary_of(l);
	uint64_t sum = 0;
	size_t i;
	int p;

	qsort(samples, nr, sizeof(*samples), compare);
	for (i = 0; i < nr; i++)
		sum += (uint64_t)samples[i];
	assert_int_equal(s.count, nr);
	assert_int_equal(s.max, samples[nr - 1]);
	assert_int_equal(l->sum, sum);
	assert_true(latency_mean(l) == (double)sum / (double)nr);
	/* Printed with one digit after the point. */
	assert_true(s.mean >= latency_mean(l) - 0.06 && s.mean <= latency_mean(l) + 0.06);
	for (p = 0; p < NR_POINTS; p++) {
		size_t rank = (nr * points[p].parts + 9999) / 10000;

		assert_resolution(s.at[p], samples[rank - 1]);
		assert_true(s.at[p] >= (p ? s.at[p - 1] : 0));
		assert_true(s.at[p] <= s.max);
	}
}

static void free_latency(struct latency *l)
{
	munmap(l, sizeof(*l));
}

/* Smallest value in @bucket or a later one. */
static int64_t bucket_start(unsigned int bucket)
{
	int64_t low = 0, high = LATENCY_MAX_NS + 1;

	while (low < high) {
		int64_t middle = low + (high - low) / 2;

		if (latency_bucket(middle) >= bucket)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void buckets_are_narrow(void **state)
{
	unsigned int bucket, last = latency_bucket(LATENCY_MAX_NS);
	int64_t start = 0, next;

	(void)state;
	assert_true(last < LATENCY_BUCKETS);
	assert_int_equal(latency_bucket(0), 0);
	for (bucket = 0; bucket < last; bucket++) {
		next = bucket_start(bucket + 1);
		assert_true(next > start);
		assert_int_equal(latency_bucket(start), bucket);
		assert_int_equal(latency_bucket(next - 1), bucket);
		assert_int_equal(latency_bucket(next), bucket + 1);
		assert_true((next - 1 - start) * 1000 <= start);
		start = next;
	}
}

/* A percentile is the last value of its bucket: the one before the next bucket begins. */
static void percentiles_are_bucket_ends(void **state)
{
	unsigned int bucket, last = latency_bucket(LATENCY_MAX_NS);
	struct latency *l = latency_create();
	int64_t start;

	(void)state;
	for (bucket = 0; bucket < last; bucket = bucket < 4096 ? bucket + 61 : bucket + 509) {
		start = bucket_start(bucket);
		memset(l, 0, sizeof(*l));
		latency_record(l, start);
		latency_record(l, LATENCY_MAX_NS);
		assert_int_equal(summary_of(l).at[0], bucket_start(bucket + 1) - 1);
	}
	free_latency(l);
}

static void percentiles_match_sorted_samples(void **state)
{
	int64_t (*const distributions[])(void) = { any_magnitude, below_a_thousand, long_tail };
	/* Also numbers at which a percentile falls exactly on a sample. */
	static const size_t sizes[] = { 1, 2, 3, 10, 99, 100, 101, 999, 1000, 1001, 10000,
					NR_SAMPLES };
	size_t d, n;

	(void)state;
	for (d = 0; d < 3; d++)
		for (n = 0; n < sizeof(sizes) / sizeof((sizes)[0]); n++) {
			struct latency *l = latency_create();
			int64_t *samples = draw(l, distributions[d], sizes[n]);

			assert_matches(l, samples, sizes[n]);
			free(samples);
			free_latency(l);
		}
}

/* Values up to 2047 have buckets of their own, so every rank must be met exactly. */
static void small_values_are_exact(void **state)
{
	struct latency *l = latency_create();
	struct summary s;
	int i;

	(void)state;
	for (i = 1000; i >= 1; i--)
		latency_record(l, i);
	s = summary_of(l);
	assert_int_equal(s.at[0], 500);
	assert_int_equal(s.at[1], 750);
	assert_int_equal(s.at[2], 900);
	assert_int_equal(s.at[3], 950);
	assert_int_equal(s.at[4], 990);
	assert_int_equal(s.at[5], 999);
	assert_int_equal(s.at[6], 1000);
	assert_int_equal(s.max, 1000);
	free_latency(l);
}

static void merge_is_recording_in_one(void **state)
{
	struct latency *a = latency_create(), *b = latency_create(), *both = latency_create();
	int64_t *samples;
	size_t i;

	(void)state;
	samples = draw(both, any_magnitude, NR_SAMPLES);
	for (i = 0; i < NR_SAMPLES; i++)
		latency_record(i % 3 ? a : b, samples[i]);
	/* The maximum comes from either side. */
	latency_record(a, LATENCY_MAX_NS - 1);
	latency_record(both, LATENCY_MAX_NS - 1);
	latency_merge(a, b);
	assert_memory_equal(a, both, sizeof(*a));
	memset(b, 0, sizeof(*b));
	latency_merge(b, a);
	assert_memory_equal(b, both, sizeof(*b));
	memset(a, 0, sizeof(*a));
	latency_merge(b, a);
	assert_memory_equal(b, both, sizeof(*b));
	free(samples);
	free_latency(a);
	free_latency(b);
	free_latency(both);
}

static void values_are_clamped(void **state)
{
	struct latency *l = latency_create();
	struct summary s;

	(void)state;
	latency_record(l, -5);
	s = summary_of(l);
	assert_int_equal(s.max, 0);
	assert_true(s.mean == 0);
	latency_record(l, INT64_MAX);
	s = summary_of(l);
	assert_int_equal(s.count, 2);
	assert_int_equal(s.max, LATENCY_MAX_NS);
	assert_int_equal(s.at[NR_POINTS - 1], LATENCY_MAX_NS);
	free_latency(l);
}

static void empty_is_zero(void **state)
{
	struct latency *l = latency_create();
	struct summary s = summary_of(l);
	int p;

	(void)state;
	assert_int_equal(s.count, 0);
	assert_true(s.mean == 0);
	assert_int_equal(s.max, 0);
	for (p = 0; p < NR_POINTS; p++)
		assert_int_equal(s.at[p], 0);
	free_latency(l);
}

/* Lines of the distribution: value, fraction and count only grow, and agree with the samples. */
static void check_lines(FILE *f, const int64_t *samples, size_t nr)
{
	double fraction, last_fraction = 0, inverse;
	unsigned long long seen, last_seen = 0;
	long long value, last_value = -1;
	char line[LINE];
	int fields;

	while (fgets(line, sizeof(line), f)) {
		fields = sscanf(line, "%lld %lf %llu %lf", &value, &fraction, &seen, &inverse);
		assert_in_range(fields, 3, 4);
		assert_true(value > last_value);
		assert_true(fraction > last_fraction && seen > last_seen);
		assert_in_range(seen, 1, nr);
		/* So many samples are no longer than the value. */
		assert_true(samples[seen - 1] <= value);
		assert_true(seen == nr || samples[seen] > value);
		assert_resolution(value, samples[seen - 1]);
		assert_true(fraction * (double)nr > (double)seen - 0.001 &&
			    fraction * (double)nr < (double)seen + 0.001);
		/* The last line has no 1 / (1 - fraction). */
		assert_int_equal(fields, seen == nr ? 3 : 4);
		last_value = value;
		last_fraction = fraction;
		last_seen = seen;
	}
	assert_int_equal(last_seen, nr);
	assert_int_equal(last_value, samples[nr - 1]);
}

static void distribution_is_monotone(void **state)
{
	struct latency *l = latency_create();
	char path[] = "/tmp/test_latency.XXXXXX";
	char line[LINE];
	int64_t *samples;
	FILE *f;
	int fd;

	(void)state;
	samples = draw(l, long_tail, NR_SAMPLES);
	qsort(samples, NR_SAMPLES, sizeof(*samples), compare);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	latency_write_percentiles(path, l);
	f = fopen(path, "r");
	assert_non_null(f);
	unlink(path);
	assert_non_null(fgets(line, sizeof(line), f));
	assert_non_null(strstr(line, "Value     Percentile TotalCount 1/(1-Percentile)"));
	assert_non_null(fgets(line, sizeof(line), f));
	assert_string_equal(line, "\n");
	check_lines(f, samples, NR_SAMPLES);
	fclose(f);
	free(samples);
	free_latency(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_are_narrow),
		cmocka_unit_test(percentiles_are_bucket_ends),
		cmocka_unit_test(percentiles_match_sorted_samples),
		cmocka_unit_test(small_values_are_exact),
		cmocka_unit_test(merge_is_recording_in_one),
		cmocka_unit_test(values_are_clamped),
		cmocka_unit_test(empty_is_zero),
		cmocka_unit_test(distribution_is_monotone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
