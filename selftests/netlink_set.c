// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family: changes of a client's reserve and of the policy,
 * by whom, and what is refused leaves everything as it was.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "kselftest_harness.h"
#include "hermes_nl.h"
#include "hermes_util.h"

#define MEMBER		1000
#define OUTSIDER	1001

/* Where the first attribute of a message lies. */
#define FIRST		(NLMSG_HDRLEN + GENL_HDRLEN)

FIXTURE(client_set)
{
	struct hermes_nl nl;
	struct hermes_client c;
	uint32_t id;
	struct hermes_reserve before;
};

FIXTURE_SETUP(client_set)
{
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, hermes_open(&self->c));
	self->id = self->c.info.client_id;
	ASSERT_EQ(0, hermes_get_reserve(&self->c, &self->before));
}

FIXTURE_TEARDOWN(client_set)
{
	hermes_close(&self->c);
	nl_close(&self->nl);
}

/* The sizes of a client, as itself and everybody else are told. */
static bool has_reserve(struct hermes_nl *nl, struct hermes_client *c,
			const struct hermes_reserve *want)
{
	struct hermes_reserve r;
	struct nl_attrs a;

	return !hermes_get_reserve(c, &r) && !memcmp(&r, want, sizeof(r)) &&
	       !nl_client_get(nl, c->info.client_id, &a) &&
	       nl_u64(&a, HERMES_A_CLIENT_MIN_BYTES) == r.min_bytes &&
	       nl_u64(&a, HERMES_A_CLIENT_MAX_BYTES) == r.max_bytes &&
	       nl_u32(&a, HERMES_A_CLIENT_BATCH_PAGES) == r.batch_pages &&
	       nl_u32(&a, HERMES_A_CLIENT_LOW_PCT) == r.low_pct &&
	       nl_u32(&a, HERMES_A_CLIENT_HIGH_PCT) == r.high_pct &&
	       nl_u32(&a, HERMES_A_CLIENT_FACTOR_PCT) == r.factor_pct &&
	       nl_u32(&a, HERMES_A_CLIENT_INTERVAL_US) == r.interval_us &&
	       nl_u32(&a, HERMES_A_CLIENT_DECAY_MS) == r.decay_ms;
}

/* One at a time: the others stay. */
TEST_F(client_set, each_field)
{
	struct hermes_reserve want = self->before;
	const struct {
		uint16_t attr;
		uint32_t value;
		uint32_t *field;
	} u32s[] = {
		{ HERMES_A_CLIENT_BATCH_PAGES, 32, &want.batch_pages },
		{ HERMES_A_CLIENT_LOW_PCT, 33, &want.low_pct },
		{ HERMES_A_CLIENT_HIGH_PCT, 88, &want.high_pct },
		{ HERMES_A_CLIENT_FACTOR_PCT, 1000, &want.factor_pct },
		{ HERMES_A_CLIENT_INTERVAL_US, 500, &want.interval_us },
		{ HERMES_A_CLIENT_DECAY_MS, 3600000, &want.decay_ms },
	};

	ASSERT_TRUE(has_reserve(&self->nl, &self->c, &want));
	for (size_t i = 0; i < ARRAY_SIZE(u32s); i++) {
		EXPECT_EQ(0, nl_client_set(&self->nl, self->id, u32s[i].attr,
					   u32s[i].value));
		*u32s[i].field = u32s[i].value;
		EXPECT_TRUE(has_reserve(&self->nl, &self->c, &want));
	}
	want.max_bytes = 8 * MIB;
	EXPECT_EQ(0, nl_client_set(&self->nl, self->id, HERMES_A_CLIENT_MAX_BYTES,
				   want.max_bytes));
	EXPECT_TRUE(has_reserve(&self->nl, &self->c, &want));
	want.min_bytes = 5 * MIB;
	EXPECT_EQ(0, nl_client_set(&self->nl, self->id, HERMES_A_CLIENT_MIN_BYTES,
				   want.min_bytes));
	EXPECT_TRUE(has_reserve(&self->nl, &self->c, &want));
}

TEST_F(client_set, several_fields_and_none)
{
	struct hermes_reserve want = self->before;
	struct nl_request req;

	nl_begin(&self->nl, &req, HERMES_CMD_CLIENT_SET);
	nl_put_u32(&req, HERMES_A_CLIENT_ID, self->id);
	EXPECT_EQ(0, nl_run(&self->nl, &req));
	EXPECT_TRUE(has_reserve(&self->nl, &self->c, &want));

	/* Each of them would be refused without the other. */
	want.min_bytes = want.max_bytes + 4 * MIB;
	want.max_bytes = want.min_bytes;
	nl_begin(&self->nl, &req, HERMES_CMD_CLIENT_SET);
	nl_put_u64(&req, HERMES_A_CLIENT_MIN_BYTES, want.min_bytes);
	nl_put_u32(&req, HERMES_A_CLIENT_ID, self->id);
	nl_put_u64(&req, HERMES_A_CLIENT_MAX_BYTES, want.max_bytes);
	EXPECT_EQ(0, nl_run(&self->nl, &req));
	EXPECT_TRUE(has_reserve(&self->nl, &self->c, &want));
}

/* The reserve follows: it is the same as if the client had asked. */
TEST_F(client_set, takes_effect)
{
	char *arena = hermes_arena(&self->c, 8 * MIB);

	ASSERT_NE(MAP_FAILED, arena);
	ASSERT_EQ(0, hermes_set_reserve(&self->c, 0, 0));
	ASSERT_EQ(0, hermes_fill_add(&self->c, arena, 8 * MIB));
	ASSERT_EQ(0, nl_client_set(&self->nl, self->id, HERMES_A_CLIENT_MAX_BYTES,
				   4 * MIB));
	ASSERT_EQ(0, nl_client_set(&self->nl, self->id, HERMES_A_CLIENT_MIN_BYTES,
				   4 * MIB));
	EXPECT_EQ(0, hermes_wait_ready(&self->c, 4 * MIB));
}

#define BAD(_name, _value) { HERMES_A_CLIENT_##_name, _value }

TEST_F(client_set, out_of_range)
{
	const struct {
		uint16_t attr;
		uint64_t value;
	} bad[] = {
		BAD(MIN_BYTES, 1), BAD(MIN_BYTES, PAGE_BYTES + 1), BAD(MIN_BYTES, ~0ULL),
		BAD(MAX_BYTES, PAGE_BYTES - 1), BAD(MAX_BYTES, ~0ULL),
		BAD(BATCH_PAGES, 0), BAD(BATCH_PAGES, 3),
		BAD(BATCH_PAGES, 1024), BAD(BATCH_PAGES, 1U << 31),
		BAD(LOW_PCT, 0), BAD(LOW_PCT, 100), BAD(HIGH_PCT, 1),
		BAD(HIGH_PCT, 101), BAD(FACTOR_PCT, 1001),
		BAD(FACTOR_PCT, ~0U), BAD(INTERVAL_US, 0),
		BAD(INTERVAL_US, 499), BAD(INTERVAL_US, 1000001),
		BAD(DECAY_MS, 9), BAD(DECAY_MS, 3600001),
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-ERANGE, nl_client_set(&self->nl, self->id,
						 bad[i].attr, bad[i].value))
			TH_LOG("attribute %u = %llu", bad[i].attr,
			       (unsigned long long)bad[i].value);
		EXPECT_NE(0, strlen(self->nl.message));
		EXPECT_EQ(FIRST + 8, self->nl.offset);
	}
	EXPECT_TRUE(has_reserve(&self->nl, &self->c, &self->before));
}

TEST_F(client_set, fields_that_do_not_go_together)
{
	struct hermes_reserve *r = &self->before;

	EXPECT_EQ(-ERANGE, nl_client_set(&self->nl, self->id,
					 HERMES_A_CLIENT_MIN_BYTES,
					 r->max_bytes + PAGE_BYTES));
	EXPECT_NE(0, strlen(self->nl.message));
	EXPECT_EQ(-ERANGE, nl_client_set(&self->nl, self->id,
					 HERMES_A_CLIENT_MAX_BYTES,
					 r->min_bytes - PAGE_BYTES));
	EXPECT_EQ(-ERANGE, nl_client_set(&self->nl, self->id,
					 HERMES_A_CLIENT_HIGH_PCT,
					 r->low_pct));
	EXPECT_TRUE(has_reserve(&self->nl, &self->c, &self->before));
}

TEST_F(client_set, above_the_modules_maximum)
{
	uint64_t most = self->c.info.client_max_bytes & ~(PAGE_BYTES - 1);

	EXPECT_EQ(-EDQUOT, nl_client_set(&self->nl, self->id,
					 HERMES_A_CLIENT_MAX_BYTES,
					 most + PAGE_BYTES));
	EXPECT_NE(0, strlen(self->nl.message));
	EXPECT_EQ(FIRST + 8, self->nl.offset);
	EXPECT_TRUE(has_reserve(&self->nl, &self->c, &self->before));
	EXPECT_EQ(0, nl_client_set(&self->nl, self->id, HERMES_A_CLIENT_MAX_BYTES,
				   most));
}

TEST_F(client_set, of_none)
{
	struct nl_request req;

	EXPECT_EQ(-ENOENT, nl_client_set(&self->nl, 0x7ffffffe,
					 HERMES_A_CLIENT_LOW_PCT, 10));
	EXPECT_NE(0, strlen(self->nl.message));
	EXPECT_EQ(FIRST, self->nl.offset);
	nl_begin(&self->nl, &req, HERMES_CMD_CLIENT_SET);
	nl_put_u32(&req, HERMES_A_CLIENT_LOW_PCT, 10);
	EXPECT_EQ(-EINVAL, nl_run(&self->nl, &req));
	EXPECT_EQ(HERMES_A_CLIENT_ID, self->nl.missing);
}

TEST_F(client_set, of_another_user)
{
	pid_t pid = fork();

	if (!pid) {
		struct hermes_nl nl;

		CHILD_CHECK(!become_user(OUTSIDER, OUTSIDER));
		CHILD_CHECK(!nl_open(&nl));
		CHILD_CHECK(nl_client_set(&nl, self->id,
					  HERMES_A_CLIENT_LOW_PCT, 10) ==
			    -EPERM);
		CHILD_CHECK(nl.message[0]);
		_exit(0);
	}
	EXPECT_EQ(0, child_exit(pid));
	EXPECT_TRUE(has_reserve(&self->nl, &self->c, &self->before));
}

TEST_F(client_set, of_oneself)
{
	struct stat st;
	pid_t pid;

	ASSERT_EQ(0, stat(HERMES_DEVICE, &st));
	pid = fork();
	if (!pid) {
		struct hermes_client c;
		struct hermes_nl nl;
		struct nl_attrs a;

		CHILD_CHECK(!become_user(MEMBER, st.st_gid));
		CHILD_CHECK(!hermes_open(&c));
		CHILD_CHECK(!nl_open(&nl));
		CHILD_CHECK(!nl_client_set(&nl, c.info.client_id,
					   HERMES_A_CLIENT_LOW_PCT, 10));
		CHILD_CHECK(!nl_client_get(&nl, c.info.client_id, &a));
		CHILD_CHECK(nl_u32(&a, HERMES_A_CLIENT_LOW_PCT) == 10);
		CHILD_CHECK(nl_u32(&a, HERMES_A_CLIENT_UID) == MEMBER);
		_exit(0);
	}
	EXPECT_EQ(0, child_exit(pid));
}

#define FIRST_POLICY	HERMES_A_POLICY_ENABLED
#define LAST_POLICY	HERMES_A_POLICY_MAX

/* By attribute. */
struct policy {
	uint64_t value[LAST_POLICY + 1];
};

static int policy_get(struct hermes_nl *nl, struct policy *p)
{
	int err = 0;

	memset(p, 0, sizeof(*p));
	for (int attr = FIRST_POLICY; attr <= LAST_POLICY && !err; attr++)
		err = nl_policy_get(nl, attr, &p->value[attr]);
	return err;
}

static uint32_t policy_put(struct nl_request *req, uint16_t attr,
			   uint64_t value)
{
	return nl_policy_is_u64(attr) ? nl_put_u64(req, attr, value) :
					nl_put_u32(req, attr, value);
}

static int policy_set(struct hermes_nl *nl, const struct policy *p)
{
	struct nl_request req;

	nl_begin(nl, &req, HERMES_CMD_POLICY_SET);
	for (int attr = FIRST_POLICY; attr <= LAST_POLICY; attr++)
		policy_put(&req, attr, p->value[attr]);
	return nl_run(nl, &req);
}

static bool policy_is(struct hermes_nl *nl, const struct policy *want)
{
	struct policy now;

	return !policy_get(nl, &now) && !memcmp(&now, want, sizeof(now));
}

FIXTURE(policy)
{
	struct hermes_nl nl;
	struct policy before;
	uint64_t quarter;
};

FIXTURE_SETUP(policy)
{
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, policy_get(&self->nl, &self->before));
	self->quarter = nl_total(&self->nl, HERMES_A_TOTALS_MEMORY) / 4;
}

FIXTURE_TEARDOWN(policy)
{
	EXPECT_EQ(0, policy_set(&self->nl, &self->before));
	nl_close(&self->nl);
}

TEST_F(policy, defaults_and_widths)
{
	const uint64_t gap = self->quarter / 16 > 8 * MIB ?
			     self->quarter / 16 : 8 * MIB;
	const struct policy want = { {
		[HERMES_A_POLICY_ENABLED] = 1,
		[HERMES_A_POLICY_GAP] = gap,
		[HERMES_A_POLICY_HYSTERESIS] = gap,
		[HERMES_A_POLICY_REACTION_MS] = 200,
		[HERMES_A_POLICY_STEP] = 4 * MIB,
		[HERMES_A_POLICY_RATE] = 512 * MIB,
		[HERMES_A_POLICY_CPU_PCT] = 25,
		[HERMES_A_POLICY_REFILL_CPU_PCT] = 50,
		[HERMES_A_POLICY_POLL_MS] = 1000,
		[HERMES_A_POLICY_YIELD_PCT] = 10,
		[HERMES_A_POLICY_REFAULT_PCT] = 50,
		[HERMES_A_POLICY_PRESSURE_PCT] = 40,
		[HERMES_A_POLICY_BACKOFF_MS] = 100,
		[HERMES_A_POLICY_BACKOFF_MAX_MS] = 5000,
	} };
	struct nl_request req;
	struct nl_attrs a;

	EXPECT_TRUE(policy_is(&self->nl, &want));
	nl_begin(&self->nl, &req, HERMES_CMD_POLICY_GET);
	ASSERT_EQ(0, nl_get(&self->nl, &req, &a));
	for (int attr = FIRST_POLICY; attr <= LAST_POLICY; attr++)
		EXPECT_TRUE(nl_has(&a, attr, nl_policy_is_u64(attr) ? 8 : 4));
}

/* Zero as an upper bound: a quarter of memory. */
static const struct {
	uint16_t attr;
	uint64_t min, max;
} bounds[] = {
	{ HERMES_A_POLICY_ENABLED, 0, 1 },
	{ HERMES_A_POLICY_GAP, 0, 0 },
	{ HERMES_A_POLICY_HYSTERESIS, 0, 0 },
	{ HERMES_A_POLICY_REACTION_MS, 1, 10000 },
	{ HERMES_A_POLICY_STEP, 64 << 10, 32 << 20 },
	{ HERMES_A_POLICY_RATE, 0, ~0ULL },
	{ HERMES_A_POLICY_CPU_PCT, 1, 100 },
	{ HERMES_A_POLICY_REFILL_CPU_PCT, 1, 100 },
	{ HERMES_A_POLICY_POLL_MS, 10, 10000 },
	{ HERMES_A_POLICY_YIELD_PCT, 0, 100 },
	{ HERMES_A_POLICY_REFAULT_PCT, 0, 1000 },
	{ HERMES_A_POLICY_PRESSURE_PCT, 0, 100 },
	{ HERMES_A_POLICY_BACKOFF_MS, 1, 60000 },
	{ HERMES_A_POLICY_BACKOFF_MAX_MS, 1, 600000 },
};

_Static_assert(sizeof(bounds) / sizeof(*bounds) == LAST_POLICY - 1,
	       "every documented attribute");

TEST_F(policy, each_attribute_within_its_bounds)
{
	struct policy want = self->before;

	/* The two back-offs bound each other. */
	want.value[HERMES_A_POLICY_BACKOFF_MS] = 1;
	want.value[HERMES_A_POLICY_BACKOFF_MAX_MS] = 600000;
	ASSERT_EQ(0, policy_set(&self->nl, &want));
	for (size_t i = 0; i < ARRAY_SIZE(bounds); i++) {
		uint16_t attr = bounds[i].attr;
		struct policy one = want;

		one.value[attr] = bounds[i].max ?: self->quarter;
		EXPECT_EQ(0, nl_policy_set(&self->nl, attr, one.value[attr]));
		EXPECT_TRUE(policy_is(&self->nl, &one)) TH_LOG("%u", attr);
		one.value[attr] = bounds[i].min;
		EXPECT_EQ(0, nl_policy_set(&self->nl, attr, one.value[attr]));
		EXPECT_TRUE(policy_is(&self->nl, &one)) TH_LOG("%u", attr);
		ASSERT_EQ(0, policy_set(&self->nl, &want));
	}
}

/* Refused, in a message that would change another attribute, too. */
static bool refused(struct hermes_nl *nl, uint16_t attr, uint64_t value)
{
	struct nl_request req;
	uint32_t offset;
	int err;

	nl_begin(nl, &req, HERMES_CMD_POLICY_SET);
	nl_put_u32(&req, HERMES_A_POLICY_REACTION_MS, 77);
	offset = policy_put(&req, attr, value);
	err = nl_run(nl, &req);
	if (err == -ERANGE && nl->message[0] && nl->offset == offset)
		return true;
	fprintf(stderr, "# attribute %u = %#llx: error %d, message \"%s\", offset %u\n",
		attr, (unsigned long long)value, err, nl->message, nl->offset);
	return false;
}

TEST_F(policy, each_attribute_out_of_its_bounds)
{
	for (size_t i = 0; i < ARRAY_SIZE(bounds); i++) {
		uint64_t max = bounds[i].max ?: self->quarter;
		bool wide = nl_policy_is_u64(bounds[i].attr);

		if (max != ~0ULL) {
			EXPECT_TRUE(refused(&self->nl, bounds[i].attr,
					    max + 1));
			EXPECT_TRUE(refused(&self->nl, bounds[i].attr,
					    wide ? ~0ULL : ~0U));
		}
		if (bounds[i].min)
			EXPECT_TRUE(refused(&self->nl, bounds[i].attr,
					    bounds[i].min - 1));
	}
	EXPECT_TRUE(policy_is(&self->nl, &self->before));
}

TEST_F(policy, longest_backoff_not_below_the_first)
{
	struct policy want = self->before;
	struct nl_request req;

	EXPECT_EQ(-ERANGE, nl_policy_set(&self->nl, HERMES_A_POLICY_BACKOFF_MS,
					 5001));
	EXPECT_NE(0, strlen(self->nl.message));
	EXPECT_EQ(-ERANGE, nl_policy_set(&self->nl,
					 HERMES_A_POLICY_BACKOFF_MAX_MS, 99));
	EXPECT_TRUE(policy_is(&self->nl, &want));

	nl_begin(&self->nl, &req, HERMES_CMD_POLICY_SET);
	nl_put_u32(&req, HERMES_A_POLICY_BACKOFF_MS, 6000);
	nl_put_u32(&req, HERMES_A_POLICY_BACKOFF_MAX_MS, 6000);
	EXPECT_EQ(0, nl_run(&self->nl, &req));
	want.value[HERMES_A_POLICY_BACKOFF_MS] = 6000;
	want.value[HERMES_A_POLICY_BACKOFF_MAX_MS] = 6000;
	EXPECT_TRUE(policy_is(&self->nl, &want));
}

TEST_F(policy, nothing_given_nothing_changed)
{
	struct nl_request req;

	nl_begin(&self->nl, &req, HERMES_CMD_POLICY_SET);
	EXPECT_EQ(0, nl_run(&self->nl, &req));
	EXPECT_TRUE(policy_is(&self->nl, &self->before));
}

TEST_F(policy, needs_privilege)
{
	pid_t pid = fork();

	if (!pid) {
		struct nl_decision d;
		struct hermes_nl nl;

		CHILD_CHECK(!become_user(MEMBER, MEMBER));
		CHILD_CHECK(!nl_open(&nl));
		for (int attr = FIRST_POLICY; attr <= LAST_POLICY; attr++) {
			CHILD_CHECK(nl_policy_set(&nl, attr,
						  self->before.value[attr]) ==
				    -EPERM);
			CHILD_CHECK(nl.message[0]);
		}
		CHILD_CHECK(nl_dry_run(&nl, 0, &d) == -EPERM);
		CHILD_CHECK(nl.message[0]);
		_exit(0);
	}
	EXPECT_EQ(0, child_exit(pid));
	EXPECT_TRUE(policy_is(&self->nl, &self->before));
}

TEST_F(policy, dry_run)
{
	uint64_t free[] = { 0, 1, self->quarter, ~0ULL };
	struct nl_request req;
	struct nl_decision d;
	struct nl_attrs a;

	for (size_t i = 0; i < ARRAY_SIZE(free); i++) {
		ASSERT_EQ(0, nl_dry_run(&self->nl, free[i], &d));
		EXPECT_EQ(0, d.seq);
		EXPECT_NE(0, d.time);
		EXPECT_EQ(HERMES_TRIGGER_DRY_RUN, d.trigger);
		EXPECT_EQ(free[i], d.free);
		EXPECT_EQ(free[i] < d.low ? HERMES_CHOICE_NOBODY :
					    HERMES_CHOICE_ENOUGH, d.choice);
		EXPECT_EQ(0, d.id);
	}
	ASSERT_EQ(0, nl_policy_set(&self->nl, HERMES_A_POLICY_ENABLED, 0));
	ASSERT_EQ(0, nl_dry_run(&self->nl, 0, &d));
	EXPECT_EQ(HERMES_CHOICE_DISABLED, d.choice);

	nl_begin(&self->nl, &req, HERMES_CMD_DRY_RUN);
	EXPECT_EQ(-EINVAL, nl_get(&self->nl, &req, &a));
	EXPECT_EQ(HERMES_A_DECISION_FREE, self->nl.missing);
}

/*
 * A socket may be the standard error of a privileged process that does not
 * know what it writes to, and the other way round.
 */
TEST_F(policy, opener_and_sender_are_the_same)
{
	static struct hermes_nl theirs;
	int pair[2], fd;
	uint64_t value;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	pid = fork();
	if (!pid) {
		CHILD_CHECK(!become_user(MEMBER, MEMBER));
		CHILD_CHECK(!nl_open(&theirs));
		CHILD_CHECK(!fd_send(pair[1], theirs.fd));
		CHILD_CHECK(nl_policy_set(&self->nl, HERMES_A_POLICY_STEP,
					  1 << 20) == -EPERM);
		CHILD_CHECK(self->nl.message[0]);
		_exit(0);
	}
	EXPECT_EQ(0, child_exit(pid));
	fd = fd_receive(pair[0]);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, nl_open(&theirs));
	ASSERT_EQ(theirs.fd, dup2(fd, theirs.fd));
	EXPECT_EQ(-EPERM, nl_policy_set(&theirs, HERMES_A_POLICY_STEP,
					1 << 20));
	EXPECT_NE(0, strlen(theirs.message));
	EXPECT_EQ(0, nl_policy_get(&theirs, HERMES_A_POLICY_STEP, &value));
	EXPECT_TRUE(policy_is(&self->nl, &self->before));
	nl_close(&theirs);
	close(fd);
}

TEST_HARNESS_MAIN
