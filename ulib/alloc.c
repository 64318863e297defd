// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The malloc family. Every function behaves as glibc's manual says, also in
 * the corners: realloc(p, 0) frees and returns NULL; free() keeps errno.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include "alloc.h"
#include "conf.h"
#include "foreign.h"
#include "heap.h"
#include "large.h"
#include "latency.h"
#include "os.h"
#include "shm.h"

/*
 * Memory that libc's own malloc gave out, to a library that was loaded with
 * RTLD_DEEPBIND, goes back to it. Absent in statically linked programs.
 */
extern void __libc_free(void *p) __attribute__((weak));
extern void *__libc_realloc(void *p, size_t bytes) __attribute__((weak));

static HU_COLD void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

static HU_NOINLINE void *alloc_large(size_t bytes, size_t align, bool *zero)
{
	void *p;

	if (bytes > PTRDIFF_MAX - HU_PAGE)
		return no_memory();
	p = hu_large_alloc(bytes, align, zero);
	if (unlikely(!p))
		return no_memory();
	hu_latency_large(bytes);
	hu_shm_check();
	return p;
}

static inline void *alloc(size_t bytes)
{
	bool zero;

	if (likely(bytes <= HU_SMALL_MAX))
		return hu_heap_alloc(hu_class_of(bytes));
	return alloc_large(bytes, 1, &zero);
}

/* The span of a small block, NULL when @p is not one. */
static inline struct hu_span *span_of_small(const void *p)
{
	struct hu_span *span;

	if (!hu_in_arena((uintptr_t)p))
		return NULL;
	span = hu_span_of((uintptr_t)p);
	return hu_span_heap(span) ? span : NULL;
}

/* What is reported and not fatal is reported so often. */
#define REPORTS_MAX	10

/* The program freed what it may not. With misuse=report that has no effect. */
static HU_COLD void misuse(const char *what, const void *p)
{
	static atomic_uint reports;

	if (__atomic_load_n(&hu_conf.misuse, __ATOMIC_RELAXED) == HU_CONF_MISUSE_ABORT)
		hu_os_fatal(what, p);
	if (atomic_fetch_add(&reports, 1) < REPORTS_MAX)
		hu_os_complain_of(what, p);
}

static inline void free_own(struct hu_heap *heap, struct hu_span *span, void *p)
{
	if (unlikely(span->free == p))
		misuse("free(): double free of ", p);
	else
		hu_heap_free_local(heap, span, p);
}

static inline void free_foreign(struct hu_span *span, void *p)
{
	struct hu_heap *own = hu_heap_own;

	if (!own) {
		hu_remote_free(span, p);
		return;
	}
	if (unlikely(own->foreign[span->class].blocks == p))
		misuse("free(): double free of ", p);
	else if (!hu_foreign_keep(own, span->class, p))
		hu_remote_free(span, p);
}

/* Everything but the owner's small blocks. */
static HU_NOINLINE void free_other(void *p)
{
	struct hu_span *span = span_of_small(p);

	if (span) {
		/* While all allocations are timed hu_heap_mine is nobody's heap. */
		if (hu_span_heap(span) == hu_heap_own)
			free_own(hu_heap_own, span, p);
		else
			free_foreign(span, p);
		return;
	}
	if (!p || hu_large_free(p))
		return;
	if (hu_in_arena((uintptr_t)p) || !__libc_free)
		misuse("free(): double free or invalid pointer ", p);
	else
		__libc_free(p);
}

static inline void free_any(void *p)
{
	struct hu_heap *heap = hu_heap_mine;
	struct hu_span *span;

	if (likely(hu_in_arena((uintptr_t)p))) {
		span = hu_span_of((uintptr_t)p);
		if (likely(hu_span_heap(span) == heap)) {
			free_own(heap, span, p);
			return;
		}
	}
	free_other(p);
}

void *hu_malloc(size_t bytes)
{
	return alloc(bytes);
}

void hu_free(void *p)
{
	free_any(p);
}

static void *calloc_small(unsigned int class, size_t bytes)
{
	struct hu_span *span = hu_heap_mine->current[class];
	bool zero = false;
	void *p;

	p = span->free ? hu_heap_alloc(class) : hu_heap_alloc_fresh(class, &zero);
	if (p && !zero)
		memset(p, 0, bytes);
	return p;
}

static void *alloc_zeroed(size_t bytes)
{
	bool zero;
	void *p;

	if (likely(bytes <= HU_SMALL_MAX))
		return calloc_small(hu_class_of(bytes), bytes);
	p = alloc_large(bytes, 1, &zero);
	if (p && !zero)
		memset(p, 0, bytes);
	return p;
}

/**
 * hu_aligned() - allocate aligned memory
 * @align: alignment, a power of two
 * @bytes: size
 *
 * Blocks of a class are aligned to the largest power of two that divides the
 * class' size, so a suitable class is as good as padding.
 *
 * Return: the memory; NULL and errno ENOMEM.
 */
void *hu_aligned(size_t align, size_t bytes)
{
	unsigned int class;
	bool zero;

	if (align <= 16)
		return alloc(bytes);
	if (bytes <= HU_SMALL_MAX && align <= HU_SMALL_MAX) {
		bytes = bytes ? hu_align_up(bytes, align) : align;
		class = hu_class_of(bytes);
		while (hu_classes[class].bytes & (align - 1))
			class++;
		return hu_heap_alloc(class);
	}
	if (align > PTRDIFF_MAX / 2)
		return no_memory();
	return alloc_large(bytes, align, &zero);
}

static size_t usable(const void *p)
{
	struct hu_span *span = span_of_small(p);

	return span ? span->bytes : hu_large_usable(p);
}

static void *move(void *p, size_t old, size_t bytes, size_t slack)
{
	void *to = alloc(bytes + slack);

	if (!to && slack)
		to = alloc(bytes);
	if (!to)
		return NULL;
	memcpy(to, p, hu_min(old, bytes));
	free_any(p);
	return to;
}

static HU_NOINLINE void *resize_large(void *p, size_t bytes)
{
	size_t old = hu_large_usable(p);
	void *to;

	if (!old) {
		if (!hu_in_arena((uintptr_t)p) && __libc_realloc)
			return __libc_realloc(p, bytes);
		misuse("realloc(): invalid pointer ", p);
		errno = EINVAL;
		return NULL;
	}
	if (bytes > PTRDIFF_MAX - HU_PAGE)
		return no_memory();
	if (bytes > HU_SMALL_MAX) {
		to = hu_large_resize(p, bytes);
		if (to)
			return to;
	}
	return move(p, old, bytes, bytes > old ? hu_large_slack(bytes) : 0);
}

/* @p is not NULL, @bytes is not 0. */
static void *resize(void *p, size_t bytes)
{
	struct hu_span *span = span_of_small(p);

	if (unlikely(!span))
		return resize_large(p, bytes);
	/* Shrinking by less than half is not worth a copy. */
	if (bytes <= span->bytes && bytes >= span->bytes / 2)
		return p;
	return move(p, span->bytes, bytes, 0);
}

HU_EXPORT void *malloc(size_t bytes)
{
	return alloc(bytes);
}

HU_EXPORT void free(void *p)
{
	free_any(p);
}

HU_EXPORT void cfree(void *p)
{
	free_any(p);
}

HU_EXPORT void free_sized(void *p, size_t bytes)
{
	(void)bytes;
	free_any(p);
}

HU_EXPORT void free_aligned_sized(void *p, size_t align, size_t bytes)
{
	(void)align;
	(void)bytes;
	free_any(p);
}

HU_EXPORT void *calloc(size_t count, size_t size)
{
	size_t bytes;

	if (unlikely(__builtin_mul_overflow(count, size, &bytes)))
		return no_memory();
	return alloc_zeroed(bytes);
}

HU_EXPORT void *realloc(void *p, size_t bytes)
{
	if (!p)
		return alloc(bytes);
	if (!bytes) {
		free_any(p);
		return NULL;
	}
	return resize(p, bytes);
}

HU_EXPORT void *reallocarray(void *p, size_t count, size_t size)
{
	size_t bytes;

	if (unlikely(__builtin_mul_overflow(count, size, &bytes)))
		return no_memory();
	return realloc(p, bytes);
}

HU_EXPORT void *aligned_alloc(size_t align, size_t bytes)
{
	if (unlikely(!hu_is_pow2(align))) {
		errno = EINVAL;
		return NULL;
	}
	return hu_aligned(align, bytes);
}

/* As in glibc, an alignment that is no power of two is rounded up to one. */
HU_EXPORT void *memalign(size_t align, size_t bytes)
{
	if (align > SIZE_MAX / 2 + 1) {
		errno = EINVAL;
		return NULL;
	}
	if (!hu_is_pow2(align))
		align = align < 2 ? 1 : (size_t)1 << (64 - __builtin_clzl(align - 1));
	return hu_aligned(align, bytes);
}

HU_EXPORT int posix_memalign(void **out, size_t align, size_t bytes)
{
	int saved = errno;
	void *p;

	if (!hu_is_pow2(align) || align % sizeof(void *))
		return EINVAL;
	p = hu_aligned(align, bytes);
	errno = saved;
	if (!p)
		return ENOMEM;
	*out = p;
	return 0;
}

HU_EXPORT void *valloc(size_t bytes)
{
	return hu_aligned(HU_PAGE, bytes);
}

HU_EXPORT void *pvalloc(size_t bytes)
{
	if (bytes > PTRDIFF_MAX - HU_PAGE)
		return no_memory();
	return hu_aligned(HU_PAGE, bytes ? hu_align_up(bytes, HU_PAGE) : HU_PAGE);
}

HU_EXPORT size_t malloc_usable_size(void *p)
{
	return p ? usable(p) : 0;
}
