// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family: random and damaged messages. Whatever is sent,
 * the kernel stays well, and policy, reserve and registrations are valid.
 * HERMES_SEED=<number> repeats a run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "kselftest_harness.h"
#include "hermes_nl.h"
#include "hermes_util.h"

#define MESSAGES	20000
#define SEED		0x4865726d6573ULL
#define MEMBER		1000

#define FIRST_POLICY	HERMES_A_POLICY_ENABLED
#define LAST_POLICY	HERMES_A_POLICY_MAX

struct fuzz {
	uint64_t state;
	uint64_t seed;
	uint32_t client;
	uint64_t cgroup;
	int fds[3];
};

static uint32_t below(struct fuzz *f, uint32_t n)
{
	return random_next(&f->state) % n;
}

static bool chance(struct fuzz *f, uint32_t one_in)
{
	return !below(f, one_in);
}

/* Numbers that a kernel may stumble over, or that mean something. */
static uint64_t number(struct fuzz *f)
{
	switch (below(f, 10)) {
	case 0:
		return 0;
	case 1:
		return ~0ULL >> below(f, 64);
	case 2:
		return 1ULL << below(f, 64);
	case 3:
		return f->client;
	case 4:
		return f->cgroup;
	case 5:
		return f->fds[below(f, 3)];
	case 6:
		return (uint64_t)below(f, 1 << 16) * PAGE_BYTES;
	case 7:
		return (uint64_t)random_next(&f->state) << 32 |
		       random_next(&f->state);
	default:
		return below(f, 1000);
	}
}

static void add_attribute(struct fuzz *f, struct nl_request *req)
{
	static const uint8_t lengths[] = { 4, 4, 4, 8, 8, 8, 0, 1, 3, 5, 12 };
	uint64_t data[16];
	uint16_t attr = below(f, 40);
	size_t len = lengths[below(f, sizeof(lengths))];

	for (size_t i = 0; i < ARRAY_SIZE(data); i++)
		data[i] = number(f);
	if (chance(f, 20))
		len = below(f, sizeof(data));
	if (chance(f, 30))
		attr |= below(f, 4) << 14;
	if (chance(f, 30))
		attr = below(f, 0x10000);
	nl_put(req, attr, data, len);
}

/* One that is right in form more often than not. */
static void add_fitting(struct fuzz *f, struct nl_request *req, uint8_t cmd)
{
	uint16_t attr;

	switch (cmd) {
	case HERMES_CMD_POLICY_SET:
		attr = FIRST_POLICY + below(f, LAST_POLICY - FIRST_POLICY + 1);
		if (nl_policy_is_u64(attr))
			nl_put_u64(req, attr, number(f));
		else
			nl_put_u32(req, attr, number(f));
		break;
	case HERMES_CMD_CLIENT_SET:
		nl_put_u32(req, HERMES_A_CLIENT_ID, f->client);
		attr = HERMES_A_CLIENT_MIN_BYTES + below(f, 8);
		if (attr <= HERMES_A_CLIENT_MAX_BYTES)
			nl_put_u64(req, attr, number(f));
		else
			nl_put_u32(req, attr, number(f));
		break;
	case HERMES_CMD_CGROUP_ADD:
		nl_put_u32(req, HERMES_A_CGROUP_TYPE, below(f, 4));
		/* fall through */
	case HERMES_CMD_CGROUP_SET:
	case HERMES_CMD_CGROUP_DEL:
		nl_put_s32(req, HERMES_A_CGROUP_FD, f->fds[below(f, 3)]);
		if (chance(f, 2))
			nl_put_u32(req, HERMES_A_CGROUP_WEIGHT, number(f));
		if (chance(f, 2))
			nl_put_u64(req, HERMES_A_CGROUP_MIN, number(f));
		break;
	case HERMES_CMD_DRY_RUN:
		nl_put_u64(req, HERMES_A_DECISION_FREE, number(f));
	}
}

/* Damage to bytes anywhere, or to a header. */
static void damage(struct fuzz *f, struct nl_request *req, size_t *len)
{
	struct genlmsghdr *genl = (void *)(req->buf + NLMSG_HDRLEN);

	switch (below(f, 8)) {
	case 0:
		*len = below(f, *len + 1);
		break;
	case 1:
		req->head.nlmsg_len = below(f, 2) ? below(f, *len + 8) :
						    random_next(&f->state);
		break;
	case 2:
		req->head.nlmsg_flags ^= 1 << below(f, 16);
		break;
	case 3:
		genl->version = below(f, 256);
		genl->reserved = chance(f, 2) ? below(f, 65536) : 0;
		break;
	case 4:
		req->head.nlmsg_pid = random_next(&f->state);
		break;
	default:
		for (int n = below(f, 4); n >= 0; n--)
			req->buf[NLMSG_HDRLEN +
				 below(f, *len - NLMSG_HDRLEN)] ^=
				1 << below(f, 8);
	}
}

static size_t make_message(struct fuzz *f, struct hermes_nl *nl,
			   struct nl_request *req)
{
	uint8_t cmd = chance(f, 20) ? below(f, 256) :
				      below(f, HERMES_CMD_MAX + 1);
	size_t len;

	nl_begin(nl, req, cmd);
	if (!chance(f, 4))
		add_fitting(f, req, cmd);
	for (int n = chance(f, 3) ? below(f, 6) : 0; n > 0; n--)
		add_attribute(f, req);
	if (cmd == HERMES_CMD_CGROUP_GET || cmd == HERMES_CMD_DECISION_GET ||
	    chance(f, 20))
		req->head.nlmsg_flags |= NLM_F_DUMP;
	if (chance(f, 2))
		req->head.nlmsg_flags &= ~NLM_F_ACK;
	len = req->head.nlmsg_len;
	if (chance(f, 2))
		damage(f, req, &len);
	return len;
}

/* Answers are of no interest, but a dump goes on only while it is read. */
static void drain(struct hermes_nl *nl)
{
	while (recv(nl->fd, nl->buf, sizeof(nl->buf), MSG_DONTWAIT) > 0 ||
	       errno == ENOBUFS)
		;
}

/* No message may take the socket, or the module, away. */
static bool send_all(struct fuzz *f, struct hermes_nl *nl, int messages)
{
	struct nl_request req;

	for (int i = 0; i < messages; i++) {
		nl_send(nl, &req, make_message(f, nl, &req));
		drain(nl);
		if (i % 64)
			continue;
		if (nl_total(nl, HERMES_A_TOTALS_ABI) != HERMES_ABI_VERSION) {
			fprintf(stderr, "# seed %#llx: not served after %d messages\n",
				(unsigned long long)f->seed, i);
			return false;
		}
	}
	return true;
}

static void seed(struct fuzz *f)
{
	const char *text = getenv("HERMES_SEED");

	f->seed = text ? strtoull(text, NULL, 0) : SEED;
	f->state = f->seed ?: 1;
}

static bool get_policy(struct hermes_nl *nl, uint64_t *policy)
{
	for (int attr = FIRST_POLICY; attr <= LAST_POLICY; attr++)
		if (nl_policy_get(nl, attr, &policy[attr]))
			return false;
	return true;
}

/* The kernel takes it: so it is within all bounds. */
static bool set_policy(struct hermes_nl *nl, const uint64_t *policy)
{
	struct nl_request req;

	nl_begin(nl, &req, HERMES_CMD_POLICY_SET);
	for (int attr = FIRST_POLICY; attr <= LAST_POLICY; attr++)
		if (nl_policy_is_u64(attr))
			nl_put_u64(&req, attr, policy[attr]);
		else
			nl_put_u32(&req, attr, policy[attr]);
	return !nl_run(nl, &req);
}

FIXTURE(fuzz)
{
	struct hermes_nl nl;
	struct hermes_client c;
	struct fuzz f;
	char path[CG_PATH_MAX];
	uint64_t policy[LAST_POLICY + 1];
};

FIXTURE_SETUP(fuzz)
{
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, hermes_open(&self->c));
	ASSERT_EQ(0, cg_create(self->path, NULL, "fuzz"));
	ASSERT_TRUE(get_policy(&self->nl, self->policy));
	seed(&self->f);
	self->f.client = self->c.info.client_id;
	self->f.cgroup = nl_cgroup_id(self->path);
	self->f.fds[0] = open(self->path, O_RDONLY | O_DIRECTORY);
	self->f.fds[1] = open("/tmp", O_RDONLY | O_DIRECTORY);
	self->f.fds[2] = -1;
	ASSERT_LE(0, self->f.fds[0]);
	ASSERT_LE(0, self->f.fds[1]);
}

FIXTURE_TEARDOWN(fuzz)
{
	EXPECT_TRUE(set_policy(&self->nl, self->policy));
	close(self->f.fds[0]);
	close(self->f.fds[1]);
	cg_remove(self->path);
	EXPECT_EQ(0, nl_total(&self->nl, HERMES_A_TOTALS_BEST_EFFORT));
	EXPECT_EQ(0, nl_total(&self->nl, HERMES_A_TOTALS_LATENCY_CRITICAL));
	hermes_close(&self->c);
	nl_close(&self->nl);
}

static int check_cgroup(const struct nl_attrs *attrs, void *data)
{
	struct nl_cgroup cg;

	nl_cgroup_parse(attrs, &cg);
	if (cg.id != *(uint64_t *)data)
		return -EPROTO;
	if (cg.type == HERMES_CGROUP_LATENCY_CRITICAL)
		return 0;
	return cg.type == HERMES_CGROUP_BEST_EFFORT && cg.weight >= 1 &&
	       cg.weight <= 10000 && cg.anon <= 1 ? 0 : -EPROTO;
}

TEST_F_TIMEOUT(fuzz, by_root, TEST_TIMEOUT_LONG)
{
	static struct hermes_nl nl;
	uint64_t policy[LAST_POLICY + 1] = {};
	struct nl_request req;
	struct hermes_reserve r;

	TH_LOG("seed %#llx", (unsigned long long)self->f.seed);
	ASSERT_EQ(0, nl_open(&nl));
	ASSERT_TRUE(send_all(&self->f, &nl, MESSAGES));
	nl_close(&nl);
	ASSERT_TRUE(get_policy(&self->nl, policy));
	EXPECT_TRUE(set_policy(&self->nl, policy));
	ASSERT_EQ(0, hermes_get_reserve(&self->c, &r));
	EXPECT_EQ(0, hermes_ioctl(self->c.fd, HERMES_IOC_SET_RESERVE, &r));
	nl_begin(&self->nl, &req, HERMES_CMD_CGROUP_GET);
	EXPECT_EQ(0, nl_dump(&self->nl, &req, check_cgroup, &self->f.cgroup));
	/* It has really changed something, so it has been everywhere. */
	EXPECT_NE(0, memcmp(&policy[FIRST_POLICY], &self->policy[FIRST_POLICY],
			    sizeof(policy) - FIRST_POLICY * sizeof(*policy)));
}

static void fuzz_as_user(struct fuzz *f)
{
	static struct hermes_nl nl;

	CHILD_CHECK(!become_user(MEMBER, MEMBER));
	CHILD_CHECK(!nl_open(&nl));
	CHILD_CHECK(send_all(f, &nl, MESSAGES));
	_exit(0);
}

/* Whatever a user tries, nothing of anybody else's changes. */
TEST_F_TIMEOUT(fuzz, by_a_user, TEST_TIMEOUT_LONG)
{
	struct hermes_reserve before, after;
	uint64_t policy[LAST_POLICY + 1] = {};
	pid_t pid;

	TH_LOG("seed %#llx", (unsigned long long)self->f.seed);
	ASSERT_EQ(0, hermes_get_reserve(&self->c, &before));
	pid = fork();
	if (!pid)
		fuzz_as_user(&self->f);
	EXPECT_EQ(0, child_exit(pid));
	ASSERT_TRUE(get_policy(&self->nl, policy));
	for (int attr = FIRST_POLICY; attr <= LAST_POLICY; attr++)
		EXPECT_EQ(self->policy[attr], policy[attr]);
	ASSERT_EQ(0, hermes_get_reserve(&self->c, &after));
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(after)));
	EXPECT_EQ(0, nl_total(&self->nl, HERMES_A_TOTALS_BEST_EFFORT));
	EXPECT_EQ(0, nl_total(&self->nl, HERMES_A_TOTALS_LATENCY_CRITICAL));
}

TEST_HARNESS_MAIN
