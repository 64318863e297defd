// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clients: creation, sizes, statistics, destruction.
 *
 * DOC: Who may still hold a client when it is destroyed
 *
 * 1. Mappings: each holds a reference to the file, and destruction is the
 *    file's last fput(), so there is none.
 * 2. The timer and the worker: hermes_reserve_stop() sets @closing, which
 *    keeps either from starting the other again, and waits for both.
 * 3. Reclaim: finds a client only through its pool's list, under
 *    hermes_registry_lock; hermes_pool_detach() takes it off under that lock.
 *    Until then it may have queued the worker once more, which is why that is
 *    cancelled again; with @closing set it does nothing.
 */
#include <linux/cred.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "clients.h"
#include "hermes.h"
#include "reclaim.h"

DEFINE_XARRAY_ALLOC1(hermes_clients);
/* Whoever found a client in hermes_clients may use it while it is held. */
DEFINE_MUTEX(hermes_clients_lock);
static atomic_t hermes_nr_clients = ATOMIC_INIT(0);

static void hermes_default_reserve(struct hermes_reserve *r)
{
	u64 max = READ_ONCE(hermes_client_max_bytes) & PAGE_MASK;

	*r = (struct hermes_reserve) {
		.size = sizeof(*r),
		.min_bytes = min_t(u64, 4 << 20, max),
		.max_bytes = min_t(u64, 64 << 20, max),
		.batch_pages = HERMES_BATCH_PAGES_DEF,
		.low_pct = 75,
		.high_pct = 100,
		.factor_pct = 200,
		.interval_us = 2000,
		.decay_ms = 1000,
	};
}

/* The number is reserved; it becomes visible when it is complete. */
static int hermes_client_get_id(u32 *id)
{
	int ret;

	if (atomic_inc_return(&hermes_nr_clients) >
	    READ_ONCE(hermes_max_clients)) {
		atomic_dec(&hermes_nr_clients);
		return -EMFILE;
	}
	ret = xa_alloc(&hermes_clients, id, NULL, xa_limit_31b,
		       GFP_KERNEL_ACCOUNT);
	if (ret)
		atomic_dec(&hermes_nr_clients);
	return ret;
}

static void hermes_client_put_id(u32 id)
{
	xa_erase(&hermes_clients, id);
	atomic_dec(&hermes_nr_clients);
}

/* Nobody finds it any more; the number stays taken while events may carry it. */
static void hermes_client_hide(u32 id)
{
	mutex_lock(&hermes_clients_lock);
	xa_store(&hermes_clients, id, NULL, GFP_KERNEL);
	mutex_unlock(&hermes_clients_lock);
}

/** hermes_client_count() - open clients */
u32 hermes_client_count(void)
{
	return atomic_read(&hermes_nr_clients);
}

static int hermes_client_join_pool(struct hermes_client *c)
{
	struct mem_cgroup *memcg = get_mem_cgroup_from_mm(c->mm);
	int ret = hermes_pool_attach(c, memcg);

	mem_cgroup_put(memcg);
	return ret;
}

/**
 * hermes_client_create() - a new client for the current address space
 *
 * Context: Process context, may sleep.
 * Return: the client; -ENODEV for a kernel thread, -EMFILE above the module
 *	parameter max_clients, -EOPNOTSUPP where the kernel would not charge
 *	the pages to the memory cgroup (cgroup.memory=nokmem), -ENOMEM.
 */
struct hermes_client *hermes_client_create(void)
{
	struct hermes_client *c;
	int ret;

	if (!current->mm)
		return ERR_PTR(-ENODEV);
	c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);
	if (!c)
		return ERR_PTR(-ENOMEM);
	ret = hermes_client_get_id(&c->id);
	if (ret)
		goto err_free;
	c->pgoff_next = HERMES_MMAP_ARENA >> PAGE_SHIFT;
	c->nid = numa_node_id();
	c->asleep = true;
	mutex_init(&c->lock);
	INIT_LIST_HEAD(&c->pool_link);
	INIT_WORK(&c->work, hermes_reserve_work);
	hrtimer_setup(&c->timer, hermes_reserve_tick, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL);
	hermes_default_reserve(&c->conf);
	c->target = c->conf.min_bytes >> PAGE_SHIFT;
	c->last_tick = ktime_get_ns();
	c->uid = current_euid();
	c->miss_cause = HERMES_MISS_UNASKED;
	ret = -ENOMEM;
	c->bulk = kmalloc_array(HERMES_BATCH_PAGES_MAX, sizeof(*c->bulk),
				GFP_KERNEL_ACCOUNT);
	if (!c->bulk)
		goto err_id;
	ret = hermes_ring_init(&c->ring);
	if (ret)
		goto err_bulk;
	c->mm = current->mm;
	mmgrab(c->mm);
	ret = hermes_client_join_pool(c);
	if (ret)
		goto err_mm;
	hermes_ring_report(c);
	c->pid = get_pid(task_tgid(current));
	/* The place is there already: this does not fail. */
	xa_store(&hermes_clients, c->id, c, GFP_KERNEL);
	return c;

err_mm:
	mmdrop(c->mm);
	hermes_ring_destroy(&c->ring);
err_bulk:
	kfree(c->bulk);
err_id:
	hermes_client_put_id(c->id);
err_free:
	kfree(c);
	return ERR_PTR(ret);
}

/**
 * hermes_client_destroy() - the client's file is gone
 * @c: the client
 *
 * Context: Process context, may sleep; waits for one batch of the worker.
 */
void hermes_client_destroy(struct hermes_client *c)
{
	hermes_client_hide(c->id);
	hermes_reserve_stop(c);
	hermes_pool_detach(c);
	cancel_work_sync(&c->work);
	hermes_account_last(c);
	hermes_total_uncharge(c->ready_pages);
	hermes_mapped_forget(c);
	hermes_ring_destroy(&c->ring);
	kfree(c->bulk);
	mmdrop(c->mm);
	put_pid(c->pid);
	hermes_client_put_id(c->id);
	kfree(c);
}

static int hermes_check_reserve(const struct hermes_reserve *r)
{
	if (r->reserved[0] || r->reserved[1])
		return -EINVAL;
	if ((r->min_bytes | r->max_bytes) & ~PAGE_MASK ||
	    r->min_bytes > r->max_bytes)
		return -EINVAL;
	if (!is_power_of_2(r->batch_pages) ||
	    r->batch_pages > HERMES_BATCH_PAGES_MAX)
		return -EINVAL;
	if (r->low_pct < 1 || r->low_pct >= r->high_pct || r->high_pct > 100)
		return -EINVAL;
	if (r->factor_pct > 1000 || r->interval_us < 500 ||
	    r->interval_us > USEC_PER_SEC)
		return -EINVAL;
	if (r->decay_ms < 10 || r->decay_ms > 3600 * MSEC_PER_SEC)
		return -EINVAL;
	if (r->max_bytes > READ_ONCE(hermes_client_max_bytes))
		return -EDQUOT;
	return 0;
}

/** hermes_client_misses() - first writes to pages that were not ready
 * @c: the client
 */
u64 hermes_client_misses(const struct hermes_client *c)
{
	u64 n = 0;
	int i;

	for (i = 0; i < HERMES_MISSES; i++)
		n += atomic64_read(&c->stat.miss[i]);
	return n;
}

int hermes_client_set_reserve(struct hermes_client *c,
			      const struct hermes_reserve *r)
{
	int ret = hermes_check_reserve(r);

	if (ret)
		return ret;
	mutex_lock(&c->lock);
	c->conf = *r;
	c->conf.size = sizeof(c->conf);
	c->target = clamp_t(unsigned long, c->target,
			    r->min_bytes >> PAGE_SHIFT,
			    r->max_bytes >> PAGE_SHIFT);
	mutex_unlock(&c->lock);
	hermes_reserve_wake(c);
	return 0;
}

int hermes_client_get_reserve(struct hermes_client *c,
			      struct hermes_reserve *r)
{
	if (r->reserved[0] || r->reserved[1])
		return -EINVAL;
	mutex_lock(&c->lock);
	*r = c->conf;
	mutex_unlock(&c->lock);
	return 0;
}

void hermes_client_get_stats(struct hermes_client *c, struct hermes_stats *s)
{
	const struct hermes_counters *n = &c->stat;
	struct hermes_pool *pool;

	mutex_lock(&c->lock);
	hermes_ring_scan(c);
	s->target_bytes = (u64)c->target << PAGE_SHIFT;
	s->ready_bytes = (u64)c->ready_pages << PAGE_SHIFT;
	mutex_unlock(&c->lock);

	pool = hermes_pool_get(c);
	s->pool_bytes = (u64)hermes_pool_pages(pool) << PAGE_SHIFT;
	hermes_pool_put(pool);

	s->published_bytes = atomic64_read(&n->published) << PAGE_SHIFT;
	s->consumed_bytes = atomic64_read(&n->consumed) << PAGE_SHIFT;
	s->reclaimed_bytes = atomic64_read(&n->reclaimed) << PAGE_SHIFT;
	s->takes = atomic64_read(&n->takes);
	s->take_bytes = atomic64_read(&n->take_pages) << PAGE_SHIFT;
	s->take_dry = atomic64_read(&n->take_dry);
	s->gives = atomic64_read(&n->gives);
	s->give_bytes = atomic64_read(&n->give_pages) << PAGE_SHIFT;
	s->recycle_bytes = atomic64_read(&n->recycle_pages) << PAGE_SHIFT;
	s->doorbells = atomic64_read(&n->doorbells);
	s->faults = hermes_client_misses(c);
	s->refills = atomic64_read(&n->refills);
	s->limit_memcg = atomic64_read(&n->limit_memcg);
	s->limit_module = atomic64_read(&n->limit_module);
	s->limit_nomem = atomic64_read(&n->limit_nomem);
	s->fill_errors = atomic64_read(&n->fill_errors);
}

/** hermes_client_exit() - no client is left and none will come */
void hermes_client_exit(void)
{
	xa_destroy(&hermes_clients);
}
