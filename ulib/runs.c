// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The index of free runs: per state an array of bins (segregated by length)
 * with a bitmap of the bins that are not empty, boundary tags for merging,
 * and one list of the mapped runs in the order of their release.
 *
 * A run is mapped or not, zero or not, as a whole: runs of different states
 * stay apart (but see merges()). Every operation visits a bounded number of runs.
 */
#include "runs.h"

#define EXACT_BINS	64	/* runs of 1 to 64 pages: one length each */
#define BINS		(EXACT_BINS + (HU_RUN_PAGE_BITS - 6 + 1) * 8)
#define MAP_WORDS	((BINS + 63) / 64)
/* Runs looked at in a bin whose runs are not all long or aligned enough. */
#define PROBES		4
/* Runs of the reserve's minimum that are passed over in a look for the oldest. */
#define KEPT_PROBES	64

struct bins {
	uint64_t map[MAP_WORDS];
	uint32_t head[BINS];
	size_t pages;
};

static struct bins all_bins[HU_RUN_FREE_STATES];
static uint32_t oldest, newest;

static struct bins *bins_of(enum hu_run_state state)
{
	return &all_bins[state - HU_RUN_HOT];
}

static bool is_free(enum hu_run_state state)
{
	return state >= HU_RUN_HOT && state <= HU_RUN_COLD;
}

static uint32_t run_id(const struct hu_arena *arena, uint32_t page)
{
	return arena->id << HU_RUN_PAGE_BITS | page;
}

static struct hu_arena *id_arena(uint32_t id)
{
	return hu_arenas[id >> HU_RUN_PAGE_BITS];
}

static uint32_t id_page(uint32_t id)
{
	return id & ((1U << HU_RUN_PAGE_BITS) - 1);
}

static struct hu_run *id_run(uint32_t id)
{
	return &id_arena(id)->tags[id_page(id)];
}

/* The bin of a run. */
static unsigned int bin_of(uint32_t pages)
{
	unsigned int log2;

	if (pages <= EXACT_BINS)
		return pages - 1;
	log2 = 31 - (unsigned int)__builtin_clz(pages);
	return EXACT_BINS + (log2 - 6) * 8 + ((pages >> (log2 - 3)) & 7);
}

/* The first bin all of whose runs are long enough; may be BINS. */
static unsigned int bin_above(uint32_t pages)
{
	unsigned int log2;

	if (pages <= EXACT_BINS)
		return pages - 1;
	log2 = 31 - (unsigned int)__builtin_clz(pages);
	if (pages & ((1U << (log2 - 3)) - 1))
		return bin_of(pages) + 1;
	return bin_of(pages);
}

/* The first bin from @bin on that is not empty, else BINS. */
static unsigned int next_bin(const struct bins *bins, unsigned int bin)
{
	unsigned int w = bin / 64;
	uint64_t word;

	if (bin >= BINS)
		return BINS;
	word = bins->map[w] & (~0ULL << (bin % 64));
	while (!word) {
		if (++w == MAP_WORDS)
			return BINS;
		word = bins->map[w];
	}
	return w * 64 + (unsigned int)__builtin_ctzll(word);
}

static void age_link(uint32_t id, struct hu_run *run, uint32_t stamp)
{
	uint32_t after = newest;

	/* A remainder keeps its stamp: it goes where the old ones are. */
	if (after && (int32_t)(id_run(after)->stamp - stamp) > 0)
		after = 0;
	run->stamp = stamp;
	run->older = after;
	if (after) {
		run->newer = 0;
		id_run(after)->newer = id;
		newest = id;
		if (!oldest)
			oldest = id;
		return;
	}
	run->newer = oldest;
	if (oldest)
		id_run(oldest)->older = id;
	else
		newest = id;
	oldest = id;
}

static void age_unlink(const struct hu_run *run)
{
	if (run->newer)
		id_run(run->newer)->older = run->older;
	else
		newest = run->older;
	if (run->older)
		id_run(run->older)->newer = run->newer;
	else
		oldest = run->newer;
}

static void index_add(struct hu_arena *arena, uint32_t page, uint32_t pages,
		      enum hu_run_state state, uint32_t stamp)
{
	struct bins *bins = bins_of(state);
	unsigned int bin = bin_of(pages);
	struct hu_run *run = &arena->tags[page];
	uint32_t id = run_id(arena, page);

	run->pages = pages;
	run->state = state;
	run[pages - 1].pages = pages;
	run[pages - 1].state = state;
	run->prev = 0;
	run->next = bins->head[bin];
	if (run->next)
		id_run(run->next)->prev = id;
	bins->head[bin] = id;
	bins->map[bin / 64] |= 1ULL << (bin % 64);
	bins->pages += pages;
	if (state != HU_RUN_COLD)
		age_link(id, run, stamp);
}

static void index_remove(struct hu_arena *arena, uint32_t page)
{
	struct hu_run *run = &arena->tags[page];
	struct bins *bins = bins_of(run->state);
	unsigned int bin = bin_of(run->pages);

	if (run->next)
		id_run(run->next)->prev = run->prev;
	if (run->prev)
		id_run(run->prev)->next = run->next;
	else
		bins->head[bin] = run->next;
	if (!bins->head[bin])
		bins->map[bin / 64] &= ~(1ULL << (bin % 64));
	bins->pages -= run->pages;
	if (run->state != HU_RUN_COLD)
		age_unlink(run);
	run[run->pages - 1].state = HU_RUN_NONE;
	run->state = HU_RUN_NONE;
}

/*
 * Whether a neighbour becomes one with a new run in @state. Short zero runs,
 * too short for a span, join dirty ones: they would be of use to few.
 */
static bool merges(const struct hu_run *neighbour, enum hu_run_state state)
{
	if (neighbour->state == state)
		return true;
	return state == HU_RUN_HOT && neighbour->state == HU_RUN_ZERO &&
	       neighbour->pages < HU_UNIT_PAGES;
}

/**
 * hu_runs_insert() - add a free run, merged with its neighbours
 * @arena: its arena
 * @page: its first page
 * @pages: its length
 * @state: HU_RUN_HOT, HU_RUN_ZERO or HU_RUN_COLD
 * @stamp: time of its release, not for HU_RUN_COLD
 *
 * A merged run keeps the time of its longer part, so that a large idle run
 * grows old although small neighbours come and go.
 */
void hu_runs_insert(struct hu_arena *arena, uint32_t page, uint32_t pages,
		    enum hu_run_state state, uint32_t stamp)
{
	struct hu_run *tags = arena->tags;
	uint32_t longest = pages;

	if (page > arena->user_page && merges(&tags[page - 1], state)) {
		uint32_t before = tags[page - 1].pages;

		page -= before;
		if (before > longest) {
			longest = before;
			stamp = tags[page].stamp;
		}
		index_remove(arena, page);
		pages += before;
	}
	/* Never used memory has no run, and its tags are to stay without a page. */
	if (page + pages < arena->frontier && merges(&tags[page + pages], state)) {
		uint32_t after = tags[page + pages].pages;

		if (after > longest)
			stamp = tags[page + pages].stamp;
		index_remove(arena, page + pages);
		pages += after;
	}
	index_add(arena, page, pages, state, stamp);
}

/* Cut [@start, @start + @pages) out of the free run at @page. */
static void cut(struct hu_arena *arena, uint32_t page, uint32_t start, uint32_t pages)
{
	struct hu_run run = arena->tags[page];
	uint32_t end = page + run.pages;

	index_remove(arena, page);
	if (start > page)
		index_add(arena, page, start - page, run.state, run.stamp);
	if (start + pages < end)
		index_add(arena, start + pages, end - start - pages, run.state, run.stamp);
}

/* Where in the run @id an aligned piece starts; false: nowhere. */
static bool fits(uint32_t id, uint32_t pages, uint32_t align, uint32_t *start)
{
	uint32_t page = id_page(id);

	*start = (page + align - 1) & ~(align - 1);
	return *start + pages <= page + id_run(id)->pages;
}

static struct hu_run_ref take(uint32_t id, uint32_t start, uint32_t pages)
{
	struct hu_run_ref ref = { id_arena(id), start, pages };

	cut(ref.arena, id_page(id), start, pages);
	return ref;
}

/**
 * hu_runs_take() - take a run out of the index
 * @state: which index
 * @pages: length wanted
 * @align: its alignment in pages, a power of two
 *
 * Return: the run; .arena is NULL when the index has none (or none that a
 * bounded search finds).
 */
struct hu_run_ref hu_runs_take(enum hu_run_state state, uint32_t pages, uint32_t align)
{
	struct bins *bins = bins_of(state);
	unsigned int bin = bin_of(pages), sure = bin_above(pages + align - 1);
	struct hu_run_ref none = { NULL, 0, 0 };
	uint32_t start;

	if (bins->pages < pages)
		return none;
	for (bin = next_bin(bins, bin); bin < sure; bin = next_bin(bins, bin + 1)) {
		uint32_t id = bins->head[bin];
		unsigned int probes;

		for (probes = 0; id && probes < PROBES; probes++, id = id_run(id)->next)
			if (fits(id, pages, align, &start))
				return take(id, start, pages);
	}
	if (bin == BINS || !fits(bins->head[bin], pages, align, &start))
		return none;
	return take(bins->head[bin], start, pages);
}

/**
 * hu_runs_take_at() - take the free pages that start at a given page
 * @arena: arena
 * @page: where a free run must start
 * @pages: how many are wanted
 * @zero: cleared when they are dirty
 *
 * Return: whether it was possible.
 */
bool hu_runs_take_at(struct hu_arena *arena, uint32_t page, uint32_t pages, bool *zero)
{
	struct hu_run *run = &arena->tags[page];

	if (page >= arena->pages || !is_free(run->state) || run->pages < pages)
		return false;
	if (run->state == HU_RUN_HOT)
		*zero = false;
	cut(arena, page, page, pages);
	return true;
}

/**
 * hu_runs_take_largest() - take (the head of) one of the longest runs
 * @state: which index
 * @min_pages: shorter ones are of no use
 * @max_pages: at most so much of it
 *
 * Return: the run, .arena is NULL when there is none.
 */
struct hu_run_ref hu_runs_take_largest(enum hu_run_state state, uint32_t min_pages,
				       uint32_t max_pages)
{
	struct bins *bins = bins_of(state);
	struct hu_run_ref none = { NULL, 0, 0 };
	unsigned int w = MAP_WORDS;
	uint32_t id, pages;

	while (w-- > 0)
		if (bins->map[w])
			break;
	if (w >= MAP_WORDS)
		return none;
	id = bins->head[w * 64 + 63 - (unsigned int)__builtin_clzll(bins->map[w])];
	pages = id_run(id)->pages;
	if (pages < min_pages)
		return none;
	return take(id, id_page(id), pages < max_pages ? pages : max_pages);
}

/* Signed: another thread may have read a later time and been here first. */
static bool older_than(const struct hu_run *run, uint32_t now, uint32_t age_ms)
{
	return (int32_t)(now - run->stamp) >= (int32_t)age_ms;
}

/**
 * hu_runs_take_oldest() - take (the head of) the mapped run released first
 * @now: hu_os_clock_ms()
 * @age_ms: only if it was released at least so long ago
 * @max_pages: at most so much of it
 * @keep_zero: so many pages of HU_RUN_ZERO stay; when they are the oldest they
 *	become the newest, so that they are not met again and again
 *
 * Return: the run, .arena is NULL when there is none.
 */
struct hu_run_ref hu_runs_take_oldest(uint32_t now, uint32_t age_ms, uint32_t max_pages,
				      size_t keep_zero)
{
	struct hu_run_ref none = { NULL, 0, 0 };
	unsigned int probes;
	struct hu_run *run;
	size_t spare;

	for (probes = 0; probes < KEPT_PROBES && oldest; probes++) {
		uint32_t id = oldest;

		run = id_run(id);
		if (!older_than(run, now, age_ms))
			return none;
		spare = run->pages;
		if (run->state == HU_RUN_ZERO) {
			size_t zero = bins_of(HU_RUN_ZERO)->pages;

			spare = zero > keep_zero ? zero - keep_zero : 0;
		}
		if (spare) {
			spare = hu_min(hu_min(spare, run->pages), max_pages);
			return take(id, id_page(id), (uint32_t)spare);
		}
		age_unlink(run);
		age_link(id, run, now);
	}
	return none;
}

/* Whether there is a run of at least so many pages (and of a few more). */
bool hu_runs_have(enum hu_run_state state, uint32_t pages)
{
	return next_bin(bins_of(state), bin_above(pages)) < BINS;
}

/* Milliseconds until the oldest mapped run is @age_ms old; UINT32_MAX: never. */
uint32_t hu_runs_due(uint32_t now, uint32_t age_ms)
{
	if (!oldest)
		return UINT32_MAX;
	if (older_than(id_run(oldest), now, age_ms))
		return 0;
	return age_ms - (now - id_run(oldest)->stamp);
}

/* Whether more is mapped and free than @keep_zero pages of HU_RUN_ZERO. */
bool hu_runs_surplus(size_t keep_zero)
{
	return bins_of(HU_RUN_HOT)->pages || bins_of(HU_RUN_ZERO)->pages > keep_zero;
}

size_t hu_runs_pages(enum hu_run_state state)
{
	return bins_of(state)->pages;
}
