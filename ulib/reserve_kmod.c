// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The backend of /dev/hermes.
 *
 * Who owns a posted page. The library remembers every extent that it posted,
 * in order, in posted[]; extents [oldest, fill_prod) are unresolved, and of
 * each the part [addr, end). Invariant:
 *
 *	A page in the unresolved part of an extent belongs to the kernel. The
 *	library gets it back in exactly one of two ways:
 *	(1) a batch popped from the ready ring lies in an unresolved part: the
 *	    batch is ready memory. As the kernel publishes in the order of
 *	    posting, everything unresolved before it will not be published any
 *	    more: it was skipped, or published and taken back. It is cold
 *	    memory, not lost ("hole");
 *	(2) the kernel has consumed the whole extent (fill_cons) and the ring
 *	    was found empty *after* that was read: what is left of the extent
 *	    is a hole.
 *	Either way the part is resolved: addr moves behind it. A batch that is
 *	not in an unresolved part is never used, so no page can be handed out
 *	twice even if the kernel published it again.
 *
 * What is being taken back may still be mapped: a word 0 is passed only when
 * the kernel says that the batch is gone (ready_tail). And no word is replaced
 * while it is looked at (ready_cons), so nothing is popped out of order.
 *
 * Holes are harmless when wrong in the other direction, too: memory that the
 * library takes for cold but that is mapped is only faster than expected.
 *
 * Ring state is protected by hu_pages_lock; system calls are made without it.
 */
#include <errno.h>
#include <linux/hermes.h>
#include <stdatomic.h>
#include "conf.h"
#include "lock.h"
#include "os.h"
#include "pageheap.h"
#include "reserve.h"
#include "table.h"

/* So much is posted ahead: the kernel always has a next extent. */
#define AHEAD_BYTES	(32 * MIB)
#define POSTED_MAX	512
/* Extents that are posted together: memory and its metadata. */
#define POSTED_GROUP	(1 + HU_META_PARTS)
/* Batches that are not ours to use are skipped, so many per call. */
#define SKIP_MAX	64
#define CONTROL_MAX	(16 * MIB)

/*
 * A batch is that part of the minimum, but no shorter than the module's default
 * and no longer than this: taking a long span should not mean many batches. A
 * large maximum needs longer ones, so that the ready ring can hold it.
 */
#define BATCH_SHARE	128
#define BATCH_PAGES	64

/* Defaults where neither the user nor the module says more. */
#define MIN_BYTES_DEF	(4 * MIB)
#define MAX_BYTES_DEF	(64 * MIB)

struct extent {
	uintptr_t addr, end;
	size_t bytes;		/* as posted */
};

static struct hermes_control *control;
static _Atomic uint64_t *ready_ring;
static struct hermes_fill *fill_ring;
static size_t control_bytes;
static struct extent posted[POSTED_MAX];
static uint32_t oldest;			/* first unresolved extent */
static uint32_t ahead_from;		/* first extent that counts in @ahead_bytes */
static size_t ahead_bytes;		/* posted and not consumed when last looked at */
static uint32_t fill_prod, ready_cons;	/* ours; the control page has copies */
static uint32_t ready_entries, fill_entries;
static uint32_t batch_bytes;
static bool just_posted;		/* since the last look at the flag */
static uint64_t client_max;
static uint64_t holes_bytes;

/* -1 when there is no usable file descriptor (any more). */
static atomic_int dev_fd = -1;

static uint32_t load_acquire(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/*
 * An ioctl on the device. When the descriptor turns out not to be ours any
 * more (the program closed it, or this is another address space) it is never
 * used again; memory, rings and faults go on without it.
 */
static int dev_ioctl(unsigned long request, void *arg)
{
	int fd = atomic_load_explicit(&dev_fd, memory_order_relaxed);
	int ret;

	if (fd < 0)
		return -EBADF;
	ret = hu_os_dev_ioctl(fd, request, arg);
	if (ret == -EBADF || ret == -ENOTTY || ret == -EPERM || ret == -EACCES)
		atomic_compare_exchange_strong(&dev_fd, &fd, -1);
	return ret;
}

static int get_info(int fd, struct hermes_info *info)
{
	*info = (struct hermes_info){ .size = sizeof(*info) };
	return hu_os_dev_ioctl(fd, HERMES_IOC_INFO, info);
}

/* A forked child has the parent's descriptor: close it, if it is that. */
static void close_inherited(void)
{
	int fd = atomic_exchange(&dev_fd, -1);
	struct hermes_info info;

	if (fd >= 0 && !get_info(fd, &info))
		hu_os_dev_close(fd);
}

static bool is_ring(uint32_t entries, uint32_t offset, size_t entry_bytes)
{
	return hu_is_pow2(entries) && offset >= sizeof(struct hermes_control) &&
	       offset % 8 == 0 && offset <= control_bytes &&
	       entries <= (control_bytes - offset) / entry_bytes;
}

static int map_control(int fd, const struct hermes_info *info)
{
	if (info->control_bytes < sizeof(*control) || info->control_bytes > CONTROL_MAX)
		return -EPROTO;
	control_bytes = info->control_bytes;
	control = hu_os_dev_map_control(fd, control_bytes);
	if (!control)
		return -ENOMEM;
	ready_entries = control->ready_entries;
	fill_entries = control->fill_entries;
	if (control->abi_version != HERMES_ABI_VERSION ||
	    !is_ring(ready_entries, control->ready_offset, sizeof(uint64_t)) ||
	    !is_ring(fill_entries, control->fill_offset, sizeof(struct hermes_fill))) {
		hu_os_unmap(control, control_bytes);
		return -EPROTO;
	}
	ready_ring = (void *)((char *)control + control->ready_offset);
	fill_ring = (void *)((char *)control + control->fill_offset);
	ready_cons = control->ready_cons;
	fill_prod = control->fill_prod;
	oldest = fill_prod;
	ahead_from = fill_prod;
	ahead_bytes = 0;
	return 0;
}

static int get_reserve(int fd, struct hermes_reserve *reserve)
{
	*reserve = (struct hermes_reserve){ .size = sizeof(*reserve) };
	return hu_os_dev_ioctl(fd, HERMES_IOC_GET_RESERVE, reserve);
}

static uint32_t batch_pages(const struct hermes_reserve *reserve)
{
	uint64_t least = hu_min(reserve->min_bytes / BATCH_SHARE, BATCH_PAGES * HU_PAGE);
	uint32_t pages = reserve->batch_pages;

	if (hu_conf.batch_bytes)
		return (uint32_t)(hu_conf.batch_bytes / HU_PAGE);
	least = hu_max(least, reserve->max_bytes / control->ready_entries);
	while (pages * HU_PAGE < least && pages < HERMES_BATCH_PAGES_MAX)
		pages *= 2;
	return pages;
}

/* Size the reserve: the user's wishes, within what the module allows. */
static int set_up_reserve(int fd, const struct hermes_info *info)
{
	size_t min = hu_conf.reserve_min, max = hu_conf.reserve_max;
	struct hermes_reserve reserve;
	int ret = get_reserve(fd, &reserve);

	if (ret)
		return ret;
	client_max = info->client_max_bytes & ~(uint64_t)(HU_PAGE - 1);
	if (max == SIZE_MAX)
		max = min == SIZE_MAX ? MAX_BYTES_DEF : hu_max(min, MAX_BYTES_DEF);
	max = hu_min(max, client_max);
	if (min == SIZE_MAX)
		min = MIN_BYTES_DEF;
	reserve.max_bytes = max;
	reserve.min_bytes = hu_min(min, max);
	if (hu_conf.factor_pct)
		reserve.factor_pct = hu_conf.factor_pct;
	if (hu_conf.interval_us)
		reserve.interval_us = hu_conf.interval_us;
	reserve.batch_pages = batch_pages(&reserve);
	reserve.size = sizeof(reserve);
	reserve.flags = 0;
	ret = hu_os_dev_ioctl(fd, HERMES_IOC_SET_RESERVE, &reserve);
	if (ret)
		return ret;
	batch_bytes = reserve.batch_pages * (uint32_t)HU_PAGE;
	return 0;
}

static int set_up(int fd, const char **reason)
{
	struct hermes_info info;
	int ret = get_info(fd, &info);

	*reason = "/dev/hermes does not answer as expected";
	if (ret)
		return ret;
	if (info.abi_version != HERMES_ABI_VERSION || info.page_bytes != HU_PAGE) {
		*reason = "the module speaks another version of the ABI";
		return -EPROTO;
	}
	*reason = "the control page of /dev/hermes cannot be used";
	ret = map_control(fd, &info);
	if (ret)
		return ret;
	*reason = "the module refused the size of the reserve";
	ret = set_up_reserve(fd, &info);
	if (ret)
		hu_os_unmap(control, control_bytes);
	return ret;
}

/**
 * hu_kmod_open() - become a client
 * @reason: a sentence for the status
 *
 * Return: 1, or a negative errno. Context: hu_grow_lock held.
 */
int hu_kmod_open(const char **reason)
{
	int fd, ret;

	close_inherited();
	fd = hu_os_dev_open();
	if (fd < 0) {
		*reason = fd == -ENOENT ? "there is no /dev/hermes" :
			  "/dev/hermes cannot be opened";
		return fd;
	}
	ret = set_up(fd, reason);
	if (ret) {
		hu_os_dev_close(fd);
		return ret;
	}
	atomic_store(&dev_fd, fd);
	*reason = "/dev/hermes is in use";
	return 1;
}

/*
 * Map a part of an arena. The descriptor's number may have been reused by the
 * program for a file, which would be mapped instead: ask first.
 */
int hu_kmod_map(void *addr, size_t bytes)
{
	struct hermes_info info = { .size = sizeof(info) };
	int ret = dev_ioctl(HERMES_IOC_INFO, &info);

	if (ret)
		return ret;
	return hu_os_dev_map_arena(atomic_load(&dev_fd), addr, bytes);
}

static void add_hole(uintptr_t from, uintptr_t to)
{
	/* Metadata is nobody's to hand out. */
	if (from == to || !hu_arena_of(from))
		return;
	holes_bytes += to - from;
	hu_pages_add_cold(from, to - from);
}

/* Everything unresolved before extent @until is a hole. */
static void resolve_until(uint32_t until)
{
	for (; oldest != until; oldest++) {
		struct extent *e = &posted[oldest % POSTED_MAX];

		add_hole(e->addr, e->end);
	}
}

/* Case (1) of the invariant. False: the batch is not ours to use. */
static bool resolve_batch(uintptr_t addr, size_t bytes)
{
	uint32_t n;

	for (n = oldest; n != fill_prod; n++) {
		struct extent *e = &posted[n % POSTED_MAX];

		if (addr < e->addr || addr >= e->end || bytes > e->end - addr)
			continue;
		resolve_until(n);
		add_hole(e->addr, addr);
		e->addr = addr + bytes;
		if (e->addr == e->end)
			oldest++;
		return true;
	}
	return false;
}

/* Case (2) of the invariant; @cons was read before the ring was found empty. */
static void resolve_consumed(uint32_t cons)
{
	if (cons - oldest <= fill_prod - oldest)
		resolve_until(cons);
}

static void advance(uint32_t to)
{
	ready_cons = to;
	/* After the look at the words before: the kernel may replace them now. */
	__atomic_store_n(&control->ready_cons, to, __ATOMIC_RELEASE);
}

/* Batches in the ring, at most; what the kernel has taken back is left behind. */
static uint32_t ring_left(void)
{
	/* Pairs with the kernel's release store after it unmapped them. */
	uint32_t gone = load_acquire(&control->ready_tail) - ready_cons;
	/* Pairs with the kernel's release store after it wrote the word. */
	uint32_t left = load_acquire(&control->ready_prod) - ready_cons;

	if (!gone || gone > left)
		return left;
	advance(ready_cons + gone);
	return left - gone;
}

static bool kmod_pop(uintptr_t *addr, size_t *bytes)
{
	/* Pairs with the kernel's release store after its last batch. */
	uint32_t cons = load_acquire(&control->fill_cons);
	unsigned int skipped;
	uint64_t word;

	for (skipped = 0; skipped < SKIP_MAX; skipped++) {
		if (!ring_left()) {
			resolve_consumed(cons);
			return false;
		}
		/* Claims the batch against the kernel's own exchange. */
		word = atomic_exchange_explicit(&ready_ring[ready_cons & (ready_entries - 1)], 0,
						memory_order_acq_rel);
		/* The kernel is taking it back, but has not unmapped it yet. */
		if (!word)
			return false;
		advance(ready_cons + 1);
		*addr = HERMES_READY_ADDR(word);
		*bytes = HERMES_READY_PAGES(word) * HU_PAGE;
		if (*bytes && resolve_batch(*addr, *bytes))
			return true;
	}
	return false;
}

static size_t kmod_ready(void)
{
	return (size_t)hu_min(ring_left(), ready_entries) * batch_bytes;
}

/* What the kernel still has to fill; @cons: extents that it has consumed. */
static size_t ahead(uint32_t cons)
{
	if (cons - ahead_from <= fill_prod - ahead_from)
		for (; ahead_from != cons; ahead_from++)
			ahead_bytes -= posted[ahead_from % POSTED_MAX].bytes;
	return ahead_bytes;
}

static bool kmod_wants(void)
{
	/* Before the look at the ring, see resolve_consumed(). */
	uint32_t cons = load_acquire(&control->fill_cons);

	if (cons != oldest && !ring_left())
		resolve_consumed(cons);
	return ahead(cons) < AHEAD_BYTES &&
	       fill_prod - cons + POSTED_GROUP <= fill_entries &&
	       hu_max(fill_prod - oldest, fill_prod - cons) + POSTED_GROUP <= POSTED_MAX &&
	       !(load_acquire(&control->flags) & HERMES_CONTROL_DEAD);
}

static void kmod_post(uintptr_t addr, size_t bytes)
{
	posted[fill_prod % POSTED_MAX] = (struct extent){ addr, addr + bytes, bytes };
	ahead_bytes += bytes;
	fill_ring[fill_prod & (fill_entries - 1)] = (struct hermes_fill){ addr, bytes };
	fill_prod++;
	/* Pairs with the kernel's acquire load before it reads the extent. */
	__atomic_store_n(&control->fill_prod, fill_prod, __ATOMIC_RELEASE);
	just_posted = true;
}

static bool kmod_needs_kick(uint32_t missed)
{
	uint64_t low = __atomic_load_n(&control->low_bytes, __ATOMIC_RELAXED);
	bool posted_now = just_posted;

	(void)missed;
	just_posted = false;
	if (!posted_now && kmod_ready() >= low)
		return false;
	/*
	 * Orders our stores to the rings before the load of the flag. Pairs
	 * with the kernel's barrier between setting the flag and its last look
	 * at the rings before it sleeps.
	 */
	atomic_thread_fence(memory_order_seq_cst);
	return load_acquire(&control->flags) & HERMES_CONTROL_NEED_DOORBELL;
}

static void kmod_kick(void)
{
	if (!dev_ioctl(HERMES_IOC_DOORBELL, NULL))
		hu_count_add(HU_COUNT_DOORBELLS, 1);
}

static size_t kmod_take(uintptr_t addr, size_t bytes)
{
	size_t done = 0;

	while (done < bytes) {
		struct hermes_take take = {
			.size = sizeof(take),
			.addr = addr + done,
			.len = hu_min(bytes - done, HERMES_BATCH_PAGES_MAX * HU_PAGE),
		};

		if (dev_ioctl(HERMES_IOC_TAKE, &take))
			break;
		done += take.mapped;
		if (take.mapped < take.len)
			break;
	}
	return done;
}

static void kmod_give(uintptr_t addr, size_t bytes)
{
	size_t done, len;

	for (done = 0; done < bytes; done += len) {
		struct hermes_give give = {
			.size = sizeof(give),
			.addr = addr + done,
			.len = hu_min(bytes - done, HERMES_BATCH_PAGES_MAX * HU_PAGE),
		};

		len = give.len;
		if (dev_ioctl(HERMES_IOC_GIVE, &give))
			give.unmapped = 0;
		if (give.unmapped < len)
			hu_os_purge((void *)(addr + done + give.unmapped), len - give.unmapped);
	}
}

/*
 * In a forked child. The control mapping is not there; posted memory is
 * copy-on-write like everything else, and nobody will fill it.
 */
static void kmod_abandon(void)
{
	resolve_until(fill_prod);
	control = NULL;
}

static int kmod_set_bounds(size_t min_bytes, size_t max_bytes)
{
	struct hermes_reserve reserve;
	int ret;

	if (get_reserve(atomic_load(&dev_fd), &reserve))
		return -ENODEV;
	if (max_bytes > client_max)
		return -EDQUOT;
	reserve.size = sizeof(reserve);
	reserve.min_bytes = min_bytes;
	reserve.max_bytes = max_bytes;
	reserve.batch_pages = batch_pages(&reserve);
	ret = dev_ioctl(HERMES_IOC_SET_RESERVE, &reserve);
	if (ret)
		return ret;
	hu_lock(&hu_pages_lock);
	batch_bytes = reserve.batch_pages * (uint32_t)HU_PAGE;
	hu_unlock(&hu_pages_lock);
	return 0;
}

static int kmod_get_bounds(size_t *min_bytes, size_t *max_bytes)
{
	struct hermes_reserve reserve;
	bool known = !get_reserve(atomic_load(&dev_fd), &reserve);

	*min_bytes = known ? reserve.min_bytes : 0;
	*max_bytes = known ? reserve.max_bytes : 0;
	return known ? 0 : -ENODEV;
}

/* First writes to arena pages that were not ready; 0 without the module. */
uint64_t hu_kmod_faults(void)
{
	struct hermes_stats stats = { .size = sizeof(stats) };
	int fd = atomic_load_explicit(&dev_fd, memory_order_relaxed);

	return fd >= 0 && !hu_os_dev_ioctl(fd, HERMES_IOC_GET_STATS, &stats) ? stats.faults : 0;
}

uint64_t hu_kmod_holes(void)
{
	return holes_bytes;
}

const struct hu_backend hu_backend_kmod = {
	.pop = kmod_pop,
	.ready = kmod_ready,
	.wants = kmod_wants,
	.post = kmod_post,
	.needs_kick = kmod_needs_kick,
	.kick = kmod_kick,
	.take = kmod_take,
	.give = kmod_give,
	.refill = hu_no_refill,
	.refill_due = hu_no,
	.making = hu_no,
	.wait = hu_no_of,
	.minimum = hu_no_bytes,
	.calm = hu_no_effect,
	.abandon = kmod_abandon,
	.set_bounds = kmod_set_bounds,
	.get_bounds = kmod_get_bounds,
};
