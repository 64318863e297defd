/* SPDX-License-Identifier: GPL-2.0-only */
/* cmocka, and what every test program here needs. */
#ifndef TEST_H
#define TEST_H

/* cmocka.h needs these four before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define KIB	((size_t)1 << 10)
#define MIB	((size_t)1 << 20)

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/*
 * Under a sanitizer (hut.h) all takes longer: fewer repetitions do. And its own
 * memory is resident, too: that of the process says nothing.
 */
#ifdef HUT_H
#define REPEAT(n)	((n) / 10)
#define RESIDENT_COUNTS	false
#else
#define REPEAT(n)	(n)
#define RESIDENT_COUNTS	true
#endif

/*
 * The allocator of AddressSanitizer, which every new thread needs, may be
 * locked for ever in a child of a process with threads.
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define THREADS_AFTER_FORK	false
#endif
#endif
#ifndef THREADS_AFTER_FORK
#define THREADS_AFTER_FORK	true
#endif

/* Hides a pointer or a size from the compiler, which knows malloc too well. */
#define opaque(x) ({							\
	__auto_type opaque_ = (x);					\
	__asm__ volatile("" : "+r"(opaque_));				\
	opaque_;							\
})

/*
 * Run @body in a child. Its wait status: 0 when it returned true. The child's
 * stderr is @err_fd when that is not negative.
 */
static inline int in_child(bool (*body)(void *), void *arg, int err_fd)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		if (err_fd >= 0)
			dup2(err_fd, STDERR_FILENO);
		_exit(body(arg) ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* A field of /proc/self/status in KiB, such as "VmRSS". */
static inline long status_kib(const char *field)
{
	char line[256];
	long value = -1;
	size_t len = strlen(field);
	FILE *f = fopen("/proc/self/status", "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, field, len) && line[len] == ':')
			value = strtol(line + len + 1, NULL, 10);
	fclose(f);
	return value;
}

#endif /* TEST_H */
