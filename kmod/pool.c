// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pools: zeroed pages, charged to one memory cgroup, not mapped anywhere.
 *
 * One pool per memory cgroup: a page is charged when it is allocated and
 * there is no exported way to charge it to somebody else later, and pages
 * must never go from one tenant to another. Every page in a pool or in a
 * ready batch is counted by hermes_total_charge().
 */
#include <linux/highmem.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "hermes.h"
#include "trace.h"

/* A pool aims at target / 4 of each of its clients. */
#define HERMES_POOL_SHARE	4

/* Whether the kernel charges our pages there at all (cgroup.memory=nokmem). */
static int hermes_pool_probe(struct mem_cgroup *memcg)
{
	struct mem_cgroup *old = set_active_memcg(memcg);
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_NORETRY |
				       __GFP_NOWARN);
	bool owns;

	set_active_memcg(old);
	if (!page)
		return -ENOMEM;
	owns = hermes_memcg_owns(memcg, page);
	__free_page(page);
	return owns ? 0 : -EOPNOTSUPP;
}

static struct hermes_pool *hermes_pool_create(struct mem_cgroup *memcg)
{
	struct hermes_pool *pool;
	int nid, ret;

	ret = hermes_pool_probe(memcg);
	if (ret)
		return ERR_PTR(ret);
	pool = kzalloc(struct_size(pool, clean, nr_node_ids),
		       GFP_KERNEL_ACCOUNT);
	if (!pool)
		return ERR_PTR(-ENOMEM);
	pool->token = hermes_token_create(memcg);
	if (!pool->token) {
		kfree(pool);
		return ERR_PTR(-ENOMEM);
	}
	kref_init(&pool->ref);
	if (memcg)
		css_get(&memcg->css);
	pool->memcg = memcg;
	INIT_LIST_HEAD(&pool->link);
	INIT_LIST_HEAD(&pool->clients);
	INIT_LIST_HEAD(&pool->dirty);
	spin_lock_init(&pool->lock);
	for (nid = 0; nid < nr_node_ids; nid++)
		INIT_LIST_HEAD(&pool->clean[nid]);
	return pool;
}

static void hermes_pool_free(struct hermes_pool *pool)
{
	hermes_pool_trim(pool, 0, ULONG_MAX);
	hermes_token_destroy(pool->token);
	mem_cgroup_put(pool->memcg);
	kfree(pool);
}

/* Called with hermes_registry_lock held, which it drops. */
static void hermes_pool_release(struct kref *ref)
{
	struct hermes_pool *pool = container_of(ref, struct hermes_pool, ref);

	list_del(&pool->link);
	mutex_unlock(&hermes_registry_lock);
	hermes_pool_free(pool);
}

/**
 * hermes_pool_get() - the client's present pool, with a reference
 * @c: the client
 *
 * Context: Process context, takes client->lock.
 */
struct hermes_pool *hermes_pool_get(struct hermes_client *c)
{
	struct hermes_pool *pool;

	mutex_lock(&c->lock);
	pool = c->pool;
	kref_get(&pool->ref);
	mutex_unlock(&c->lock);
	return pool;
}

void hermes_pool_put(struct hermes_pool *pool)
{
	kref_put_mutex(&pool->ref, hermes_pool_release, &hermes_registry_lock);
}

static struct hermes_pool *hermes_pool_find(struct mem_cgroup *memcg)
{
	struct hermes_pool *pool;

	lockdep_assert_held(&hermes_registry_lock);
	list_for_each_entry(pool, &hermes_pools, link) {
		if (pool->memcg == memcg) {
			kref_get(&pool->ref);
			return pool;
		}
	}
	return NULL;
}

/* How many pages this client wants to see in its pool. */
static void hermes_pool_set_share(struct hermes_client *c, unsigned long share)
{
	atomic_long_add((long)share - (long)c->pool_share, &c->pool->goal);
	c->pool_share = share;
}

/* Makes @pool the client's pool; the caller's reference goes with it. */
static struct hermes_pool *hermes_pool_switch(struct hermes_client *c,
					      struct hermes_pool *pool)
{
	struct hermes_pool *old = c->pool;

	lockdep_assert_held(&hermes_registry_lock);
	mutex_lock(&c->lock);
	if (old)
		hermes_pool_set_share(c, 0);
	c->pool = pool;
	mutex_unlock(&c->lock);
	list_del_init(&c->pool_link);
	if (pool)
		list_add_tail(&c->pool_link, &pool->clients);
	return old;
}

/**
 * hermes_pool_attach() - (re)attach a client to the pool of a cgroup
 * @c: the client
 * @memcg: the cgroup, the caller holds a reference; NULL where the controller
 *	is disabled
 *
 * Context: Client creation or the client's worker; may sleep and allocate.
 * Return: 0; on -ENOMEM or -EOPNOTSUPP the client stays where it was.
 */
int hermes_pool_attach(struct hermes_client *c, struct mem_cgroup *memcg)
{
	struct hermes_pool *pool, *old, *fresh = NULL;

	mutex_lock(&hermes_registry_lock);
	pool = hermes_pool_find(memcg);
	mutex_unlock(&hermes_registry_lock);
	if (!pool) {
		fresh = hermes_pool_create(memcg);
		if (IS_ERR(fresh))
			return PTR_ERR(fresh);
	}

	mutex_lock(&hermes_registry_lock);
	if (!pool)
		pool = hermes_pool_find(memcg);
	if (!pool) {
		pool = fresh;
		fresh = NULL;
		list_add_tail(&pool->link, &hermes_pools);
	}
	old = hermes_pool_switch(c, pool);
	mutex_unlock(&hermes_registry_lock);

	if (fresh)
		hermes_pool_free(fresh);
	if (old)
		hermes_pool_put(old);
	return 0;
}

/** hermes_pool_detach() - the client goes away
 * @c: the client; its worker has stopped
 */
void hermes_pool_detach(struct hermes_client *c)
{
	struct hermes_pool *old;

	mutex_lock(&hermes_registry_lock);
	old = hermes_pool_switch(c, NULL);
	mutex_unlock(&hermes_registry_lock);
	hermes_pool_trim(old, atomic_long_read(&old->goal), ULONG_MAX);
	hermes_pool_put(old);
}

/** hermes_pool_pages() - pages in a pool, a snapshot
 * @pool: the pool
 */
unsigned long hermes_pool_pages(const struct hermes_pool *pool)
{
	return READ_ONCE(pool->nr_clean) + READ_ONCE(pool->nr_dirty);
}

static struct page *hermes_pool_pop(struct hermes_pool *pool, int nid)
{
	struct page *page;

	lockdep_assert_held(&pool->lock);
	page = list_first_entry_or_null(&pool->clean[nid], struct page, lru);
	if (page) {
		list_del(&page->lru);
		pool->nr_clean--;
	}
	return page;
}

static struct page *hermes_pool_pop_dirty(struct hermes_pool *pool)
{
	struct page *page;

	spin_lock(&pool->lock);
	page = list_first_entry_or_null(&pool->dirty, struct page, lru);
	if (page) {
		list_del(&page->lru);
		pool->nr_dirty--;
	}
	spin_unlock(&pool->lock);
	return page;
}

/**
 * hermes_pool_take() - zeroed pages out of a pool, the near node's first
 * @pool: the pool
 * @nid: node to prefer
 * @pages: out: the pages
 * @nr: pages wanted
 *
 * Recycled pages that the worker has not zeroed yet come last. The cushion
 * stays.
 *
 * Context: Process context.
 * Return: pages taken. They stay counted in the total.
 */
unsigned int hermes_pool_take(struct hermes_pool *pool, int nid,
			      struct page **pages, unsigned int nr)
{
	unsigned long spare = hermes_pool_pages(pool);
	unsigned int got = 0;
	int i;

	spare -= min(spare, hermes_pool_cushion(pool));
	nr = min_t(unsigned long, nr, spare);
	spin_lock(&pool->lock);
	while (got < nr && (pages[got] = hermes_pool_pop(pool, nid)))
		got++;
	for (i = 0; i < nr_node_ids && got < nr; i++)
		while (got < nr && (pages[got] = hermes_pool_pop(pool, i)))
			got++;
	spin_unlock(&pool->lock);
	while (got < nr && (pages[got] = hermes_pool_pop_dirty(pool)))
		clear_highpage(pages[got++]);
	return got;
}

/**
 * hermes_pool_return() - zeroed pages into a pool
 * @pool: the pool whose cgroup they are charged to
 * @pages: the pages, counted in the total
 * @nr: how many
 */
void hermes_pool_return(struct hermes_pool *pool, struct page **pages,
			unsigned int nr)
{
	unsigned int i;

	spin_lock(&pool->lock);
	for (i = 0; i < nr; i++) {
		/* Last in, first out: it may still be in a CPU's cache. */
		list_add(&pages[i]->lru,
			 &pool->clean[page_to_nid(pages[i])]);
		pool->nr_clean++;
	}
	spin_unlock(&pool->lock);
}

/**
 * hermes_pool_recycle() - used pages, just unmapped, into a pool
 * @c: the client that gave them
 * @pool: its pool
 * @pages: the pages, each with one reference that is dropped here
 * @nr: how many
 *
 * A page that somebody else still holds, that is charged elsewhere, or that
 * the pool has no need for goes to the page allocator.
 *
 * Return: pages that the pool keeps; they are zeroed when the worker next runs,
 *	or when they are taken.
 */
unsigned int hermes_pool_recycle(struct hermes_client *c,
				 struct hermes_pool *pool,
				 struct page **pages, unsigned int nr)
{
	unsigned long goal = atomic_long_read(&pool->goal);
	unsigned int i, kept = 0;

	for (i = 0; i < nr; i++) {
		if (hermes_pool_pages(pool) >= goal ||
		    page_ref_count(pages[i]) != 1 ||
		    !hermes_memcg_owns(pool->memcg, pages[i]) ||
		    !hermes_total_charge(1)) {
			put_page(pages[i]);
			continue;
		}
		folio_clear_dirty(page_folio(pages[i]));
		folio_clear_referenced(page_folio(pages[i]));
		spin_lock(&pool->lock);
		list_add(&pages[i]->lru, &pool->dirty);
		pool->nr_dirty++;
		spin_unlock(&pool->lock);
		kept++;
	}
	return kept;
}

static gfp_t hermes_gfp(unsigned int order, bool may_reclaim)
{
	gfp_t gfp = GFP_HIGHUSER | __GFP_ACCOUNT | __GFP_ZERO | __GFP_NOWARN |
		    __GFP_NORETRY | __GFP_NOMEMALLOC;

	/* Nobody shall compact or reclaim for a larger order. */
	if (order || !may_reclaim)
		gfp &= ~__GFP_DIRECT_RECLAIM;
	return gfp;
}

static unsigned int hermes_alloc_pages(int nid, struct page **pages,
				       unsigned int nr, bool may_reclaim)
{
	unsigned int order = HERMES_ALLOC_ORDER, got = 0, i;
	struct page *page;

	while (got < nr) {
		order = min_t(unsigned int, order, ilog2(nr - got));
		page = alloc_pages_node(nid, hermes_gfp(order, may_reclaim),
					order);
		if (!page && !order)
			break;
		if (!page) {
			order = 0;
			continue;
		}
		if (order)
			split_page(page, order);
		for (i = 0; i < 1U << order; i++)
			pages[got++] = page + i;
		cond_resched();
	}
	return got;
}

/**
 * hermes_pool_alloc() - new zeroed pages, charged and counted
 * @c: the client on whose behalf
 * @pool: its pool; the pages do not go into it
 * @pages: out: the pages
 * @nr: pages wanted
 * @how: HERMES_ALLOC_*
 *
 * In larger orders, then split, so that unmovable pages stay together. Never
 * eats into the headroom of a cgroup and never invokes the OOM killer.
 *
 * Context: Process context with no lock of the module held.
 * Return: pages got; the counter of the first limit met is incremented if
 *	they are fewer than @nr.
 */
unsigned int hermes_pool_alloc(struct hermes_client *c,
			       struct hermes_pool *pool, struct page **pages,
			       unsigned int nr, unsigned int how)
{
	long room = how & HERMES_ALLOC_CUSHION ?
		    hermes_memcg_cushion_room(pool->memcg) :
		    hermes_memcg_room(pool->memcg);
	struct mem_cgroup *old;
	unsigned int granted, got;

	if (room < (long)nr) {
		atomic64_inc(&c->stat.limit_memcg);
		c->limit = HERMES_MISS_MEMCG;
		if (room <= 0)
			return 0;
		nr = room;
	}
	granted = hermes_total_charge(nr);
	if (granted < nr) {
		atomic64_inc(&c->stat.limit_module);
		c->limit = HERMES_MISS_MODULE;
	}

	old = set_active_memcg(pool->memcg);
	got = hermes_alloc_pages(READ_ONCE(c->nid), pages, granted,
				 how & HERMES_ALLOC_RECLAIM);
	set_active_memcg(old);
	if (got < granted) {
		atomic64_inc(&c->stat.limit_nomem);
		c->limit = HERMES_MISS_REFILL;
		hermes_total_uncharge(granted - got);
	}
	return got;
}

/* Zeroes what was given back, as far as the client's CPU budget goes. */
static void hermes_pool_clean(struct hermes_client *c)
{
	struct hermes_pool *pool = c->pool;
	unsigned long nr = READ_ONCE(pool->nr_dirty);
	struct page *page;

	while (nr-- && hermes_cpu_left(c) >= 0 &&
	       (page = hermes_pool_pop_dirty(pool))) {
		clear_highpage(page);
		hermes_pool_return(pool, &page, 1);
		cond_resched();
	}
}

/**
 * hermes_pool_cushion() - pages that refill leaves in a pool
 * @pool: the pool
 *
 * A service at its limit reclaims on its own threads, which may hold mmap_lock
 * or wait behind somebody who waits for it: then no ready batch can be had,
 * but these pages can.
 *
 * Return: pages, 0 where no cgroup has a limit.
 */
unsigned long hermes_pool_cushion(struct hermes_pool *pool)
{
	if (hermes_memcg_room(pool->memcg) == LONG_MAX)
		return 0;
	return min_t(unsigned long, HERMES_CUSHION,
		     atomic_long_read(&pool->goal));
}

/*
 * New pages until the pool has @goal; stops at the first limit, and when the
 * CPU budget is used up. But the cushion is due whatever it costs.
 */
static void hermes_pool_fill(struct hermes_client *c, unsigned long goal,
			     unsigned int how)
{
	struct page *pages[HERMES_BULK];
	struct hermes_pool *pool = c->pool;
	unsigned long have;
	unsigned int want, got;

	while (!READ_ONCE(c->closing) &&
	       (how & HERMES_ALLOC_CUSHION || hermes_cpu_left(c) >= 0)) {
		have = hermes_pool_pages(pool);
		if (have >= goal)
			break;
		want = min_t(unsigned long, goal - have, HERMES_BULK);
		if (hermes_memory_short(want))
			break;
		got = hermes_pool_alloc(c, pool, pages, want, how);
		hermes_pool_return(pool, pages, got);
		if (got < want)
			break;
	}
}

/**
 * hermes_pool_prepare() - before a refill: the client's share, the cushion
 * @c: the client
 *
 * Context: The client's worker.
 */
void hermes_pool_prepare(struct hermes_client *c)
{
	mutex_lock(&c->lock);
	hermes_pool_set_share(c, c->target / HERMES_POOL_SHARE);
	mutex_unlock(&c->lock);
	hermes_pool_clean(c);
	hermes_pool_fill(c, hermes_pool_cushion(c->pool), HERMES_ALLOC_CUSHION);
}

/**
 * hermes_pool_top_up() - bring the client's pool to its goal
 * @c: the client
 *
 * Context: The client's worker.
 */
void hermes_pool_top_up(struct hermes_client *c)
{
	struct hermes_pool *pool = c->pool;
	unsigned long goal = atomic_long_read(&pool->goal), excess;

	hermes_pool_fill(c, goal, 0);
	if (hermes_pool_pages(pool) <= goal)
		return;
	excess = hermes_pool_trim(pool, goal, ULONG_MAX);
	if (excess)
		trace_hermes_shrink(0, excess, HERMES_SHRINK_DECAY);
}

/**
 * hermes_pool_trim() - give pages to the page allocator
 * @pool: the pool
 * @keep: pages that stay
 * @nr: at most so many
 *
 * Context: Any but interrupt; does not sleep or allocate.
 * Return: pages freed.
 */
unsigned long hermes_pool_trim(struct hermes_pool *pool, unsigned long keep,
			       unsigned long nr)
{
	struct page *page;
	unsigned long freed = 0;
	int nid = 0;

	while (freed < nr && hermes_pool_pages(pool) > keep) {
		page = hermes_pool_pop_dirty(pool);
		while (!page && nid < nr_node_ids) {
			spin_lock(&pool->lock);
			page = hermes_pool_pop(pool, nid);
			spin_unlock(&pool->lock);
			if (!page)
				nid++;
		}
		if (!page)
			break;
		__free_page(page);
		freed++;
	}
	hermes_total_uncharge(freed);
	return freed;
}
