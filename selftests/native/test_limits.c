// SPDX-License-Identifier: GPL-2.0-only
/* Where memory is limited: RLIMIT_AS, RLIMIT_DATA, locked memory. */
#define _GNU_SOURCE
#include "test.h"
#include <errno.h>
#include <hermes-u.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include "model.h"

#define LIMIT		(400 * MIB)
/* Little more than what a program with its libraries has mapped anyway. */
#define LITTLE		(80 * MIB)

static char *executable;

/* In a new program, so that the limit holds from its first allocation on. */
static int run_limited(const char *what)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		rlim_t most = strstr(what, "little") ? LITTLE : LIMIT;
		struct rlimit limit = { most, most };

		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		setrlimit(strstr(what, "data") ? RLIMIT_DATA : RLIMIT_AS, &limit);
		execl(executable, executable, what, NULL);
		_exit(126);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* Exhaust memory with blocks of one size, free all, and do it again. */
static int exhaust(size_t bytes, size_t least)
{
	struct link { struct link *next; } *list, *b;
	size_t got;
	int round;

	for (round = 0; round < 3; round++) {
		list = NULL;
		errno = 0;
		for (got = 0; (b = malloc(bytes)); got += bytes) {
			b->next = list;
			list = b;
		}
		if (errno != ENOMEM || got < least) {
			fprintf(stderr, "# %zu bytes a block: got %zu MiB, errno %d\n", bytes,
				got / MIB, errno);
			return 1;
		}
		for (; list; list = b) {
			b = list->next;
			free(list);
		}
	}
	return 0;
}

/* Started by hand, without a limit, it would take all memory of the machine. */
static bool is_limited(void)
{
	struct rlimit as, data;

	return !getrlimit(RLIMIT_AS, &as) && !getrlimit(RLIMIT_DATA, &data) &&
	       (as.rlim_cur <= LIMIT || data.rlim_cur <= LIMIT);
}

static int limited_main(const char *what)
{
	struct model_options options = { 4711, 100000, 1000, MIB, 48 * MIB, false };
	struct model_options little = { 4712, 100000, 1000, 256 * KIB, 8 * MIB, false };
	size_t page = 4096;

	if (!is_limited())
		return 2;
	if (!strcmp(what, "model"))
		return model_run(&options) ? 1 : 0;
	if (!strcmp(what, "small"))
		return exhaust(100, 200 * MIB);
	if (!strcmp(what, "large"))
		return exhaust(3 * MIB, 200 * MIB);
	if (!strcmp(what, "huge"))
		return exhaust(100 * MIB, 200 * MIB);
	if (!strcmp(what, "mixed"))
		return exhaust(32 * KIB, 200 * MIB) || exhaust(50 * page, 150 * MIB) ||
		       exhaust(5000, 150 * MIB);
	if (!strcmp(what, "data"))
		return model_run(&options) ? 1 : 0;
	if (!strcmp(what, "data full"))
		return exhaust(100, 200 * MIB) || exhaust(3 * MIB, 200 * MIB);
	if (strstr(what, "little"))
		return model_run(&little) || exhaust(1000, 8 * MIB);
	return 2;
}

static void limited(void **state)
{
	assert_int_equal(run_limited(*state), 0);
}

static bool locked(void *arg)
{
	struct model_options options = { 5, 20000, 200, 256 * KIB, 4 * MIB, false };
	int i;

	(void)arg;
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		return true;
	/* A locked process must not hold the whole arena in memory. */
	if (status_kib("VmRSS") > 300 * 1024)
		return false;
	for (i = 0; i < 20; i++) {
		char *p = calloc(1, 2 * MIB);

		if (p[MIB])
			return false;
		memset(p, 1, 2 * MIB);
		free(p);
		malloc_trim(0);
	}
	return !model_run(&options);
}

/* Locked pages cannot be given back, and still calloc() returns zeroes. */
static void locked_memory(void **state)
{
	(void)state;
	assert_int_equal(in_child(locked, NULL, -1), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		{ "limited address space: model", limited, NULL, NULL, "model" },
		{ "limited address space: small blocks", limited, NULL, NULL, "small" },
		{ "limited address space: large objects", limited, NULL, NULL, "large" },
		{ "limited address space: huge objects", limited, NULL, NULL, "huge" },
		{ "limited address space: one size after the other", limited, NULL, NULL, "mixed" },
		{ "limited data segment", limited, NULL, NULL, "data" },
		{ "limited data segment: exhausted", limited, NULL, NULL, "data full" },
		{ "little address space", limited, NULL, NULL, "little" },
		{ "little data segment", limited, NULL, NULL, "little data" },
		cmocka_unit_test(locked_memory),
	};

	if (argc > 1)
		return limited_main(argv[1]);
	executable = argv[0];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
