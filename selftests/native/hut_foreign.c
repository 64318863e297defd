// SPDX-License-Identifier: GPL-2.0-only
/* What the library under a sanitizer gets where it believes to call libc; see hut.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

void *hut_foreign_malloc(size_t bytes);
void hut_foreign_free(void *p);
void *hut_foreign_realloc(void *p, size_t bytes);
void *hut_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset);

void *hut_foreign_malloc(size_t bytes)
{
	return malloc(bytes);
}

void hut_foreign_free(void *p)
{
	free(p);
}

void *hut_foreign_realloc(void *p, size_t bytes)
{
	return realloc(p, bytes);
}

/*
 * For ThreadSanitizer, which has most of the address space for itself: no
 * place is free but where the kernel (by its leave) puts a mapping.
 */
void *hut_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	if (flags & MAP_FIXED_NOREPLACE) {
		errno = EEXIST;
		return MAP_FAILED;
	}
	return mmap(addr, len, prot, flags, fd, offset);
}
