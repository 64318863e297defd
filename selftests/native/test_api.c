// SPDX-License-Identifier: GPL-2.0-only
/* Every function of the library: results, errno, corner cases. */
#define _GNU_SOURCE
#include "test.h"
#include <errno.h>
#include <hermes-u.h>
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>

void free_sized(void *p, size_t bytes);
void free_aligned_sized(void *p, size_t align, size_t bytes);

static bool all_zero(const char *p, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes; i++)
		if (p[i])
			return false;
	return true;
}

static void ours(void **state)
{
	struct hermes_u_status status;
	struct hermes_u_stats stats;

	(void)state;
	assert_string_equal(hermes_u_version(), "0.1.0");
	free(opaque(malloc(1)));
	hermes_u_status(&status);
	assert_int_not_equal(status.backend, HERMES_U_BACKEND_NONE);
	assert_non_null(status.reason);
	hermes_u_get_stats(&stats, sizeof(stats));
	assert_true(stats.live_bytes > 0);
	assert_true(stats.mapped_bytes >= stats.live_bytes);
	assert_true(stats.heaps >= 1);
}

static void size_zero(void **state)
{
	void *p = malloc(opaque((size_t)0)), *q = malloc(opaque((size_t)0));

	(void)state;
	assert_non_null(p);
	assert_non_null(q);
	assert_ptr_not_equal(p, q);
	free(p);
	free(q);
	free(opaque((void *)NULL));
	p = calloc(opaque((size_t)0), 7);
	assert_non_null(p);
	free(p);
}

static void refuses(void *p)
{
	assert_null(p);
	assert_int_equal(errno, ENOMEM);
	errno = 0;
}

static void too_large(void **state)
{
	static const size_t sizes[] = {
		SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 4095, SIZE_MAX / 2 + 1, PTRDIFF_MAX,
		(size_t)PTRDIFF_MAX + 1, (size_t)PTRDIFF_MAX - 4096, (size_t)1 << 50,
	};
	void *p = malloc(100), *out = &out;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		size_t bytes = opaque(sizes[i] + 0);

		errno = 0;
		refuses(malloc(bytes));
		refuses(calloc(1, bytes));
		refuses(calloc(bytes, 1));
		refuses(realloc(NULL, bytes));
		refuses(realloc(opaque(p), bytes));
		refuses(reallocarray(opaque(p), 1, bytes));
		refuses(aligned_alloc(4096, bytes));
		refuses(memalign(64, bytes));
		refuses(valloc(bytes));
		refuses(pvalloc(bytes));
		assert_int_equal(posix_memalign(&out, 64, bytes), ENOMEM);
		assert_ptr_equal(out, &out);
		assert_int_equal(errno, 0);
	}
	refuses(calloc(opaque(SIZE_MAX / 4), 5));
	refuses(calloc(opaque((size_t)1 << 32), (size_t)1 << 32));
	refuses(reallocarray(opaque(p), opaque((size_t)1 << 33), (size_t)1 << 31));
	refuses(reallocarray(NULL, opaque(SIZE_MAX), 2));
	refuses(aligned_alloc(opaque((size_t)1 << 62), 1));
	refuses(memalign(opaque((size_t)1 << 63), 1));
	free(p);
}

static void bad_alignment(void **state)
{
	void *out = &out;
	static const size_t bad[] = { 0, 1, 2, 4, 3, 12, 24, 4095 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(posix_memalign(&out, opaque(bad[i] + 0), 10), EINVAL);
		assert_ptr_equal(out, &out);
	}
	errno = 0;
	assert_null(aligned_alloc(opaque((size_t)24), 48));
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_null(aligned_alloc(opaque((size_t)0), 48));
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_null(memalign(opaque(SIZE_MAX / 2 + 2), 48));
	assert_int_equal(errno, EINVAL);
	/* memalign() rounds the alignment up, as glibc does. */
	out = opaque(memalign(opaque((size_t)48), 10));
	assert_int_equal((uintptr_t)out % 64, 0);
	free(out);
}

static void alignments(void **state)
{
	size_t align, bytes;

	(void)state;
	for (align = 8; align <= 64 * MIB; align *= 2)
		for (bytes = 1; bytes <= 4 * MIB; bytes = bytes * 3 + 1) {
			char *p = NULL;

			assert_int_equal(posix_memalign((void **)&p, align, bytes), 0);
			assert_int_equal((uintptr_t)p % align, 0);
			assert_true(malloc_usable_size(p) >= bytes);
			p[0] = 1;
			p[bytes - 1] = 1;
			free_aligned_sized(p, align, bytes);
		}
}

static void huge_alignment(void **state)
{
	/* opaque: the compiler believes in alignments that it was promised. */
	char *p = opaque(aligned_alloc((size_t)2 << 30, 100));

	(void)state;
	assert_non_null(p);
	assert_int_equal((uintptr_t)p % ((size_t)2 << 30), 0);
	p[99] = 1;
	free(p);
}

static void page_functions(void **state)
{
	char *p = valloc(1), *q = pvalloc(1), *r = pvalloc(4097), *s = pvalloc(0);

	(void)state;
	assert_int_equal((uintptr_t)p % 4096, 0);
	assert_int_equal((uintptr_t)q % 4096, 0);
	assert_true(malloc_usable_size(q) >= 4096);
	assert_true(malloc_usable_size(r) >= 8192);
	assert_true(malloc_usable_size(s) >= 4096);
	assert_int_equal(malloc_usable_size(NULL), 0);
	free(p);
	free(q);
	free(r);
	free(s);
}

static void waste_is_bounded(void **state)
{
	size_t bytes;

	(void)state;
	for (bytes = 1; bytes <= MIB; bytes += 1 + bytes / 64) {
		void *p = malloc(bytes);
		size_t usable = malloc_usable_size(p);

		assert_true(usable >= bytes);
		if (bytes >= 128)
			assert_true((usable - bytes) * 8 <= usable);
		else
			assert_true(usable - bytes < 16);
		free(p);
	}
}

static void realloc_to_zero(void **state)
{
	void *p = malloc(100);

	(void)state;
	assert_null(realloc(p, opaque((size_t)0)));
	p = malloc(MIB);
	assert_null(realloc(p, opaque((size_t)0)));
}

static void realloc_sequence(void **state)
{
	static const size_t sizes[] = {
		1, 16, 17, 100, 4000, 33000, 100000, 70000, MIB, 9 * MIB, 600 * MIB, 700 * MIB,
		520 * MIB, 90 * MIB, 32 * KIB, 20, 1,
	};
	unsigned char *p = NULL;
	size_t i, had = 0, kept;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		p = realloc(p, sizes[i]);
		assert_non_null(p);
		kept = had < sizes[i] ? had : sizes[i];
		if (kept) {
			assert_int_equal(p[0], 0xa5);
			assert_int_equal(p[kept / 2], kept / 2 ? p[kept / 2] : 0xa5);
		}
		if (had && had <= sizes[i])
			assert_int_equal(p[had - 1], had == 1 ? 0xa5 : 0x5a);
		p[sizes[i] - 1] = 0x5a;
		p[0] = 0xa5;
		had = sizes[i];
	}
	free(p);
}

/* A buffer that grows by little must not be copied every time. */
static void realloc_growth(void **state)
{
	size_t bytes, moves = 0;
	char *p = malloc(64 * KIB), *q;

	(void)state;
	for (bytes = 64 * KIB; bytes < 64 * MIB; bytes += 64 * KIB) {
		uintptr_t before = (uintptr_t)p;

		q = realloc(p, bytes);
		assert_non_null(q);
		moves += (uintptr_t)q != before;
		p = q;
	}
	free(p);
	assert_true(moves < 100);
}

static void calloc_of_recycled(void **state)
{
	static const size_t sizes[] = { 16, 100, 1024, 5000, 32768, 40000, 300000, 5 * MIB };
	size_t i, round;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (round = 0; round < 20; round++) {
			char *p = calloc(1, sizes[i]);

			assert_non_null(p);
			assert_true(all_zero(p, sizes[i]));
			memset(p, 0xff, malloc_usable_size(p));
			free(opaque(p));
			if (round % 5 == 4)
				malloc_trim(0);
		}
}

static void trim_gives_back(void **state)
{
	enum { COUNT = 64 };
	struct hermes_u_stats stats;
	char *p[COUNT];
	long before, with, after;
	int i;

	(void)state;
	malloc_trim(0);
	before = status_kib("VmRSS");
	for (i = 0; i < COUNT; i++) {
		p[i] = malloc(MIB);
		memset(p[i], 1, MIB);
	}
	with = status_kib("VmRSS");
	for (i = 0; i < COUNT; i++)
		free(p[i]);
	assert_int_equal(malloc_trim(0), 1);
	after = status_kib("VmRSS");
	assert_true(!RESIDENT_COUNTS || with - before >= 60 * 1024);
	assert_true(!RESIDENT_COUNTS || after - before < 8 * 1024);
	hermes_u_get_stats(&stats, sizeof(stats));
	assert_true(stats.given_back_bytes >= 60 * MIB);
	/* The background thread may have been at work. */
	for (i = 0; i < 1000 && malloc_trim(0); i++)
		;
	assert_int_equal(malloc_trim(0), 0);
}

static void freed_memory_is_reused(void **state)
{
	char *p = malloc(3 * MIB);
	uintptr_t first = (uintptr_t)p;
	int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		free(p);
		p = malloc(3 * MIB);
		assert_int_equal((uintptr_t)p, first);
	}
	free(p);
}

static void reports(void **state)
{
	struct mallinfo2 before = mallinfo2(), with;
	void *p = malloc(10 * MIB);
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	with = mallinfo2();
	assert_true(with.uordblks >= before.uordblks + 10 * MIB);
	free(p);
	assert_int_equal(malloc_info(0, f), 0);
	assert_int_equal(malloc_info(1, f), EINVAL);
	fclose(f);
	assert_non_null(strstr(text, "live_bytes="));
	assert_int_equal(strncmp(text, "<malloc", 7), 0);
	free(text);
}

static void stats_of_other_sizes(void **state)
{
	struct {
		struct hermes_u_stats stats;
		uint64_t newer;
	} larger = { .newer = 7 };
	uint64_t two[3] = { 7, 7, 7 };

	(void)state;
	hermes_u_get_stats(&larger.stats, sizeof(larger));
	assert_int_equal(larger.newer, 0);
	hermes_u_get_stats((void *)two, 2 * sizeof(uint64_t));
	assert_int_equal(two[2], 7);
}

/* Where there is a reserve it has bounds, else that is said. */
static void reserve_bounds(void **state)
{
	struct hermes_u_status status;
	size_t min = 1, max = 1;

	(void)state;
	assert_int_equal(hermes_u_reserve_set(2, 1), -EINVAL);
	hermes_u_status(&status);
	if (status.backend != HERMES_U_BACKEND_ANON) {
		assert_int_equal(hermes_u_reserve_get(&min, &max), 0);
		assert_true(min <= max && max >= MIB);
		return;
	}
	assert_int_equal(hermes_u_reserve_set(MIB, 2 * MIB), -ENODEV);
	assert_int_equal(hermes_u_reserve_get(&min, &max), -ENODEV);
	assert_int_equal(min, 0);
	assert_int_equal(max, 0);
}

/* Dies by SIGABRT with one line on stderr that names the library. */
static void assert_fatal(bool (*body)(void *), void *arg)
{
	char text[300] = "";
	int fds[2], status;

	assert_int_equal(pipe(fds), 0);
	status = in_child(body, arg, fds[1]);
	close(fds[1]);
	assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
	close(fds[0]);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static bool free_twice(void *arg)
{
	void *p = malloc(*(size_t *)arg);

	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	free(opaque(p));
	free(opaque(p));
	return true;
}

static bool free_inside(void *arg)
{
	char *p = malloc(*(size_t *)arg);

	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	free(opaque(p + 4096));
	return true;
}

static void bad_frees(void **state)
{
	size_t small = 100, large = 100 * KIB;

	(void)state;
	assert_fatal(free_twice, &small);
	assert_fatal(free_twice, &large);
	assert_fatal(free_inside, &large);
}

/* With misuse=report the program goes on, and nothing is handed out twice. */
static bool survive_bad_frees(void *arg)
{
	char *small = malloc(100), *large = malloc(100 * KIB), *p[2];
	bool ok = true;
	int i;

	(void)arg;
	if (hermes_u_ctl("misuse", "report"))
		return false;
	for (i = 0; i < 20; i++)
		free(opaque(large + 4096));
	errno = 0;
	ok = !realloc(opaque(large + 4096), 10) && errno == EINVAL;
	free(opaque(small));
	free(opaque(small));
	free(opaque(large));
	free(opaque(large));
	for (i = 0; i < 2; i++)
		p[i] = malloc(100);
	ok = ok && p[0] != p[1];
	for (i = 0; i < 2; i++)
		p[i] = malloc(100 * KIB);
	return ok && p[0] != p[1];
}

static void reported_bad_frees(void **state)
{
	char text[2000] = "";
	int fds[2], status, lines = 0;
	char *line;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	status = in_child(survive_bad_frees, NULL, fds[1]);
	close(fds[1]);
	assert_int_equal(status, 0);
	assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
	close(fds[0]);
	for (line = text; (line = strchr(line, '\n')); line++)
		lines++;
	assert_int_equal(lines, 10);
	assert_int_equal(strncmp(text, "hermes-u: free(): ", 18), 0);
}

/* What libc's own malloc gave out (RTLD_DEEPBIND) goes back to libc. */
extern void *__libc_malloc(size_t bytes);

static void foreign_pointers(void **state)
{
	char *p = __libc_malloc(1000), *q = __libc_malloc(1000);

	(void)state;
	strcpy(q, "content");
	free(opaque(p));
	q = realloc(q, 100000);
	assert_string_equal(q, "content");
	free(q);
}

static void many_huge(void **state)
{
	char *p[6];
	int i;

	(void)state;
	for (i = 0; i < 6; i++) {
		p[i] = malloc((size_t)(513 + i) << 20);
		assert_non_null(p[i]);
		p[i][0] = 1;
		p[i][((size_t)(513 + i) << 20) - 1] = 1;
	}
	for (i = 0; i < 6; i++)
		free_sized(p[i], (size_t)(513 + i) << 20);
	p[0] = calloc(1, 600 * MIB);
	assert_int_equal(p[0][300 * MIB], 0);
	free(p[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ours),
		cmocka_unit_test(size_zero),
		cmocka_unit_test(too_large),
		cmocka_unit_test(bad_alignment),
		cmocka_unit_test(alignments),
		cmocka_unit_test(huge_alignment),
		cmocka_unit_test(page_functions),
		cmocka_unit_test(waste_is_bounded),
		cmocka_unit_test(realloc_to_zero),
		cmocka_unit_test(realloc_sequence),
		cmocka_unit_test(realloc_growth),
		cmocka_unit_test(calloc_of_recycled),
		cmocka_unit_test(trim_gives_back),
		cmocka_unit_test(freed_memory_is_reused),
		cmocka_unit_test(reports),
		cmocka_unit_test(stats_of_other_sizes),
		cmocka_unit_test(reserve_bounds),
		cmocka_unit_test(bad_frees),
		cmocka_unit_test(reported_bad_frees),
		cmocka_unit_test(foreign_pointers),
		cmocka_unit_test(many_huge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
