// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first touch of ready memory costs no page fault.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "hermes_util.h"

#define LEN	(4 * MIB)
#define PAGES	((long)(LEN / PAGE_BYTES))

FIXTURE(touch)
{
	struct hermes_client c;
};

FIXTURE_SETUP(touch)
{
	ASSERT_EQ(0, hermes_open(&self->c));
}

FIXTURE_TEARDOWN(touch)
{
	hermes_close(&self->c);
}

/* Minor faults that writing to every page takes. */
static long write_faults(char *mem, size_t len)
{
	long before = thread_minflt();

	for (size_t i = 0; i < len; i += PAGE_BYTES)
		((volatile char *)mem)[i] = 1;
	return thread_minflt() - before;
}

static long read_faults(const char *mem, size_t len)
{
	long before = thread_minflt();

	for (size_t i = 0; i < len; i += PAGE_BYTES)
		(void)((const volatile char *)mem)[i];
	return thread_minflt() - before;
}

TEST_F(touch, write)
{
	char *mem = hermes_ready_range(&self->c, LEN);

	ASSERT_NE(NULL, mem);
	EXPECT_EQ(0, write_faults(mem, LEN));
}

TEST_F(touch, read_then_write)
{
	char *mem = hermes_ready_range(&self->c, LEN);

	ASSERT_NE(NULL, mem);
	EXPECT_EQ(0, read_faults(mem, LEN));
	EXPECT_EQ(0, write_faults(mem, LEN));
}

/* The counter that the tests above trust does count. */
TEST_F(touch, memory_that_is_not_ready_faults)
{
	char *mem = hermes_arena(&self->c, LEN);
	struct hermes_stats before, after;

	ASSERT_NE(MAP_FAILED, mem);
	ASSERT_EQ(0, hermes_get_stats(&self->c, &before));
	EXPECT_GE(write_faults(mem, LEN), PAGES);
	ASSERT_EQ(0, hermes_get_stats(&self->c, &after));
	EXPECT_GE(after.faults - before.faults, (uint64_t)PAGES);
}

TEST_F(touch, memory_that_was_given_back_faults)
{
	char *mem = hermes_ready_range(&self->c, 64 * PAGE_BYTES);

	ASSERT_NE(NULL, mem);
	EXPECT_EQ(0, write_faults(mem, 64 * PAGE_BYTES));
	ASSERT_EQ(0, hermes_give(&self->c, mem, 64 * PAGE_BYTES, NULL, NULL));
	EXPECT_GE(write_faults(mem, 64 * PAGE_BYTES), 64);
}

TEST_F(touch, taken_by_ioctl)
{
	char *mem = hermes_arena(&self->c, LEN);
	uint64_t mapped, all = 0;

	ASSERT_NE(MAP_FAILED, mem);
	ASSERT_EQ(0, hermes_set_reserve(&self->c, LEN, LEN));
	for (size_t i = 0; i < LEN; i += 512 * PAGE_BYTES) {
		ASSERT_EQ(0, hermes_take(&self->c, mem + i, 512 * PAGE_BYTES,
					 &mapped));
		ASSERT_LE(mapped, 512 * PAGE_BYTES);
		EXPECT_EQ(0, write_faults(mem + i, mapped));
		all += mapped;
	}
	/* There is plenty of free memory. */
	EXPECT_EQ(LEN, all);
}

/* Page tables of its own for each of a few pages far apart. */
TEST_F(touch, sparse_extents)
{
	const size_t stride = 64 * MIB, span = 16 * stride;
	const size_t batch = HERMES_BATCH_PAGES_DEF * PAGE_BYTES;
	char *mem = hermes_arena(&self->c, span);
	long faults = 0;

	ASSERT_NE(MAP_FAILED, mem);
	ASSERT_EQ(0, hermes_set_reserve(&self->c, 16 * batch, 16 * batch));
	for (size_t i = 0; i < span; i += stride)
		ASSERT_EQ(0, hermes_fill_add(&self->c, mem + i, batch));
	for (size_t i = 0; i < span; i += stride) {
		uint64_t word = hermes_pop_wait(&self->c);

		ASSERT_EQ((uintptr_t)mem + i, HERMES_READY_ADDR(word));
		ASSERT_EQ(HERMES_BATCH_PAGES_DEF, HERMES_READY_PAGES(word));
		faults += write_faults(mem + i, batch);
	}
	EXPECT_EQ(0, faults);
}

static void *writer(void *arg)
{
	return (void *)write_faults(arg, LEN);
}

TEST_F(touch, by_another_thread)
{
	char *mem = hermes_ready_range(&self->c, LEN);
	pthread_t thread;
	void *faults;

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, pthread_create(&thread, NULL, writer, mem));
	ASSERT_EQ(0, pthread_join(thread, &faults));
	EXPECT_EQ(NULL, faults);
}

/* Steady consumption: whatever was popped is there, for as long as it goes. */
TEST_F(touch, steady_consumption)
{
	const size_t total = 24 * MIB;
	char *mem = hermes_arena(&self->c, total);
	long faults = 0;
	size_t got = 0;

	ASSERT_NE(MAP_FAILED, mem);
	ASSERT_EQ(0, hermes_set_reserve(&self->c, 2 * MIB, 8 * MIB));
	ASSERT_EQ(0, hermes_fill_add(&self->c, mem, total));
	while (got < total) {
		uint64_t word = hermes_pop_wait(&self->c);
		size_t len = HERMES_READY_PAGES(word) * PAGE_BYTES;

		ASSERT_NE(0, word);
		/* Batches come in the order of the fill ring. */
		ASSERT_EQ((uintptr_t)mem + got, HERMES_READY_ADDR(word));
		faults += write_faults(mem + got, len);
		got += len;
	}
	EXPECT_EQ(0, faults);
}

TEST_HARNESS_MAIN
