// SPDX-License-Identifier: GPL-2.0-only
/*
 * Allocates in its constructor, for each thread that uses it (a destructor as
 * of a C++ thread_local, and thread-local memory that libc allocates), and in
 * all its destructors.
 */
#include <stdlib.h>
#include <string.h>
#include "plugin.h"

#define BLOCKS	100

/* What C++ compilers call for a thread_local with a destructor. */
int __cxa_thread_atexit_impl(void (*destroy)(void *), void *object, void *library);
extern void *__dso_handle;

static struct plugin_counters *counters;
static char *blocks[BLOCKS];
static __thread char local[60000];

static __attribute__((constructor)) void load(void)
{
	size_t i;

	for (i = 0; i < BLOCKS; i++) {
		blocks[i] = calloc(1, 1 + i * 500);
		memset(blocks[i], (int)i, 1 + i * 500);
	}
}

static __attribute__((destructor)) void unload(void)
{
	int wrong = 0;
	size_t i;

	for (i = 0; i < BLOCKS; i++) {
		blocks[i] = realloc(blocks[i], 100000);
		wrong |= blocks[i][0] != (char)i || blocks[i][i * 500] != (char)i;
		free(blocks[i]);
	}
	if (wrong)
		counters->wrong++;
	else
		counters->unloaded++;
}

void plugin_start(struct plugin_counters *program)
{
	counters = program;
}

/* The caller's to free, also after the plugin has gone. */
char *plugin_string(size_t bytes)
{
	char *p = malloc(bytes);

	memset(p, 's', bytes);
	return p;
}

static void end_thread(void *arg)
{
	char *p = calloc(1, 5000);

	if (strcmp(arg, "thread") || p[4999] || local[59999] != 7)
		counters->wrong++;
	else
		counters->ended++;
	free(p);
	free(arg);
}

void plugin_use_thread(void)
{
	memset(local, 7, sizeof(local));
	__cxa_thread_atexit_impl(end_thread, strdup("thread"), &__dso_handle);
}
