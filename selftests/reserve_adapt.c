// SPDX-License-Identifier: GPL-2.0-only
/*
 * target = max(minimum, consumption of the last interval x factor), clamped
 * to the maximum.
 */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "hermes_util.h"

#define MIN		(MIB)
#define MAX		(16 * MIB)
#define ARENA		(1024 * MIB)

FIXTURE(reserve_adapt)
{
	struct hermes_client c;
	struct hermes_reserve r;
	char *arena;
};

FIXTURE_SETUP(reserve_adapt)
{
	ASSERT_EQ(0, hermes_open(&self->c));
	/* Brings the target to the minimum at once. */
	ASSERT_EQ(0, hermes_set_reserve(&self->c, MIN, MIN));
	ASSERT_EQ(0, hermes_set_reserve(&self->c, MIN, MAX));
	ASSERT_EQ(0, hermes_get_reserve(&self->c, &self->r));
	/* So long that emulation does not blur what one interval is. */
	self->r.interval_us = 200000;
	self->r.factor_pct = 200;
	self->r.decay_ms = 60000;
	ASSERT_EQ(0, hermes_ioctl(self->c.fd, HERMES_IOC_SET_RESERVE,
				  &self->r));
	self->arena = hermes_arena(&self->c, ARENA);
	ASSERT_NE(MAP_FAILED, self->arena);
	ASSERT_EQ(0, hermes_fill_add(&self->c, self->arena, ARENA));
	ASSERT_EQ(0, hermes_wait_ready(&self->c, MIN));
}

FIXTURE_TEARDOWN(reserve_adapt)
{
	hermes_close(&self->c);
}

static bool is_used_up(struct hermes_client *c)
{
	return __atomic_load_n(&c->ctl->fill_cons, __ATOMIC_ACQUIRE) ==
	       c->ctl->fill_prod;
}

/* The next batch; 0 when the whole arena was published and taken. */
static uint64_t pop_or_used_up(struct hermes_client *c)
{
	uint64_t word;

	wait_until((word = hermes_pop(c)) || is_used_up(c) ||
		   (c->ctl->flags & HERMES_CONTROL_NEED_DOORBELL &&
		    hermes_doorbell(c)));
	return word ?: hermes_pop(c);
}

/* Take so much, or what can be had, and put the memory back to keep the machine empty. */
static uint64_t consume(struct hermes_client *c, uint64_t bytes)
{
	uint64_t got = 0;

	while (got < bytes) {
		uint64_t word = pop_or_used_up(c);
		size_t len = HERMES_READY_PAGES(word) * PAGE_BYTES;

		if (!word)
			break;
		madvise((void *)HERMES_READY_ADDR(word), len, MADV_DONTNEED);
		got += len;
	}
	return got;
}

static uint64_t target(struct hermes_client *c)
{
	struct hermes_stats stats;

	return hermes_get_stats(c, &stats) ? 0 : stats.target_bytes;
}

TEST_F(reserve_adapt, starts_at_the_minimum)
{
	EXPECT_EQ(MIN, target(&self->c));
}

TEST_F(reserve_adapt, grows_to_the_maximum_and_no_further)
{
	uint64_t end = now_ms() + WAIT_MS, seen = 0, now, got;

	/* As fast as it comes: a tenth of the maximum within an interval. */
	self->r.factor_pct = 1000;
	self->r.interval_us = 1000000;
	ASSERT_EQ(0, hermes_ioctl(self->c.fd, HERMES_IOC_SET_RESERVE,
				  &self->r));
	do {
		/* Taken at the worker's pace, all of it may go in an interval. */
		if (is_used_up(&self->c))
			ASSERT_EQ(0, hermes_fill_add(&self->c, self->arena,
						     ARENA));
		got = consume(&self->c, 2 * MIB);
		ASSERT_TRUE(got >= 2 * MIB || is_used_up(&self->c));
		now = target(&self->c);
		ASSERT_LE(now, MAX);
		seen = now > seen ? now : seen;
	} while (seen < MAX && now_ms() < end);
	EXPECT_EQ(MAX, seen);
}

/* Take all that is ready in one go, and return the target that this gives. */
static uint64_t burst(struct hermes_client *c, uint64_t *got)
{
	uint64_t word;

	for (*got = 0; (word = hermes_pop(c)); )
		*got += HERMES_READY_PAGES(word) * PAGE_BYTES;
	/* The interval is long: the doorbell makes the worker look now. */
	hermes_doorbell(c);
	wait_until(c->ctl->target_bytes > MIN);
	return c->ctl->target_bytes;
}

/* 1 MiB in one interval by factor 4; the machine may stall within a burst. */
TEST_F(reserve_adapt, follows_consumption_by_the_factor)
{
	struct hermes_reserve small = self->r;
	uint64_t got = 0, seen = 0;

	self->r.factor_pct = 400;
	self->r.interval_us = 1000000;
	small.max_bytes = MIN;
	for (int i = 0; i < 20 && (!got || seen != 4 * got); i++) {
		ASSERT_EQ(0, hermes_ioctl(self->c.fd, HERMES_IOC_SET_RESERVE,
					  &small));
		/* All consumption before has been seen and forgotten. */
		ASSERT_TRUE(wait_until(self->c.ctl->target_bytes == MIN));
		ASSERT_EQ(0, hermes_wait_ready(&self->c, MIN));
		ASSERT_EQ(0, hermes_ioctl(self->c.fd, HERMES_IOC_SET_RESERVE,
					  &self->r));
		/* The worker's own look at the new sizes comes first, mostly. */
		sleep_ms(200);
		seen = burst(&self->c, &got);
		EXPECT_GE(got, MIN);
		EXPECT_LE(seen, 4 * got);
	}
	EXPECT_EQ(4 * got, seen);
}

TEST_F(reserve_adapt, factor_zero_keeps_the_minimum)
{
	self->r.factor_pct = 0;
	ASSERT_EQ(0, hermes_ioctl(self->c.fd, HERMES_IOC_SET_RESERVE,
				  &self->r));
	for (int i = 0; i < 10; i++) {
		ASSERT_GE(consume(&self->c, MIB), MIB);
		EXPECT_EQ(MIN, target(&self->c));
	}
}

TEST_F(reserve_adapt, maximum_zero_switches_off)
{
	struct hermes_stats stats;

	ASSERT_EQ(0, hermes_set_reserve(&self->c, 0, 0));
	ASSERT_EQ(0, hermes_wait_reserve_below(&self->c, 0));
	EXPECT_EQ(0, hermes_pop(&self->c));
	ASSERT_EQ(0, hermes_doorbell(&self->c));
	sleep_ms(100);
	ASSERT_EQ(0, hermes_get_stats(&self->c, &stats));
	EXPECT_EQ(0, stats.ready_bytes);
	EXPECT_EQ(0, stats.target_bytes);
}

TEST_HARNESS_MAIN
