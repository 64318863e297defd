// SPDX-License-Identifier: GPL-2.0-only
/*
 * An idle client costs nothing: no timer, no work item, no wake-up of anything
 * that belongs to Hermes.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "hermes_trace.h"
#include "hermes_util.h"

/* Whatever can run because of a client. */
static const char *const events[] = {
	"workqueue/workqueue_queue_work",
	"workqueue/workqueue_execute_start",
	"timer/timer_expire_entry",
	"timer/hrtimer_expire_entry",
	"hermes",
};

FIXTURE(idle)
{
	struct hermes_client c;
};

FIXTURE_SETUP(idle)
{
	struct hermes_reserve r;

	ASSERT_EQ(0, hermes_open(&self->c));
	ASSERT_EQ(0, hermes_set_reserve(&self->c, MIB, 4 * MIB));
	ASSERT_EQ(0, hermes_get_reserve(&self->c, &r));
	r.decay_ms = 50;
	ASSERT_EQ(0, hermes_ioctl(self->c.fd, HERMES_IOC_SET_RESERVE, &r));
	ASSERT_EQ(0, hermes_fill_add(&self->c,
				     hermes_arena(&self->c, 64 * MIB),
				     64 * MIB));
	ASSERT_EQ(0, hermes_wait_ready(&self->c, MIB));
	ASSERT_EQ(0, trace_start());
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		ASSERT_EQ(0, trace_event(events[i], true));
}

FIXTURE_TEARDOWN(idle)
{
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		trace_event(events[i], false);
	trace_stop();
	hermes_close(&self->c);
}

static void consume_something(struct hermes_client *c)
{
	for (int i = 0; i < 40; i++)
		hermes_pop_wait(c);
	hermes_doorbell(c);
}

/* Whether nothing of Hermes runs for so long. */
static bool is_quiet(unsigned int ms)
{
	if (trace_clear())
		return false;
	sleep_ms(ms);
	return !trace_count("hermes");
}

/* What the other test trusts does see a worker that runs. */
TEST_F(idle, activity_is_seen)
{
	ASSERT_EQ(0, trace_clear());
	consume_something(&self->c);
	EXPECT_TRUE(wait_until(trace_count("hermes") > 0));
}

TEST_F(idle, no_wake_ups)
{
	consume_something(&self->c);
	/* The surplus decays and the worker falls asleep: then for good. */
	ASSERT_TRUE(wait_until(is_quiet(1000)));
	EXPECT_TRUE(is_quiet(3000));
	EXPECT_TRUE(self->c.ctl->flags & HERMES_CONTROL_NEED_DOORBELL);
}

TEST_F(idle, client_that_never_asked)
{
	struct hermes_client other;

	ASSERT_EQ(0, hermes_open(&other));
	ASSERT_TRUE(wait_until(is_quiet(1000)));
	EXPECT_TRUE(is_quiet(2000));
	hermes_close(&other);
}

/* And it wakes up again. */
TEST_F(idle, doorbell_after_sleep)
{
	consume_something(&self->c);
	ASSERT_TRUE(wait_until(is_quiet(1000)));
	for (int i = 0; i < 100; i++)
		ASSERT_NE(0, hermes_pop_wait(&self->c));
}

TEST_HARNESS_MAIN
