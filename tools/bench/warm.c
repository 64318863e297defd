// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli.h"
#include "warm.h"

/* Written to clear_refs: forget the highest resident set so far; see proc(5). */
#define CLEAR_REFS_PEAK	"5"

void *map_populated(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED)
		die(errno, "%zu bytes of populated memory", size);
	return p;
}

static void reset_peak(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, CLEAR_REFS_PEAK, strlen(CLEAR_REFS_PEAK)) < 0)
		die(errno, "/proc/self/clear_refs");
	close(fd);
}

void warm_memory(size_t size)
{
	void *p;

	if (!size)
		return;
	p = map_populated(size);
	memset(p, 0x5a, size);
	munmap(p, size);
	reset_peak();
}
