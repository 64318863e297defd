// SPDX-License-Identifier: LGPL-2.1-or-later
/* Large and huge objects. */
#include "large.h"
#include "latency.h"
#include "lock.h"
#include "meta.h"
#include "os.h"
#include "pageheap.h"

/* The kernel allows some 65,000 mappings: chains stay short. */
#define BUCKETS		4096
/* An object that grows to so much is moved, not copied ... */
#define HUGE_MIN	(2 * MIB)
/* ... and to so much even if it could be copied into mapped memory. */
#define HUGE_SURE	(32 * MIB)
/* Larger ones get what they ask for. */
#define SLACK_MAX	((size_t)16 << 30)

/* A huge object. The list and the fields are protected by hu_huge_lock. */
struct huge {
	uintptr_t addr;
	size_t bytes;		/* of the mapping */
	struct huge *next;
};

static struct huge *buckets[BUCKETS];
static struct huge *unused;
static size_t huge_bytes;

/* Context: hu_huge_lock held. */
static void publish(void)
{
	hu_gauge_set(HU_GAUGE_MAPPED_BYTES, HU_PART_HUGE, huge_bytes);
	hu_gauge_set(HU_GAUGE_LIVE_BYTES, HU_PART_HUGE, huge_bytes);
}

static struct huge **bucket_of(uintptr_t addr)
{
	return &buckets[(addr >> HU_PAGE_SHIFT ^ addr >> HU_ARENA_SHIFT) % BUCKETS];
}

/* The link to the object at @addr, NULL when there is none. Needs the lock. */
static struct huge **huge_find(uintptr_t addr)
{
	struct huge **link;

	for (link = bucket_of(addr); *link; link = &(*link)->next)
		if ((*link)->addr == addr)
			return link;
	return NULL;
}

static void huge_insert(struct huge *huge, uintptr_t addr, size_t bytes)
{
	struct huge **bucket = bucket_of(addr);

	huge->addr = addr;
	huge->bytes = bytes;
	huge->next = *bucket;
	*bucket = huge;
	huge_bytes += bytes;
	publish();
}

static struct huge *huge_remove(struct huge **link)
{
	struct huge *huge = *link;

	*link = huge->next;
	huge_bytes -= huge->bytes;
	publish();
	return huge;
}

static struct huge *huge_new(void)
{
	struct huge *huge;

	hu_lock(&hu_huge_lock);
	huge = unused;
	if (huge)
		unused = huge->next;
	hu_unlock(&hu_huge_lock);
	return huge ? huge : hu_meta_alloc(sizeof(*huge));
}

static void huge_recycle(struct huge *huge)
{
	huge->next = unused;
	unused = huge;
}

static void *huge_map(size_t bytes, size_t align)
{
	void *p;

	if (align <= HU_PAGE)
		return hu_os_map(bytes);
	p = hu_os_reserve_aligned(bytes, align);
	if (p && hu_os_commit(p, bytes)) {
		hu_os_unmap(p, bytes);
		p = NULL;
	}
	return p;
}

/* Keep the new entry of a mapping; without a mapping it goes back. */
static void huge_enter(struct huge *huge, void *p, size_t bytes)
{
	if (!huge)
		return;
	hu_lock(&hu_huge_lock);
	if (p)
		huge_insert(huge, (uintptr_t)p, bytes);
	else
		huge_recycle(huge);
	hu_unlock(&hu_huge_lock);
}

static void *huge_alloc(size_t bytes, size_t align)
{
	uint64_t start = hu_latency_start();
	struct huge *huge = huge_new();
	void *p = huge ? huge_map(bytes, align) : NULL;

	huge_enter(huge, p, bytes);
	if (p)
		hu_latency_pages(HU_FROM_HUGE, start);
	return p;
}

/* Give up a huge object or its tail: others use it again, if that is possible. */
static void huge_release(void *p, size_t bytes)
{
	if (bytes < HUGE_MIN || bytes > HU_LARGE_MAX || !hu_pages_adopt(p, bytes / HU_PAGE))
		hu_os_unmap(p, bytes);
}

static bool huge_free(void *p)
{
	struct huge **link, *huge;
	size_t bytes = 0;

	hu_lock(&hu_huge_lock);
	link = huge_find((uintptr_t)p);
	if (link) {
		huge = huge_remove(link);
		bytes = huge->bytes;
		huge_recycle(huge);
	}
	hu_unlock(&hu_huge_lock);
	if (bytes)
		huge_release(p, bytes);
	return bytes;
}

static size_t huge_usable(const void *p)
{
	struct huge **link;
	size_t bytes;

	hu_lock(&hu_huge_lock);
	link = huge_find((uintptr_t)p);
	bytes = link ? (*link)->bytes : 0;
	hu_unlock(&hu_huge_lock);
	return bytes;
}

static void huge_shrink(void *p, size_t old, size_t bytes)
{
	struct huge *huge;

	hu_lock(&hu_huge_lock);
	huge = huge_remove(huge_find((uintptr_t)p));
	huge_insert(huge, (uintptr_t)p, bytes);
	hu_unlock(&hu_huge_lock);
	huge_release((char *)p + bytes, old - bytes);
}

/*
 * By mremap(), so that nothing is copied. The entry is out of the table
 * meanwhile, as the old address may be mapped anew by another thread at once.
 */
static void *huge_resize(void *p, size_t old, size_t bytes)
{
	struct huge *huge;
	size_t exact;
	void *to;

	/* Not for every little step: address space costs nothing. */
	if (bytes <= old && bytes >= old - old / 4)
		return p;
	exact = hu_align_up(bytes, HU_PAGE);
	if (exact < old) {
		huge_shrink(p, old, exact);
		return p;
	}
	bytes = hu_align_up(bytes + hu_large_slack(bytes), HU_PAGE);
	hu_lock(&hu_huge_lock);
	huge = huge_remove(huge_find((uintptr_t)p));
	hu_unlock(&hu_huge_lock);
	to = hu_os_remap(p, old, bytes);
	if (!to && exact < bytes) {
		bytes = exact;
		to = hu_os_remap(p, old, bytes);
	}
	hu_lock(&hu_huge_lock);
	huge_insert(huge, (uintptr_t)(to ? to : p), to ? bytes : old);
	hu_unlock(&hu_huge_lock);
	return to;
}

/*
 * Make a growing object of an arena a huge one. Its pages are moved and not
 * copied; from now on it grows by mremap(). Freed memory that is mapped and
 * long enough is better still, but for the largest. NULL: copy it.
 */
static void *make_huge(void *p, size_t pages, size_t bytes)
{
	size_t new_bytes = hu_align_up(bytes + hu_large_slack(bytes), HU_PAGE);
	struct huge *huge;
	void *to;

	if (bytes < HUGE_MIN || hu_arena_of((uintptr_t)p)->client ||
	    (bytes < HUGE_SURE && hu_pages_reusable(new_bytes / HU_PAGE)))
		return NULL;
	huge = huge_new();
	to = huge ? hu_os_move_pages(p, pages * HU_PAGE, new_bytes) : NULL;
	huge_enter(huge, to, new_bytes);
	if (to)
		hu_pages_free_moved(p, pages);
	return to;
}

/**
 * hu_large_alloc() - allocate an object above the largest size class
 * @bytes: size, at most PTRDIFF_MAX
 * @align: alignment, a power of two
 * @zero: out: whether it reads zero
 *
 * Return: the object, NULL when there is no memory.
 */
void *hu_large_alloc(size_t bytes, size_t align, bool *zero)
{
	size_t pages = (bytes + HU_PAGE - 1) / HU_PAGE;
	void *p = NULL;

	if (align < HU_PAGE)
		align = HU_PAGE;
	if (!pages)
		pages = 1;
	if (pages * HU_PAGE <= HU_LARGE_MAX && align <= HU_LARGE_MAX / 2)
		p = hu_pages_alloc(pages, &pages, align / HU_PAGE, true, zero);
	if (!p) {
		*zero = true;
		p = huge_alloc(pages * HU_PAGE, align);
	}
	return p;
}

/* Returns false when there is no large object at @p. */
bool hu_large_free(void *p)
{
	size_t pages = hu_pages_large((uintptr_t)p);

	if (!pages)
		return huge_free(p);
	hu_pages_free(p, pages);
	return true;
}

/* Returns 0 when there is no large object at @p. */
size_t hu_large_usable(const void *p)
{
	size_t pages = hu_pages_large((uintptr_t)p);

	return pages ? pages * HU_PAGE : huge_usable(p);
}

/**
 * hu_large_resize() - resize a large object without copying it
 * @p: the object
 * @bytes: its new size, more than HU_SMALL_MAX
 *
 * A tail shorter than an eighth of the object is not worth being freed.
 *
 * Return: the object, which may have moved; NULL when it must be copied.
 */
void *hu_large_resize(void *p, size_t bytes)
{
	size_t pages = hu_pages_large((uintptr_t)p), new_pages;

	if (!pages)
		return bytes >= HUGE_MIN ? huge_resize(p, huge_usable(p), bytes) : NULL;
	new_pages = (bytes + HU_PAGE - 1) / HU_PAGE;
	if (new_pages > pages) {
		if (new_pages <= HU_LARGE_MAX / HU_PAGE && hu_pages_extend(p, pages, new_pages))
			return p;
		return make_huge(p, pages, bytes);
	}
	if (pages - new_pages > pages / 8)
		hu_pages_shrink(p, pages, new_pages);
	return p;
}

/* How much more to allocate for an object that grows: it will grow again. */
size_t hu_large_slack(size_t bytes)
{
	return bytes < SLACK_MAX ? bytes / 8 : 0;
}

size_t hu_huge_bytes(void)
{
	size_t bytes;

	hu_lock(&hu_huge_lock);
	bytes = huge_bytes;
	/* A table that was made anew gets its gauges. */
	publish();
	hu_unlock(&hu_huge_lock);
	return bytes;
}
