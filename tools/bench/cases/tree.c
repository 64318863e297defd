// SPDX-License-Identifier: GPL-2.0-only
/*
 * Small objects: a binary tree whose nodes each have a string. Random subtrees, most of them
 * small, are read, freed and built again, as an interpreter or a parser does. Reading rewards an
 * allocator that puts together what belongs together.
 */
#include "../allocbench.h"

#define DEPTH		17
/* Of the largest subtree that is replaced. */
#define MAX_DEPTH	12
#define MIN_STRING	16
#define MAX_STRING	64

struct node {
	struct node *child[2];
	struct block string;
	uint64_t stamp;
};

static struct sizes sizes;
static struct node **roots;

static struct node *build(struct worker *w, unsigned int depth)
{
	struct node *node;
	int64_t begin;

	if (!depth)
		return NULL;
	begin = op_begin(w);
	node = malloc(sizeof(*node));
	if (!node)
		no_memory(sizeof(*node));
	node->stamp = block_stamp((char *)node, depth);
	op_end(w, w->got, begin);
	w->live += (int64_t)sizeof(*node);
	block_get(w, &node->string, random_size(w, &sizes));
	node->child[0] = build(w, depth - 1);
	node->child[1] = build(w, depth - 1);
	return node;
}

static void check(const struct node *node, unsigned int depth)
{
	if (!depth)
		return;
	if (node->stamp != block_stamp((const char *)node, depth))
		wrong_content("it is no node of this tree", node, sizeof(*node));
	block_check(&node->string);
	check(node->child[0], depth - 1);
	check(node->child[1], depth - 1);
}

static void destroy(struct worker *w, struct node *node)
{
	int64_t begin;

	if (!node)
		return;
	destroy(w, node->child[0]);
	destroy(w, node->child[1]);
	block_free(w, &node->string);
	begin = op_begin(w);
	free(node);
	op_end(w, w->freed, begin);
	w->live -= (int64_t)sizeof(*node);
}

/* A random subtree: uniform over depths, so that there is as much work in each. */
static void replace(struct worker *w)
{
	unsigned int depth = 1 + random_below(w, MAX_DEPTH), at;
	struct node **link = &roots[w->nr];

	for (at = DEPTH; at > depth; at--)
		link = &(*link)->child[random32(w) & 1];
	check(*link, depth);
	destroy(w, *link);
	*link = build(w, depth);
}

static void plant(struct worker *w)
{
	roots[w->nr] = build(w, DEPTH);
}

static void work(struct worker *w)
{
	uint64_t end = w->ops + ab.ops / ab.threads;

	while (w->ops < end)
		replace(w);
}

static void prepare(void)
{
	sizes_init(&sizes, MIN_STRING, MAX_STRING);
	roots = table_create(ab.threads * sizeof(*roots));
	workers_run(plant);
}

static void run(void)
{
	workers_run(work);
}

static void release(void)
{
	unsigned int i;

	for (i = 0; i < ab.threads; i++)
		destroy(&ab.workers[0], roots[i]);
}

const struct ab_case case_tree = {
	.name = "tree",
	.ops = 12000000,
	.threads = 1,
	.sample = AB_SAMPLE,
	.prepare = prepare,
	.run = run,
	.release = release,
};
