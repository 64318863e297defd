// SPDX-License-Identifier: GPL-2.0-only
/*
 * A client of /dev/hermes, as small as the ABI allows.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "hermes_util.h"

/**
 * hermes_ioctl() - ioctl() that returns the error
 * @fd: the file
 * @request: %HERMES_IOC_*
 * @arg: its argument, or NULL
 *
 * Return: 0 or a negative errno.
 */
int hermes_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) ? -errno : 0;
}

/**
 * hermes_open() - open the device and map its control page
 * @c: filled in
 *
 * Return: 0 or a negative errno.
 */
int hermes_open(struct hermes_client *c)
{
	int err;

	memset(c, 0, sizeof(*c));
	c->fd = open(HERMES_DEVICE, O_RDWR | O_CLOEXEC);
	if (c->fd < 0)
		return -errno;

	c->info.size = sizeof(c->info);
	err = hermes_ioctl(c->fd, HERMES_IOC_INFO, &c->info);
	if (err)
		goto close_fd;

	c->ctl = mmap(NULL, c->info.control_bytes, PROT_READ | PROT_WRITE,
		      MAP_SHARED, c->fd, HERMES_MMAP_CONTROL);
	if (c->ctl == MAP_FAILED) {
		err = -errno;
		goto close_fd;
	}
	c->ready_entries = c->ctl->ready_entries;
	c->fill_entries = c->ctl->fill_entries;
	c->ready = (void *)((char *)c->ctl + c->ctl->ready_offset);
	c->fill = (void *)((char *)c->ctl + c->ctl->fill_offset);
	return 0;

close_fd:
	close(c->fd);
	c->fd = -1;
	return err;
}

/**
 * hermes_close() - undo hermes_open(); arenas stay mapped
 * @c: the client; one that was never opened or is closed is ignored
 */
void hermes_close(struct hermes_client *c)
{
	if (!c->ctl)
		return;
	munmap(c->ctl, c->info.control_bytes);
	close(c->fd);
	c->ctl = NULL;
	c->fd = -1;
}

int hermes_get_reserve(struct hermes_client *c, struct hermes_reserve *r)
{
	memset(r, 0, sizeof(*r));
	r->size = sizeof(*r);
	return hermes_ioctl(c->fd, HERMES_IOC_GET_RESERVE, r);
}

/**
 * hermes_set_reserve() - set minimum and maximum, and small batches
 * @c: the client
 * @min_bytes: see struct hermes_reserve
 * @max_bytes: see struct hermes_reserve
 *
 * Return: 0 or a negative errno.
 */
int hermes_set_reserve(struct hermes_client *c, uint64_t min_bytes,
		       uint64_t max_bytes)
{
	struct hermes_reserve r;
	int err;

	err = hermes_get_reserve(c, &r);
	if (err)
		return err;
	r.min_bytes = min_bytes;
	r.max_bytes = max_bytes;
	r.batch_pages = HERMES_BATCH_PAGES_DEF;
	r.low_pct = 50;
	r.high_pct = 100;
	return hermes_ioctl(c->fd, HERMES_IOC_SET_RESERVE, &r);
}

int hermes_get_stats(struct hermes_client *c, struct hermes_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	stats->size = sizeof(*stats);
	return hermes_ioctl(c->fd, HERMES_IOC_GET_STATS, stats);
}

int hermes_take(struct hermes_client *c, void *addr, size_t len,
		uint64_t *mapped)
{
	struct hermes_take take = {
		.size = sizeof(take),
		.addr = (uintptr_t)addr,
		.len = len,
	};
	int err = hermes_ioctl(c->fd, HERMES_IOC_TAKE, &take);

	if (mapped)
		*mapped = take.mapped;
	return err;
}

int hermes_give(struct hermes_client *c, void *addr, size_t len,
		uint64_t *unmapped, uint64_t *recycled)
{
	struct hermes_give give = {
		.size = sizeof(give),
		.addr = (uintptr_t)addr,
		.len = len,
	};
	int err = hermes_ioctl(c->fd, HERMES_IOC_GIVE, &give);

	if (unmapped)
		*unmapped = give.unmapped;
	if (recycled)
		*recycled = give.recycled;
	return err;
}

int hermes_doorbell(struct hermes_client *c)
{
	return hermes_ioctl(c->fd, HERMES_IOC_DOORBELL, NULL);
}

/**
 * hermes_arena() - map address space for ready memory
 * @c: the client
 * @len: bytes
 *
 * Return: its address, or MAP_FAILED with errno.
 */
void *hermes_arena(struct hermes_client *c, size_t len)
{
	return mmap(NULL, len, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_NORESERVE, c->fd, HERMES_MMAP_ARENA);
}

/**
 * hermes_fill_add() - add an extent to the fill ring; one thread at a time
 * @c: the client
 * @addr: start of the extent
 * @len: its bytes
 *
 * Return: 0, -ENOSPC when the ring is full, or the doorbell's error.
 */
int hermes_fill_add(struct hermes_client *c, void *addr, size_t len)
{
	uint32_t prod = __atomic_load_n(&c->ctl->fill_prod, __ATOMIC_RELAXED);
	/* Pairs with the kernel's release of fill_cons: the slot is free. */
	uint32_t cons = __atomic_load_n(&c->ctl->fill_cons, __ATOMIC_ACQUIRE);

	if (prod - cons >= c->fill_entries)
		return -ENOSPC;
	c->fill[prod % c->fill_entries] = (struct hermes_fill) {
		.addr = (uintptr_t)addr,
		.len = len,
	};
	/*
	 * Orders the extent before the counter (the kernel's acquire of
	 * fill_prod) and the counter before the read of flags below: the
	 * worker sets the flag, then looks at the counter once more.
	 */
	__atomic_store_n(&c->ctl->fill_prod, prod + 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&c->ctl->flags, __ATOMIC_SEQ_CST) &
	    HERMES_CONTROL_NEED_DOORBELL)
		return hermes_doorbell(c);
	return 0;
}

/*
 * The next batch, and past what was taken back. Only when its word has been
 * looked at may the kernel know: it replaces what is before ready_cons.
 */
static uint64_t hermes_pop_locked(struct hermes_client *c, bool *unmapping)
{
	uint32_t cons = c->ctl->ready_cons;
	/* Pairs with the kernel's release: unmapped before the tail passes. */
	uint32_t gone = __atomic_load_n(&c->ctl->ready_tail,
					__ATOMIC_ACQUIRE) - cons;
	/* Pairs with the kernel's release: word before counter. */
	uint32_t left = __atomic_load_n(&c->ctl->ready_prod,
					__ATOMIC_ACQUIRE) - cons;
	uint64_t word = 0;

	if (gone <= left) {
		cons += gone;
		left -= gone;
	}
	if (left) {
		word = __atomic_exchange_n(&c->ready[cons % c->ready_entries],
					   0, __ATOMIC_ACQUIRE);
		cons += !!word;
	}
	*unmapping = left && left <= c->ready_entries && !word;
	__atomic_store_n(&c->ctl->ready_cons, cons, __ATOMIC_RELEASE);
	return word;
}

/**
 * hermes_pop() - take a ready batch, without a system call; any thread
 * @c: the client
 *
 * While the kernel unmaps one that it takes back, waits for that.
 *
 * Return: the batch's word, or 0 when none is ready.
 */
uint64_t hermes_pop(struct hermes_client *c)
{
	uint64_t word, end = now_ms() + WAIT_MS;
	bool unmapping;

	do {
		while (__atomic_test_and_set(&c->popping, __ATOMIC_ACQUIRE))
			sched_yield();
		word = hermes_pop_locked(c, &unmapping);
		__atomic_clear(&c->popping, __ATOMIC_RELEASE);
	} while (unmapping && now_ms() < end);
	return word;
}

/**
 * hermes_pop_wait() - take a ready batch, waiting for the refill worker
 * @c: the client
 *
 * Return: the batch's word, or 0 when none came within %WAIT_MS.
 */
uint64_t hermes_pop_wait(struct hermes_client *c)
{
	uint64_t end = now_ms() + WAIT_MS;
	uint64_t word;

	while (!(word = hermes_pop(c))) {
		if (now_ms() > end)
			return hermes_pop(c);
		if (c->ctl->flags & HERMES_CONTROL_NEED_DOORBELL)
			hermes_doorbell(c);
		sleep_ms(1);
	}
	return word;
}

/**
 * hermes_wait_ready() - wait until the reserve holds that much ready memory
 * @c: the client
 * @bytes: at least so much
 *
 * Return: 0, -ETIMEDOUT, or the error of the call for statistics.
 */
int hermes_wait_ready(struct hermes_client *c, uint64_t bytes)
{
	struct hermes_stats stats;
	int err;

	return wait_until((err = hermes_get_stats(c, &stats)) ||
			  stats.ready_bytes >= bytes) ?
		       err : -ETIMEDOUT;
}

/**
 * hermes_wait_reserve_below() - wait until pool and ready memory shrank
 * @c: the client
 * @bytes: to at most so much together
 *
 * Return: 0, -ETIMEDOUT, or the error of the call for statistics.
 */
int hermes_wait_reserve_below(struct hermes_client *c, uint64_t bytes)
{
	struct hermes_stats stats;
	int err;

	return wait_until((err = hermes_get_stats(c, &stats)) ||
			  stats.ready_bytes + stats.pool_bytes <= bytes) ?
		       err : -ETIMEDOUT;
}

/**
 * hermes_wait_asleep() - wait until the refill worker says that it sleeps
 * @c: the client
 *
 * It may still wake up by itself for a last bit of decay.
 *
 * Return: 0 or -ETIMEDOUT.
 */
int hermes_wait_asleep(struct hermes_client *c)
{
	return wait_until(c->ctl->flags & HERMES_CONTROL_NEED_DOORBELL) ?
		       0 : -ETIMEDOUT;
}

/**
 * hermes_ready_range() - map an arena and own all of it as ready memory
 * @c: the client; its reserve is set to @len
 * @len: bytes, a multiple of the default batch
 *
 * Return: its address, or NULL when the kernel did not deliver.
 */
char *hermes_ready_range(struct hermes_client *c, size_t len)
{
	char *base = hermes_arena(c, len);
	size_t got = 0;

	if (base == MAP_FAILED)
		return NULL;
	if (hermes_set_reserve(c, len, len) || hermes_fill_add(c, base, len))
		goto unmap;

	while (got < len) {
		uint64_t word = hermes_pop_wait(c);
		uint64_t addr = HERMES_READY_ADDR(word);

		if (addr < (uintptr_t)base || addr >= (uintptr_t)base + len)
			goto unmap;
		got += HERMES_READY_PAGES(word) * PAGE_BYTES;
	}
	return base;

unmap:
	munmap(base, len);
	return NULL;
}

/**
 * hermes_starve() - make recycled pages the only source of the pool
 * @c: the client of the calling process, which is in @cgroup
 * @cgroup: gets a limit too low for the reserve that is then asked for
 *
 * The pool stays empty, and far below what it should hold, so that it keeps
 * every page that is given back.
 *
 * Return: 0 or a negative errno.
 */
int hermes_starve(struct hermes_client *c, const char *cgroup)
{
	const size_t reserve = 32 * MIB;
	struct hermes_stats stats;
	char *arena;
	int err;

	err = cg_write_long(cgroup, "memory.high", reserve / 2) ?:
	      hermes_set_reserve(c, reserve, reserve);
	if (err)
		return err;
	arena = hermes_arena(c, reserve);
	if (arena == MAP_FAILED)
		return -errno;
	err = hermes_fill_add(c, arena, reserve);
	if (err)
		return err;
	return wait_until((err = hermes_get_stats(c, &stats)) ||
			  stats.limit_memcg) ?
		       err : -ETIMEDOUT;
}
