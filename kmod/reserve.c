// SPDX-License-Identifier: GPL-2.0-only
/*
 * The refill worker: one work item per client, run by the interval timer
 * while the client consumes, by the doorbell when it does not.
 */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/sched/mm.h>

#include "hermes.h"
#include "reclaim.h"
#include "trace.h"

/* Intervals without consumption after which a client counts as idle. */
#define HERMES_IDLE_INTERVALS	16
/* A refill that was cut short is tried again after interval << backoff. */
#define HERMES_BACKOFF_MAX	3U

/* Below this part of the low watermark the refill may reclaim by itself. */
#define HERMES_URGENT_PART	8

/* Page tables that one batch may need: one of each level. */
#define HERMES_TABLE_PAGES	4

/* How a refill ended; the numbers are those of the tracepoint. */
enum hermes_refill {
	HERMES_REFILL_FULL,
	HERMES_REFILL_NO_EXTENT,
	HERMES_REFILL_LIMITED,
	HERMES_REFILL_STOPPED,
	HERMES_REFILL_MORE,
	HERMES_REFILL_THROTTLED,
};

/**
 * hermes_reserve_wake() - run the worker now and count the client as active
 * @c: the client
 *
 * Context: Any but interrupt; does not sleep.
 */
void hermes_reserve_wake(struct hermes_client *c)
{
	WRITE_ONCE(c->kick, true);
	queue_work(hermes_wq, &c->work);
}

/**
 * hermes_reserve_nudge() - wake the worker only if no tick is due anyway
 * @c: the client
 *
 * For calls that come in numbers: a wake-up costs more than the call itself
 * (15 us against 1 us a page for a batch of 16, icount, 6.1).
 *
 * Context: Any but interrupt; does not sleep.
 */
void hermes_reserve_nudge(struct hermes_client *c)
{
	/*
	 * The caller's demand before @asleep; pairs with the barrier in
	 * hermes_reserve_sleep().
	 */
	smp_mb();
	if (READ_ONCE(c->asleep))
		hermes_reserve_wake(c);
}

/**
 * hermes_reserve_check() - let the worker see what the limits need
 * @c: the client
 *
 * Not as hermes_reserve_wake(): nothing was consumed.
 *
 * Context: Any but interrupt; does not sleep.
 */
void hermes_reserve_check(struct hermes_client *c)
{
	queue_work(hermes_wq, &c->work);
}

enum hrtimer_restart hermes_reserve_tick(struct hrtimer *timer)
{
	struct hermes_client *c = container_of(timer, struct hermes_client,
					       timer);

	/* A worker may have armed it just before @closing was set. */
	if (!READ_ONCE(c->closing))
		queue_work(hermes_wq, &c->work);
	return HRTIMER_NORESTART;
}

static void hermes_reserve_arm(struct hermes_client *c, u64 ns)
{
	if (!READ_ONCE(c->closing))
		hrtimer_start(&c->timer, ns_to_ktime(ns), HRTIMER_MODE_REL);
}

/**
 * hermes_reserve_stop() - stop worker and timer for good
 * @c: the client; nobody can wake it any more
 *
 * Context: Process context, waits for a running worker, which stops after
 *	the batch at hand.
 */
void hermes_reserve_stop(struct hermes_client *c)
{
	WRITE_ONCE(c->closing, true);
	hrtimer_cancel(&c->timer);
	cancel_work_sync(&c->work);
	/* The worker may have armed it before it saw @closing. */
	hrtimer_cancel(&c->timer);
}

/* The process migrated to another cgroup: charge there from now on. */
static void hermes_follow_memcg(struct hermes_client *c)
{
	struct mem_cgroup *memcg = get_mem_cgroup_from_mm(c->mm);

	if (memcg != c->pool->memcg)
		hermes_pool_attach(c, memcg);
	mem_cgroup_put(memcg);
}

/* The last user of the address space is this worker, or the file is gone. */
static bool hermes_must_stop(struct hermes_client *c)
{
	return READ_ONCE(c->closing) || atomic_read(&c->mm->mm_users) <= 1;
}

static u64 hermes_interval(const struct hermes_client *c)
{
	return (u64)READ_ONCE(c->conf.interval_us) * NSEC_PER_USEC;
}

/* Pages that the next batch should have; 0 when the reserve is full. */
static unsigned int hermes_batch_want(struct hermes_client *c)
{
	unsigned long high, want = 0;

	mutex_lock(&c->lock);
	hermes_ring_scan(c);
	high = hermes_high_pages(c);
	if (c->ready_pages < high && hermes_ring_has_room(c))
		want = min_t(unsigned long, high - c->ready_pages,
			     c->conf.batch_pages);
	mutex_unlock(&c->lock);
	return want;
}

/*
 * While memory is short, a refill takes no more than the client consumed:
 * what the client's own page faults would have taken.
 */
static bool hermes_spend(struct hermes_client *c, unsigned int nr)
{
	if (!hermes_memory_short(nr))
		return true;
	if (c->allowance < nr)
		return false;
	c->allowance -= nr;
	return true;
}

/* New pages for a batch that the pool could not fill. */
static unsigned int hermes_buy(struct hermes_client *c, struct page **pages,
			       unsigned int nr)
{
	/* Only a reserve that is nearly used up may reclaim by itself. */
	bool urgent = READ_ONCE(c->ready_pages) <
		      hermes_low_pages(c) / HERMES_URGENT_PART;

	if (!hermes_spend(c, nr)) {
		atomic64_inc(&c->stat.limit_nomem);
		c->limit = HERMES_MISS_REFILL;
		return 0;
	}
	return hermes_pool_alloc(c, c->pool, pages, nr,
				 urgent ? HERMES_ALLOC_RECLAIM : 0);
}

/* Zeroed pages for one batch into c->bulk; 0 if it must wait. */
static unsigned int hermes_get_batch(struct hermes_client *c, unsigned int nr)
{
	unsigned int got = hermes_pool_take(c->pool, c->nid, c->bulk, nr);

	if (got < nr)
		got += hermes_buy(c, c->bulk + got, nr - got);
	/* A part of a batch is worth a word of the ring only in need. */
	if ((got == nr || !READ_ONCE(c->ready_pages)) &&
	    hermes_memcg_room(c->pool->memcg) >= HERMES_TABLE_PAGES)
		return got;
	if (got == nr)
		c->limit = HERMES_MISS_MEMCG;
	hermes_pool_return(c->pool, c->bulk, got);
	return 0;
}

/* Maps and publishes one batch at @addr; returns pages published. */
static unsigned int hermes_map_batch(struct hermes_client *c,
				     unsigned long addr, unsigned int nr,
				     enum hermes_refill *end)
{
	unsigned int got = hermes_get_batch(c, nr), mapped;
	struct mem_cgroup *old;
	pgoff_t pgoff;
	int ret;

	if (got < nr)
		*end = HERMES_REFILL_LIMITED;
	if (!got)
		return 0;
	/* Page tables are the client's too. */
	old = set_active_memcg(c->pool->memcg);
	ret = hermes_arena_map(c, addr, c->bulk, got, &mapped, &pgoff);
	set_active_memcg(old);
	if (mapped < got)
		hermes_pool_return(c->pool, c->bulk + mapped, got - mapped);
	if (mapped) {
		mutex_lock(&c->lock);
		hermes_ring_publish(c, addr, mapped, pgoff);
		mutex_unlock(&c->lock);
		hermes_ring_fill_done(c, mapped);
	}
	if (ret == -EBUSY) {
		hermes_ring_fill_done(c, 1);
	} else if (ret == -EFAULT) {
		atomic64_inc(&c->stat.fill_errors);
		hermes_ring_fill_done(c, UINT_MAX);
	} else if (ret) {
		c->limit = HERMES_MISS_REFILL;
		*end = HERMES_REFILL_LIMITED;
	}
	return mapped;
}

/* Whether a refill that began at @start may go on. */
static enum hermes_refill hermes_refill_may(struct hermes_client *c, u64 start)
{
	if (hermes_must_stop(c))
		return HERMES_REFILL_STOPPED;
	if (hermes_cpu_left(c) < 0)
		return HERMES_REFILL_THROTTLED;
	if (ktime_get_ns() - start > hermes_interval(c))
		return HERMES_REFILL_MORE;
	return HERMES_REFILL_FULL;
}

/*
 * Batches up to the high watermark, for one interval at most: then the target
 * is adapted before the refill goes on, and other work gets its turn.
 */
static enum hermes_refill hermes_refill(struct hermes_client *c, u64 start,
					unsigned long *mapped)
{
	enum hermes_refill end = HERMES_REFILL_FULL;
	unsigned long addr;
	unsigned int nr;

	while (end == HERMES_REFILL_FULL) {
		end = hermes_refill_may(c, start);
		if (end != HERMES_REFILL_FULL)
			return end;
		nr = hermes_batch_want(c);
		if (!nr)
			return HERMES_REFILL_FULL;
		if (!hermes_ring_next_fill(c, &addr, &nr))
			return HERMES_REFILL_NO_EXTENT;
		if (!hermes_mapped_allowed(c)) {
			atomic64_inc(&c->stat.limit_module);
			c->limit = HERMES_MISS_MODULE;
			return HERMES_REFILL_LIMITED;
		}
		*mapped += hermes_map_batch(c, addr, nr, &end);
		cond_resched();
	}
	return end;
}

static unsigned long hermes_surplus(struct hermes_client *c, bool idle)
{
	/* While the client is active, only what is worth the unmapping. */
	unsigned long slack = idle ? 0 : c->target;

	if (c->ready_pages <= c->target + slack)
		return 0;
	return c->ready_pages - c->target;
}

/* The pool down to its cushion, but no more than @nr; returns pages freed. */
static unsigned long hermes_yield_pool(struct hermes_client *c,
				       unsigned long nr)
{
	unsigned long got = hermes_pool_trim(c->pool,
					     hermes_pool_cushion(c->pool), nr);

	if (got)
		trace_hermes_shrink(0, got, HERMES_SHRINK_MEMCG);
	return got;
}

/*
 * Pages that the client has to give up: what the limits of the memcg and its
 * ancestors need, and room for what is missing of the pool's cushion.
 */
static long hermes_deficit(struct hermes_client *c)
{
	unsigned long cushion = hermes_pool_cushion(c->pool);
	unsigned long have = hermes_pool_pages(c->pool);

	return (long)(cushion - min(cushion, have)) -
	       hermes_memcg_room(c->pool->memcg);
}

static void hermes_yield_ready(struct hermes_client *c, unsigned long nr,
			       int why)
{
	unsigned long got;

	mmap_read_lock(c->mm);
	mutex_lock(&c->lock);
	got = hermes_ring_reclaim(c, nr);
	mutex_unlock(&c->lock);
	mmap_read_unlock(c->mm);
	if (got)
		trace_hermes_shrink(c->id, got, why);
}

/*
 * What must go, and the surplus over the target. The pool's cushion stays, also
 * for other clients of the pool: reclaim takes it when it matters.
 */
static void hermes_reserve_yield(struct hermes_client *c, bool idle)
{
	long deficit = hermes_deficit(c);
	unsigned long surplus;

	if (deficit > 0)
		deficit -= hermes_yield_pool(c, deficit);
	surplus = hermes_surplus(c, idle);
	if (deficit > 0 && c->ready_pages)
		hermes_yield_ready(c, max_t(unsigned long, deficit, surplus),
				   HERMES_SHRINK_MEMCG);
	else if (surplus)
		hermes_yield_ready(c, surplus, HERMES_SHRINK_DECAY);
}

static void hermes_reserve_awake(struct hermes_client *c)
{
	WRITE_ONCE(c->asleep, false);
	WRITE_ONCE(c->ring.control->flags, 0);
}

/*
 * Go to sleep unless the user took or posted something meanwhile: it may have
 * looked at the flag before it was set.
 */
static bool hermes_reserve_sleep(struct hermes_client *c,
				 enum hermes_refill end)
{
	struct hermes_control *ctl = c->ring.control;
	bool sleep;

	WRITE_ONCE(c->asleep, true);
	WRITE_ONCE(ctl->flags, HERMES_CONTROL_NEED_DOORBELL);
	/*
	 * Flag before words; pairs with the user's full barrier between its
	 * exchange of a word, or its store of fill_prod, and its load of the
	 * flags; and @asleep before the demand, with hermes_reserve_nudge().
	 */
	smp_mb();
	mutex_lock(&c->lock);
	hermes_ring_scan(c);
	sleep = !atomic_long_read(&c->demand);
	mutex_unlock(&c->lock);
	if (end == HERMES_REFILL_NO_EXTENT && hermes_ring_has_fill(c))
		sleep = false;
	if (!sleep)
		hermes_reserve_awake(c);
	return sleep;
}

static bool hermes_is_idle(const struct hermes_client *c, u64 now)
{
	return now - c->last_active >= HERMES_IDLE_INTERVALS * hermes_interval(c);
}

static void hermes_reserve_next(struct hermes_client *c, u64 now,
				enum hermes_refill end)
{
	if (end == HERMES_REFILL_MORE) {
		WRITE_ONCE(c->kick, true);
		hermes_reserve_arm(c, 0);
		return;
	}
	if (end == HERMES_REFILL_THROTTLED) {
		/* The reserve is to be full before the worker sleeps. */
		WRITE_ONCE(c->kick, true);
		hermes_reserve_arm(c, max(hermes_interval(c),
					  hermes_cpu_wait(c)));
		return;
	}
	if (end == HERMES_REFILL_LIMITED)
		c->backoff = min(c->backoff + 1U, HERMES_BACKOFF_MAX);
	else
		c->backoff = 0;

	/* At a limit it goes on looking as long as there is something to give. */
	if (!hermes_is_idle(c, now) ||
	    (c->ready_pages && hermes_deficit(c) > 0) ||
	    !hermes_reserve_sleep(c, end))
		hermes_reserve_arm(c, hermes_interval(c) << c->backoff);
	else if (!hermes_adapt_done(c))
		hermes_reserve_arm(c, (u64)READ_ONCE(c->conf.decay_ms) *
				   NSEC_PER_MSEC);
}

/* What a page that is missed from now on was missed for. */
static enum hermes_miss hermes_miss_cause(const struct hermes_client *c,
					  enum hermes_refill end)
{
	switch (end) {
	case HERMES_REFILL_NO_EXTENT:
		return HERMES_MISS_UNASKED;
	case HERMES_REFILL_LIMITED:
		return c->limit;
	case HERMES_REFILL_THROTTLED:
		return HERMES_MISS_CPU;
	default:
		return c->target ? HERMES_MISS_BURST : HERMES_MISS_MODULE;
	}
}

static void hermes_reserve_account(struct hermes_client *c, u64 now,
				   enum hermes_refill end)
{
	/* What the shrinker took is the cause until the refill has made up for it. */
	if (c->miss_cause != HERMES_MISS_SHRINK || end != HERMES_REFILL_MORE)
		WRITE_ONCE(c->miss_cause, hermes_miss_cause(c, end));
	if (end == HERMES_REFILL_LIMITED && c->limit == HERMES_MISS_REFILL)
		hermes_reclaim_trigger(HERMES_TRIGGER_REFILL);
	if (end == HERMES_REFILL_THROTTLED)
		atomic64_inc(&c->stat.throttled);
	if (end != HERMES_REFILL_FULL)
		hermes_account_low(c, now);
}

/* Called with the address space held. */
static void hermes_reserve_round(struct hermes_client *c)
{
	bool kick = xchg(&c->kick, false), low;
	enum hermes_refill end = HERMES_REFILL_FULL;
	unsigned long mapped = 0, consumed;
	u64 now = ktime_get_ns();
	bool idle;

	hermes_reserve_awake(c);
	/* Without another user its cgroup may already read as the root. */
	if (hermes_must_stop(c))
		return;
	hermes_follow_memcg(c);

	mutex_lock(&c->lock);
	hermes_ring_scan(c);
	consumed = atomic_long_xchg(&c->demand, 0);
	hermes_adapt(c, consumed, now - c->last_tick);
	low = c->ready_pages < hermes_low_pages(c);
	c->allowance = min(c->allowance + consumed + c->conf.batch_pages, c->target);
	mutex_unlock(&c->lock);
	c->last_tick = now;
	hermes_account_misses(c, now);
	atomic64_add(consumed, &hermes_demand_total);
	if (consumed || kick)
		WRITE_ONCE(c->last_active, now);

	idle = hermes_is_idle(c, now);
	hermes_reserve_yield(c, idle);
	hermes_pool_prepare(c);
	/* Before it sleeps, the reserve is filled up for the next burst. */
	if (low || kick || idle) {
		end = hermes_refill(c, now, &mapped);
		hermes_reserve_account(c, now, end);
	}
	if (end != HERMES_REFILL_MORE && !hermes_must_stop(c))
		hermes_pool_top_up(c);
	if (mapped)
		atomic64_inc(&c->stat.refills);
	if (mapped || end == HERMES_REFILL_LIMITED ||
	    end == HERMES_REFILL_THROTTLED)
		trace_hermes_refill(c->id, mapped, c->ready_pages, c->target,
				    consumed, end);
	hermes_ring_report(c);
	if (end != HERMES_REFILL_STOPPED)
		hermes_reserve_next(c, now, end);
}

/* The address space is gone: its mappings took the ready pages with them. */
static void hermes_reserve_drain(struct hermes_client *c)
{
	WRITE_ONCE(c->ring.control->flags, HERMES_CONTROL_DEAD);
	mutex_lock(&c->lock);
	WRITE_ONCE(c->dead, true);
	c->ring.tail = c->ring.prod;
	hermes_total_uncharge(c->ready_pages);
	c->ready_pages = 0;
	c->target = 0;
	mutex_unlock(&c->lock);
	hermes_mapped_forget(c);
	hermes_pool_prepare(c);
	hermes_pool_top_up(c);
}

/**
 * hermes_reserve_work() - one run of the worker
 * @work: in a client
 *
 * Context: Workqueue. The client stays because hermes_reserve_stop() waits.
 */
void hermes_reserve_work(struct work_struct *work)
{
	struct hermes_client *c = container_of(work, struct hermes_client,
					       work);
	unsigned int nice = READ_ONCE(hermes_worker_nice);

	if (READ_ONCE(c->closing))
		return;
	/*
	 * Behind the service whose memory this prepares. Here, as a module
	 * cannot set the nice level of a workqueue's threads.
	 */
	set_user_nice(current, min_t(unsigned int, nice, MAX_NICE));
	hermes_cpu_begin(c);
	if (c->dead || !mmget_not_zero(c->mm)) {
		hermes_reserve_drain(c);
	} else {
		hermes_reserve_round(c);
		/* Not mmput(): the last one tears the address space down. */
		mmput_async(c->mm);
	}
	hermes_cpu_end(c);
	set_user_nice(current, 0);
}
