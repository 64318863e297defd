// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tracepoints exist, fire, and carry what happened.
 */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "hermes_trace.h"
#include "hermes_util.h"

FIXTURE(tracepoints)
{
	struct hermes_client c;
	char client[32];
	char *mem;
};

FIXTURE_SETUP(tracepoints)
{
	ASSERT_EQ(0, hermes_open(&self->c));
	ASSERT_EQ(0, trace_start());
	ASSERT_EQ(0, trace_event("hermes", true));
	snprintf(self->client, sizeof(self->client), "client=%u ",
		 self->c.info.client_id);
	self->mem = hermes_ready_range(&self->c, MIB);
	ASSERT_NE(NULL, self->mem);
}

FIXTURE_TEARDOWN(tracepoints)
{
	trace_event("hermes", false);
	trace_stop();
	hermes_close(&self->c);
}

/* The worker tells of what it did when it is through with all of it. */
TEST_F(tracepoints, refill)
{
	EXPECT_TRUE(wait_until(trace_find("hermes_refill: ", self->client)));
}

TEST_F(tracepoints, take)
{
	char *arena = hermes_arena(&self->c, MIB);
	char text[64];

	EXPECT_FALSE(trace_find("hermes_take: ", self->client));
	ASSERT_EQ(0, hermes_take(&self->c, arena, 7 * PAGE_BYTES, NULL));
	snprintf(text, sizeof(text), "addr=%lx asked=7", (unsigned long)arena);
	EXPECT_TRUE(trace_find("hermes_take: ", self->client));
	EXPECT_TRUE(trace_find("hermes_take: ", text));
}

TEST_F(tracepoints, give)
{
	char text[64];

	EXPECT_FALSE(trace_find("hermes_give: ", self->client));
	ASSERT_EQ(0, hermes_give(&self->c, self->mem, 5 * PAGE_BYTES, NULL,
				 NULL));
	snprintf(text, sizeof(text), "addr=%lx asked=5 unmapped=5",
		 (unsigned long)self->mem);
	EXPECT_TRUE(trace_find("hermes_give: ", self->client));
	EXPECT_TRUE(trace_find("hermes_give: ", text));
}

TEST_F(tracepoints, miss)
{
	char *arena = hermes_arena(&self->c, MIB);
	char text[64];

	*(volatile char *)arena = 1;
	snprintf(text, sizeof(text), "addr=%lx", (unsigned long)arena);
	EXPECT_TRUE(trace_find("hermes_miss: ", self->client));
	EXPECT_TRUE(trace_find("hermes_miss: ", text));
}

TEST_F(tracepoints, shrink)
{
	ASSERT_EQ(0, hermes_set_reserve(&self->c, MIB, MIB));
	ASSERT_EQ(0, hermes_fill_add(&self->c, hermes_arena(&self->c, MIB),
				     MIB));
	ASSERT_EQ(0, hermes_wait_ready(&self->c, MIB));
	ASSERT_EQ(0, hermes_set_reserve(&self->c, 0, 0));
	ASSERT_EQ(0, hermes_wait_reserve_below(&self->c, 0));
	EXPECT_TRUE(wait_until(trace_find("hermes_shrink: ", self->client)));
}

TEST_HARNESS_MAIN
