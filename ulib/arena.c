// SPDX-License-Identifier: LGPL-2.1-or-later
/* Making arenas. Everything here runs under hu_grow_lock. */
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

	if (arenas == 1)
		next_slot = hu_os_random();
	for (try = 0; try < SLOT_TRIES; try++) {
		uintptr_t slot = SLOT_FIRST + next_slot++ % SLOT_RANGE;
		void *base = hu_os_reserve((void *)(slot << HU_ARENA_SHIFT), len);

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

/* The shortest arena with so much user memory. */
static size_t bytes_for(size_t user)
{
	size_t len = hu_align_up(user + user_offset(user), MIB);

	/* Its metadata is a bit longer than that of the user memory alone. */
	while (len - user_offset(len) < user)
		len += MIB;
	return len;
}

/* Make [@base, @base + @len) usable; false when the kernel refuses. */
static bool open_arena(uintptr_t base, size_t len, uint32_t *client)
{
	size_t user = user_offset(len);

	*client = hu_reserve_map((void *)base, meta_bytes(len));
	if (*client && hu_reserve_map((void *)(base + user), len - user) == *client)
		return true;
	*client = 0;
	if (hu_os_commit((void *)base, meta_bytes(len)))
		return false;
	hu_os_no_huge_pages((void *)base, meta_bytes(len));
	return true;
}

static struct hu_arena *try_create(size_t len)
{
	struct hu_arena *arena;
	uintptr_t base, slot;
	uint32_t client;

	base = (uintptr_t)reserve_slot(len);
	if (!base)
		return NULL;
	slot = base >> HU_ARENA_SHIFT;
	if (slot >= HU_SLOTS || hu_slots[slot] || !open_arena(base, len, &client)) {
		hu_os_unmap((void *)base, len);
		return NULL;
	}
	/* The header's page, without a miss. */
	hu_reserve_take(client, base, HU_PAGE);
	arena = (struct hu_arena *)base;
	arena->tags = (struct hu_run *)(base + tags_offset());
	arena->id = arenas++;
	arena->client = client;
	arena->user_page = (uint32_t)(user_offset(len) / HU_PAGE);
	arena->pages = (uint32_t)(len / HU_PAGE);
	arena->frontier = arena->user_page;
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
	struct hu_arena *arena;
	size_t len, need;

	if (arenas == HU_ARENAS_MAX || pages > HU_ARENA_MAX / HU_PAGE)
		return NULL;
	need = bytes_for(pages * HU_PAGE);
	if (need > HU_ARENA_MAX)
		return NULL;
	for (len = hu_max(arena_bytes(), need); ; len = hu_max(len / 2, need)) {
		arena = try_create(len);
		if (arena || len == need || len <= ARENA_MIN)
			return arena;
	}
}

/**
 * hu_arena_commit() - make never used pages of an arena accessible
 * @arena: arena
 * @start: first page
 * @least: page after the last one that is needed
 * @end: page after the last one that is wanted
 *
 * In steps and not everything at once, because mlockall() and strict
 * overcommit count what is accessible. Arenas of the module are from the start.
 *
 * Return: the page up to which they are accessible: @end, @least, or @start
 * when the kernel refused.
 */
uint32_t hu_arena_commit(struct hu_arena *arena, uint32_t start, uint32_t least, uint32_t end)
{
	void *addr = (void *)hu_page_address(arena, start);

	if (arena->client || !hu_os_commit(addr, (size_t)(end - start) * HU_PAGE))
		return end;
	if (least < end && !hu_os_commit(addr, (size_t)(least - start) * HU_PAGE))
		return least;
	return start;
}

/**
 * hu_arena_meta() - where the metadata of pages is
 * @arena: arena
 * @start: first page
 * @end: page after the last one
 * @meta: out: whole pages of it
 */
void hu_arena_meta(const struct hu_arena *arena, uint32_t start, uint32_t end,
		   struct hu_meta meta[HU_META_PARTS])
{
	const struct hu_span *slots = (void *)((uintptr_t)arena + HU_SPANS_OFFSET);
	uintptr_t from[HU_META_PARTS] = {
		(uintptr_t)&arena->tags[start],
		(uintptr_t)&slots[start / HU_UNIT_PAGES],
	};
	uintptr_t to[HU_META_PARTS] = {
		(uintptr_t)&arena->tags[end],
		(uintptr_t)&slots[(end + HU_UNIT_PAGES - 1) / HU_UNIT_PAGES],
	};
	unsigned int i;

	for (i = 0; i < HU_META_PARTS; i++) {
		meta[i].addr = from[i] & ~(HU_PAGE - 1);
		meta[i].bytes = hu_align_up(to[i], HU_PAGE) - meta[i].addr;
	}
}

/* Make a part of an arena that nobody uses yet resident, as cheap as possible. */
void hu_arena_populate(const struct hu_arena *arena, uintptr_t addr, size_t bytes)
{
	if (hu_reserve_take(arena->client, addr, bytes) < bytes)
		hu_os_populate((void *)addr, bytes);
}

/* Make the metadata of never used pages resident. */
void hu_arena_warm(const struct hu_arena *arena, uint32_t start, uint32_t end)
{
	struct hu_meta meta[HU_META_PARTS];
	unsigned int i;

	hu_arena_meta(arena, start, end, meta);
	for (i = 0; i < HU_META_PARTS; i++)
		hu_arena_populate(arena, meta[i].addr, meta[i].bytes);
}
