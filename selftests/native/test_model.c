// SPDX-License-Identifier: GPL-2.0-only
/* The shadow model over the shared library; SEED=n repeats a run. */
#include "test.h"
#include <pthread.h>
#include "model.h"

static void run(const struct model_options *options)
{
	print_message("seed %#lx\n", (unsigned long)options->seed);
	assert_null(model_run(options));
}

static void small_sizes(void **state)
{
	(void)state;
	run(&(struct model_options){
		model_seed(), REPEAT(2000000), 5000, 32 * KIB, 512 * MIB, false,
	});
}

static void page_sizes(void **state)
{
	(void)state;
	run(&(struct model_options){ model_seed(), REPEAT(60000), 400, 2 * MIB, 256 * MIB, false });
}

static void all_sizes(void **state)
{
	(void)state;
	run(&(struct model_options){
		model_seed(), REPEAT(30000), 300, 64 * MIB, 512 * MIB, false,
	});
}

static void few_objects(void **state)
{
	(void)state;
	run(&(struct model_options){ model_seed(), REPEAT(500000), 3, 300 * KIB, 16 * MIB, false });
}

static void *thread(void *arg)
{
	struct model_options options = {
		(uintptr_t)arg, REPEAT(250000), 1000, MIB, 64 * MIB, false,
	};

	return (void *)model_run(&options);
}

static void in_threads(void **state)
{
	enum { THREADS = 6 };
	pthread_t threads[THREADS];
	uint64_t seed = model_seed();
	void *wrong;
	int i;

	(void)state;
	print_message("seed %#lx\n", (unsigned long)seed);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, thread,
						(void *)(seed + i * 977)), 0);
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_sizes),
		cmocka_unit_test(page_sizes),
		cmocka_unit_test(all_sizes),
		cmocka_unit_test(few_objects),
		cmocka_unit_test(in_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
