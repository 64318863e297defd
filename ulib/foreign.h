/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Blocks of other heaps that a thread has freed, kept for its own next requests
 * of the class: no atomic operation, and the block is in this processor's cache
 * (the idea of a thread cache, as in tcmalloc). For its span a kept block stays
 * in use. Only for classes that the thread itself allocates, and not for blocks
 * so short that two threads would write to one cache line.
 *
 * Only the heap's owner calls these.
 */
#ifndef HU_FOREIGN_H
#define HU_FOREIGN_H

#include "heap.h"

/* Of all classes: each of them may keep a whole span from being released. */
#define HU_FOREIGN_KEPT_MAX	128

void hu_foreign_enable(struct hu_heap *heap, unsigned int class);
void hu_foreign_release(struct hu_heap *heap, unsigned int class);
void hu_foreign_release_all(struct hu_heap *heap);
bool hu_foreign_refused(struct hu_heap *heap, unsigned int class);

/* Keep @block, which the thread frees; false: it must go to its span. */
static inline bool hu_foreign_keep(struct hu_heap *heap, unsigned int class, void *block)
{
	struct hu_foreign *f = &heap->foreign[class];

	if (!f->room || heap->kept == HU_FOREIGN_KEPT_MAX)
		return hu_foreign_refused(heap, class);
	*(void **)block = f->blocks;
	hu_compiler_barrier();
	f->blocks = block;
	f->room--;
	heap->kept++;
	return true;
}

/* A kept block of @class, NULL: none. */
static inline void *hu_foreign_pop(struct hu_heap *heap, unsigned int class)
{
	struct hu_foreign *f = &heap->foreign[class];
	void **block = f->blocks;

	if (!block)
		return NULL;
	f->blocks = *block;
	f->room++;
	f->refused = 0;
	heap->kept--;
	return block;
}

#endif /* HU_FOREIGN_H */
