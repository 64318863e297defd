// SPDX-License-Identifier: LGPL-2.1-or-later
/* The table of counters, gauges and histograms: its memory, adding, reading. */
#include <string.h>
#include "os.h"
#include "table.h"

#define WORD(array, i)	(offsetof(struct hu_shard, array) + (i) * sizeof(uint64_t))

static const char *const count_names[HU_COUNTS] = {
	[HU_COUNT_HITS] = "hits",
	[HU_COUNT_REUSES] = "reuses",
	[HU_COUNT_TAKES] = "takes",
	[HU_COUNT_MISSES] = "misses",
	[HU_COUNT_GROWS] = "grows",
	[HU_COUNT_DOORBELLS] = "doorbells",
	[HU_COUNT_GIVEN_BACK_BYTES] = "given_back_bytes",
	[HU_COUNT_FROM + HU_FROM_COLLECTED] = "from.collected",
	[HU_COUNT_FROM + HU_FROM_CARVED] = "from.carved",
	[HU_COUNT_FROM + HU_FROM_COLD] = "from.cold",
	[HU_COUNT_FROM + HU_FROM_SPAN] = "from.span",
	[HU_COUNT_FROM + HU_FROM_CACHED] = "from.cached",
	[HU_COUNT_FROM + HU_FROM_REUSE] = "from.reuse",
	[HU_COUNT_FROM + HU_FROM_READY] = "from.ready",
	[HU_COUNT_FROM + HU_FROM_TAKE] = "from.take",
	[HU_COUNT_FROM + HU_FROM_MISS] = "from.miss",
	[HU_COUNT_FROM + HU_FROM_GROW] = "from.grow",
	[HU_COUNT_FROM + HU_FROM_HUGE] = "from.huge",
};

static const char *const gauge_names[HU_GAUGES] = {
	[HU_GAUGE_MAPPED_BYTES] = "mapped_bytes",
	[HU_GAUGE_LIVE_BYTES] = "live_bytes",
	[HU_GAUGE_RESIDENT_FREE_BYTES] = "resident_free_bytes",
	[HU_GAUGE_READY_BYTES] = "ready_bytes",
	[HU_GAUGE_HOLES_BYTES] = "holes_bytes",
	[HU_GAUGE_HEAPS] = "heaps",
};

static const char *const hist_names[HU_HISTS] = {
	"slow.le_128", "slow.le_1k", "slow.le_8k", "slow.le_32k", "slow.le_256k", "slow.le_4m",
	"slow.more",
	"all.le_128", "all.le_1k", "all.le_8k", "all.le_32k", "all.le_256k", "all.le_4m",
	"all.more",
	"pages.reuse", "pages.ready", "pages.take", "pages.miss", "pages.grow", "pages.huge",
};

__thread uint8_t hu_from;

__thread uint64_t hu_pages_ns;
__thread uint8_t hu_my_shard;
struct hu_table *_Atomic hu_the_table;

static unsigned int shards;
static atomic_uint next_shard;

static unsigned int wanted_shards(void)
{
	unsigned int cpus = hu_os_cpus(), n = HU_SHARDS_MIN;

	while (n < cpus && n < HU_SHARDS_MAX)
		n *= 2;
	return n;
}

HU_COLD struct hu_table *hu_table_make(void)
{
	struct hu_table *table = hu_os_map(sizeof(*table)), *other = NULL;

	if (!table)
		return NULL;
	/* On kernels that cannot, shm.c makes no file and children inherit. */
	if (!hu_os_wipe_on_fork(table, sizeof(*table)))
		table->file_state = -1;
	/* The same for everybody who gets here at once. */
	__atomic_store_n(&shards, wanted_shards(), __ATOMIC_RELAXED);
	/* Release: who sees the table sees the shards. Pairs with hu_table_get(). */
	if (!atomic_compare_exchange_strong_explicit(&hu_the_table, &other, table,
						     memory_order_release,
						     memory_order_acquire)) {
		hu_os_unmap(table, sizeof(*table));
		return other;
	}
	return table;
}

unsigned int hu_table_shards(void)
{
	return __atomic_load_n(&shards, __ATOMIC_RELAXED);
}

/* Threads are dealt out to the shards in turn. */
HU_COLD struct hu_shard *hu_table_shard_slow(void)
{
	unsigned int n;

	if (!hu_table_get())
		return NULL;
	n = atomic_fetch_add_explicit(&next_shard, 1, memory_order_relaxed);
	hu_my_shard = (uint8_t)(1 + n % hu_table_shards());
	return hu_table_shard();
}

static void raise(uint64_t *word, uint64_t to)
{
	uint64_t now = __atomic_load_n(word, __ATOMIC_RELAXED);

	while (unlikely(to > now) &&
	       !__atomic_compare_exchange_n(word, &now, to, true, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED))
		;
}

static void move_words(uint64_t *to, uint64_t *from, size_t words)
{
	size_t i;

	for (i = 0; i < words; i++)
		if (__atomic_load_n(&from[i], __ATOMIC_RELAXED))
			__atomic_fetch_add(&to[i],
					   __atomic_exchange_n(&from[i], 0, __ATOMIC_RELAXED),
					   __ATOMIC_RELAXED);
}

static void move_shard(struct hu_shard *to, struct hu_shard *from)
{
	unsigned int h;

	move_words(to->counts, from->counts, HU_COUNTS);
	for (h = 0; h < HU_HISTS; h++) {
		move_words(to->hists[h].buckets, from->hists[h].buckets, HERMES_U_SHM_BUCKETS);
		move_words(&to->hists[h].sum_ns, &from->hists[h].sum_ns, 1);
		raise(&to->hists[h].max_ns, from->hists[h].max_ns);
	}
}

/**
 * hu_table_share() - move the table to other memory
 * @table: the table
 * @shared: zeroed, hu_table_shards() of them
 *
 * What another thread adds to the old place meanwhile stays there; readers
 * inside the process look at both. Gauges must be set anew.
 */
void hu_table_share(struct hu_table *table, struct hu_shard *shared)
{
	unsigned int i;

	/* Pairs with the acquire in hu_table_shards_of(). */
	atomic_store_explicit(&table->shared, shared, memory_order_release);
	for (i = 0; i < hu_table_shards(); i++)
		move_shard(&shared[i], &table->own[i]);
}

/* Without its kind. */
const char *hu_hist_name(unsigned int hist)
{
	return strchr(hist_names[hist], '.') + 1;
}

/**
 * hu_table_entry() - describe the entries of a shard
 * @i: number of the entry
 * @entry: filled in
 *
 * Return: how many entries there are; if @i is not less, @entry is untouched.
 */
unsigned int hu_table_entry(unsigned int i, struct hermes_u_shm_entry *entry)
{
	const char *name;

	if (i >= HU_COUNTS + HU_GAUGES + HU_HISTS)
		return HU_COUNTS + HU_GAUGES + HU_HISTS;
	*entry = (struct hermes_u_shm_entry){ .words = 1 };
	if (i < HU_COUNTS) {
		name = count_names[i];
		entry->type = HERMES_U_SHM_COUNTER;
		entry->offset = WORD(counts, i);
	} else if (i < HU_COUNTS + HU_GAUGES) {
		name = gauge_names[i - HU_COUNTS];
		entry->type = HERMES_U_SHM_GAUGE;
		entry->offset = WORD(gauges, i - HU_COUNTS);
	} else {
		name = hist_names[i - HU_COUNTS - HU_GAUGES];
		entry->type = HERMES_U_SHM_HISTOGRAM;
		entry->words = sizeof(struct hermes_u_shm_histogram) / sizeof(uint64_t);
		entry->offset = (uint32_t)(offsetof(struct hu_shard, hists) +
					   (i - HU_COUNTS - HU_GAUGES) *
					   sizeof(struct hermes_u_shm_histogram));
	}
	memcpy(entry->name, name, strlen(name));
	return HU_COUNTS + HU_GAUGES + HU_HISTS;
}

/* The sum over all shards, in the file and not; @from is the offset of the word. */
static uint64_t sum(struct hu_table *table, size_t from)
{
	struct hu_shard *shared = atomic_load_explicit(&table->shared, memory_order_acquire);
	uint64_t total = 0;
	unsigned int i;

	for (i = 0; i < hu_table_shards(); i++) {
		total += __atomic_load_n((uint64_t *)((char *)&table->own[i] + from),
					 __ATOMIC_RELAXED);
		if (shared)
			total += __atomic_load_n((uint64_t *)((char *)&shared[i] + from),
						 __ATOMIC_RELAXED);
	}
	return total;
}

uint64_t hu_count_read(enum hu_count count)
{
	struct hu_table *table = hu_table_get();

	return table ? sum(table, WORD(counts, (size_t)count)) : 0;
}

/* Context: the lock of @part is held. */
void hu_gauge_set(enum hu_gauge gauge, enum hu_gauge_part part, uint64_t value)
{
	struct hu_table *table = hu_table_get();
	struct hu_shard *shard;

	if (unlikely(!table))
		return;
	shard = hu_table_shards_of(table) + part;
	__atomic_store_n(&shard->gauges[gauge], value, __ATOMIC_RELAXED);
}

void hu_hist_add(struct hu_shard *shard, unsigned int hist, uint64_t ns)
{
	struct hermes_u_shm_histogram *h = &shard->hists[hist];

	hu_word_add(&h->buckets[hermes_u_shm_bucket(ns)], 1);
	hu_word_add(&h->sum_ns, ns);
	raise(&h->max_ns, ns);
}

static uint64_t largest(struct hu_table *table, size_t from)
{
	struct hu_shard *shared = atomic_load_explicit(&table->shared, memory_order_acquire);
	uint64_t most = 0;
	unsigned int i;

	for (i = 0; i < hu_table_shards(); i++) {
		most = hu_max(most, __atomic_load_n((uint64_t *)((char *)&table->own[i] + from),
						    __ATOMIC_RELAXED));
		if (shared)
			most = hu_max(most, __atomic_load_n((uint64_t *)((char *)&shared[i] + from),
							    __ATOMIC_RELAXED));
	}
	return most;
}

/* The sum over all threads; zeros when there is no table. */
void hu_hist_read(unsigned int hist, struct hermes_u_shm_histogram *out)
{
	size_t at = offsetof(struct hu_shard, hists) + hist * sizeof(*out);
	struct hu_table *table = hu_table_get();
	unsigned int i;

	*out = (struct hermes_u_shm_histogram){ 0 };
	if (!table)
		return;
	out->max_ns = largest(table, at + offsetof(struct hermes_u_shm_histogram, max_ns));
	out->sum_ns = sum(table, at + offsetof(struct hermes_u_shm_histogram, sum_ns));
	for (i = 0; i < HERMES_U_SHM_BUCKETS; i++)
		out->buckets[i] = sum(table, at + offsetof(struct hermes_u_shm_histogram, buckets) +
				      i * sizeof(uint64_t));
}
