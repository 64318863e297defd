// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the ways to a page cost, in nanoseconds per 4 KiB page: an ordinary fault, populating ahead,
 * a miss in an arena, TAKE from a dry and from a filled pool, a ready batch, GIVE. In a VM that
 * counts instructions (tools/vm/run --icount) the figures repeat; elsewhere they are a sample.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/hermes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

#define PAGE		4096UL
#define ARENA_BYTES	(256UL << 20)
#define RESERVE_BYTES	(16UL << 20)
#define SAMPLE_PAGES	1024UL
#define BATCH_PAGES	16UL

static const char summary[] =
"Measure what each way to a page costs, in nanoseconds per 4 KiB page.\n";

static bool no_module;

static const struct cli_option options[] = {
	CLI_OPTION("no-module", NULL, "only what needs no /dev/hermes", CLI_FLAG, &no_module),
	CLI_END,
};

static int dev;
static struct hermes_control *control;
static char *arena;	/* the next part of it that nobody has touched */

static long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static void nap_ms(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static void request(unsigned long nr, void *arg, const char *name)
{
	if (ioctl(dev, nr, arg))
		die(errno, "%s", name);
}

static char *map(size_t bytes, int flags, int fd, off_t offset)
{
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, offset);

	if (p == MAP_FAILED)
		die(errno, "mmap of %zu bytes", bytes);
	return p;
}

static void print_cost(const char *what, long ns, unsigned long pages)
{
	printf("%-34s %8.0f\n", what, (double)ns / (double)pages);
}

static long touch(char *p, unsigned long pages)
{
	long start = now_ns();
	unsigned long i;

	for (i = 0; i < pages; i++)
		((volatile char *)p)[i * PAGE] = 1;
	return now_ns() - start;
}

/* A reserve of exactly @bytes; 0: none, so that the pool is dry. */
static void set_reserve(size_t bytes)
{
	struct hermes_reserve r = { .size = sizeof(r) };

	request(HERMES_IOC_GET_RESERVE, &r, "HERMES_IOC_GET_RESERVE");
	r.min_bytes = bytes;
	r.max_bytes = bytes;
	r.decay_ms = 3600000;
	request(HERMES_IOC_SET_RESERVE, &r, "HERMES_IOC_SET_RESERVE");
	nap_ms(50);
}

static char *map_anonymous(unsigned long pages)
{
	char *p = map(pages * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	madvise(p, pages * PAGE, MADV_NOHUGEPAGE);
	return p;
}

/* What the populate backend of the library does, @pages by one call. */
static void measure_populate(unsigned long pages)
{
	char *p = map_anonymous(SAMPLE_PAGES);
	char label[64];
	unsigned long i;
	long start = now_ns();

	for (i = 0; i < SAMPLE_PAGES; i += pages)
		if (madvise(p + i * PAGE, pages * PAGE, MADV_POPULATE_WRITE))
			die(errno, "MADV_POPULATE_WRITE");
	snprintf(label, sizeof(label), "populated ahead, %lu by a call", pages);
	print_cost(label, now_ns() - start, SAMPLE_PAGES);
	print_cost("populated page, first touch", touch(p, SAMPLE_PAGES), SAMPLE_PAGES);
	munmap(p, SAMPLE_PAGES * PAGE);
}

static void measure_ordinary(void)
{
	char *p = map_anonymous(SAMPLE_PAGES);

	print_cost("anonymous page, first touch", touch(p, SAMPLE_PAGES), SAMPLE_PAGES);
	munmap(p, SAMPLE_PAGES * PAGE);
	measure_populate(16);
}

static void measure_misses(void)
{
	print_cost("arena page, first touch (miss)", touch(arena, SAMPLE_PAGES), SAMPLE_PAGES);
	arena += SAMPLE_PAGES * PAGE;
}

static void measure_take(const char *what, unsigned long pages, unsigned long times)
{
	unsigned long i, done = 0;
	char label[64];
	long ns = 0;

	for (i = 0; i < times; i++, arena += pages * PAGE) {
		struct hermes_take t = { .size = sizeof(t), .addr = (uintptr_t)arena,
					 .len = pages * PAGE };
		long start = now_ns();

		request(HERMES_IOC_TAKE, &t, "HERMES_IOC_TAKE");
		ns += now_ns() - start;
		done += t.mapped / PAGE;
	}
	if (done != pages * times)
		die(0, "%s: only %lu of %lu pages", what, done, pages * times);
	snprintf(label, sizeof(label), "TAKE of %lu, %s", pages, what);
	print_cost(label, ns, done);
}

/* Gives the last part of the arena that was taken. */
static void measure_give(unsigned long pages, unsigned long times)
{
	unsigned long i, done = 0;
	char label[32];
	long ns = 0;

	for (i = 0; i < times; i++) {
		struct hermes_give g = { .size = sizeof(g), .len = pages * PAGE };

		long start = now_ns();

		arena -= pages * PAGE;
		g.addr = (uintptr_t)arena;
		request(HERMES_IOC_GIVE, &g, "HERMES_IOC_GIVE");
		ns += now_ns() - start;
		done += g.unmapped / PAGE;
	}
	snprintf(label, sizeof(label), "GIVE of %lu", pages);
	print_cost(label, ns, done);
}

/* Has the worker fill the reserve; includes what else the machine does meanwhile. */
static void measure_refill(void)
{
	struct hermes_fill *fill = (void *)((char *)control + control->fill_offset);
	uint32_t before = __atomic_load_n(&control->ready_prod, __ATOMIC_ACQUIRE);
	uint32_t want = before + RESERVE_BYTES / (BATCH_PAGES * PAGE);
	long start;

	fill[control->fill_prod % control->fill_entries] = (struct hermes_fill){
		.addr = (uintptr_t)arena, .len = 2 * RESERVE_BYTES };
	arena += 2 * RESERVE_BYTES;
	set_reserve(RESERVE_BYTES);
	start = now_ns();
	__atomic_store_n(&control->fill_prod, control->fill_prod + 1, __ATOMIC_SEQ_CST);
	request(HERMES_IOC_DOORBELL, NULL, "HERMES_IOC_DOORBELL");
	while ((int32_t)(__atomic_load_n(&control->ready_prod, __ATOMIC_ACQUIRE) - want) < 0)
		nanosleep(&(struct timespec){ 0, 100000 }, NULL);
	print_cost("refill by the worker", now_ns() - start, RESERVE_BYTES / PAGE);
	nap_ms(200);
}

static void measure_ready(void)
{
	uint64_t *ring = (void *)((char *)control + control->ready_offset);
	uint32_t n, cons = control->ready_cons, batches = SAMPLE_PAGES / BATCH_PAGES;
	long start = now_ns(), touched = 0, popped;
	uint64_t word[SAMPLE_PAGES / BATCH_PAGES];

	for (n = 0; n < batches; n++)
		word[n] = __atomic_exchange_n(&ring[(cons + n) % control->ready_entries], 0,
					      __ATOMIC_SEQ_CST);
	popped = now_ns() - start;
	control->ready_cons = cons + n;
	for (n = 0; n < batches; n++)
		touched += touch((char *)(uintptr_t)HERMES_READY_ADDR(word[n]),
				 HERMES_READY_PAGES(word[n]));
	print_cost("ready page, taking (batch of 16)", popped, SAMPLE_PAGES);
	print_cost("ready page, first touch", touched, SAMPLE_PAGES);
}

static void open_client(void)
{
	struct hermes_info info = { .size = sizeof(info) };

	dev = open("/dev/hermes", O_RDWR | O_CLOEXEC);
	if (dev < 0)
		die(errno, "/dev/hermes: load hermes.ko, and run as root or as its group");
	request(HERMES_IOC_INFO, &info, "HERMES_IOC_INFO");
	control = (void *)map(info.control_bytes, MAP_SHARED, dev, HERMES_MMAP_CONTROL);
	arena = map(ARENA_BYTES, MAP_PRIVATE | MAP_NORESERVE, dev, HERMES_MMAP_ARENA);
}

static void measure_module(void)
{
	set_reserve(0);
	measure_misses();
	measure_take("pool dry", 1, 64);
	measure_take("pool dry", 16, 32);
	measure_take("pool dry", 64, 8);
	measure_take("pool dry", 512, 4);
	measure_refill();
	measure_ready();
	measure_take("pool filled", 16, 32);
	measure_give(16, 32);
	measure_take("pool filled", 512, 2);
	measure_give(512, 2);
}

int main(int argc, char **argv)
{
	cli_parse(argc, argv, summary, options);
	if (!no_module)
		open_client();
	printf("%-34s %8s\n", "way to a page", "ns/page");
	measure_ordinary();
	if (!no_module)
		measure_module();
	return 0;
}
