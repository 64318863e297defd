// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Freeing a block of another thread's heap, without locks and without waiting.
 *
 * span->remote is one word: a list of freed blocks (low 48 bits), the bit
 * NOTIFY, and a counter (high 16 bits) that every push increments. Anybody
 * pushes; only the owner takes all, by an exchange.
 *
 * The owner does not look into spans that it has no use for at the moment. It
 * sets an *alarm* in the word, in order to hear of a push:
 *	HU_ALARM_FIRST	NOTIFY is set; the first push clears it (full spans);
 *	HU_ALARM_LAST	the counter starts at minus the number of used blocks;
 *			the push that makes it 0 freed the last one (spans of
 *			heaps whose thread has ended).
 * The pusher that finds itself to be the one pushes the span to heap->wake,
 * also a list without locks. Whether it is the one follows from the word that
 * it exchanged, so there is exactly one; and from then until the owner has
 * seen the span in heap->wake, the span has a notification *under way* and
 * may neither be released nor be given another alarm.
 *
 * A heap without a thread is served by whoever pushed to heap->wake: it makes
 * the heap BUSY, does the owner's work, and leaves it ORPHAN. If another one
 * is at it, that one looks again after it is done, so nothing is missed.
 *
 * A heap is never freed. A span's heap changes only from one that has no thread
 * to the one that takes the span over (orphan.c), when no notification is under
 * way and no alarm set. So the pusher that has to notify, for which the span
 * must wait, finds the right heap; and nobody takes another thread's block for
 * its own.
 */
#include <limits.h>
#include "heap.h"

#define BLOCKS_MASK	(((uint64_t)1 << 48) - 1 - NOTIFY)
#define NOTIFY		1ULL
#define COUNT_SHIFT	48

static void *word_blocks(uint64_t word)
{
	return (void *)(uintptr_t)(word & BLOCKS_MASK);
}

static void notify(struct hu_heap *heap, struct hu_span *span)
{
	struct hu_span *head = atomic_load_explicit(&heap->wake, memory_order_relaxed);

	do {
		span->wake_next = head;
		/*
		 * Release pairs with the acquire in hu_remote_woken(). Sequentially
		 * consistent with the load of ->state: hu_heap_abandon() stores
		 * ->state, then looks at ->wake; one of both sees the other's.
		 */
	} while (!atomic_compare_exchange_weak(&heap->wake, &head, span));
	if (unlikely(atomic_load(&heap->state) == HU_HEAP_ORPHAN))
		hu_remote_serve_orphan(heap);
}

/* Serve the notifications of a heap that has no thread. */
void hu_remote_serve_orphan(struct hu_heap *heap)
{
	int orphan;

	while (atomic_load(&heap->wake)) {
		orphan = HU_HEAP_ORPHAN;
		if (!atomic_compare_exchange_strong(&heap->state, &orphan, HU_HEAP_BUSY))
			return;
		hu_heap_collect_woken(heap, UINT_MAX);
		atomic_store(&heap->state, HU_HEAP_ORPHAN);
	}
}

/**
 * hu_remote_free() - free a block of a heap that is not the caller's
 * @span: its span
 * @block: block
 */
void hu_remote_free(struct hu_span *span, void *block)
{
	uint64_t old = atomic_load_explicit(&span->remote, memory_order_relaxed);
	uint64_t new;

	do {
		*(void **)block = word_blocks(old);
		new = (uint64_t)(uintptr_t)block | ((old >> COUNT_SHIFT) + 1) << COUNT_SHIFT;
		/*
		 * Release pairs with the acquire in hu_remote_take(). Acquire
		 * pairs with the release in replace_empty(): the owner read
		 * ->wake_next, and a new owner stored ->heap, before it set the
		 * alarm that notify() follows.
		 */
	} while (!atomic_compare_exchange_weak_explicit(&span->remote, &old, new,
							memory_order_acq_rel,
							memory_order_relaxed));
	if (unlikely((old & NOTIFY) || !(new >> COUNT_SHIFT)))
		notify(hu_span_heap(span), span);
}

/* How many blocks others have freed; a snapshot. */
uint32_t hu_remote_count(const struct hu_span *span)
{
	uint64_t word = atomic_load_explicit(&span->remote, memory_order_relaxed);

	return (uint16_t)((word >> COUNT_SHIFT) + span->count_base);
}

/**
 * hu_remote_take() - take all blocks that others have freed
 * @span: span of the caller
 * @blocks: out: how many they are
 *
 * Switches the alarm off, unless a notification is under way already.
 *
 * Return: the blocks, linked; NULL: none, nothing changed.
 */
void *hu_remote_take(struct hu_span *span, uint32_t *blocks)
{
	uint64_t word = atomic_load_explicit(&span->remote, memory_order_relaxed);
	uint16_t count;

	*blocks = 0;
	if (!word_blocks(word))
		return NULL;
	/* Acquire pairs with the release in hu_remote_free(). */
	word = atomic_exchange_explicit(&span->remote, 0, memory_order_acquire);
	count = (uint16_t)((word >> COUNT_SHIFT) + span->count_base);
	if (span->alarm == HU_ALARM_FIRST ||
	    (span->alarm == HU_ALARM_LAST && count >= span->count_base))
		span->notified = true;
	span->alarm = HU_ALARM_OFF;
	span->count_base = 0;
	*blocks = count;
	return word_blocks(word);
}

/*
 * Replace the word, which has no blocks, by @new; false when somebody pushes
 * meanwhile.
 */
static bool replace_empty(struct hu_span *span, uint64_t new)
{
	uint64_t word = atomic_load_explicit(&span->remote, memory_order_relaxed);

	return !word_blocks(word) &&
	       atomic_compare_exchange_strong_explicit(&span->remote, &word, new,
						       memory_order_acq_rel,
						       memory_order_relaxed);
}

/**
 * hu_remote_arm_first() - ask for a notification at the first remote free
 * @span: span of the caller
 *
 * Return: false when there are remotely freed blocks to be taken instead.
 */
bool hu_remote_arm_first(struct hu_span *span)
{
	/* A notification that is under way does as well. */
	if (span->notified || span->alarm == HU_ALARM_FIRST)
		return !word_blocks(atomic_load_explicit(&span->remote, memory_order_relaxed));
	if (!replace_empty(span, NOTIFY))
		return false;
	span->alarm = HU_ALARM_FIRST;
	span->count_base = 0;
	return true;
}

/**
 * hu_remote_arm_last() - ask for a notification when all blocks are free
 * @span: span of the caller, no notification under way
 * @used: its used blocks, not 0
 *
 * Return: false when there are remotely freed blocks to be taken instead.
 */
bool hu_remote_arm_last(struct hu_span *span, uint32_t used)
{
	uint64_t start = (uint64_t)(uint16_t)-used << COUNT_SHIFT;

	if (!replace_empty(span, start))
		return false;
	span->alarm = HU_ALARM_LAST;
	span->count_base = (uint16_t)used;
	return true;
}

/**
 * hu_remote_disarm() - may this span, all of whose blocks are free, go?
 * @span: span of the caller; nobody else has a block of it
 *
 * Return: false when a notification is under way, which must be waited for.
 */
bool hu_remote_disarm(struct hu_span *span)
{
	uint64_t word = atomic_load_explicit(&span->remote, memory_order_relaxed);

	/* An alarm that went off left blocks in the word. */
	if (span->notified || (span->alarm != HU_ALARM_OFF && word_blocks(word)))
		return false;
	span->alarm = HU_ALARM_OFF;
	span->count_base = 0;
	atomic_store_explicit(&span->remote, 0, memory_order_relaxed);
	return true;
}

/**
 * hu_remote_silence() - no push is to notify
 * @span: span of the caller, no notification under way
 *
 * Return: false when there are remotely freed blocks to be taken first.
 */
bool hu_remote_silence(struct hu_span *span)
{
	if (span->alarm == HU_ALARM_OFF)
		return true;
	if (!replace_empty(span, 0))
		return false;
	span->alarm = HU_ALARM_OFF;
	span->count_base = 0;
	return true;
}

/**
 * hu_remote_woken() - the next span with a notification
 * @heap: heap of the caller
 *
 * Return: the span, about which no notification is under way any more; NULL:
 * none.
 */
struct hu_span *hu_remote_woken(struct hu_heap *heap)
{
	struct hu_span *span = heap->woken;

	if (!span) {
		if (!atomic_load_explicit(&heap->wake, memory_order_relaxed))
			return NULL;
		/* Pairs with the release in notify(). */
		span = atomic_exchange(&heap->wake, NULL);
	}
	heap->woken = span->wake_next;
	if (span->notified)
		span->notified = false;
	else
		span->alarm = HU_ALARM_OFF;
	return span;
}
