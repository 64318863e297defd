// SPDX-License-Identifier: GPL-2.0-only
/* Libraries that are loaded and unloaded, and what they leave behind. */
#define _GNU_SOURCE
#include "test.h"
#include <dlfcn.h>
#include <pthread.h>
#include "plugin.h"

struct plugin {
	void *handle;
	__typeof__(plugin_string) *string;
	__typeof__(plugin_use_thread) *use_thread;
};

static const char *path;
static struct plugin_counters counters;

static struct plugin load(int flags)
{
	struct plugin plugin = { dlopen(path, RTLD_NOW | flags), NULL, NULL };
	__typeof__(plugin_start) *start;

	if (!plugin.handle)
		abort();
	*(void **)&start = dlsym(plugin.handle, "plugin_start");
	*(void **)&plugin.string = dlsym(plugin.handle, "plugin_string");
	*(void **)&plugin.use_thread = dlsym(plugin.handle, "plugin_use_thread");
	start(&counters);
	return plugin;
}

static int reset(void **state)
{
	(void)state;
	counters = (struct plugin_counters){ 0 };
	return 0;
}

static void loads_and_unloads(void **state)
{
	enum { COUNT = 300 };
	static char *left[COUNT];
	struct plugin plugin;
	int i;

	(void)state;
	for (i = 0; i < COUNT; i++) {
		plugin = load(0);
		left[i] = plugin.string(1 + i * 300);
		assert_int_equal(dlclose(plugin.handle), 0);
		assert_int_equal(counters.unloaded, i + 1);
	}
	for (i = 0; i < COUNT; i++) {
		assert_int_equal(left[i][i * 300], 's');
		free(left[i]);
	}
	assert_int_equal(counters.wrong, 0);
}

static void *user(void *arg)
{
	struct plugin plugin = load(0);

	plugin.use_thread();
	free(plugin.string(1000));
	/* The destructor of this thread keeps it loaded. */
	dlclose(plugin.handle);
	return arg;
}

/* Its thread-local memory goes with each thread, and so does the plugin. */
static void threads_end(void **state)
{
	enum { ROUNDS = 1000, THREADS = 4 };
	pthread_t threads[THREADS];
	struct plugin plugin;
	long before = 0;
	int i, j;

	(void)state;
	for (i = 0; i < ROUNDS; i++) {
		for (j = 0; j < THREADS; j++)
			assert_int_equal(pthread_create(&threads[j], NULL, user, NULL), 0);
		for (j = 0; j < THREADS; j++)
			pthread_join(threads[j], NULL);
		/* Nobody's destructor is left: this one unloads it. */
		plugin = load(0);
		assert_int_equal(dlclose(plugin.handle), 0);
		assert_int_equal(counters.unloaded, i + 1);
		if (i == ROUNDS / 10)
			before = status_kib("VmRSS");
	}
	assert_int_equal(counters.ended, ROUNDS * THREADS);
	assert_int_equal(counters.wrong, 0);
	assert_true(status_kib("VmRSS") - before < 16 * 1024);
}

/* A plugin that prefers libc's malloc to the program's: its memory is freed by ours. */
static void of_its_own_mind(void **state)
{
	struct plugin plugin = load(RTLD_DEEPBIND);
	char *small = plugin.string(100), *large = plugin.string(MIB);

	(void)state;
	small = realloc(small, 200000);
	assert_int_equal(small[99], 's');
	assert_int_equal(large[MIB - 1], 's');
	free(small);
	free(large);
	assert_int_equal(dlclose(plugin.handle), 0);
	assert_int_equal(counters.unloaded, 1);
	assert_int_equal(counters.wrong, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(loads_and_unloads, reset),
		cmocka_unit_test_setup(threads_end, reset),
		cmocka_unit_test_setup(of_its_own_mind, reset),
	};

	if (argc != 2)
		return 2;
	path = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
