// SPDX-License-Identifier: LGPL-2.1-or-later
/* Which blocks of other heaps a thread keeps, and for how long. */
#include "foreign.h"

/* Blocks from one cache line on, and as long as a few make a difference. */
#define BYTES_MIN	128
#define BYTES_MAX	4096
/* Kept of one class, at most: so many, and so much memory. */
#define BLOCKS_MAX	32
#define MEMORY_MAX	(16 * KIB)
/* A thread that frees so many more than it allocates keeps none. */
#define REFUSED_MAX	256

/* The thread allocates blocks of @class, and none of them was kept for it. */
void hu_foreign_enable(struct hu_heap *heap, unsigned int class)
{
	struct hu_foreign *f = &heap->foreign[class];
	uint32_t bytes = hu_classes[class].bytes;

	if (f->blocks || f->room || bytes < BYTES_MIN || bytes > BYTES_MAX)
		return;
	f->room = (uint16_t)hu_min(BLOCKS_MAX, MEMORY_MAX / bytes);
	f->refused = 0;
}

/* All kept blocks of @class go to their spans. */
void hu_foreign_release(struct hu_heap *heap, unsigned int class)
{
	struct hu_foreign *f = &heap->foreign[class];
	void **block;

	while ((block = f->blocks)) {
		struct hu_span *span = hu_span_of((uintptr_t)block);

		f->blocks = *block;
		heap->kept--;
		/* The heap may have taken the span over meanwhile. */
		if (hu_span_heap(span) == heap)
			hu_heap_free_local(heap, span, block);
		else
			hu_remote_free(span, block);
	}
	f->room = 0;
}

void hu_foreign_release_all(struct hu_heap *heap)
{
	unsigned int c;

	for (c = 0; c < HU_CLASSES; c++)
		hu_foreign_release(heap, c);
}

/* There is no room; false, always. */
bool hu_foreign_refused(struct hu_heap *heap, unsigned int class)
{
	struct hu_foreign *f = &heap->foreign[class];

	if (f->blocks && ++f->refused == REFUSED_MAX)
		hu_foreign_release(heap, class);
	return false;
}
