// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family: messages that are wrong in one way each. They are
 * refused with an error that says how, and change nothing.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "kselftest_harness.h"
#include "hermes_nl.h"
#include "hermes_util.h"

/* Where the first attribute of a message lies. */
#define FIRST		(NLMSG_HDRLEN + GENL_HDRLEN)

/* Id of a client that is there. */
static uint32_t known_client;

FIXTURE(bad)
{
	struct hermes_nl nl;
	struct hermes_client c;
	struct hermes_reserve reserve;
	uint64_t policy[HERMES_A_POLICY_MAX + 1];
};

FIXTURE_SETUP(bad)
{
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, hermes_open(&self->c));
	ASSERT_EQ(0, hermes_get_reserve(&self->c, &self->reserve));
	known_client = self->c.info.client_id;
	for (int i = HERMES_A_POLICY_ENABLED; i <= HERMES_A_POLICY_MAX; i++)
		ASSERT_EQ(0, nl_policy_get(&self->nl, i, &self->policy[i]));
}

/* After every test: nothing has changed. */
FIXTURE_TEARDOWN(bad)
{
	struct hermes_reserve r;
	uint64_t value;

	for (int i = HERMES_A_POLICY_ENABLED; i <= HERMES_A_POLICY_MAX; i++) {
		EXPECT_EQ(0, nl_policy_get(&self->nl, i, &value));
		EXPECT_EQ(self->policy[i], value);
	}
	EXPECT_EQ(0, hermes_get_reserve(&self->c, &r));
	EXPECT_EQ(0, memcmp(&r, &self->reserve, sizeof(r)));
	EXPECT_EQ(0, nl_total(&self->nl, HERMES_A_TOTALS_BEST_EFFORT));
	EXPECT_EQ(0, nl_total(&self->nl, HERMES_A_TOTALS_LATENCY_CRITICAL));
	hermes_close(&self->c);
	nl_close(&self->nl);
}

static int dump(struct hermes_nl *nl, uint8_t cmd)
{
	struct nl_request req;

	nl_begin(nl, &req, cmd);
	return nl_dump(nl, &req, NULL, NULL);
}

static int request(struct hermes_nl *nl, uint8_t cmd)
{
	struct nl_request req;

	nl_begin(nl, &req, cmd);
	return nl_run(nl, &req);
}

TEST_F(bad, commands)
{
	for (int cmd = HERMES_CMD_EVENT; cmd <= 255; cmd++)
		EXPECT_EQ(-EOPNOTSUPP, request(&self->nl, cmd));
	EXPECT_EQ(-EOPNOTSUPP, request(&self->nl, HERMES_CMD_UNSPEC));
	EXPECT_EQ(-EOPNOTSUPP, dump(&self->nl, HERMES_CMD_EVENT));
	EXPECT_EQ(-EOPNOTSUPP, dump(&self->nl, HERMES_CMD_UNSPEC));
}

/* What there is only as a dump, and what there is not as one. */
TEST_F(bad, forms_of_commands)
{
	EXPECT_EQ(-EOPNOTSUPP, request(&self->nl, HERMES_CMD_CGROUP_GET));
	EXPECT_EQ(-EOPNOTSUPP, request(&self->nl, HERMES_CMD_DECISION_GET));
	EXPECT_EQ(-EOPNOTSUPP, dump(&self->nl, HERMES_CMD_CLIENT_SET));
	EXPECT_EQ(-EOPNOTSUPP, dump(&self->nl, HERMES_CMD_CGROUP_ADD));
	EXPECT_EQ(-EOPNOTSUPP, dump(&self->nl, HERMES_CMD_POLICY_GET));
	EXPECT_EQ(-EOPNOTSUPP, dump(&self->nl, HERMES_CMD_POLICY_SET));
	EXPECT_EQ(-EOPNOTSUPP, dump(&self->nl, HERMES_CMD_TOTALS_GET));
	EXPECT_EQ(-EOPNOTSUPP, dump(&self->nl, HERMES_CMD_DRY_RUN));
}

static bool is_dump(uint8_t cmd)
{
	return cmd == HERMES_CMD_CGROUP_GET || cmd == HERMES_CMD_DECISION_GET;
}

/* What a request needs so that only what is added makes it wrong. */
static void begin_good(struct hermes_nl *nl, struct nl_request *req,
		       uint8_t cmd)
{
	nl_begin(nl, req, cmd);
	if (cmd == HERMES_CMD_CLIENT_GET || cmd == HERMES_CMD_CLIENT_SET)
		nl_put_u32(req, HERMES_A_CLIENT_ID, known_client);
	if (cmd == HERMES_CMD_CGROUP_SET || cmd == HERMES_CMD_CGROUP_DEL)
		nl_put_u64(req, HERMES_A_CGROUP_ID, 12345678);
	if (cmd == HERMES_CMD_DRY_RUN)
		nl_put_u64(req, HERMES_A_DECISION_FREE, 1);
	if (cmd == HERMES_CMD_POLICY_SET)
		nl_put_u32(req, HERMES_A_POLICY_REACTION_MS, 77);
}

static int run(struct hermes_nl *nl, struct nl_request *req)
{
	uint8_t cmd = ((struct genlmsghdr *)(req->buf + NLMSG_HDRLEN))->cmd;

	return is_dump(cmd) ? nl_dump(nl, req, NULL, NULL) : nl_run(nl, req);
}

/* A message to which that attribute is added is refused, for that. */
static bool refused(struct hermes_nl *nl, uint8_t cmd, uint16_t attr,
		    size_t len)
{
	static const char zeros[64];
	struct nl_request req;
	uint32_t offset;
	int err;

	begin_good(nl, &req, cmd);
	offset = nl_put(&req, attr, zeros, len);
	err = run(nl, &req);
	if (err == -EINVAL && nl->message[0] &&
	    nl->offset == offset)
		return true;
	fprintf(stderr, "# command %u, attribute %#x, %zu bytes: %d \"%s\", offset %u, not %u\n",
		cmd, attr, len, err, nl->message, nl->offset, offset);
	return false;
}

TEST_F(bad, unknown_attributes)
{
	for (int cmd = HERMES_CMD_CLIENT_GET; cmd < HERMES_CMD_EVENT; cmd++) {
		EXPECT_TRUE(refused(&self->nl, cmd, 0, 4));
		EXPECT_TRUE(refused(&self->nl, cmd, HERMES_A_CLIENT_PAD, 0));
		EXPECT_TRUE(refused(&self->nl, cmd, HERMES_A_CLIENT_PAD, 4));
		EXPECT_TRUE(refused(&self->nl, cmd, 60, 4));
		EXPECT_TRUE(refused(&self->nl, cmd, 0x3fff, 4));
	}
}

/* What only answers have. */
TEST_F(bad, attributes_of_answers)
{
	const struct {
		uint8_t cmd;
		uint16_t first, last;
		uint16_t len;
	} ranges[] = {
		{ HERMES_CMD_CLIENT_GET, HERMES_A_CLIENT_PID,
		  HERMES_A_CLIENT_MAX, 8 },
		{ HERMES_CMD_CLIENT_SET, HERMES_A_CLIENT_PID,
		  HERMES_A_CLIENT_CGROUP_PATH, 4 },
		{ HERMES_CMD_CLIENT_SET, HERMES_A_CLIENT_TARGET,
		  HERMES_A_CLIENT_MAX, 8 },
		{ HERMES_CMD_CGROUP_ADD, HERMES_A_CGROUP_ID,
		  HERMES_A_CGROUP_PATH, 8 },
		{ HERMES_CMD_CGROUP_ADD, HERMES_A_CGROUP_UID,
		  HERMES_A_CGROUP_MAX, 4 },
		{ HERMES_CMD_CGROUP_SET, HERMES_A_CGROUP_PATH,
		  HERMES_A_CGROUP_TYPE, 4 },
		{ HERMES_CMD_CGROUP_SET, HERMES_A_CGROUP_UID,
		  HERMES_A_CGROUP_MAX, 8 },
		{ HERMES_CMD_CGROUP_DEL, HERMES_A_CGROUP_PATH,
		  HERMES_A_CGROUP_MAX, 4 },
		{ HERMES_CMD_CGROUP_GET, HERMES_A_CGROUP_FD,
		  HERMES_A_CGROUP_MAX, 4 },
		{ HERMES_CMD_POLICY_GET, HERMES_A_POLICY_ENABLED,
		  HERMES_A_POLICY_MAX, 4 },
		{ HERMES_CMD_TOTALS_GET, HERMES_A_TOTALS_VERSION,
		  HERMES_A_TOTALS_MAX, 4 },
		{ HERMES_CMD_DECISION_GET, HERMES_A_DECISION_SEQ,
		  HERMES_A_DECISION_MAX, 8 },
		{ HERMES_CMD_DRY_RUN, HERMES_A_DECISION_SEQ,
		  HERMES_A_DECISION_TRIGGER, 8 },
		{ HERMES_CMD_DRY_RUN, HERMES_A_DECISION_LOW,
		  HERMES_A_DECISION_MAX, 8 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		for (int a = ranges[i].first; a <= ranges[i].last; a++)
			EXPECT_TRUE(refused(&self->nl, ranges[i].cmd, a,
					    ranges[i].len));
}

/* Every length but the right one. */
static bool refused_lengths(struct hermes_nl *nl, uint8_t cmd,
			    uint16_t attr, size_t right)
{
	bool all = true;

	for (size_t len = 0; len <= 16; len++)
		if (len != right)
			all &= refused(nl, cmd, attr, len);
	return all;
}

TEST_F(bad, lengths)
{
	for (int a = HERMES_A_POLICY_ENABLED; a <= HERMES_A_POLICY_MAX; a++)
		EXPECT_TRUE(refused_lengths(&self->nl, HERMES_CMD_POLICY_SET, a,
					    nl_policy_is_u64(a) ? 8 : 4));
	for (int a = HERMES_A_CLIENT_MIN_BYTES; a <= HERMES_A_CLIENT_DECAY_MS; a++)
		EXPECT_TRUE(refused_lengths(&self->nl, HERMES_CMD_CLIENT_SET, a,
					    a <= HERMES_A_CLIENT_MAX_BYTES ? 8 : 4));
	EXPECT_TRUE(refused_lengths(&self->nl, HERMES_CMD_CLIENT_GET,
				    HERMES_A_CLIENT_ID, 4));
	EXPECT_TRUE(refused_lengths(&self->nl, HERMES_CMD_CGROUP_ADD,
				    HERMES_A_CGROUP_FD, 4));
	EXPECT_TRUE(refused_lengths(&self->nl, HERMES_CMD_CGROUP_ADD,
				    HERMES_A_CGROUP_TYPE, 4));
	EXPECT_TRUE(refused_lengths(&self->nl, HERMES_CMD_CGROUP_SET,
				    HERMES_A_CGROUP_WEIGHT, 4));
	EXPECT_TRUE(refused_lengths(&self->nl, HERMES_CMD_CGROUP_SET,
				    HERMES_A_CGROUP_MIN, 8));
	EXPECT_TRUE(refused_lengths(&self->nl, HERMES_CMD_CGROUP_SET,
				    HERMES_A_CGROUP_RATE, 8));
	EXPECT_TRUE(refused_lengths(&self->nl, HERMES_CMD_CGROUP_SET,
				    HERMES_A_CGROUP_ANON, 4));
	EXPECT_TRUE(refused_lengths(&self->nl, HERMES_CMD_CGROUP_DEL,
				    HERMES_A_CGROUP_ID, 8));
	EXPECT_TRUE(refused_lengths(&self->nl, HERMES_CMD_DRY_RUN,
				    HERMES_A_DECISION_FREE, 8));
}

/* A number that says it is a nest, with garbage in it. */
TEST_F(bad, nests)
{
	EXPECT_TRUE(refused(&self->nl, HERMES_CMD_POLICY_SET,
			    NLA_F_NESTED | HERMES_A_POLICY_POLL_MS, 4));
	EXPECT_TRUE(refused(&self->nl, HERMES_CMD_POLICY_SET,
			    NLA_F_NESTED | HERMES_A_POLICY_RATE, 8));
	EXPECT_TRUE(refused(&self->nl, HERMES_CMD_CLIENT_SET,
			    NLA_F_NESTED | HERMES_A_CLIENT_MAX_BYTES, 40));
	EXPECT_TRUE(refused(&self->nl, HERMES_CMD_CGROUP_ADD,
			    NLA_F_NESTED | HERMES_A_CGROUP_FD, 4));
	EXPECT_TRUE(refused(&self->nl, HERMES_CMD_TOTALS_GET,
			    NLA_F_NESTED | HERMES_A_TOTALS_ABI, 12));
}

/* Bytes after the last attribute that are none. */
TEST_F(bad, leftovers)
{
	for (int cmd = HERMES_CMD_CLIENT_GET; cmd < HERMES_CMD_EVENT; cmd++) {
		for (int extra = 1; extra < 4; extra++) {
			struct nl_request req;

			begin_good(&self->nl, &req, cmd);
			req.head.nlmsg_len += extra;
			EXPECT_EQ(-EINVAL, run(&self->nl, &req))
				TH_LOG("command %d, %d bytes", cmd, extra);
			EXPECT_NE(0, strlen(self->nl.message));
		}
	}
}

/* An attribute that says it is longer than the message, or than itself. */
TEST_F(bad, lengths_in_attributes)
{
	const uint16_t lengths[] = { 0, 1, 3, 9, 12, 0x7fff, 0xffff };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct nl_request req;
		struct nlattr *attr;

		begin_good(&self->nl, &req, HERMES_CMD_POLICY_SET);
		attr = (void *)(req.buf +
				nl_put_u32(&req, HERMES_A_POLICY_POLL_MS, 10));
		attr->nla_len = lengths[i];
		EXPECT_EQ(-EINVAL, nl_run(&self->nl, &req));
		EXPECT_NE(0, strlen(self->nl.message));
	}
}

TEST_F(bad, headers)
{
	struct nl_request req;
	struct genlmsghdr *genl = (void *)(req.buf + NLMSG_HDRLEN);

	begin_good(&self->nl, &req, HERMES_CMD_POLICY_SET);
	genl->reserved = 1;
	EXPECT_EQ(-EINVAL, nl_run(&self->nl, &req));

	/* No command at all, half of one. */
	for (size_t len = 0; len < GENL_HDRLEN; len++) {
		nl_begin(&self->nl, &req, HERMES_CMD_POLICY_SET);
		req.head.nlmsg_len = NLMSG_HDRLEN + len;
		EXPECT_EQ(-EINVAL, nl_run(&self->nl, &req));
	}
}

/* Cut off, at every byte: no answer, or one that it is wrong; no change. */
TEST_F(bad, cut_off)
{
	struct nl_request req;

	begin_good(&self->nl, &req, HERMES_CMD_POLICY_SET);
	nl_put_u64(&req, HERMES_A_POLICY_STEP, MIB);
	for (size_t len = 0; len < req.head.nlmsg_len; len++) {
		nl_send(&self->nl, &req, len);
		EXPECT_NE(~0ULL, nl_total(&self->nl, HERMES_A_TOTALS_ABI));
	}
	/* The header's own length is the one that is cut. */
	for (uint32_t len = req.head.nlmsg_len - 1; len > FIRST; len--) {
		if (len == FIRST + 8)
			continue;
		req.head.nlmsg_len = len;
		EXPECT_EQ(-EINVAL, nl_run(&self->nl, &req));
	}
}

static int count(const struct nl_attrs *object, void *data)
{
	unsigned int *nr = data;

	*nr += !!object->at[CTRL_ATTR_FAMILY_ID];
	return 0;
}

/*
 * The kernel tells which attributes may have which values, to everybody. It
 * warns in its log of what it cannot make sense of.
 */
TEST_F(bad, policies_can_be_read)
{
	uint16_t family = self->nl.family;
	struct nl_request req;
	unsigned int nr = 0;

	nl_begin(&self->nl, &req, CTRL_CMD_GETPOLICY);
	req.head.nlmsg_type = GENL_ID_CTRL;
	nl_put(&req, CTRL_ATTR_FAMILY_ID, &family, sizeof(family));
	EXPECT_EQ(0, nl_dump(&self->nl, &req, count, &nr));
	EXPECT_LT(HERMES_CMD_DRY_RUN, nr);
}

TEST_F(bad, enumerations)
{
	const uint32_t types[] = { 0, 3, 255, ~0U };
	struct nl_request req;
	uint32_t offset;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		nl_begin(&self->nl, &req, HERMES_CMD_CGROUP_ADD);
		nl_put_s32(&req, HERMES_A_CGROUP_FD, 0);
		offset = nl_put_u32(&req, HERMES_A_CGROUP_TYPE, types[i]);
		EXPECT_EQ(-ERANGE, nl_run(&self->nl, &req));
		EXPECT_EQ(offset, self->nl.offset);
		EXPECT_NE(0, strlen(self->nl.message));
	}
}

TEST_HARNESS_MAIN
