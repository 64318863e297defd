// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family: what it shows, and to whom.
 */
#define _GNU_SOURCE
#include <string.h>

#include "kselftest_harness.h"
#include "hermes_nl.h"
#include "hermes_util.h"

FIXTURE(family)
{
	struct hermes_nl nl;
};

FIXTURE_SETUP(family)
{
	ASSERT_EQ(0, nl_open(&self->nl));
}

FIXTURE_TEARDOWN(family)
{
	nl_close(&self->nl);
}

TEST_F(family, resolves)
{
	EXPECT_NE(0, self->nl.family);
	EXPECT_NE(0, self->nl.group);
	EXPECT_EQ(HERMES_GENL_VERSION, self->nl.version);
	EXPECT_EQ(0, nl_subscribe(&self->nl));
	EXPECT_NE(~0ULL, nl_total(&self->nl, HERMES_A_TOTALS_FREE));
}

TEST_HARNESS_MAIN
