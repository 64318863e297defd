// SPDX-License-Identifier: LGPL-2.1-or-later
/* Bump allocation of zeroed memory, aligned to cache lines, never freed. */
#include "lock.h"
#include "meta.h"
#include "os.h"

#define CHUNK	(256 * KIB)

static char *cursor, *end;

/* Returns NULL when the kernel has no memory. @bytes is below CHUNK. */
void *hu_meta_alloc(size_t bytes)
{
	void *p = NULL;

	bytes = hu_align_up(bytes, 64);
	hu_lock(&hu_meta_lock);
	if ((size_t)(end - cursor) < bytes) {
		char *chunk = hu_os_map(CHUNK);

		if (!chunk)
			goto out;
		cursor = chunk;
		end = chunk + CHUNK;
	}
	p = cursor;
	cursor += bytes;
out:
	hu_unlock(&hu_meta_lock);
	return p;
}
