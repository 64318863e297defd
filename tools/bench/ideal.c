// SPDX-License-Identifier: GPL-2.0-only
/*
 * libideal.so - memory as it would be at best: no allocation ever faults.
 *
 * To be preloaded into a program that uses malloc() of glibc. Before main() begins, the heap is
 * grown by IDEAL_BYTES (such as 300M), all of it touched and locked, and is never given back. What
 * the program allocates later lies in there, until it holds more than that.
 */
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXIT_USAGE	2
#define GROWTH_BYTES	(16 << 20)

static void say(const char *message, const char *detail)
{
	dprintf(STDERR_FILENO, "libideal.so: %s: %s: %s\n", program_invocation_short_name, message,
		detail);
}

/* Bytes of a size such as 4096, 256K, 300M, 1G; 0 when it is none. */
static size_t parse_size(const char *text)
{
	static const char suffixes[] = "KMG";
	unsigned long long value;
	const char *suffix;
	int shift = 0;
	char *end;

	if (!text || *text < '0' || *text > '9')
		return 0;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (*end) {
		suffix = strchr(suffixes, *end);
		if (!suffix || end[1])
			return 0;
		shift = 10 * (int)(suffix - suffixes + 1);
	}
	return errno || value > (SIZE_MAX / 2) >> shift ? 0 : (size_t)value << shift;
}

static void keep_everything(void)
{
	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, -1); /* never */
	mallopt(M_TOP_PAD, 0); /* no more than what is touched below ... */
	mallopt(M_ARENA_MAX, 1);
}

static void touch_and_lock(char *block, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), offset;

	for (offset = 0; offset < size; offset += page)
		((volatile char *)block)[offset] = 0;
	((volatile char *)block)[size - 1] = 0;
	if (mlock(block, size))
		say("memory is touched but not locked", strerror(errno));
}

__attribute__((constructor))
static void prepare_heap(void)
{
	const char *text = getenv("IDEAL_BYTES");
	size_t size = parse_size(text);
	char *block;

	if (!size) {
		say("IDEAL_BYTES must be a size (such as 300M)", text ? text : "not set");
		_exit(EXIT_USAGE);
	}
	keep_everything();
	block = malloc(size);
	if (!block) {
		say("heap of IDEAL_BYTES", strerror(errno));
		_exit(EXIT_FAILURE);
	}
	touch_and_lock(block, size);
	free(block);
	/* ... but a program that needs more than that shall not ask for every page. */
	mallopt(M_TOP_PAD, GROWTH_BYTES);
}
