// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters, histograms and hermes_u_ctl(). With an argument a program for observe.sh: "hammer"
 * allocates from several threads until stdin ends, "fork" has a child that allocates.
 */
#define _GNU_SOURCE
#include "test.h"
#include <errno.h>
#include <hermes-u.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>

#define GROUPS	7

static struct hermes_u_latency read_latency(unsigned int kind, unsigned int index)
{
	struct hermes_u_latency l;

	assert_int_equal(hermes_u_get_latency(kind, index, &l, sizeof(l)), 0);
	return l;
}

static uint64_t count(unsigned int kind, unsigned int index)
{
	return read_latency(kind, index).count;
}

static uint64_t total(unsigned int kind)
{
	struct hermes_u_latency l;
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; !hermes_u_get_latency(kind, i, &l, sizeof(l)); i++)
		sum += l.count;
	return sum;
}

static struct hermes_u_stats stats(void)
{
	struct hermes_u_stats s;

	hermes_u_get_stats(&s, sizeof(s));
	return s;
}

static void large_are_counted(void **state)
{
	static const struct {
		size_t bytes;
		unsigned int group;
	} cases[] = {
		{ 32 * KIB + 1, 4 }, { 256 * KIB, 4 }, { 256 * KIB + 1, 5 }, { 4 * MIB, 5 },
		{ 4 * MIB + 1, 6 }, { 600 * MIB, 6 },
	};
	struct hermes_u_latency before, after;
	unsigned int i, n;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		before = read_latency(HERMES_U_LATENCY_SLOW, cases[i].group);
		for (n = 0; n < 100; n++)
			free(opaque(malloc(cases[i].bytes)));
		after = read_latency(HERMES_U_LATENCY_SLOW, cases[i].group);
		assert_int_equal(after.count - before.count, 100);
		assert_true(after.sum_ns > before.sum_ns);
		assert_true(after.max_ns >= (after.sum_ns - before.sum_ns) / 100);
	}
}

/* Only new spans and the first touch of cold pages are slow. */
static void small_are_counted(void **state)
{
	uint64_t slow = count(HERMES_U_LATENCY_SLOW, 0), carved;
	void *p[17];
	int i;

	(void)state;
	/* Memory that is mapped. */
	free(memset(opaque(malloc(MIB)), 1, MIB));
	for (i = 0; i < 10000; i++)
		free(opaque(malloc(64)));
	assert_true(count(HERMES_U_LATENCY_SLOW, 0) - slow <= 1);
	assert_int_equal(total(HERMES_U_LATENCY_ALL), 0);
	slow = count(HERMES_U_LATENCY_SLOW, 2);
	carved = stats().from_carved;
	/* A class that nobody else here uses: 25 blocks in a unit, carved 16 at a time. */
	for (i = 0; i < 17; i++)
		p[i] = malloc(2560);
	assert_int_equal(count(HERMES_U_LATENCY_SLOW, 2) - slow, 1);
	assert_int_equal(stats().from_carved - carved, 1);
	for (i = 0; i < 17; i++)
		free(p[i]);
}

/* A class in use goes to the page heap once for two units of 64 KiB. */
static void long_spans(void **state)
{
	static void *p[8 * MIB / 1024];
	uint64_t before = 0;
	size_t round, i;

	(void)state;
	for (round = 0; round < 2; round++) {
		before = total(HERMES_U_LATENCY_PAGES);
		for (i = 0; i < ARRAY_SIZE(p); i++)
			p[i] = malloc(1024);
		before = total(HERMES_U_LATENCY_PAGES) - before;
		for (i = 0; i < ARRAY_SIZE(p); i++)
			free(p[i]);
	}
	assert_true(before > 0 && before <= 8 * MIB / (64 * KIB) * 2 / 3);
}

static void sums_agree(void **state)
{
	struct hermes_u_stats s;
	uint64_t from;

	(void)state;
	free(opaque(malloc(700 * MIB)));
	s = stats();
	from = s.from_cold + s.from_span + s.from_cached + s.from_reuse +
	       s.from_ready + s.from_take + s.from_miss + s.from_grow + s.from_huge;
	assert_int_equal(from, s.slow_allocs);
	assert_int_equal(total(HERMES_U_LATENCY_SLOW), s.slow_allocs);
	assert_int_equal(total(HERMES_U_LATENCY_PAGES) - s.from_huge,
			 s.hits + s.reuses + s.takes + s.misses);
	assert_true(s.grows > 0 && s.from_huge > 0 && s.minor_faults > 0);
}

static void sources(void **state)
{
	uint64_t reuse = count(HERMES_U_LATENCY_PAGES, 0);
	int i;

	(void)state;
	assert_string_equal(read_latency(HERMES_U_LATENCY_PAGES, 0).name, "reuse");
	assert_string_equal(read_latency(HERMES_U_LATENCY_PAGES, 3).name, "miss");
	for (i = 0; i < 50; i++)
		free(opaque(malloc(3 * MIB)));
	assert_true(count(HERMES_U_LATENCY_PAGES, 0) - reuse >= 49);
}

static void all_are_counted(void **state)
{
	uint64_t before = total(HERMES_U_LATENCY_ALL), small, live;
	void *keep[100];
	int i;

	(void)state;
	live = stats().live_bytes;
	assert_int_equal(hermes_u_ctl("latency", "all"), 0);
	small = count(HERMES_U_LATENCY_ALL, 0);
	for (i = 0; i < 10000; i++)
		free(opaque(malloc(64)));
	assert_int_equal(count(HERMES_U_LATENCY_ALL, 0) - small, 10000);
	/* The blocks went back to where they came from. */
	assert_true(stats().live_bytes - live <= 64 * KIB);
	for (i = 0; i < 100; i++)
		keep[i] = calloc(1, (size_t)100 * (i + 1));
	for (i = 0; i < 100; i++)
		free(keep[i]);
	free(opaque(malloc(MIB)));
	free(opaque(aligned_alloc(64, 64)));
	free(realloc(opaque(malloc(10)), 2000));
	assert_int_equal(total(HERMES_U_LATENCY_ALL) - before, 10000 + 100 + 1 + 1 + 2);
	assert_int_equal(hermes_u_ctl("latency", "slow"), 0);
	free(opaque(malloc(64)));
	assert_int_equal(total(HERMES_U_LATENCY_ALL) - before, 10000 + 100 + 1 + 1 + 2);
}

static void off_is_off(void **state)
{
	uint64_t slow = total(HERMES_U_LATENCY_SLOW), all = stats().slow_allocs;

	(void)state;
	assert_int_equal(hermes_u_ctl("latency", "off"), 0);
	free(opaque(malloc(MIB)));
	assert_int_equal(total(HERMES_U_LATENCY_SLOW), slow);
	assert_int_equal(stats().slow_allocs, all + 1);
	assert_int_equal(hermes_u_ctl("latency", "slow"), 0);
}

static void *hundred_large(void *arg)
{
	int i;

	for (i = 0; i < 100; i++)
		free(opaque(malloc(100 * KIB)));
	return arg;
}

static void threads_add_up(void **state)
{
	enum { THREADS = 12 };
	uint64_t before = count(HERMES_U_LATENCY_SLOW, 4);
	pthread_t threads[THREADS];
	int i;

	(void)state;
	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, hundred_large, NULL);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(count(HERMES_U_LATENCY_SLOW, 4) - before, 100 * THREADS);
}

static bool child_starts_at_zero(void *arg)
{
	struct hermes_u_stats s = stats();

	(void)arg;
	if (s.slow_allocs || s.misses || !s.live_bytes || !s.mapped_bytes ||
	    total(HERMES_U_LATENCY_SLOW))
		return false;
	hundred_large(NULL);
	return count(HERMES_U_LATENCY_SLOW, 4) == 100;
}

static void forks(void **state)
{
	uint64_t before = count(HERMES_U_LATENCY_SLOW, 4);

	(void)state;
	assert_int_equal(in_child(child_starts_at_zero, NULL, -1), 0);
	assert_int_equal(count(HERMES_U_LATENCY_SLOW, 4), before);
}

static void percentiles(void **state)
{
	struct hermes_u_latency l = { .count = 1000, .max_ns = 5000 };
	unsigned int i;

	(void)state;
	for (i = 1; i < HERMES_U_LATENCY_BUCKETS; i++) {
		uint64_t top = hermes_u_latency_top(i), below = hermes_u_latency_top(i - 1);

		assert_true(top > below);
		assert_true(i < 16 ? top == i : (top - below) * 8 <= below + 1);
	}
	assert_int_equal(hermes_u_latency_top(HERMES_U_LATENCY_BUCKETS - 1), (1ULL << 33) - 1);
	l.buckets[10] = 989;
	l.buckets[20] = 10;
	l.buckets[60] = 1;
	assert_int_equal(hermes_u_latency_percentile(&l, 5000), 10);
	assert_int_equal(hermes_u_latency_percentile(&l, 9890), 10);
	assert_int_equal(hermes_u_latency_percentile(&l, 9891), hermes_u_latency_top(20));
	assert_int_equal(hermes_u_latency_percentile(&l, 9990), hermes_u_latency_top(20));
	assert_true(hermes_u_latency_percentile(&l, 10000) <= 5000);
	l = (struct hermes_u_latency){ 0 };
	assert_int_equal(hermes_u_latency_percentile(&l, 9999), 0);
}

static void get_latency_edges(void **state)
{
	struct {
		struct hermes_u_latency l;
		uint64_t newer;
	} larger = { .newer = 7 };
	struct hermes_u_latency l;
	unsigned int i;

	(void)state;
	assert_int_equal(hermes_u_get_latency(3, 0, &l, sizeof(l)), -EINVAL);
	assert_int_equal(hermes_u_get_latency(HERMES_U_LATENCY_SLOW, GROUPS, &l, sizeof(l)),
			 -ENOENT);
	for (i = 0; i < GROUPS; i++)
		assert_int_equal(hermes_u_get_latency(HERMES_U_LATENCY_SLOW, i, &l, sizeof(l)), 0);
	assert_string_equal(l.name, "more");
	assert_int_equal(hermes_u_get_latency(0, 0, &larger.l, sizeof(larger)), 0);
	assert_int_equal(larger.newer, 0);
}

/* Whatever the size of the buffer: cut off, terminated, nothing behind it. */
static void json_fits(void **state)
{
	static char text[16384], whole[16384];
	size_t len = hermes_u_stats_json(whole, sizeof(whole)), size;

	(void)state;
	assert_true(len > 500 && len < 8192);
	assert_int_equal(strlen(whole), len);
	assert_int_equal(whole[0], '{');
	assert_int_equal(whole[len - 1], '}');
	assert_true(hermes_u_stats_json(NULL, 0) > 500);
	for (size = 1; size <= len + 10; size++) {
		memset(text, 'x', sizeof(text));
		hermes_u_stats_json(text, size);
		assert_int_equal(strnlen(text, size), size <= len ? size - 1 : strlen(text));
		assert_int_equal(text[size], 'x');
	}
}

static void xml(void **state)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_int_equal(malloc_info(0, f), 0);
	fclose(f);
	assert_int_equal(strncmp(text, "<malloc version=\"hermes-u-1\"><counters> hits=", 45), 0);
	assert_non_null(strstr(text, "<latency unit=\"ns\" kind=\"slow\" name=\"le_256k\" "));
	assert_string_equal(text + len - 10, "</malloc>\n");
	free(text);
}

static void ctl(void **state)
{
	struct hermes_u_status status;

	(void)state;
	assert_int_equal(hermes_u_ctl("frobnicate", "1"), -ENOENT);
	assert_int_equal(hermes_u_ctl("", ""), -ENOENT);
	assert_int_equal(hermes_u_ctl("latency", "fast"), -EINVAL);
	assert_int_equal(hermes_u_ctl("decay", "10"), -EINVAL);
	assert_int_equal(hermes_u_ctl("decay", "86401s"), -ERANGE);
	assert_int_equal(hermes_u_ctl("decay", "99999999999999999999s"), -ERANGE);
	assert_int_equal(hermes_u_ctl("decay", "5s"), 0);
	assert_int_equal(hermes_u_ctl("backend", "anon"), -EBUSY);
	assert_int_equal(hermes_u_ctl("stats_file", "off"), -EBUSY);
	assert_int_equal(hermes_u_ctl("reserve_min", "9999999G"), -ERANGE);
	assert_non_null(strstr(hermes_u_ctl_accepts("reserve_min"), "1024G"));
	assert_null(hermes_u_ctl_accepts("frobnicate"));
	hermes_u_status(&status);
	assert_int_equal(hermes_u_ctl("reserve_max", "8M"),
			 status.backend == HERMES_U_BACKEND_ANON ? -ENODEV : 0);
}

static void *hammer(void *arg)
{
	size_t i;

	for (i = 0; ; i++) {
		void *p = malloc(i % 7 ? 100 + i % 3000 : 50 * KIB);

		/* Something for the histograms of pages, too. */
		free(opaque(p));
	}
	return arg;
}

static int run_hammer(void)
{
	pthread_t thread;
	char c;
	int i;

	for (i = 0; i < 3; i++)
		pthread_create(&thread, NULL, hammer, NULL);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	return 0;
}

/* Says when the child has allocated; then waits for the end of stdin. */
static int run_fork(void)
{
	/* The child has it, too. */
	void *live = opaque(malloc(MIB));
	int fds[2];
	char c = 0;
	pid_t pid;

	hundred_large(NULL);
	if (pipe(fds))
		return 1;
	pid = fork();
	if (!pid) {
		hundred_large(NULL);
		if (write(fds[1], &c, 1) != 1)
			_exit(1);
		pause();
	}
	if (read(fds[0], &c, 1) != 1)
		return 1;
	dprintf(STDOUT_FILENO, "%d %d\n", (int)getpid(), (int)pid);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	kill(pid, SIGKILL);
	free(live);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_are_counted),
		cmocka_unit_test(small_are_counted),
		cmocka_unit_test(long_spans),
		cmocka_unit_test(sums_agree),
		cmocka_unit_test(sources),
		cmocka_unit_test(all_are_counted),
		cmocka_unit_test(off_is_off),
		cmocka_unit_test(threads_add_up),
		cmocka_unit_test(forks),
		cmocka_unit_test(percentiles),
		cmocka_unit_test(get_latency_edges),
		cmocka_unit_test(json_fits),
		cmocka_unit_test(xml),
		cmocka_unit_test(ctl),
	};

	if (argc == 2)
		return !strcmp(argv[1], "hammer") ? run_hammer() : run_fork();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
