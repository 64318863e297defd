/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internal types of hermes.ko. Non-static functions carry the prefix hermes_.
 *
 * DOC: Locks, in the order in which they may be taken
 *
 *	hermes_clients_lock	mutex: a client that netlink found stays
 *	hermes_registry_lock	mutex: the list of pools, their client lists
 *	  mm->mmap_lock		of the client's address space, for reading
 *	    client->lock	mutex: ring producer state, target, sizes
 *	      pool->lock	spinlock: the page lists of one pool
 *
 * Reclaim (the shrinker, the OOM notifier) does not know the first, only
 * *tries* the next three, and
 * nothing allocates while it holds the registry or a client's lock, so memory
 * reclaim never waits for Hermes. Pages are allocated with no lock held at
 * all, mapped with mmap_lock held for reading for one batch at a time, and
 * published under client->lock.
 */
#ifndef _HERMES_H
#define _HERMES_H

#include <linux/atomic.h>
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>

#include <linux/hermes.h>

#include "budget.h"

static_assert(BITS_PER_LONG == 64);

#define HERMES_VERSION		"0.1.0"

#define HERMES_READY_ENTRIES	2048U
#define HERMES_FILL_ENTRIES	256U
/* Largest order that the pool asks the page allocator for, then splits. */
#define HERMES_ALLOC_ORDER	4
/*
 * Pages that stay in the pool of a cgroup with a limit, once there are so many:
 * reclaim gets them without a lock of an address space.
 */
#define HERMES_CUSHION		128UL
/* Pages on the stack of a function that handles pages in bulk. */
#define HERMES_BULK		64U

struct hermes_token;

/**
 * struct hermes_pool - zeroed, charged, unmapped pages of one memory cgroup
 * @link: in the list of pools; guarded by hermes_registry_lock
 * @ref: one for each attached client
 * @memcg: that all pages of this pool are charged to; reference held
 * @token: makes the memcg-aware shrinker visit @memcg, see shrink.c
 * @clients: attached clients, by client->pool_link; guarded by
 *	hermes_registry_lock
 * @goal: pages that the attached clients want to have here
 * @lock: guards the page lists
 * @nr_clean: zeroed pages on all nodes; guarded by @lock
 * @dirty: recycled pages that must be zeroed, by page->lru; guarded by @lock
 * @nr_dirty: length of @dirty; guarded by @lock
 * @clean: zeroed pages, by page->lru, one list for each possible NUMA node;
 *	guarded by @lock
 */
struct hermes_pool {
	struct list_head link;
	struct kref ref;
	struct mem_cgroup *memcg;
	struct hermes_token *token;
	struct list_head clients;
	atomic_long_t goal;
	spinlock_t lock; /* the page lists */
	unsigned long nr_clean;
	struct list_head dirty;
	unsigned long nr_dirty;
	struct list_head clean[];
};

/**
 * struct hermes_slot - the kernel's own record of one published batch
 * @word: what was stored in the ready ring
 * @pgoff: page offset of the batch: which arena it was mapped in
 */
struct hermes_slot {
	u64 word;
	pgoff_t pgoff;
};

/**
 * struct hermes_ring - the kernel's side of the control mapping
 * @control: kernel address of the control mapping
 * @ready: in it, the ready ring
 * @fill: in it, the fill ring
 * @slots: private copy of what was published
 * @pages: of the control mapping
 * @prod: batches published; guarded by client->lock
 * @tail: oldest batch not known to be gone; guarded by client->lock
 * @fill_cons: extents consumed; used by the worker only
 * @cur_addr: rest of the extent being filled; used by the worker only
 * @cur_end: its end; used by the worker only
 *
 * Invariant, under client->lock: prod - tail <= HERMES_READY_ENTRIES, and
 * client->ready_pages is the sum of the pages of slots[tail .. prod - 1].
 */
struct hermes_ring {
	struct hermes_control *control;
	u64 *ready;
	struct hermes_fill *fill;
	struct hermes_slot *slots;
	struct page **pages;
	u32 prod;
	u32 tail;
	u32 fill_cons;
	unsigned long cur_addr;
	unsigned long cur_end;
};

/*
 * Why a page was not ready at its first write; as HERMES_A_CLIENT_MISS_BURST
 * and the attributes that follow it.
 */
enum hermes_miss {
	HERMES_MISS_BURST,
	HERMES_MISS_REFILL,
	HERMES_MISS_MEMCG,
	HERMES_MISS_MODULE,
	HERMES_MISS_SHRINK,
	HERMES_MISS_CPU,
	HERMES_MISS_UNASKED,
	HERMES_MISSES,
};

/* Of the machine, bytes. */
static inline u64 hermes_memory(void)
{
	return (u64)totalram_pages() << PAGE_SHIFT;
}

/* Counters of a client; names as in struct hermes_stats. */
struct hermes_counters {
	atomic64_t published;
	atomic64_t consumed;
	atomic64_t reclaimed;
	atomic64_t takes;
	atomic64_t take_pages;
	atomic64_t take_dry;
	atomic64_t gives;
	atomic64_t give_pages;
	atomic64_t recycle_pages;
	atomic64_t doorbells;
	atomic64_t batches;
	atomic64_t refills;
	atomic64_t refill_ns;
	atomic64_t throttled;
	atomic64_t limit_memcg;
	atomic64_t limit_module;
	atomic64_t limit_nomem;
	atomic64_t fill_errors;
	atomic64_t miss[HERMES_MISSES];
};

/**
 * struct hermes_client - one open file: one reserve of one address space
 * @id: number in tracepoints and netlink
 * @pid: process that opened the device; reference
 * @uid: its effective user
 * @mm: the address space; mm_count reference, mm_users only while used
 * @lock: guards @ring (as noted there), @conf, @target, @ready_pages,
 *	@pool_share
 * @ring: control mapping
 * @conf: sizes as set by the user
 * @target: present target, pages
 * @ready_pages: published and not seen taken
 * @pool_share: this client's part of pool->goal, pages
 * @pool: of the memcg that @mm belonged to at the last refill; changed by the
 *	worker under hermes_registry_lock
 * @pool_link: in pool->clients; guarded by hermes_registry_lock
 * @pgoff_next: page offset for the next arena, never used twice, so that an
 *	arena can be told from a later one at the same address; guarded by
 *	mmap_lock (write)
 * @mapped_seen: module pages in @mm as last added to the total; worker only
 * @demand: pages taken by ioctl or faulted in since the last look
 * @nid: NUMA node that the client last called from
 * @work: the refill worker; never runs twice at a time for one client
 * @timer: queues @work for the next interval
 * @closing: no new work, no new timer
 * @dead: the address space is gone; nothing will be refilled
 * @kick: the user rang, look at once and count as active
 * @asleep: no tick is due; written by the worker
 * @last_active: time of the last consumption, ns; worker only
 * @last_tick: time of the last run, ns; worker only
 * @backoff: consecutive refills cut short; worker only
 * @allowance: pages that it may take although memory is short; worker only
 * @bulk: room for the pages of one batch; worker only
 * @limit: what last cut a refill short, enum hermes_miss; a hint, as TAKE
 *	writes it, too
 * @miss_cause: what a miss would be due to now, enum hermes_miss; written by
 *	the worker and by reclaim, a hint
 * @cpu: CPU time that the refill may use; worker only
 * @run: since the worker began; worker only
 * @misses_seen: as last accounted for; worker only
 * @misses_told: as last sent as an event; worker only
 * @misses_told_at: when, ns; worker only
 * @low_told_at: when the last event of a low reserve was sent; worker only
 * @stat: counters
 */
struct hermes_client {
	u32 id;
	struct pid *pid;
	kuid_t uid;
	struct mm_struct *mm;

	struct mutex lock; /* see @lock above */
	struct hermes_ring ring;
	struct hermes_reserve conf;
	unsigned long target;
	unsigned long ready_pages;
	unsigned long pool_share;

	struct hermes_pool *pool;
	struct list_head pool_link;
	pgoff_t pgoff_next;
	long mapped_seen;

	atomic_long_t demand;
	int nid;

	struct work_struct work;
	struct hrtimer timer;
	bool closing;
	bool dead;
	bool kick;
	bool asleep;
	u64 last_active;
	u64 last_tick;
	unsigned int backoff;
	unsigned long allowance;
	struct page **bulk;
	enum hermes_miss limit;
	enum hermes_miss miss_cause;
	struct hermes_budget cpu;
	struct hermes_stopwatch run;
	u64 misses_seen;
	u64 misses_told;
	u64 misses_told_at;
	u64 low_told_at;

	struct hermes_counters stat;
};

/* main.c APIs: */
extern unsigned long hermes_client_max_bytes;
extern unsigned long hermes_total_max_bytes;
extern unsigned long hermes_client_mapped_max_bytes;
extern unsigned long hermes_total_mapped_max_bytes;
extern unsigned int hermes_max_clients;
extern unsigned int hermes_headroom_pct;
extern unsigned int hermes_worker_nice;
extern struct workqueue_struct *hermes_wq;

/* chardev.c APIs: */
int hermes_chardev_init(void);
void hermes_chardev_exit(void);

/* client.c APIs: */
struct hermes_client *hermes_client_create(void);
void hermes_client_destroy(struct hermes_client *c);
int hermes_client_set_reserve(struct hermes_client *c,
			      const struct hermes_reserve *r);
int hermes_client_get_reserve(struct hermes_client *c,
			      struct hermes_reserve *r);
void hermes_client_get_stats(struct hermes_client *c, struct hermes_stats *s);
u64 hermes_client_misses(const struct hermes_client *c);
void hermes_client_exit(void);

/* account.c APIs: */
/* watermark.c: pages consumed, all clients. */
extern atomic64_t hermes_demand_total;
void hermes_cpu_begin(struct hermes_client *c);
s64 hermes_cpu_left(const struct hermes_client *c);
u64 hermes_cpu_wait(const struct hermes_client *c);
void hermes_cpu_end(struct hermes_client *c);
void hermes_account_misses(struct hermes_client *c, u64 now);
void hermes_account_last(struct hermes_client *c);
void hermes_account_low(struct hermes_client *c, u64 now);

/* arena.c APIs: */
int hermes_arena_init(void);
void hermes_arena_exit(void);
int hermes_arena_mmap(struct hermes_client *c, struct vm_area_struct *vma);
void hermes_arena_unmap(struct hermes_client *c, unsigned long addr,
			unsigned int nr, pgoff_t pgoff);
int hermes_arena_map(struct hermes_client *c, unsigned long addr,
		     struct page **pages, unsigned int nr,
		     unsigned int *mapped, pgoff_t *pgoff);
int hermes_arena_take(struct hermes_client *c, struct hermes_take *take);
int hermes_arena_give(struct hermes_client *c, struct hermes_give *give);

/* ring.c APIs: */
size_t hermes_ring_bytes(void);
int hermes_ring_init(struct hermes_ring *ring);
void hermes_ring_destroy(struct hermes_ring *ring);
int hermes_ring_mmap(struct hermes_ring *ring, struct vm_area_struct *vma);
bool hermes_ring_next_fill(struct hermes_client *c, unsigned long *addr,
			   unsigned int *nr);
bool hermes_ring_has_fill(struct hermes_client *c);
void hermes_ring_fill_done(struct hermes_client *c, unsigned int nr);
bool hermes_ring_has_room(struct hermes_client *c);
void hermes_ring_publish(struct hermes_client *c, unsigned long addr,
			 unsigned int nr, pgoff_t pgoff);
unsigned long hermes_ring_scan(struct hermes_client *c);
unsigned long hermes_ring_reclaim(struct hermes_client *c, unsigned long nr);
bool hermes_ring_overlaps(struct hermes_client *c, u64 addr, u64 len);
void hermes_ring_report(struct hermes_client *c);

/* reserve.c APIs: */
void hermes_reserve_work(struct work_struct *work);
enum hrtimer_restart hermes_reserve_tick(struct hrtimer *timer);
void hermes_reserve_wake(struct hermes_client *c);
void hermes_reserve_nudge(struct hermes_client *c);
void hermes_reserve_check(struct hermes_client *c);
void hermes_reserve_stop(struct hermes_client *c);

/* adapt.c APIs: */
void hermes_adapt(struct hermes_client *c, unsigned long consumed, u64 elapsed);
bool hermes_adapt_done(const struct hermes_client *c);
unsigned long hermes_low_pages(const struct hermes_client *c);
unsigned long hermes_high_pages(const struct hermes_client *c);

/* pressure.c APIs: */
bool hermes_memory_short(unsigned long nr);

/* pool.c APIs: */
/* How hermes_pool_alloc() may get pages. */
#define HERMES_ALLOC_RECLAIM	BIT(0)	/* reclaim a little if none is free */
#define HERMES_ALLOC_CUSHION	BIT(1)	/* into the margin below a limit */

int hermes_pool_attach(struct hermes_client *c, struct mem_cgroup *memcg);
void hermes_pool_detach(struct hermes_client *c);
struct hermes_pool *hermes_pool_get(struct hermes_client *c);
void hermes_pool_put(struct hermes_pool *pool);
unsigned int hermes_pool_take(struct hermes_pool *pool, int nid,
			      struct page **pages, unsigned int nr);
void hermes_pool_return(struct hermes_pool *pool, struct page **pages,
			unsigned int nr);
unsigned int hermes_pool_recycle(struct hermes_client *c,
				 struct hermes_pool *pool,
				 struct page **pages, unsigned int nr);
unsigned int hermes_pool_alloc(struct hermes_client *c,
			       struct hermes_pool *pool, struct page **pages,
			       unsigned int nr, unsigned int how);
unsigned long hermes_pool_cushion(struct hermes_pool *pool);
void hermes_pool_prepare(struct hermes_client *c);
void hermes_pool_top_up(struct hermes_client *c);
unsigned long hermes_pool_trim(struct hermes_pool *pool, unsigned long keep,
			       unsigned long nr);
unsigned long hermes_pool_pages(const struct hermes_pool *pool);

/* memcg.c APIs: */
long hermes_memcg_room(struct mem_cgroup *memcg);
long hermes_memcg_cushion_room(struct mem_cgroup *memcg);
bool hermes_memcg_owns(struct mem_cgroup *memcg, struct page *page);
unsigned int hermes_total_charge(unsigned int nr);
void hermes_total_uncharge(unsigned long nr);
bool hermes_mapped_allowed(struct hermes_client *c);
void hermes_mapped_forget(struct hermes_client *c);
void hermes_memcg_totals(u64 *reserved, u64 *mapped);

/* shrink.c APIs: */
/* Why memory left a reserve; the numbers are those of the tracepoint. */
enum hermes_shrink {
	HERMES_SHRINK_DECAY,
	HERMES_SHRINK_MEMCG,
	HERMES_SHRINK_SHRINKER,
	HERMES_SHRINK_OOM,
};

extern struct mutex hermes_registry_lock;
extern struct list_head hermes_pools;
int hermes_shrink_init(void);
void hermes_shrink_exit(void);
struct hermes_token *hermes_token_create(struct mem_cgroup *memcg);
void hermes_token_destroy(struct hermes_token *token);

#endif /* _HERMES_H */
