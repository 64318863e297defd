// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fragmentation over time: phases with sizes of their own. At the beginning of a phase most of the
 * live set is freed, at random, so that what is left pins memory everywhere; then blocks of the
 * phase's sizes fill it up again and are replaced for a while. How much memory the process holds
 * over what is live is measured at the end of each phase.
 */
#include "../allocbench.h"
#include "../cli.h"
#include "../procstat.h"

/* Share of the live set that outlives a phase, percent. */
#define KEPT_PERCENT	10
static const struct {
	uint32_t min, max;
} phases[] = {
	{ 32, 128 }, { 1 << 10, 8 << 10 }, { 100, 400 }, { 16 << 10, 128 << 10 },
	{ 48, 96 }, { 256 << 10, 2 << 20 }, { 512, 2048 }, { 32, 64 << 10 },
};

#define NR_PHASES	ARRAY_SIZE(phases)

static struct sizes sizes;
static struct block *blocks;
static size_t nr_blocks, max_blocks;
/* At the end of each phase, KiB. */
static uint64_t rss_kib[NR_PHASES], live_kib[NR_PHASES];

static void get_one(struct worker *w, struct block *b)
{
	if (random_below(w, AB_CALLOC_EVERY))
		block_get(w, b, random_size(w, &sizes));
	else
		block_get_zeroed(w, b, random_size(w, &sizes));
}

static void free_one(struct worker *w)
{
	size_t i = random_below(w, (uint32_t)nr_blocks);

	block_free(w, &blocks[i]);
	blocks[i] = blocks[--nr_blocks];
}

static void shrink_to(struct worker *w, int64_t live)
{
	while (nr_blocks && w->live > live)
		free_one(w);
}

static void fill_to(struct worker *w, int64_t live)
{
	while (nr_blocks < max_blocks && w->live < live)
		get_one(w, &blocks[nr_blocks++]);
}

/* Frees one after the other, at random, and gets as many bytes again; each once at most. */
static void replace(struct worker *w)
{
	uint64_t rounds = ab.ops / 2 / NR_PHASES, i;

	if (rounds > nr_blocks)
		rounds = nr_blocks;
	for (i = 0; i < rounds && nr_blocks; i++) {
		free_one(w);
		fill_to(w, (int64_t)ab.live);
	}
}

static void work(struct worker *w)
{
	struct procstat stat;
	size_t p;

	for (p = 0; p < NR_PHASES; p++) {
		sizes_init(&sizes, phases[p].min, phases[p].max);
		shrink_to(w, (int64_t)ab.live * KEPT_PERCENT / 100);
		fill_to(w, (int64_t)ab.live);
		replace(w);
		procstat_read(&stat, 0);
		rss_kib[p] = stat.rss_kib - tables_kib();
		live_kib[p] = (uint64_t)w->live >> 10;
	}
}

static void prepare(void)
{
	if (ab.threads != 1)
		usage_error("--case fragment has one thread");
	/* Enough in every phase: the mean of the smallest sizes is 69 bytes. */
	max_blocks = ab.live / 56;
	blocks = table_create(max_blocks * sizeof(*blocks));
}

static void run(void)
{
	workers_run(work);
}

static void release(void)
{
	while (nr_blocks)
		block_free(&ab.workers[0], &blocks[--nr_blocks]);
}

static void print_json(FILE *f)
{
	size_t p;

	fprintf(f, "\"phases\": [");
	for (p = 0; p < NR_PHASES; p++)
		fprintf(f, "%s{\"min\": %u, \"max\": %u, \"rss_kib\": %llu, \"live_kib\": %llu}",
			p ? ", " : "", phases[p].min, phases[p].max,
			(unsigned long long)rss_kib[p], (unsigned long long)live_kib[p]);
	fprintf(f, "],\n");
}

static void print_table(FILE *f)
{
	size_t p;

	for (p = 0; p < NR_PHASES; p++)
		fprintf(f, "phase    %u to %u bytes: RSS %llu KiB over %llu KiB live, %.3f\n",
			phases[p].min, phases[p].max, (unsigned long long)rss_kib[p],
			(unsigned long long)live_kib[p], (double)rss_kib[p] / (double)live_kib[p]);
}

const struct ab_case case_fragment = {
	.name = "fragment",
	.ops = 1600000,
	.threads = 1,
	.live = 64 << 20,
	.sample = AB_SAMPLE,
	.prepare = prepare,
	.run = run,
	.release = release,
	.print_json = print_json,
	.print_table = print_table,
};
