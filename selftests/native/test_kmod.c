// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kmod backend against a fake /dev/hermes, in this program linked with
 * the library's own objects. Each test is a child process with a new client.
 */
#define _GNU_SOURCE
#include "test.h"
#include <errno.h>
#include <hermes-u.h>
#include <linux/hermes.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include "arena.h"
#include "fake_dev.h"
#include "lock.h"
#include "model.h"

static char *executable;
static uint64_t seed;

static struct hermes_u_stats stats(void)
{
	struct hermes_u_stats s;

	hermes_u_get_stats(&s, sizeof(s));
	return s;
}

static int backend(void)
{
	struct hermes_u_status status;

	free(opaque(malloc(1)));
	hermes_u_status(&status);
	return status.backend;
}

/* What limited() asks for at a time, and what all else of it may take. */
#define LIMITED_BYTES	(100 * MIB)
#define LIMITED_OTHER	(64 * MIB)

#define CHECK(condition) check(condition, __LINE__, #condition)

static void check(bool ok, int line, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "# line %d: %s; seed %#lx\n", line, what, (unsigned long)seed);
	_exit(1);
}

static const char *wrong(void)
{
	if (fake_violation)
		fprintf(stderr, "# %s; seed %#lx\n", fake_violation, (unsigned long)seed);
	return fake_violation;
}

static int model(unsigned long steps)
{
	/* A sanitizer takes its time, and some cases need their volume. */
	unsigned long less = RESIDENT_COUNTS ? steps : steps / 3;
	struct model_options small = { seed, less * 4, 4000, 40 * KIB, 128 * MIB, false };
	struct model_options mixed = { seed + 1, less, 500, 4 * MIB, 256 * MIB, false };

	return model_run(&small) || model_run(&mixed) || wrong();
}

static void *model_thread(void *arg)
{
	struct model_options options = {
		(uintptr_t)arg, REPEAT(60000), 500, MIB, 64 * MIB, false,
	};

	return (void *)model_run(&options);
}

static int model_in_threads(void)
{
	enum { THREADS = 4 };
	pthread_t threads[THREADS];
	void *result;
	int i, ret = 0;

	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, model_thread, (void *)(seed + 10 + i));
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &result);
		ret |= !!result;
	}
	return ret || wrong();
}

/* Wait until the fake kernel has published something and finds nothing to do. */
static void wait_ready(void)
{
	uint64_t before;

	while (!fake_count.published)
		usleep(1000);
	/* The first may have been under way before. */
	before = fake_count.idle_rounds;
	while (fake_count.idle_rounds < before + 2)
		usleep(1000);
}

static int plain(void)
{
	CHECK(backend() == HERMES_U_BACKEND_KMOD);
	wait_ready();
	CHECK(!model(40000));
	CHECK(stats().hits > 0);
	CHECK(!model_in_threads());
	CHECK(fake_count.opens == 1);
	return 0;
}

/* A large object is served from many adjacent batches, all of them ready. */
static int large_from_batches(void)
{
	static unsigned char present[1024];
	uint64_t hits, i;
	char *p;

	CHECK(backend() == HERMES_U_BACKEND_KMOD);
	wait_ready();
	hits = stats().hits;
	p = calloc(1, 4 * MIB);
	CHECK(p && stats().hits == hits + 1);
	CHECK(!mincore(p, 4 * MIB, present));
	for (i = 0; i < 1024; i++)
		CHECK(present[i] & 1);
	for (i = 0; i < 4 * MIB; i++)
		CHECK(!p[i]);
	/* More than the reserve holds: nothing of it is used up in vain. */
	hits = stats().hits;
	free(opaque(malloc(100 * MIB)));
	CHECK(stats().hits == hits);
	CHECK(!wrong());
	return 0;
}

static int skips_and_take_backs(void)
{
	fake.skip_pct = 20;
	fake.take_back_pct = 10;
	fake.take_short_pct = 30;
	CHECK(backend() == HERMES_U_BACKEND_KMOD);
	CHECK(!model(40000) && !model_in_threads());
	CHECK(stats().hits > 0 && stats().holes_bytes > 0);
	CHECK(fake_count.taken_back > 0 && fake_count.skipped > 0);
	return 0;
}

/* What a process makes ready for itself when it begins. */
#define HITS_AT_START	2

/* Memory that was taken back is not used while the kernel still unmaps it. */
static int takes_back_slowly(void)
{
	enum { OBJECTS = 1000, BYTES = 256 * 1024 };
	static unsigned char *objects[OBJECTS];
	size_t i, j;

	/* So little that cold memory is used, too, and at once. */
	fake.target_bytes = MIB;
	fake.take_back_pct = 50;
	fake.slow_take_back = true;
	fake.take_error = ENOMEM;
	CHECK(backend() == HERMES_U_BACKEND_KMOD);
	for (i = 0; i < OBJECTS; i++) {
		objects[i] = malloc(BYTES);
		CHECK(objects[i]);
		memset(objects[i], (int)(i % 255 + 1), BYTES);
	}
	for (i = 0; i < OBJECTS; i++)
		for (j = 0; j < BYTES; j++)
			CHECK(objects[i][j] == i % 255 + 1);
	CHECK(fake_count.taken_back > 0 && stats().hits > HITS_AT_START && !wrong());
	return 0;
}

/* The ring is full of batches that were taken back: the reserve goes on after that. */
static int idle_for_long(void)
{
	unsigned long idle;
	uint64_t hits;

	CHECK(backend() == HERMES_U_BACKEND_KMOD);
	wait_ready();
	fake.take_back_pct = 100;
	idle = fake_count.idle_rounds;
	while (fake_count.idle_rounds < idle + 10)
		usleep(1000);
	fake.take_back_pct = 0;
	CHECK(fake_count.taken_back > 500);
	free(opaque(malloc(MIB)));
	wait_ready();
	hits = stats().hits;
	CHECK(!model(20000));
	CHECK(stats().hits > hits && !wrong());
	return 0;
}

/* Address space that was posted is not lost when the kernel skips it all. */
static int all_skipped(void)
{
	fake.skip_pct = 100;
	CHECK(backend() == HERMES_U_BACKEND_KMOD);
	CHECK(!model(40000));
	CHECK(stats().hits <= HITS_AT_START);
	CHECK(stats().holes_bytes > 64 * MIB);
	CHECK(stats().mapped_bytes <= (size_t)1 << 30);
	return 0;
}

static int dry(void)
{
	fake.dry = true;
	CHECK(backend() == HERMES_U_BACKEND_KMOD);
	CHECK(!model(20000));
	CHECK(stats().hits <= HITS_AT_START && stats().takes > 0 && fake_count.takes > 0);
	fake.take_error = ENOMEM;
	CHECK(!model(20000));
	fake.take_error = 0;
	fake.dry = false;
	wait_ready();
	CHECK(!model(20000));
	CHECK(stats().hits > HITS_AT_START);
	return 0;
}

/*
 * Batches that are published twice are not used twice. Nothing is given back
 * here: posted again, such a batch would be taken for the second posting's.
 */
static int published_twice(void)
{
	struct model_options options = {
		seed, 300000, 4000, MIB, 400 * MIB, .no_trim = true,
	};

	fake.bounce = true;
	CHECK(backend() == HERMES_U_BACKEND_KMOD);
	CHECK(!model_run(&options) && !wrong());
	CHECK(fake_count.bounced > 0 && stats().hits > 0 && !stats().given_back_bytes);
	return 0;
}

static int descriptor_lost(void)
{
	CHECK(backend() == HERMES_U_BACKEND_KMOD);
	CHECK(!model(10000));
	fake.dead_fd = true;
	CHECK(!model(30000) && !model_in_threads());
	return 0;
}

static int gives_back(void)
{
	enum { COUNT = 100 };
	char *p[COUNT];
	uint64_t gives;
	size_t i, j;

	fake.take_short_pct = 50;
	CHECK(backend() == HERMES_U_BACKEND_KMOD);
	for (i = 0; i < COUNT; i++) {
		p[i] = malloc(MIB);
		memset(p[i], 1, MIB);
	}
	gives = fake_count.gives;
	for (i = 0; i < COUNT; i++)
		free(p[i]);
	CHECK(malloc_trim(0) == 1);
	CHECK(fake_count.gives > gives);
	CHECK(stats().given_back_bytes >= COUNT * MIB);
	CHECK(stats().resident_free_bytes < MIB);
	for (i = 0; i < COUNT; i++) {
		p[i] = calloc(1, MIB);
		for (j = 0; j < MIB; j += 512)
			CHECK(!p[i][j]);
	}
	CHECK(!model(20000));
	return 0;
}

static int doorbells(void)
{
	int i;

	CHECK(backend() == HERMES_U_BACKEND_KMOD);
	wait_ready();
	for (i = 0; i < 200; i++)
		CHECK(malloc(50 * KIB));
	CHECK(fake_count.doorbells > 0 && stats().doorbells > 0);
	return 0;
}

/*
 * Where address space is limited, arenas are short, and a large request needs
 * one of its own: it gets it, whatever the reserve would like to have of it.
 */
static int limited(void)
{
	struct model_options little = { seed, 20000, 100, MIB, 16 * MIB, false };
	struct rlimit limit;
	rlim_t got;

	CHECK(!getrlimit(RLIMIT_AS, &limit) && limit.rlim_cur != RLIM_INFINITY);
	CHECK(backend() == HERMES_U_BACKEND_KMOD);
	for (got = 0; opaque(malloc(LIMITED_BYTES)); got += LIMITED_BYTES)
		;
	CHECK(limit.rlim_cur - got < LIMITED_BYTES + LIMITED_OTHER);
	CHECK(!model_run(&little) && !wrong());
	return 0;
}

/* However little address space is left, an arena is long enough for its request. */
static int arenas_made_to_measure(void)
{
	struct rlimit limit = { 0, RLIM_INFINITY };
	struct hu_arena *arena;
	uint32_t pages;

	CHECK(backend() == HERMES_U_BACKEND_KMOD);
	for (pages = 1; pages < 2400; pages++) {
		limit.rlim_cur = (rlim_t)status_kib("VmSize") * KIB + 12 * MIB;
		CHECK(!setrlimit(RLIMIT_AS, &limit));
		hu_lock(&hu_grow_lock);
		arena = hu_arena_create(pages);
		hu_unlock(&hu_grow_lock);
		CHECK(arena && arena->pages - arena->frontier >= pages);
		munmap(arena, arena->pages * HU_PAGE);
	}
	return 0;
}

static int bounds(void)
{
	size_t min = 0, max = 0;

	CHECK(backend() == HERMES_U_BACKEND_KMOD);
	CHECK(!hermes_u_reserve_get(&min, &max) && min == 4 * MIB && max == 64 * MIB);
	CHECK(!hermes_u_reserve_set(MIB + 1, 2 * MIB));
	CHECK(!hermes_u_reserve_get(&min, &max) && min == MIB + 4096 && max == 2 * MIB);
	CHECK(hermes_u_reserve_set(MIB, 65 * MIB) == -EDQUOT);
	CHECK(hermes_u_reserve_set(2, 1) == -EINVAL);
	CHECK(!hermes_u_reserve_set(0, 0));
	return 0;
}

static bool child(void *arg)
{
	uint64_t opens = fake_count.opens;
	int i;

	(void)arg;
	/* A child that hardly grows does not become a client ... */
	free(opaque(calloc(1, 100 * KIB)));
	CHECK(fake_count.opens == opens && backend() == HERMES_U_BACKEND_ANON);
	/* ... one that grows does. */
	fake_start();
	CHECK(!model(5000));
	/* More than was freed and is reused. */
	for (i = 0; i < 2000 && fake_count.opens == opens; i++)
		CHECK(malloc(50 * KIB));
	CHECK(fake_count.opens == opens + 1 && backend() == HERMES_U_BACKEND_KMOD);
	wait_ready();
	CHECK(!model(5000));
	/* More than was freed, so that it must be fresh. */
	for (i = 0; i < 2000 && !stats().hits; i++)
		CHECK(malloc(50 * KIB));
	return stats().hits > 0;
}

static bool quick_child(void *arg)
{
	(void)arg;
	return !model(1000);
}

static void *fork_and_allocate(void *arg)
{
	struct model_options options = {
		(uintptr_t)arg, REPEAT(200000), 500, 512 * KIB, 64 * MIB, false,
	};

	return (void *)model_run(&options);
}

static int forks(void)
{
	pthread_t threads[2];
	void *result;
	int i;

	CHECK(backend() == HERMES_U_BACKEND_KMOD);
	CHECK(!model(5000));
	CHECK(!in_child(child, NULL, -1));
	CHECK(!model(5000));
	fake.take_back_pct = 10;
	for (i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, fork_and_allocate, (void *)(seed + i));
	for (i = 0; i < 30; i++)
		CHECK(!in_child(quick_child, NULL, -1));
	for (i = 0; i < 2; i++) {
		pthread_join(threads[i], &result);
		CHECK(!result);
	}
	CHECK(!wrong() && backend() == HERMES_U_BACKEND_KMOD);
	return 0;
}

static int refused(void)
{
	struct hermes_u_status status;

	fake.open_error = EACCES;
	CHECK(backend() == HERMES_U_BACKEND_POPULATE);
	hermes_u_status(&status);
	CHECK(status.error == EACCES);
	CHECK(!model(5000));
	return 0;
}

static int other_version(void)
{
	struct hermes_u_status status;

	fake.abi_version = 2;
	CHECK(backend() == HERMES_U_BACKEND_POPULATE);
	hermes_u_status(&status);
	CHECK(status.error == EPROTO && strstr(status.reason, "version"));
	CHECK(!model(5000));
	return 0;
}

/* Whether batches are so long, and memory comes in them all the same. */
static int batches_of(unsigned int pages)
{
	CHECK(backend() == HERMES_U_BACKEND_KMOD);
	CHECK(fake_count.batch_pages == pages);
	wait_ready();
	CHECK(!model(20000));
	CHECK(stats().hits);
	return 0;
}

static int short_batches(void)
{
	return batches_of(HERMES_BATCH_PAGES_DEF);
}

static int long_batches(void)
{
	return batches_of(64);
}

static int wanted_batches(void)
{
	return batches_of(512);
}

static const struct {
	const char *name;
	int (*body)(void);
	bool late;	/* starts the fake's thread itself, if at all */
	rlim_t limit;	/* of address space; 0: none, RLIM_INFINITY: it sets one */
	const char *conf;
} cases[] = {
	{ "plain", plain, false, 0, "" },
	{ "large_from_batches", large_from_batches, false, 0, "" },
	{ "skips_and_take_backs", skips_and_take_backs, false, 0, "" },
	{ "takes_back_slowly", takes_back_slowly, false, 0, "" },
	{ "idle_for_long", idle_for_long, false, 0, "" },
	{ "all_skipped", all_skipped, false, 0, "" },
	{ "dry", dry, false, 0, "" },
	{ "published_twice", published_twice, false, 0, "" },
	{ "descriptor_lost", descriptor_lost, false, 0, "" },
	{ "gives_back", gives_back, false, 0, "" },
	{ "doorbells", doorbells, false, 0, "" },
	{ "bounds", bounds, false, 0, "" },
	{ "limited_512", limited, false, 512 * MIB, "" },
	{ "limited_200", limited, false, 200 * MIB, "" },
	{ "arenas_made_to_measure", arenas_made_to_measure, false, RLIM_INFINITY, "" },
	{ "forks", forks, false, 0, "" },
	{ "short_batches", short_batches, false, 0, "" },
	{ "long_batches", long_batches, false, 0, "reserve_min=40M" },
	{ "wanted_batches", wanted_batches, false, 0, "batch=2M" },
	{ "refused", refused, true, 0, "" },
	{ "other_version", other_version, true, 0, "" },
};

#define CASES	(sizeof(cases) / sizeof(*cases))

/* The environment says what to do, as the first allocation comes early. */
static int case_main(int i)
{
	seed = model_seed();
	return cases[i].body();
}

static void run_case(void **state)
{
	int i = *(const int *)*state, status;
	char number[8], conf[64];
	pid_t pid;

	snprintf(number, sizeof(number), "%d", i);
	pid = fork();
	if (!pid) {
		struct rlimit limit = { cases[i].limit, cases[i].limit };

		snprintf(conf, sizeof(conf), "decay=never,%s", cases[i].conf);
		setenv("HERMES_CONF", conf, 1);
		if (limit.rlim_cur && limit.rlim_cur != RLIM_INFINITY)
			setrlimit(RLIMIT_AS, &limit);
		execl(executable, executable, number, NULL);
		_exit(126);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Before any allocation of libc's start-up code. */
static void early(int argc, char **argv)
{
	int i = argc > 1 ? atoi(argv[1]) : -1;

	if (i < 0)
		fake.open_error = ENOENT;
	else if (!strcmp(cases[i].name, "refused"))
		fake.open_error = EACCES;
	else if (!strcmp(cases[i].name, "other_version"))
		fake.abi_version = 2;
	else if (!strcmp(cases[i].name, "all_skipped"))
		fake.skip_pct = 100;
	else if (!strcmp(cases[i].name, "dry"))
		fake.dry = true;
}

__attribute__((section(".preinit_array"), used))
static void (*const early_entry)(int, char **) = early;

int main(int argc, char **argv)
{
	struct CMUnitTest tests[CASES];
	static int numbers[CASES];
	size_t i, count = 0;

	if (argc > 1) {
		if (!cases[atoi(argv[1])].late)
			fake_start();
		return case_main(atoi(argv[1]));
	}
	executable = argv[0];
	for (i = 0; i < CASES; i++) {
		/* A sanitizer's own memory is larger than any limit. */
		if (cases[i].limit && !RESIDENT_COUNTS)
			continue;
		numbers[i] = (int)i;
		tests[count++] = (struct CMUnitTest){
			cases[i].name, run_case, NULL, NULL, &numbers[i]
		};
	}
	return _cmocka_run_group_tests("tests", tests, count, NULL, NULL);
}
