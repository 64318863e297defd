// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family: clients and totals, shown and changed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "kselftest_harness.h"
#include "hermes_nl.h"
#include "hermes_util.h"

#define LEN		(MIB)
#define MANY		300
/* Pages that are missed at a time. */
#define PAGES		37

/* An attribute and its length; 0: a string. */
struct shape {
	uint16_t attr;
	uint16_t len;
};

/* The first attribute that is not as it should be, or 0. */
static int misshapen(const struct nl_attrs *attrs, const struct shape *shapes,
		     size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		const struct shape *s = &shapes[i];

		if (s->len ? !nl_has(attrs, s->attr, s->len) :
			     !*nl_string(attrs, s->attr))
			return s->attr;
	}
	return 0;
}

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

/* It is about the machine: a container with its own network has none. */
TEST_F(family, initial_namespace_only)
{
	pid_t pid = fork();

	if (!pid) {
		struct hermes_nl nl;

		CHILD_CHECK(!unshare(CLONE_NEWNET));
		CHILD_CHECK(nl_open(&nl) == -ENOENT);
		_exit(0);
	}
	EXPECT_EQ(0, child_exit(pid));
}

TEST_F(family, readable_by_everybody)
{
	pid_t pid = fork();

	if (!pid) {
		struct nl_decision decisions[2];
		struct nl_cgroup cgroup;
		struct hermes_nl nl;
		uint64_t value;

		CHILD_CHECK(!become_user(1001, 1001));
		CHILD_CHECK(!nl_open(&nl));
		CHILD_CHECK(!nl_policy_get(&nl, HERMES_A_POLICY_STEP, &value));
		CHILD_CHECK(nl_total(&nl, HERMES_A_TOTALS_ABI) ==
			    HERMES_ABI_VERSION);
		CHILD_CHECK(nl_cgroup_get_id(&nl, 1, &cgroup) == -ENOENT);
		CHILD_CHECK(nl_decisions(&nl, decisions, 2) >= 0);
		CHILD_CHECK(!nl_subscribe(&nl));
		_exit(0);
	}
	EXPECT_EQ(0, child_exit(pid));
}

#define U32(_name)	{ HERMES_A_TOTALS_##_name, 4 }
#define U64(_name)	{ HERMES_A_TOTALS_##_name, 8 }

static const struct shape totals_shapes[] = {
	{ HERMES_A_TOTALS_VERSION, 0 },
	U32(ABI), U32(CLIENTS), U32(BEST_EFFORT), U32(LATENCY_CRITICAL),
	U64(MEMORY), U64(FREE), U64(KERNEL_HIGH), U64(LOW), U64(HIGH),
	U64(DEMAND), U64(RESERVED), U64(RESERVED_MAX), U64(MAPPED),
	U64(MAPPED_MAX), U64(WAKES), U64(LOOKS), U64(STEPS), U64(ASKED),
	U64(GOT), U64(CPU_NS), U64(THROTTLED), U64(REFILL_NS), U64(MISSES),
	U64(EVENTS), U64(EVENTS_LOST),
};

#undef U32
#undef U64

_Static_assert(sizeof(totals_shapes) / sizeof(*totals_shapes) ==
	       HERMES_A_TOTALS_MAX - HERMES_A_TOTALS_PAD,
	       "every documented attribute");

TEST_F(family, totals)
{
	uint64_t gap, hysteresis, memory;
	struct nl_attrs t;

	ASSERT_EQ(0, nl_policy_get(&self->nl, HERMES_A_POLICY_GAP, &gap));
	ASSERT_EQ(0, nl_policy_get(&self->nl, HERMES_A_POLICY_HYSTERESIS,
				   &hysteresis));
	ASSERT_EQ(0, nl_totals(&self->nl, &t));
	ASSERT_EQ(0, misshapen(&t, totals_shapes,
			       HERMES_A_TOTALS_MAX - HERMES_A_TOTALS_PAD));
	EXPECT_EQ(HERMES_ABI_VERSION, nl_u32(&t, HERMES_A_TOTALS_ABI));
	memory = nl_u64(&t, HERMES_A_TOTALS_MEMORY);
	EXPECT_EQ(meminfo_kb("MemTotal") * 1024UL, memory);
	EXPECT_LT(0, nl_u64(&t, HERMES_A_TOTALS_FREE));
	EXPECT_LT(nl_u64(&t, HERMES_A_TOTALS_FREE), memory);
	EXPECT_GE(nl_u64(&t, HERMES_A_TOTALS_LOW),
		  nl_u64(&t, HERMES_A_TOTALS_KERNEL_HIGH) + gap);
	EXPECT_EQ(nl_u64(&t, HERMES_A_TOTALS_HIGH),
		  nl_u64(&t, HERMES_A_TOTALS_LOW) + hysteresis);
	EXPECT_EQ(module_param_get("total_max_bytes"),
		  (long)nl_u64(&t, HERMES_A_TOTALS_RESERVED_MAX));
	EXPECT_EQ(module_param_get("total_mapped_max_bytes"),
		  (long)nl_u64(&t, HERMES_A_TOTALS_MAPPED_MAX));
}

TEST_F(family, totals_count_clients)
{
	uint64_t before = nl_total(&self->nl, HERMES_A_TOTALS_CLIENTS);
	struct hermes_client c[3];

	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, hermes_open(&c[i]));
	EXPECT_EQ(before + 3, nl_total(&self->nl, HERMES_A_TOTALS_CLIENTS));
	for (int i = 0; i < 3; i++)
		hermes_close(&c[i]);
	EXPECT_EQ(before, nl_total(&self->nl, HERMES_A_TOTALS_CLIENTS));
}

/* First writes to pages of an arena where nothing is ready. */
static int miss_pages(struct hermes_client *c, size_t pages)
{
	char *arena = hermes_arena(c, pages * PAGE_BYTES);

	if (arena == MAP_FAILED)
		return -errno;
	stamp_pages(arena, pages * PAGE_BYTES, 1);
	return munmap(arena, pages * PAGE_BYTES) ? -errno : 0;
}

/* However short a client lives, what it missed is counted. */
TEST_F(family, totals_keep_misses_of_closed_clients)
{
	uint64_t before = nl_total(&self->nl, HERMES_A_TOTALS_MISSES);
	struct hermes_client c;

	for (int i = 0; i < 20; i++) {
		ASSERT_EQ(0, hermes_open(&c));
		ASSERT_EQ(0, miss_pages(&c, PAGES));
		hermes_close(&c);
	}
	EXPECT_EQ(20 * PAGES,
		  nl_total(&self->nl, HERMES_A_TOTALS_MISSES) - before);
}

#define U32(_name)	{ HERMES_A_CLIENT_##_name, 4 }
#define U64(_name)	{ HERMES_A_CLIENT_##_name, 8 }

static const struct shape client_shapes[] = {
	{ HERMES_A_CLIENT_CGROUP_PATH, 0 },
	U32(ID), U32(PID), U32(UID), U64(CGROUP_ID), U64(MIN_BYTES), U64(MAX_BYTES),
	U32(BATCH_PAGES), U32(LOW_PCT), U32(HIGH_PCT), U32(FACTOR_PCT),
	U32(INTERVAL_US), U32(DECAY_MS), U64(TARGET), U64(READY), U64(POOL),
	U64(PUBLISHED), U64(CONSUMED), U64(RECLAIMED), U64(BATCHES),
	U64(TAKES), U64(TAKEN), U64(DOORBELLS), U64(REFILLS), U64(REFILL_NS),
	U64(THROTTLED), U64(MISSES), U64(MISS_BURST), U64(MISS_REFILL),
	U64(MISS_MEMCG), U64(MISS_MODULE), U64(MISS_SHRINK), U64(MISS_CPU),
	U64(MISS_UNASKED),
};

_Static_assert(sizeof(client_shapes) / sizeof(*client_shapes) ==
	       HERMES_A_CLIENT_MAX - HERMES_A_CLIENT_PAD,
	       "every documented attribute");

FIXTURE(client)
{
	struct hermes_nl nl;
	struct hermes_client c;
	uint32_t id;
};

FIXTURE_SETUP(client)
{
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, hermes_open(&self->c));
	self->id = self->c.info.client_id;
}

FIXTURE_TEARDOWN(client)
{
	hermes_close(&self->c);
	nl_close(&self->nl);
}

static uint64_t misses_by_cause(const struct nl_attrs *client)
{
	uint64_t sum = 0;

	for (int attr = HERMES_A_CLIENT_MISS_BURST;
	     attr <= HERMES_A_CLIENT_MISS_UNASKED; attr++)
		sum += nl_u64(client, attr);
	return sum;
}

TEST_F(client, has_all_attributes)
{
	struct nl_attrs a;

	ASSERT_EQ(0, nl_client_get(&self->nl, self->id, &a));
	ASSERT_EQ(0, misshapen(&a, client_shapes, HERMES_A_CLIENT_MAX -
						  HERMES_A_CLIENT_PAD));
	EXPECT_EQ(self->id, nl_u32(&a, HERMES_A_CLIENT_ID));
	EXPECT_EQ((uint32_t)getpid(), nl_u32(&a, HERMES_A_CLIENT_PID));
	EXPECT_EQ(0, nl_u32(&a, HERMES_A_CLIENT_UID));
	EXPECT_EQ(0, nl_u64(&a, HERMES_A_CLIENT_MISSES));
}

/* Whether netlink tells the same of the reserve as the client is told itself. */
static bool same_as_ioctl(struct hermes_nl *nl, struct hermes_client *c)
{
	struct hermes_stats before, after;
	struct nl_attrs a;

	if (hermes_get_stats(c, &before) ||
	    nl_client_get(nl, c->info.client_id, &a) ||
	    hermes_get_stats(c, &after) ||
	    memcmp(&before, &after, sizeof(after)))
		return false;
	return nl_u64(&a, HERMES_A_CLIENT_TARGET) == after.target_bytes &&
	       nl_u64(&a, HERMES_A_CLIENT_READY) == after.ready_bytes &&
	       nl_u64(&a, HERMES_A_CLIENT_POOL) == after.pool_bytes &&
	       nl_u64(&a, HERMES_A_CLIENT_PUBLISHED) == after.published_bytes &&
	       nl_u64(&a, HERMES_A_CLIENT_CONSUMED) == after.consumed_bytes &&
	       nl_u64(&a, HERMES_A_CLIENT_RECLAIMED) == after.reclaimed_bytes &&
	       nl_u64(&a, HERMES_A_CLIENT_TAKES) == after.takes &&
	       nl_u64(&a, HERMES_A_CLIENT_TAKEN) == after.take_bytes &&
	       nl_u64(&a, HERMES_A_CLIENT_DOORBELLS) == after.doorbells &&
	       nl_u64(&a, HERMES_A_CLIENT_REFILLS) == after.refills &&
	       nl_u64(&a, HERMES_A_CLIENT_MISSES) == after.faults;
}

TEST_F(client, agrees_with_the_ioctls)
{
	struct hermes_stats stats;
	char *mem, *arena;
	struct nl_attrs a;

	mem = hermes_ready_range(&self->c, LEN);
	ASSERT_NE(NULL, mem);
	arena = hermes_arena(&self->c, 2 * LEN);
	ASSERT_NE(MAP_FAILED, arena);
	ASSERT_EQ(0, hermes_take(&self->c, arena, 3 * PAGE_BYTES, NULL));
	ASSERT_EQ(0, hermes_fill_add(&self->c, arena + LEN, LEN));
	ASSERT_EQ(0, hermes_wait_ready(&self->c, LEN));
	EXPECT_TRUE(wait_until(same_as_ioctl(&self->nl, &self->c)));
	ASSERT_EQ(0, hermes_get_stats(&self->c, &stats));
	ASSERT_EQ(0, nl_client_get(&self->nl, self->id, &a));
	EXPECT_EQ(LEN, nl_u64(&a, HERMES_A_CLIENT_READY));
	EXPECT_EQ(LEN, nl_u64(&a, HERMES_A_CLIENT_CONSUMED));
	EXPECT_LT(0, nl_u64(&a, HERMES_A_CLIENT_BATCHES));
	EXPECT_LT(0, nl_u64(&a, HERMES_A_CLIENT_REFILL_NS));
	EXPECT_LE(nl_u64(&a, HERMES_A_CLIENT_REFILL_NS),
		  nl_total(&self->nl, HERMES_A_TOTALS_REFILL_NS));
	EXPECT_LE(LEN, nl_total(&self->nl, HERMES_A_TOTALS_RESERVED));
}

/* Nothing was asked for there: no extent in the fill ring. */
TEST_F(client, misses_have_a_cause)
{
	struct hermes_stats stats;
	struct nl_attrs a;

	ASSERT_EQ(0, miss_pages(&self->c, PAGES));
	ASSERT_EQ(0, hermes_get_stats(&self->c, &stats));
	ASSERT_EQ(0, nl_client_get(&self->nl, self->id, &a));
	EXPECT_EQ(PAGES, nl_u64(&a, HERMES_A_CLIENT_MISSES));
	EXPECT_EQ(stats.faults, nl_u64(&a, HERMES_A_CLIENT_MISSES));
	EXPECT_EQ(PAGES, nl_u64(&a, HERMES_A_CLIENT_MISS_UNASKED));
	EXPECT_EQ(PAGES, misses_by_cause(&a));
}

TEST_F(client, cgroup)
{
	char cgroup[CG_PATH_MAX];
	struct hermes_client c;
	struct nl_attrs a;

	ASSERT_EQ(0, cg_create(cgroup, NULL, "netlink"));
	ASSERT_EQ(0, cg_enter(cgroup));
	EXPECT_EQ(0, hermes_open(&c));
	EXPECT_EQ(0, nl_client_get(&self->nl, c.info.client_id, &a));
	EXPECT_EQ(nl_cgroup_id(cgroup),
		  nl_u64(&a, HERMES_A_CLIENT_CGROUP_ID));
	EXPECT_STREQ(strrchr(cgroup, '/'),
		     nl_string(&a, HERMES_A_CLIENT_CGROUP_PATH));
	hermes_close(&c);
	EXPECT_EQ(0, cg_leave());
	cg_remove(cgroup);
}

/* A process of an inner pid namespace sees its own numbers, and no others. */
TEST_F(client, pid_is_the_readers)
{
	pid_t pid = fork();

	if (!pid) {
		CHILD_CHECK(!unshare(CLONE_NEWPID));
		pid = fork();
		if (!pid) {
			struct hermes_client c;
			struct nl_attrs a;

			CHILD_CHECK(!hermes_open(&c));
			CHILD_CHECK(!nl_client_get(&self->nl,
						   c.info.client_id, &a));
			CHILD_CHECK(nl_u32(&a, HERMES_A_CLIENT_PID) == 1);
			CHILD_CHECK(!nl_client_get(&self->nl, self->id, &a));
			CHILD_CHECK(nl_u32(&a, HERMES_A_CLIENT_PID) == 0);
			_exit(0);
		}
		_exit(child_exit(pid));
	}
	EXPECT_EQ(0, child_exit(pid));
}

TEST_F(client, get_of_none)
{
	const uint32_t ids[] = { 0, 0x7fffffff, 0x80000000, 0xffffffff };
	struct hermes_client c;
	struct nl_request req;
	struct nl_attrs a;

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		EXPECT_EQ(-ENOENT, nl_client_get(&self->nl, ids[i], &a));
		EXPECT_NE(0, strlen(self->nl.message));
		EXPECT_EQ(NLMSG_HDRLEN + GENL_HDRLEN, self->nl.offset);
	}
	ASSERT_EQ(0, hermes_open(&c));
	hermes_close(&c);
	EXPECT_EQ(-ENOENT, nl_client_get(&self->nl, c.info.client_id, &a));

	nl_begin(&self->nl, &req, HERMES_CMD_CLIENT_GET);
	EXPECT_EQ(-EINVAL, nl_get(&self->nl, &req, &a));
	EXPECT_NE(0, strlen(self->nl.message));
	EXPECT_EQ(HERMES_A_CLIENT_ID, self->nl.missing);
}

/* The ids that a dump shows, and whether it was in order. */
struct seen {
	uint32_t last;
	unsigned int nr;
	unsigned int wanted;
	uint32_t low, high; /* which are wanted */
};

static int see_client(const struct nl_attrs *client, void *data)
{
	uint32_t id = nl_u32(client, HERMES_A_CLIENT_ID);
	struct seen *seen = data;

	if (misshapen(client, client_shapes, HERMES_A_CLIENT_MAX -
					     HERMES_A_CLIENT_PAD) ||
	    id <= seen->last)
		return -EPROTO;
	seen->last = id;
	seen->nr++;
	seen->wanted += id >= seen->low && id <= seen->high;
	return 0;
}

static int dump_clients(struct hermes_nl *nl, struct seen *seen)
{
	struct nl_request req;

	seen->last = 0;
	seen->nr = 0;
	seen->wanted = 0;
	nl_begin(nl, &req, HERMES_CMD_CLIENT_GET);
	return nl_dump(nl, &req, see_client, seen);
}

TEST_F(client, dump_takes_no_id)
{
	struct nl_request req;
	struct seen seen = {};

	nl_begin(&self->nl, &req, HERMES_CMD_CLIENT_GET);
	nl_put_u32(&req, HERMES_A_CLIENT_ID, self->id);
	EXPECT_EQ(-EINVAL, nl_dump(&self->nl, &req, see_client, &seen));
	EXPECT_NE(0, strlen(self->nl.message));
	EXPECT_EQ(0, seen.nr);
}

TEST_F_TIMEOUT(client, dump_of_many, TEST_TIMEOUT_LONG)
{
	static struct hermes_client c[MANY];
	struct seen seen = { .high = ~0U };

	for (int i = 0; i < MANY; i++)
		ASSERT_EQ(0, hermes_open(&c[i]));
	EXPECT_EQ(0, dump_clients(&self->nl, &seen));
	EXPECT_EQ(MANY + 1, seen.nr);
	EXPECT_LT(2, self->nl.messages);
	for (int i = 0; i < MANY; i++)
		hermes_close(&c[i]);
}

static void open_and_close(void)
{
	struct hermes_client c[8];

	for (;;) {
		for (int i = 0; i < 8; i++)
			CHILD_CHECK(!hermes_open(&c[i]));
		for (int i = 0; i < 8; i++)
			hermes_close(&c[i]);
	}
}

/* Those that are there all the time are shown once each, in order. */
TEST_F_TIMEOUT(client, dump_while_others_come_and_go, TEST_TIMEOUT_LONG)
{
	static struct hermes_client c[40];
	struct seen seen = {};
	pid_t pid;

	for (int i = 0; i < 40; i++)
		ASSERT_EQ(0, hermes_open(&c[i]));
	pid = fork();
	if (!pid)
		open_and_close();
	seen.low = c[0].info.client_id;
	seen.high = c[39].info.client_id;
	for (int i = 0; i < 200; i++) {
		ASSERT_EQ(0, dump_clients(&self->nl, &seen));
		ASSERT_LE(40, seen.wanted);
	}
	EXPECT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(-SIGKILL, child_exit(pid));
	for (int i = 0; i < 40; i++)
		hermes_close(&c[i]);
}

TEST_HARNESS_MAIN
