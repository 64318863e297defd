// SPDX-License-Identifier: LGPL-2.1-or-later
/* Making arenas. Everything here runs under hu_grow_lock, but hu_arena_warm(). */
#include "arena.h"
#include "lock.h"
#include "os.h"
#include "reserve.h"

#define ARENA_MIN	(4 * MIB)
/* A process with limited address space spends this part of it on one arena. */
#define LIMIT_SHARE	16
/* Slots tried one after the other before the kernel chooses. */
#define SLOT_TRIES	16
/* Where arenas go: 16 TiB to 80 TiB, clear of programs, stacks and libraries. */
#define SLOT_FIRST	((uintptr_t)16 << 10)
#define SLOT_RANGE	((uintptr_t)64 << 10)

/* Metadata is made resident in steps, which grow with the arena's use. */
#define WARM_MIN	((size_t)8 * KIB)
#define WARM_MAX	((size_t)64 * KIB)
/* Likewise anonymous arenas are opened for access in steps. */
#define COMMIT_MIN	((uint32_t)(4 * MIB / HU_PAGE))
#define COMMIT_MAX	((uint32_t)(64 * MIB / HU_PAGE))

uint8_t hu_slots[HU_SLOTS];
struct hu_arena *hu_arenas[HU_ARENAS_MAX];

static uint32_t arenas = 1;	/* identity 0 means none */
static uintptr_t next_slot;

static size_t tags_offset(void)
{
	return HU_SPANS_OFFSET + HU_ARENA_UNITS * sizeof(struct hu_span);
}

/* The metadata of an arena of @len bytes: whole pages. */
static size_t meta_bytes(size_t len)
{
	return hu_align_up(tags_offset() + len / HU_PAGE * sizeof(struct hu_run), HU_PAGE);
}

/* Where user memory starts: after the metadata and one page without access. */
static size_t user_offset(size_t len)
{
	return hu_align_up(meta_bytes(len) + HU_PAGE, HU_UNIT);
}

static void *reserve_slot(size_t len)
{
	unsigned int try;

	if (!next_slot)
		next_slot = SLOT_FIRST + hu_os_random() % SLOT_RANGE;
	for (try = 0; try < SLOT_TRIES; try++) {
		void *base = hu_os_reserve((void *)(next_slot++ << HU_ARENA_SHIFT), len);

		if (base)
			return base;
	}
	return hu_os_reserve_aligned(len, HU_ARENA_MAX);
}

static size_t arena_bytes(void)
{
	size_t limit = hu_os_address_space_limit(), len = HU_ARENA_MAX;

	while (len > 4 * ARENA_MIN && len > limit / LIMIT_SHARE)
		len /= 2;
	return len;
}

/* Make [@base, @base + @len) usable; false when the kernel refuses. */
static bool open_arena(uintptr_t base, size_t len, uint32_t *client, size_t *committed)
{
	size_t user = user_offset(len);

	*client = hu_reserve_map((void *)base, meta_bytes(len));
	if (*client && hu_reserve_map((void *)(base + user), len - user) == *client) {
		*committed = len;
		return true;
	}
	*client = 0;
	*committed = user;
	if (hu_os_commit((void *)base, meta_bytes(len)))
		return false;
	hu_os_no_huge_pages((void *)base, meta_bytes(len));
	return true;
}

static struct hu_arena *try_create(size_t len)
{
	struct hu_arena *arena;
	uintptr_t base, slot;
	size_t committed;
	uint32_t client;

	base = (uintptr_t)reserve_slot(len);
	if (!base)
		return NULL;
	slot = base >> HU_ARENA_SHIFT;
	if (slot >= HU_SLOTS || hu_slots[slot] || !open_arena(base, len, &client, &committed)) {
		hu_os_unmap((void *)base, len);
		return NULL;
	}
	arena = (struct hu_arena *)base;
	arena->tags = (struct hu_run *)(base + tags_offset());
	arena->id = arenas++;
	arena->client = client;
	arena->user_page = (uint32_t)(user_offset(len) / HU_PAGE);
	arena->pages = (uint32_t)(len / HU_PAGE);
	arena->frontier = arena->user_page;
	arena->committed = (uint32_t)(committed / HU_PAGE);
	arena->warm = base + HU_SPANS_OFFSET;
	hu_arenas[arena->id] = arena;
	hu_slots[slot] = 1;
	return arena;
}

/**
 * hu_arena_create() - make an arena
 * @pages: its user memory has at least so many pages
 *
 * Where address space is limited the arena is made as small as need be.
 *
 * Return: the arena, all of it never used; or NULL.
 */
struct hu_arena *hu_arena_create(size_t pages)
{
	size_t len, need = pages * HU_PAGE;
	struct hu_arena *arena;

	if (arenas == HU_ARENAS_MAX || need > HU_LARGE_MAX + MIB)
		return NULL;
	need = hu_align_up(need + user_offset(need + need / 64 + MIB), MIB);
	for (len = hu_max(arena_bytes(), need); ; len = hu_max(len / 2, need)) {
		arena = try_create(len);
		if (arena || len == need || len <= ARENA_MIN)
			return arena;
	}
}

/**
 * hu_arena_commit() - open an arena for access up to a page
 * @arena: arena
 * @page: pages below it must be accessible
 *
 * Opens more than asked for, in proportion to what is used already, because
 * every call changes a mapping; but not everything at once, because
 * mlockall() and strict overcommit count what is accessible.
 *
 * Return: the page up to which it is open now, 0 when the kernel refused.
 * The caller stores it in ->committed under hu_pages_lock.
 */
uint32_t hu_arena_commit(struct hu_arena *arena, uint32_t page)
{
	uint32_t step = arena->committed - arena->user_page;
	uint32_t target;

	if (page > arena->pages)
		page = arena->pages;
	if (page <= arena->committed)
		return arena->committed;
	step = step < COMMIT_MIN ? COMMIT_MIN : step > COMMIT_MAX ? COMMIT_MAX : step;
	target = arena->committed + step;
	if (target < page)
		target = page;
	if (target > arena->pages)
		target = arena->pages;
	for (;; target = page) {
		if (!hu_os_commit((void *)hu_page_address(arena, arena->committed),
				  (size_t)(target - arena->committed) * HU_PAGE))
			return target;
		if (target == page)
			return 0;
	}
}

/**
 * hu_arena_warm() - make the span slots of an address range resident
 * @addr: start of a new span
 * @bytes: its length
 *
 * Called without locks before the slots are written for the first time, so
 * that new metadata comes many units at a time and not by one fault each.
 */
void hu_arena_warm(uintptr_t addr, size_t bytes)
{
	struct hu_arena *arena = (struct hu_arena *)(addr & ~(HU_ARENA_MAX - 1));
	uintptr_t first = (uintptr_t)arena + HU_SPANS_OFFSET;
	uintptr_t end = (uintptr_t)(hu_span_slot(addr + bytes - 1) + 1);
	uintptr_t warm = atomic_load_explicit(&arena->warm, memory_order_relaxed);
	size_t step;

	while (end > warm) {
		step = warm - first;
		step = step < WARM_MIN ? WARM_MIN : step > WARM_MAX ? WARM_MAX : step;
		step = hu_min(step, (uintptr_t)arena->tags - warm);
		if (!atomic_compare_exchange_strong_explicit(&arena->warm, &warm, warm + step,
							     memory_order_relaxed,
							     memory_order_relaxed))
			continue;
		if (hu_reserve_take(arena->client, warm, step) < step)
			hu_os_populate((void *)warm, step);
		warm += step;
	}
}

/* Make the tags of a range of pages resident, and one that may follow. */
void hu_arena_warm_tags(struct hu_arena *arena, uint32_t page, uint32_t pages)
{
	uintptr_t start = (uintptr_t)&arena->tags[page] & ~(HU_PAGE - 1);
	uintptr_t end = (uintptr_t)&arena->tags[page + pages] | (HU_PAGE - 1);
	uintptr_t limit = hu_align_up((uintptr_t)&arena->tags[arena->pages], HU_PAGE);

	hu_os_populate((void *)start, hu_min(end + 1, limit) - start);
}
