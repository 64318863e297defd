// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an idle reserve holds above its minimum decays, and is returned.
 */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "hermes_util.h"

#define MIN		(MIB)
#define MAX		(16 * MIB)

FIXTURE(decay)
{
	struct hermes_client c;
};

FIXTURE_SETUP(decay)
{
	struct hermes_reserve r;

	ASSERT_EQ(0, hermes_open(&self->c));
	ASSERT_EQ(0, hermes_set_reserve(&self->c, MAX, MAX));
	ASSERT_EQ(0, hermes_fill_add(&self->c, hermes_arena(&self->c, MAX),
				     MAX));
	ASSERT_EQ(0, hermes_wait_ready(&self->c, MAX));
	/* Now it has a surplus of 15 MiB. */
	ASSERT_EQ(0, hermes_get_reserve(&self->c, &r));
	r.min_bytes = MIN;
	r.decay_ms = 50;
	ASSERT_EQ(0, hermes_ioctl(self->c.fd, HERMES_IOC_SET_RESERVE, &r));
}

FIXTURE_TEARDOWN(decay)
{
	hermes_close(&self->c);
}

/* The target that the control page shows; that of the statistics is fresher. */
static uint64_t wait_target(struct hermes_client *c, uint64_t target)
{
	wait_until(c->ctl->target_bytes <= target);
	return c->ctl->target_bytes;
}

/* Behind ready memory there is a pool of up to a quarter of the target. */
TEST_F(decay, surplus_goes)
{
	struct hermes_stats stats;

	EXPECT_EQ(MIN, wait_target(&self->c, MIN));
	EXPECT_EQ(0, hermes_wait_reserve_below(&self->c, MIN + MIN / 4));
	ASSERT_EQ(0, hermes_get_stats(&self->c, &stats));
	EXPECT_EQ(MAX - MIN, stats.reclaimed_bytes);
	EXPECT_EQ(MIN, stats.target_bytes);
}

TEST_F(decay, minimum_stays)
{
	struct hermes_stats stats;

	EXPECT_EQ(MIN, wait_target(&self->c, MIN));
	sleep_ms(1000);
	ASSERT_EQ(0, hermes_get_stats(&self->c, &stats));
	EXPECT_EQ(MIN, stats.target_bytes);
	/* Never below the low watermark. */
	EXPECT_GE(stats.ready_bytes, MIN / 2);
}

/* Batches that were taken back are not in the ring, the others are whole. */
TEST_F(decay, ring_stays_consistent)
{
	struct hermes_stats stats;
	uint64_t word, got = 0;

	ASSERT_EQ(0, hermes_wait_reserve_below(&self->c, 3 * MIN));
	while ((word = hermes_pop(&self->c))) {
		char *mem = (char *)HERMES_READY_ADDR(word);
		size_t len = HERMES_READY_PAGES(word) * PAGE_BYTES;
		long faults = thread_minflt();

		stamp_pages(mem, len, 1);
		EXPECT_EQ(faults, thread_minflt());
		got += len;
	}
	EXPECT_GT(got, 0);
	ASSERT_EQ(0, hermes_get_stats(&self->c, &stats));
	EXPECT_EQ(stats.published_bytes,
		  stats.consumed_bytes + stats.reclaimed_bytes +
		  stats.ready_bytes);
	EXPECT_EQ(stats.consumed_bytes, got);
}

TEST_HARNESS_MAIN
