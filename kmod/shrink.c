// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory goes back to the kernel when the kernel asks: the shrinker, for a
 * memory cgroup or for the whole machine, and the OOM notifier.
 *
 * What a shrinker call may have:
 * - everything, where the headroom of the pool's cgroup or of an ancestor is
 *   eaten up: a reserve must not be the reason for reclaim, let alone OOM;
 * - else only what idle clients hold and what a pool has above its goal: under
 *   global pressure the reserve of an active client is what it is for.
 * Global out-of-memory takes everything whose locks are free.
 *
 * For a limited cgroup the kernel calls only shrinkers that hold something in
 * it, known by list_lru items charged to that cgroup. Every pool keeps one
 * such item, its *token*, in a list_lru that serves no other purpose.
 */
#include <linux/ktime.h>
#include <linux/list_lru.h>
#include <linux/notifier.h>
#include <linux/oom.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/swap.h>

#include "hermes.h"
#include "reclaim.h"
#include "trace.h"

/*
 * Pages of a pool's cushion that one call frees while locks are taken. There are
 * some 25 calls, each with a pause, in one attempt to charge a page.
 */
#define HERMES_TRICKLE		2UL

/* Pages asked for in one call. */
#define HERMES_SHRINK_BATCH	32UL

/* A client that took nothing for so long is idle for the global shrinker. */
#define HERMES_IDLE_NS		NSEC_PER_SEC

struct hermes_token {
	struct list_head lru;
};

/* Guards the list of pools and the list of clients of each. */
DEFINE_MUTEX(hermes_registry_lock);
LIST_HEAD(hermes_pools);

static struct shrinker *hermes_shrinker;
static struct list_lru hermes_tokens;
static struct kmem_cache *hermes_token_cache;

/**
 * hermes_token_create() - make the shrinker visit a cgroup
 * @memcg: the cgroup
 *
 * Context: Process context, may sleep.
 * Return: the token, or NULL when there is no memory.
 */
struct hermes_token *hermes_token_create(struct mem_cgroup *memcg)
{
	struct mem_cgroup *old = set_active_memcg(memcg);
	struct hermes_token *token;

	token = kmem_cache_alloc_lru(hermes_token_cache, &hermes_tokens,
				     GFP_KERNEL_ACCOUNT | __GFP_NORETRY |
				     __GFP_NOWARN);
	set_active_memcg(old);
	if (token) {
		INIT_LIST_HEAD(&token->lru);
		list_lru_add_obj(&hermes_tokens, &token->lru);
	}
	return token;
}

void hermes_token_destroy(struct hermes_token *token)
{
	list_lru_del_obj(&hermes_tokens, &token->lru);
	kmem_cache_free(hermes_token_cache, token);
}

static bool hermes_client_idle(const struct hermes_client *c)
{
	return ktime_get_ns() - READ_ONCE(c->last_active) > HERMES_IDLE_NS;
}

/* A removed cgroup's list_lru items, and its pages, are its parent's. */
static bool hermes_pool_matches(struct hermes_pool *pool,
				struct shrink_control *sc)
{
	struct mem_cgroup *memcg = pool->memcg;

	while (memcg && !mem_cgroup_online(memcg))
		memcg = parent_mem_cgroup(memcg);
	return !sc->memcg || sc->memcg == memcg;
}

/* Its cgroup or an ancestor needs the headroom that is always left. */
static bool hermes_pool_cramped(struct hermes_pool *pool)
{
	return hermes_memcg_room(pool->memcg) <= 0;
}

/* Pages of one pool and its clients that the shrinker may have. */
static unsigned long hermes_pool_surplus(struct hermes_pool *pool, bool all)
{
	unsigned long pages = hermes_pool_pages(pool), keep = 0, ready = 0;
	struct hermes_client *c;

	list_for_each_entry(c, &pool->clients, pool_link) {
		if (all || hermes_client_idle(c))
			ready += READ_ONCE(c->ready_pages);
		else
			keep += READ_ONCE(c->pool_share);
	}
	return ready + (pages > keep ? pages - keep : 0);
}

/*
 * Ready batches of one client. Sets @busy when somebody has its locks; its
 * worker, which may wait for them, is told to do the same.
 */
static unsigned long hermes_client_reclaim(struct hermes_client *c,
					   unsigned long nr, bool *busy)
{
	unsigned long got = 0;
	bool locked = false;

	if (!READ_ONCE(c->ready_pages) || !mmget_not_zero(c->mm))
		return 0;
	if (mmap_read_trylock(c->mm)) {
		locked = mutex_trylock(&c->lock);
		if (locked) {
			got = hermes_ring_reclaim(c, nr);
			mutex_unlock(&c->lock);
			if (got)
				WRITE_ONCE(c->miss_cause, HERMES_MISS_SHRINK);
		}
		mmap_read_unlock(c->mm);
	}
	if (!locked) {
		*busy = true;
		hermes_reserve_check(c);
	}
	mmput_async(c->mm);
	return got;
}

static unsigned long hermes_clients_reclaim(struct hermes_pool *pool, bool all,
					    unsigned long nr, int why,
					    bool *busy)
{
	struct hermes_client *c;
	unsigned long freed = 0, got;

	list_for_each_entry(c, &pool->clients, pool_link) {
		if (freed >= nr)
			break;
		if (!all && !hermes_client_idle(c))
			continue;
		got = hermes_client_reclaim(c, nr - freed, busy);
		if (got)
			trace_hermes_shrink(c->id, got, why);
		freed += got;
	}
	return freed;
}

/*
 * Where everything may go (@all), the pool's cushion goes last, and only a
 * little at a time while ready batches cannot be had: it must last until the
 * worker gets the locks.
 */
static unsigned long hermes_pool_reclaim(struct hermes_pool *pool, bool all,
					 unsigned long nr, int why, bool *busy)
{
	unsigned long keep = 0, freed, rest, got;
	struct hermes_client *c;
	bool mine = false;

	list_for_each_entry(c, &pool->clients, pool_link)
		if (!all && !hermes_client_idle(c))
			keep += READ_ONCE(c->pool_share);
	if (all)
		keep = hermes_pool_cushion(pool);
	freed = hermes_pool_trim(pool, keep, nr);
	got = freed;
	if (freed < nr)
		freed += hermes_clients_reclaim(pool, all, nr - freed, why,
						&mine);
	if (all && freed < nr) {
		rest = mine ? min(nr - freed, HERMES_TRICKLE) : nr - freed;
		rest = hermes_pool_trim(pool, 0, rest);
		got += rest;
		freed += rest;
	}
	if (got)
		trace_hermes_shrink(0, got, why);
	*busy |= all && mine;
	return freed;
}

/* Whether the caller reclaims for a cgroup at its limit that it is in. */
static bool hermes_self_cramped(void)
{
	struct mem_cgroup *memcg;
	bool cramped;

	if (!current->mm)
		return false;
	memcg = get_mem_cgroup_from_mm(current->mm);
	cramped = hermes_memcg_room(memcg) <= 0;
	mem_cgroup_put(memcg);
	return cramped;
}

/*
 * Ready batches are there, but somebody has the locks. The kernel gives up
 * and kills after some attempts, all within microseconds: let the worker get
 * into the queue for the locks first. Not at others' expense.
 */
static unsigned long hermes_shrink_pause(struct shrink_control *sc)
{
	if (sc->memcg && hermes_self_cramped())
		schedule_timeout_killable(1);
	return SHRINK_STOP;
}

/* The machine is short of memory, not a cgroup at its own limit. */
static bool hermes_reclaim_is_global(struct shrink_control *sc)
{
	return current_is_kswapd() || !sc->memcg ||
	       !parent_mem_cgroup(sc->memcg);
}

static unsigned long hermes_shrink_count(struct shrinker *shrinker,
					 struct shrink_control *sc)
{
	struct hermes_pool *pool;
	unsigned long n = 0;

	if (hermes_reclaim_is_global(sc))
		hermes_reclaim_trigger(HERMES_TRIGGER_STALL);
	/* Somebody else is at it: it may be worth to come back. */
	if (!mutex_trylock(&hermes_registry_lock))
		return HERMES_SHRINK_BATCH;
	list_for_each_entry(pool, &hermes_pools, link)
		if (hermes_pool_matches(pool, sc))
			n += hermes_pool_surplus(pool, hermes_pool_cramped(pool));
	mutex_unlock(&hermes_registry_lock);
	return n;
}

static unsigned long hermes_shrink_scan(struct shrinker *shrinker,
					struct shrink_control *sc)
{
	unsigned long freed = 0;
	struct hermes_pool *pool;
	bool busy = false;

	if (!mutex_trylock(&hermes_registry_lock))
		return hermes_shrink_pause(sc);
	list_for_each_entry(pool, &hermes_pools, link) {
		if (freed >= sc->nr_to_scan)
			break;
		if (!hermes_pool_matches(pool, sc))
			continue;
		freed += hermes_pool_reclaim(pool, hermes_pool_cramped(pool),
					     sc->nr_to_scan - freed,
					     HERMES_SHRINK_SHRINKER, &busy);
	}
	mutex_unlock(&hermes_registry_lock);
	if (busy)
		return hermes_shrink_pause(sc);
	return freed ? freed : SHRINK_STOP;
}

static int hermes_oom(struct notifier_block *nb, unsigned long unused,
		      void *freed)
{
	struct hermes_pool *pool;
	unsigned long n = 0;
	bool busy = false;

	/* Nobody allocates while it holds this lock. */
	mutex_lock(&hermes_registry_lock);
	list_for_each_entry(pool, &hermes_pools, link)
		n += hermes_pool_reclaim(pool, true, ULONG_MAX,
					 HERMES_SHRINK_OOM, &busy);
	mutex_unlock(&hermes_registry_lock);
	*(unsigned long *)freed += n;
	return NOTIFY_OK;
}

static struct notifier_block hermes_oom_nb = {
	.notifier_call = hermes_oom,
};

static int hermes_shrinker_setup(void)
{
	int ret;

	hermes_shrinker = hermes_shrinker_alloc(SHRINKER_MEMCG_AWARE |
						SHRINKER_NONSLAB);
	if (!hermes_shrinker)
		return -ENOMEM;
	hermes_shrinker->count_objects = hermes_shrink_count;
	hermes_shrinker->scan_objects = hermes_shrink_scan;
	/* 0: a page that costs one zeroing goes before anything else. */
	hermes_shrinker->seeks = 0;
	hermes_shrinker->batch = HERMES_SHRINK_BATCH;
	ret = hermes_shrinker_register(hermes_shrinker);
	if (ret)
		hermes_shrinker_free(hermes_shrinker);
	return ret;
}

static void hermes_shrinker_teardown(void)
{
	hermes_shrinker_unregister(hermes_shrinker);
	hermes_shrinker_free(hermes_shrinker);
}

int hermes_shrink_init(void)
{
	int ret;

	hermes_token_cache = KMEM_CACHE(hermes_token, SLAB_ACCOUNT);
	if (!hermes_token_cache)
		return -ENOMEM;
	/* First the shrinker: the list_lru takes its number. */
	ret = hermes_shrinker_setup();
	if (ret)
		goto err_cache;
	ret = list_lru_init_memcg(&hermes_tokens, hermes_shrinker);
	if (ret)
		goto err_shrinker;
	ret = register_oom_notifier(&hermes_oom_nb);
	if (ret)
		goto err_lru;
	return 0;

err_lru:
	list_lru_destroy(&hermes_tokens);
err_shrinker:
	hermes_shrinker_teardown();
err_cache:
	kmem_cache_destroy(hermes_token_cache);
	return ret;
}

void hermes_shrink_exit(void)
{
	unregister_oom_notifier(&hermes_oom_nb);
	hermes_shrinker_teardown();
	list_lru_destroy(&hermes_tokens);
	kmem_cache_destroy(hermes_token_cache);
}
