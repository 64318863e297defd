// SPDX-License-Identifier: GPL-2.0-only
/* Frees by other threads, threads that come and go, late destructors. */
#include "test.h"
#include <hermes-u.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include "model.h"

#define SLOTS	1024

struct block {
	size_t bytes;
	uint64_t check;
	unsigned char rest[];
};

static struct block *_Atomic slots[SLOTS];
static atomic_bool wrong;
static uint64_t seed;

static struct block *make(uint64_t *random)
{
	uint64_t r = model_random(random);
	size_t bytes = sizeof(struct block) + 1 + (r % 100 ? r % 3000 : r % 200000);
	struct block *b = malloc(bytes);

	b->bytes = bytes;
	b->check = (uintptr_t)b * 31 + bytes;
	((unsigned char *)b)[bytes - 1] = (unsigned char)bytes;
	return b;
}

static void unmake(struct block *b)
{
	if (!b)
		return;
	if (b->check != (uintptr_t)b * 31 + b->bytes ||
	    ((unsigned char *)b)[b->bytes - 1] != (unsigned char)b->bytes)
		wrong = true;
	free(b);
}

/* Put blocks into random slots and free what was there: mostly of others. */
static void replace_blocks(void *arg, int count)
{
	uint64_t random = (uintptr_t)arg;

	while (count--)
		unmake(atomic_exchange(&slots[model_random(&random) % SLOTS], make(&random)));
}

static void *storm(void *arg)
{
	replace_blocks(arg, REPEAT(400000));
	return NULL;
}

static void empty_slots(void)
{
	int i;

	for (i = 0; i < SLOTS; i++)
		unmake(atomic_exchange(&slots[i], NULL));
}

static void run_threads(void *(*body)(void *), int count)
{
	static uint64_t calls;
	pthread_t threads[64];
	int i;

	for (i = 0; i < count; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, body,
						(void *)(seed + ++calls * 7919)), 0);
	for (i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

static void cross_thread_storm(void **state)
{
	(void)state;
	run_threads(storm, 2);
	run_threads(storm, 7);
	empty_slots();
	assert_false(wrong);
}

static void *short_storm(void *arg)
{
	replace_blocks(arg, 2000);
	return NULL;
}

/* The same while threads end, and what they leave is adopted and taken over. */
static void storm_of_generations(void **state)
{
	pthread_t threads[8] = { 0 };
	int i;

	(void)state;
	for (i = 0; i < REPEAT(4000); i++) {
		pthread_t *thread = &threads[i % 8];

		if (i >= 8)
			pthread_join(*thread, NULL);
		assert_int_equal(pthread_create(thread, NULL, short_storm,
						(void *)(seed + (uint64_t)i * 7919)), 0);
	}
	for (i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	empty_slots();
	assert_false(wrong);
}

static atomic_bool storm_is_over;

static bool counts_on(uint64_t *before, uint64_t now)
{
	bool ok = now >= *before;

	*before = now;
	return ok;
}

/* Counters never go back, and what is in use is mapped. */
static void *look_and_trim(void *arg)
{
	uint64_t hits = 0, reuses = 0, misses = 0, given_back = 0;
	struct hermes_u_status status;
	struct hermes_u_stats stats;
	struct mallinfo2 info;

	while (!storm_is_over) {
		hermes_u_get_stats(&stats, sizeof(stats));
		if (!counts_on(&hits, stats.hits) || !counts_on(&reuses, stats.reuses) ||
		    !counts_on(&misses, stats.misses) ||
		    !counts_on(&given_back, stats.given_back_bytes) ||
		    stats.live_bytes > stats.mapped_bytes)
			wrong = true;
		hermes_u_status(&status);
		info = mallinfo2();
		if (!status.reason || info.uordblks > info.arena)
			wrong = true;
		malloc_trim(0);
		usleep(500);
	}
	return arg;
}

/* The functions of hermes-u.h, and malloc_trim(), while others allocate. */
static void reports_meanwhile(void **state)
{
	pthread_t observer;

	(void)state;
	storm_is_over = false;
	assert_int_equal(pthread_create(&observer, NULL, look_and_trim, NULL), 0);
	run_threads(storm, 3);
	storm_is_over = true;
	pthread_join(observer, NULL);
	empty_slots();
	assert_false(wrong);
}

static void *one_way_producer(void *arg)
{
	uint64_t random = (uintptr_t)arg;
	struct block *empty, *b;
	int i;

	for (i = 0; i < REPEAT(600000); i++) {
		b = make(&random);
		do
			empty = NULL;
		while (!atomic_compare_exchange_weak(&slots[i % SLOTS], &empty, b));
	}
	return NULL;
}

/* All of the producer's memory comes back from another thread. */
static void one_way(void **state)
{
	pthread_t producer;
	long before, after;
	int i = 0, got = 0;

	(void)state;
	before = status_kib("VmRSS");
	pthread_create(&producer, NULL, one_way_producer, (void *)seed);
	while (got < REPEAT(600000)) {
		struct block *b = atomic_exchange(&slots[i % SLOTS], NULL);

		if (b) {
			unmake(b);
			got++;
			i++;
		}
	}
	pthread_join(producer, NULL);
	after = status_kib("VmRSS");
	assert_false(wrong);
	assert_true(!RESIDENT_COUNTS || after - before < 128 * 1024);
}

static void *short_thread(void *arg)
{
	replace_blocks(arg, 8);
	return NULL;
}

/* Threads come and go, and leave blocks behind: nothing may be lost. */
static void thread_churn(void **state)
{
	struct hermes_u_stats stats;
	long before = 0, after;
	int i;

	(void)state;
	for (i = 0; i < REPEAT(50000); i++) {
		run_threads(short_thread, 2);
		if (i == REPEAT(5000))
			before = status_kib("VmRSS");
	}
	after = status_kib("VmRSS");
	empty_slots();
	assert_false(wrong);
	assert_true(!RESIDENT_COUNTS || after - before < 16 * 1024);
	hermes_u_get_stats(&stats, sizeof(stats));
	assert_true(stats.heaps < 64);
}

static void *leave_blocks(void *arg)
{
	struct block **list = arg;
	uint64_t random = (uintptr_t)arg | 1;
	int i;

	for (i = 0; i < 20000; i++)
		list[i] = make(&random);
	return NULL;
}

#define LEAVERS		8
#define LEFT_BY_ONE	20000

static size_t live_bytes(void)
{
	struct hermes_u_stats stats;

	hermes_u_get_stats(&stats, sizeof(stats));
	return stats.live_bytes;
}

/* Threads that have ended, and what they have left. */
static struct block ***left_behind(void)
{
	struct block ***lists = calloc(LEAVERS, sizeof(*lists));
	pthread_t threads[LEAVERS];
	int i;

	for (i = 0; i < LEAVERS; i++)
		lists[i] = calloc(LEFT_BY_ONE, sizeof(struct block *));
	for (i = 0; i < LEAVERS; i++)
		pthread_create(&threads[i], NULL, leave_blocks, lists[i]);
	for (i = 0; i < LEAVERS; i++)
		pthread_join(threads[i], NULL);
	return lists;
}

static void free_lists(struct block ***lists)
{
	int i, j;

	for (j = 0; j < LEFT_BY_ONE; j++)
		for (i = 0; i < LEAVERS; i++)
			unmake(lists[i][j]);
	for (i = 0; i < LEAVERS; i++)
		free(lists[i]);
	free(lists);
}

/* The blocks of ended threads are freed: their pages become free, too. */
static void orphans_are_released(void **state)
{
	size_t before = live_bytes(), with;
	struct block ***lists;

	(void)state;
	lists = left_behind();
	with = live_bytes();
	free_lists(lists);
	assert_true(with - before > 200 * MIB);
	assert_true((ssize_t)(live_bytes() - before) < (ssize_t)(2 * MIB));
	assert_false(wrong);
}

/* Of the blocks of ended threads some are freed: the others' gaps are used again. */
static void orphans_are_reused(void **state)
{
	size_t before = live_bytes(), with, after;
	uint64_t random = seed | 1;
	struct block ***lists;
	int i, j;

	(void)state;
	lists = left_behind();
	with = live_bytes();
	for (j = 0; j < LEFT_BY_ONE; j += 2)
		for (i = 0; i < LEAVERS; i++)
			unmake(lists[i][j]);
	for (j = 0; j < LEFT_BY_ONE; j += 2)
		for (i = 0; i < LEAVERS; i++)
			lists[i][j] = make(&random);
	after = live_bytes();
	free_lists(lists);
	assert_true(with - before > 200 * MIB);
	assert_true((ssize_t)(after - with) < (ssize_t)(with - before) / 10);
	malloc_trim(0);
	assert_true((ssize_t)(live_bytes() - before) < (ssize_t)(4 * MIB));
	assert_false(wrong);
}

#define GIVEN	100000

static void *given[GIVEN];

/* Frees every block of a residue class. */
static void *free_given(void *arg)
{
	int i;

	for (i = (int)(uintptr_t)arg; i < GIVEN; i += 40) {
		free(given[i]);
		given[i] = NULL;
	}
	return NULL;
}

static void free_in_thread(int residue)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, free_given, (void *)(uintptr_t)residue), 0);
	pthread_join(thread, NULL);
}

/* What other threads have freed, at once or bit by bit, malloc_trim() gives back. */
static void trim_finds_what_others_freed(void **state)
{
	struct hermes_u_stats before, with, after;
	int round, residue, i;

	(void)state;
	for (round = 0; round < 2; round++) {
		malloc_trim(0);
		hermes_u_get_stats(&before, sizeof(before));
		for (i = 0; i < GIVEN; i++)
			given[i] = malloc(1000);
		hermes_u_get_stats(&with, sizeof(with));
		for (residue = 0; residue < 40; residue++) {
			free_in_thread(residue);
			/* The owner sees the first of them, but it is not looked for again. */
			if (round)
				free(malloc(1000));
		}
		malloc_trim(0);
		hermes_u_get_stats(&after, sizeof(after));
		assert_true(with.live_bytes - before.live_bytes > 90 * MIB);
		assert_true(after.live_bytes < before.live_bytes + 2 * MIB);
	}
}

#define SPARSE	16

static void *sparse[SPARSE];

/* Blocks far from each other: each keeps 64 KiB in use. */
static void *make_sparse(void *arg)
{
	enum { EVERY = 64 };
	void **all = malloc(SPARSE * EVERY * sizeof(*all));
	int i;

	for (i = 0; i < SPARSE * EVERY; i++)
		all[i] = malloc(1024);
	for (i = 0; i < SPARSE * EVERY; i++) {
		if (i % EVERY == EVERY / 2)
			sparse[i / EVERY] = all[i];
		else
			free(all[i]);
	}
	free(all);
	return arg;
}

/* By somebody who gets such blocks, too, and could use these again. */
static void *free_sparse(void *arg)
{
	int i;

	free(opaque(malloc(1024)));
	for (i = 0; i < SPARSE; i++)
		free(sparse[i]);
	return arg;
}

/* What a thread keeps for itself of others' blocks goes when it trims, and when it ends. */
static void kept_blocks_are_released(void **state)
{
	void *(*const bodies[])(void *) = { make_sparse, free_sparse };
	struct hermes_u_stats before, with, after;
	pthread_t thread;
	int here, i;

	(void)state;
	for (here = 0; here < 2; here++) {
		malloc_trim(0);
		hermes_u_get_stats(&before, sizeof(before));
		for (i = 0; i < 2; i++) {
			if (i == here) {
				bodies[i](NULL);
			} else {
				pthread_create(&thread, NULL, bodies[i], NULL);
				pthread_join(thread, NULL);
			}
			if (!i)
				hermes_u_get_stats(&with, sizeof(with));
		}
		malloc_trim(0);
		hermes_u_get_stats(&after, sizeof(after));
		assert_true(with.live_bytes >= before.live_bytes + SPARSE * 64 * KIB);
		assert_true(after.live_bytes <= before.live_bytes + 256 * KIB);
	}
}

static pthread_key_t keys[40];
static atomic_int destroyed;

static void late_destructor(void *arg)
{
	int round = (int)(uintptr_t)arg, i;

	for (i = 0; i < 100; i++) {
		char *p = calloc(1, 100 + i);

		memset(p, 1, 100 + i);
		free(realloc(p, 5000 + i));
	}
	destroyed++;
	if (round < 3)
		pthread_setspecific(keys[0], (void *)(uintptr_t)(round + 1));
}

static void *with_keys(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < 40; i++)
		pthread_setspecific(keys[i], (void *)1);
	free(malloc(77));
	return NULL;
}

/* Destructors of thread-specific data may allocate, in every iteration. */
static void late_destructors(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 40; i++)
		assert_int_equal(pthread_key_create(&keys[i], late_destructor), 0);
	for (i = 0; i < 50; i++)
		run_threads(with_keys, 4);
	assert_true(destroyed >= 50 * 4 * 40);
	for (i = 0; i < 40; i++)
		pthread_key_delete(keys[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cross_thread_storm),
		cmocka_unit_test(storm_of_generations),
		cmocka_unit_test(reports_meanwhile),
		cmocka_unit_test(one_way),
		cmocka_unit_test(thread_churn),
		cmocka_unit_test(orphans_are_released),
		cmocka_unit_test(orphans_are_reused),
		cmocka_unit_test(trim_finds_what_others_freed),
		cmocka_unit_test(kept_blocks_are_released),
		cmocka_unit_test(late_destructors),
	};

	seed = model_seed();
	print_message("seed %#lx\n", (unsigned long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
