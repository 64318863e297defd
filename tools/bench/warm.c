// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli.h"
#include "warm.h"

#define PAGE_BYTES	4096
/* Written to clear_refs: forget the highest resident set so far; see proc(5). */
#define CLEAR_REFS_PEAK	"5"

/*
 * Reading counts: where the hypervisor keeps page tables of its own, the first access to a page
 * that the guest has mapped long ago still costs an exit (measured: 8 us).
 */
static void touch(const volatile char *p, size_t size)
{
	size_t offset;

	for (offset = 0; offset < size; offset += PAGE_BYTES)
		(void)p[offset];
}

void *map_populated(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED)
		die(errno, "%zu bytes of populated memory", size);
	touch(p, size);
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
