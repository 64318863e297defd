/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a heap does with its spans. The owner of the heap calls. */
#ifndef HU_HEAPSPAN_H
#define HU_HEAPSPAN_H

#include "foreign.h"
#include "heap.h"

void hu_spans_remove(struct hu_span_list *list, struct hu_span *span);
void hu_span_set_owner(struct hu_span *span, struct hu_heap *heap);
void hu_span_make_available(struct hu_heap *heap, struct hu_span *span);
void hu_span_make_full(struct hu_heap *heap, struct hu_span *span);
bool hu_span_collect(struct hu_heap *heap, struct hu_span *span);
void hu_span_gather(struct hu_heap *heap, struct hu_span *span);
void hu_span_settle(struct hu_heap *heap, struct hu_span *span);
void hu_span_retire(struct hu_heap *heap, struct hu_span *span);
void hu_span_retire_if_empty(struct hu_heap *heap, struct hu_span *span);
void hu_heap_revive(struct hu_heap *heap, unsigned int most);
void hu_heap_release_chunk(struct hu_heap *heap);
void hu_heap_release_cached(struct hu_heap *heap);

#endif /* HU_HEAPSPAN_H */
