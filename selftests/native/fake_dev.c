// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fake /dev/hermes: replaces ulib/os_dev.c in test programs. A thread plays
 * the kernel: it consumes the fill ring, makes memory ready and publishes it,
 * skips batches, takes batches back, runs dry. It watches the library: memory
 * that belongs to the kernel must be untouched when it is published, when it
 * is taken back, and when it is consumed; and nobody else may take it.
 *
 * Arenas are anonymous memory. Nothing here allocates.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/hermes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "arena.h"
#include "fake_dev.h"
#include "model.h"
#include "os.h"

#define CONTROL_BYTES	65536
#define READY_ENTRIES	1024
#define FILL_ENTRIES	8
#define READY_OFFSET	4096
#define FILL_OFFSET	(READY_OFFSET + READY_ENTRIES * 8)
#define FAKE_FD		777
/* At the head of an arena; what follows is for objects. */
#define METADATA_BYTES	(HU_SPANS_OFFSET + HU_ARENA_MAX / HU_UNIT * sizeof(struct hu_span) + \
			 HU_ARENA_MAX / HU_PAGE * sizeof(struct hu_run))
#define BATCH_BYTES	(HERMES_BATCH_PAGES_DEF * HU_PAGE)

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE	23
#endif

struct fake_behaviour fake = {
	.abi_version = HERMES_ABI_VERSION,
	.target_bytes = 8 * MIB,
};

struct fake_counters fake_count;
const char *_Atomic fake_violation;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct hermes_control *control;
static struct hermes_reserve reserve;
static uint64_t own_words[READY_ENTRIES];	/* the kernel's copy */
static uint32_t oldest;				/* first word that may be unclaimed */
static uint64_t extent, extent_end;		/* being consumed */
static uint64_t random_state = 88172645463325252ULL;

static _Atomic uint64_t *words(void)
{
	return (void *)((char *)control + READY_OFFSET);
}

static struct hermes_fill *fills(void)
{
	return (void *)((char *)control + FILL_OFFSET);
}

static bool chance(unsigned int pct)
{
	return model_random(&random_state) % 100 < pct;
}

static void violation(const char *what)
{
	if (!fake_violation)
		fake_violation = what;
}

static bool untouched(uint64_t addr, uint64_t bytes)
{
	unsigned char present[HERMES_BATCH_PAGES_MAX];
	uint64_t i;

	if (mincore((void *)addr, bytes, present))
		return false;
	for (i = 0; i < bytes / HU_PAGE; i++)
		if (present[i] & 1)
			return false;
	return true;
}

static bool is_zero(uint64_t addr, uint64_t bytes)
{
	const char *p = (const char *)addr;

	return !*p && !memcmp(p, p + 1, bytes - 1);
}

/* The library may read metadata that is posted, but not write it. */
static bool is_metadata(uint64_t addr)
{
	return addr % HU_ARENA_MAX < METADATA_BYTES;
}

static uint64_t ready_bytes(void)
{
	uint64_t sum = 0;
	uint32_t n;

	for (n = oldest; n != control->ready_prod; n++)
		if (atomic_load(&words()[n % READY_ENTRIES]))
			sum += HERMES_READY_PAGES(own_words[n % READY_ENTRIES]) * HU_PAGE;
		else if (n == oldest)
			oldest++;
	return sum;
}

static void publish(uint64_t addr, uint64_t bytes)
{
	uint32_t n = control->ready_prod;

	own_words[n % READY_ENTRIES] = addr | bytes / HU_PAGE;
	atomic_store(&words()[n % READY_ENTRIES], addr | bytes / HU_PAGE);
	__atomic_store_n(&control->ready_prod, n + 1, __ATOMIC_RELEASE);
}

static void fill_one(void)
{
	uint64_t bytes = extent_end - extent;

	if (bytes > BATCH_BYTES)
		bytes = BATCH_BYTES;
	if (!untouched(extent, bytes) && !(is_metadata(extent) && is_zero(extent, bytes)))
		violation("posted memory was touched before it was published");
	if (chance(fake.skip_pct)) {
		fake_count.skipped++;
	} else if (!madvise((void *)extent, bytes, MADV_POPULATE_WRITE)) {
		fake_count.published++;
		publish(extent, bytes);
	}
	extent += bytes;
}

/* Take the next extent, when the one before is finished. */
static bool next_extent(void)
{
	uint32_t n = control->fill_cons;
	struct hermes_fill fill;

	if (extent < extent_end)
		return true;
	if (extent_end) {
		extent = 0;
		extent_end = 0;
		__atomic_store_n(&control->fill_cons, ++n, __ATOMIC_RELEASE);
	}
	if (n == __atomic_load_n(&control->fill_prod, __ATOMIC_ACQUIRE))
		return false;
	fill = fills()[n % FILL_ENTRIES];
	if (fill.addr % HU_PAGE || fill.len % HU_PAGE || !fill.len)
		violation("a malformed extent was posted");
	extent = fill.addr;
	extent_end = fill.addr + fill.len;
	return true;
}

static void unmap(uint64_t word)
{
	uint64_t addr = HERMES_READY_ADDR(word), bytes = HERMES_READY_PAGES(word) * HU_PAGE;

	/* As if it lost its processor here. */
	if (fake.slow_take_back)
		usleep(500);
	if (!is_zero(addr, bytes))
		violation("published memory was written before it was taken");
	madvise((void *)addr, bytes, MADV_DONTNEED);
	fake_count.taken_back++;
}

static void take_back(void)
{
	uint32_t n, prod = control->ready_prod;
	uint64_t word;

	/* Oldest first; the tail passes what is gone. */
	for (n = oldest; n != prod && !chance(5); n++) {
		word = own_words[n % READY_ENTRIES];
		if (word && atomic_compare_exchange_strong(&words()[n % READY_ENTRIES],
							   &word, 0))
			unmap(word);
		__atomic_store_n(&control->ready_tail, n + 1, __ATOMIC_RELEASE);
	}
}

/* Publish a batch once more that was published long ago. */
static void bounce(void)
{
	uint32_t n = control->ready_prod;

	if (n < READY_ENTRIES / 2 || n - oldest >= READY_ENTRIES / 4)
		return;
	publish(HERMES_READY_ADDR(own_words[(n - READY_ENTRIES / 4) % READY_ENTRIES]),
		BATCH_BYTES);
	fake_count.bounced++;
}

/* No word is replaced that the library may be looking at. */
static bool has_room(void)
{
	return control->ready_prod - __atomic_load_n(&control->ready_cons, __ATOMIC_ACQUIRE) <
	       READY_ENTRIES;
}

static void round_of_work(void)
{
	uint64_t before = fake_count.published;

	if (fake.dry)
		return;
	if (chance(fake.take_back_pct))
		take_back();
	if (fake.bounce && chance(5))
		bounce();
	while (ready_bytes() < fake.target_bytes &&
	       control->ready_prod - oldest < READY_ENTRIES && has_room() && next_extent())
		fill_one();
	/* The library reads these at any time. */
	__atomic_store_n(&control->ready_bytes, ready_bytes(), __ATOMIC_RELAXED);
	__atomic_store_n(&control->target_bytes, fake.target_bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&control->low_bytes, fake.target_bytes / 2, __ATOMIC_RELAXED);
	if (fake_count.published == before)
		fake_count.idle_rounds++;
	__atomic_store_n(&control->flags, HERMES_CONTROL_NEED_DOORBELL, __ATOMIC_RELEASE);
}

static void *kernel(void *unused)
{
	(void)unused;
	for (;;) {
		pthread_mutex_lock(&lock);
		if (control)
			round_of_work();
		pthread_mutex_unlock(&lock);
		usleep(100);
	}
	return NULL;
}

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void after_fork_parent(void)
{
	pthread_mutex_unlock(&lock);
}

static void after_fork_child(void)
{
	control = NULL;
	pthread_mutex_init(&lock, NULL);
}

/* Start the thread; in a forked child again. */
void fake_start(void)
{
	static bool handlers;
	pthread_t thread;

	if (!handlers)
		pthread_atfork(before_fork, after_fork_parent, after_fork_child);
	handlers = true;
	if (!pthread_create(&thread, NULL, kernel, NULL))
		pthread_detach(thread);
}

int hu_os_dev_open(void)
{
	struct hermes_control *page;

	if (fake.open_error)
		return -fake.open_error;
	page = mmap(NULL, CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED || madvise(page, CONTROL_BYTES, MADV_DONTFORK))
		return -ENOMEM;
	page->abi_version = HERMES_ABI_VERSION;
	page->ready_entries = READY_ENTRIES;
	page->ready_offset = READY_OFFSET;
	page->fill_entries = FILL_ENTRIES;
	page->fill_offset = FILL_OFFSET;
	page->flags = HERMES_CONTROL_NEED_DOORBELL;
	reserve = (struct hermes_reserve){
		.size = sizeof(reserve),
		.batch_pages = HERMES_BATCH_PAGES_DEF,
		.low_pct = 50,
		.high_pct = 100,
		.factor_pct = 200,
		.interval_us = 2000,
		.decay_ms = 1000,
	};
	pthread_mutex_lock(&lock);
	oldest = 0;
	extent = 0;
	extent_end = 0;
	memset(own_words, 0, sizeof(own_words));
	fake_count.opens++;
	control = page;
	pthread_mutex_unlock(&lock);
	return FAKE_FD;
}

void hu_os_dev_close(int fd)
{
	(void)fd;
	pthread_mutex_lock(&lock);
	control = NULL;
	pthread_mutex_unlock(&lock);
}

/* Whether memory belongs to the kernel: posted and not consumed. */
static bool is_posted(uint64_t addr, uint64_t bytes)
{
	/* Pairs with the library's release store, as in next_extent(). */
	uint32_t end = __atomic_load_n(&control->fill_prod, __ATOMIC_ACQUIRE);
	uint32_t n = control->fill_cons;

	if (extent < extent_end && addr < extent_end && extent < addr + bytes)
		return true;
	for (n += extent_end != 0; n != end; n++) {
		const struct hermes_fill *fill = &fills()[n % FILL_ENTRIES];

		if (addr < fill->addr + fill->len && fill->addr < addr + bytes)
			return true;
	}
	return false;
}

static uint64_t some(uint64_t bytes)
{
	if (!chance(fake.take_short_pct))
		return bytes;
	return model_random(&random_state) % (bytes / HU_PAGE + 1) * HU_PAGE;
}

static int do_take(struct hermes_take *take)
{
	if (fake.take_error)
		return -fake.take_error;
	if (!take->len || (take->addr | take->len) % HU_PAGE ||
	    take->len > HERMES_BATCH_PAGES_MAX * HU_PAGE)
		violation("TAKE with a bad range");
	if (is_posted(take->addr, take->len))
		violation("TAKE of memory that is posted");
	fake_count.takes++;
	take->mapped = some(take->len);
	if (take->mapped)
		madvise((void *)take->addr, take->mapped, MADV_POPULATE_WRITE);
	return 0;
}

static int do_give(struct hermes_give *give)
{
	if (!give->len || (give->addr | give->len) % HU_PAGE ||
	    give->len > HERMES_BATCH_PAGES_MAX * HU_PAGE)
		violation("GIVE with a bad range");
	if (is_posted(give->addr, give->len))
		violation("GIVE of memory that is posted");
	fake_count.gives++;
	give->unmapped = some(give->len);
	give->recycled = give->unmapped;
	if (give->unmapped)
		madvise((void *)give->addr, give->unmapped, MADV_DONTNEED);
	return 0;
}

static int do_info(struct hermes_info *info)
{
	*info = (struct hermes_info){
		.size = sizeof(*info),
		.abi_version = fake.abi_version,
		.page_bytes = HU_PAGE,
		.control_bytes = CONTROL_BYTES,
		.client_max_bytes = 64 * MIB,
		.total_max_bytes = 256 * MIB,
	};
	return 0;
}

static int do_set(const struct hermes_reserve *wish)
{
	if (wish->size != sizeof(*wish) || wish->flags || wish->min_bytes > wish->max_bytes ||
	    (wish->min_bytes | wish->max_bytes) % HU_PAGE)
		return -EINVAL;
	if (wish->max_bytes > 64 * MIB)
		return -EDQUOT;
	reserve = *wish;
	fake_count.batch_pages = wish->batch_pages;
	return 0;
}

int hu_os_dev_ioctl(int fd, unsigned long request, void *arg)
{
	int ret = 0;

	if (fd != FAKE_FD || fake.dead_fd)
		return -EBADF;
	if (request == HERMES_IOC_INFO)
		return do_info(arg);
	pthread_mutex_lock(&lock);
	if (!control)
		ret = -EPERM;
	else if (request == HERMES_IOC_SET_RESERVE)
		ret = do_set(arg);
	else if (request == HERMES_IOC_GET_RESERVE)
		*(struct hermes_reserve *)arg = reserve;
	else if (request == HERMES_IOC_TAKE)
		ret = do_take(arg);
	else if (request == HERMES_IOC_GIVE)
		ret = do_give(arg);
	else if (request == HERMES_IOC_DOORBELL)
		fake_count.doorbells++;
	else
		ret = -ENOTTY;
	pthread_mutex_unlock(&lock);
	return ret;
}

void *hu_os_dev_map_control(int fd, size_t len)
{
	return fd == FAKE_FD && len == CONTROL_BYTES ? control : NULL;
}

int hu_os_dev_map_arena(int fd, void *addr, size_t len)
{
	if (fd != FAKE_FD)
		return -EBADF;
	if (mmap(addr, len, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		return -errno;
	return 0;
}
