// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sockets of libmnl, with a kernel behind them that has the family "hermes": two clients, a
 * few decisions and events, cgroups registered in a file. hermesctl is linked with it to be tested
 * where there is no module.
 *
 * HERMES_FAKE_STATE: the file: a line "id type" for each cgroup. HERMES_FAKE_LOG: a file that gets
 * a line "command attribute=value ..." for each request. HERMES_FAKE_EVENTS: how many events come.
 * HERMES_FAKE_ERROR: "command errno attribute message": how requests of this command fail.
 */
#include <errno.h>
#include <inttypes.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/hermes_netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FAMILY	0x21
#define GROUP	5
#define PORT	77
#define MIB	(1024ULL * 1024)

struct mnl_socket {
	int pipe[2];		/* a byte for every event */
	unsigned int dumps;
	unsigned int events;
	size_t len;
	char reply[16384] __attribute__((aligned(8)));
};

static struct mnl_socket sock;

struct mnl_socket *mnl_socket_open2(int bus, int flags)
{
	(void)bus;
	(void)flags;
	if (pipe(sock.pipe))
		return NULL;
	return &sock;
}

int mnl_socket_bind(struct mnl_socket *nl, unsigned int groups, pid_t pid)
{
	(void)nl;
	(void)groups;
	(void)pid;
	return 0;
}

int mnl_socket_close(struct mnl_socket *nl)
{
	close(nl->pipe[0]);
	close(nl->pipe[1]);
	return 0;
}

int mnl_socket_get_fd(const struct mnl_socket *nl)
{
	return nl->pipe[0];
}

unsigned int mnl_socket_get_portid(const struct mnl_socket *nl)
{
	(void)nl;
	return PORT;
}

/* Joining the group makes all events come. */
int mnl_socket_setsockopt(const struct mnl_socket *nl, int type, void *buf, socklen_t len)
{
	const char *events = getenv("HERMES_FAKE_EVENTS");
	long n;

	(void)len;
	if (type != NETLINK_ADD_MEMBERSHIP)
		return 0;
	if (*(unsigned int *)buf != GROUP) {
		errno = EINVAL;
		return -1;
	}
	for (n = events ? strtol(events, NULL, 10) : 0; n > 0; n--)
		if (write(nl->pipe[1], "", 1) != 1)
			return -1;
	return 0;
}

static struct nlmsghdr *begin(uint16_t type, uint16_t flags, uint32_t seq)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(sock.reply + sock.len);

	header->nlmsg_type = type;
	header->nlmsg_flags = flags;
	header->nlmsg_seq = seq;
	header->nlmsg_pid = seq ? PORT : 0;
	return header;
}

static struct nlmsghdr *begin_genl(uint16_t flags, uint32_t seq, uint8_t cmd)
{
	struct nlmsghdr *header = begin(FAMILY, flags, seq);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(header, sizeof(*genl));

	genl->cmd = cmd;
	return header;
}

static void end(const struct nlmsghdr *header)
{
	sock.len += MNL_ALIGN(header->nlmsg_len);
}

static void ack(const struct nlmsghdr *request, int error, uint32_t offset, const char *message)
{
	struct nlmsghdr *header = begin(NLMSG_ERROR, NLM_F_CAPPED | (error ? NLM_F_ACK_TLVS : 0),
					request->nlmsg_seq);
	struct nlmsgerr *e = mnl_nlmsg_put_extra_header(header, sizeof(*e));

	e->error = -error;
	e->msg = *request;
	if (message)
		mnl_attr_put_strz(header, NLMSGERR_ATTR_MSG, message);
	if (offset)
		mnl_attr_put_u32(header, NLMSGERR_ATTR_OFFS, offset);
	end(header);
}

static void done(uint32_t seq)
{
	struct nlmsghdr *header = begin(NLMSG_DONE, NLM_F_MULTI, seq);

	*(int *)mnl_nlmsg_put_extra_header(header, sizeof(int)) = 0;
	end(header);
}

static void put_family(const struct nlmsghdr *request)
{
	struct nlmsghdr *header = begin(GENL_ID_CTRL, 0, request->nlmsg_seq);
	struct nlattr *groups, *group;

	mnl_nlmsg_put_extra_header(header, GENL_HDRLEN);
	mnl_attr_put_u16(header, CTRL_ATTR_FAMILY_ID, FAMILY);
	mnl_attr_put_strz(header, CTRL_ATTR_FAMILY_NAME, HERMES_GENL_NAME);
	groups = mnl_attr_nest_start(header, CTRL_ATTR_MCAST_GROUPS);
	group = mnl_attr_nest_start(header, 1);
	mnl_attr_put_u32(header, CTRL_ATTR_MCAST_GRP_ID, GROUP);
	mnl_attr_put_strz(header, CTRL_ATTR_MCAST_GRP_NAME, HERMES_GENL_EVENTS);
	mnl_attr_nest_end(header, group);
	mnl_attr_nest_end(header, groups);
	end(header);
	ack(request, 0, 0, NULL);
}

/* What a client or the totals count grows with every look. */
static void put_client(const struct nlmsghdr *request, uint32_t id)
{
	struct nlmsghdr *h = begin_genl(NLM_F_MULTI, request->nlmsg_seq, HERMES_CMD_CLIENT_GET);
	uint64_t grown = sock.dumps;

	mnl_attr_put_u32(h, HERMES_A_CLIENT_ID, id);
	mnl_attr_put_u32(h, HERMES_A_CLIENT_PID, (uint32_t)getppid());
	mnl_attr_put_u32(h, HERMES_A_CLIENT_UID, 0);
	mnl_attr_put(h, HERMES_A_CLIENT_PAD, 0, NULL);
	mnl_attr_put_u64(h, HERMES_A_CLIENT_CGROUP_ID, 4242);
	mnl_attr_put_strz(h, HERMES_A_CLIENT_CGROUP_PATH, "/a \"quoted\"\\\npath");
	mnl_attr_put_u64(h, HERMES_A_CLIENT_MIN_BYTES, 4 * MIB);
	mnl_attr_put_u64(h, HERMES_A_CLIENT_MAX_BYTES, 64 * MIB);
	mnl_attr_put_u32(h, HERMES_A_CLIENT_FACTOR_PCT, 150);
	mnl_attr_put_u32(h, HERMES_A_CLIENT_LOW_PCT, 75);
	mnl_attr_put_u32(h, HERMES_A_CLIENT_INTERVAL_US, 2000);
	mnl_attr_put_u64(h, HERMES_A_CLIENT_TARGET, 8 * MIB);
	mnl_attr_put_u64(h, HERMES_A_CLIENT_READY, 6 * MIB);
	mnl_attr_put_u64(h, HERMES_A_CLIENT_CONSUMED, (100 + grown) * MIB);
	mnl_attr_put_u64(h, HERMES_A_CLIENT_BATCHES, 1600);
	mnl_attr_put_u64(h, HERMES_A_CLIENT_REFILL_NS, 1500000000);
	mnl_attr_put_u64(h, HERMES_A_CLIENT_MISSES, 10);
	mnl_attr_put_u64(h, HERMES_A_CLIENT_MISS_BURST, 7);
	mnl_attr_put_u64(h, HERMES_A_CLIENT_MISS_MEMCG, 3);
	mnl_attr_put_u64(h, HERMES_A_CLIENT_MISS_CPU, 0);
	/* As a newer module might send it. */
	mnl_attr_put_u32(h, __HERMES_A_CLIENT_MAX + 3, 1);
	end(h);
}

static void put_cgroups(const struct nlmsghdr *request)
{
	const char *state = getenv("HERMES_FAKE_STATE");
	FILE *f = state ? fopen(state, "re") : NULL;
	struct nlmsghdr *h;
	uint64_t id;
	uint32_t type;

	while (f && fscanf(f, "%" SCNu64 " %" SCNu32, &id, &type) == 2) {
		h = begin_genl(NLM_F_MULTI, request->nlmsg_seq, HERMES_CMD_CGROUP_GET);
		mnl_attr_put_u64(h, HERMES_A_CGROUP_ID, id);
		mnl_attr_put_strz(h, HERMES_A_CGROUP_PATH, "/batch");
		mnl_attr_put_u32(h, HERMES_A_CGROUP_TYPE, type);
		if (type == HERMES_CGROUP_BEST_EFFORT) {
			mnl_attr_put_u32(h, HERMES_A_CGROUP_WEIGHT, 100);
			mnl_attr_put_u32(h, HERMES_A_CGROUP_ANON, 1);
			mnl_attr_put_u64(h, HERMES_A_CGROUP_GOT, 12 * MIB);
			mnl_attr_put_u32(h, HERMES_A_CGROUP_BACKOFF, HERMES_BACKOFF_REFAULT);
			mnl_attr_put_u32(h, HERMES_A_CGROUP_BACKOFF_MS, 400);
		}
		end(h);
	}
	if (f)
		fclose(f);
}

static void put_policy(const struct nlmsghdr *request)
{
	struct nlmsghdr *h = begin_genl(0, request->nlmsg_seq, HERMES_CMD_POLICY_GET);

	mnl_attr_put_u32(h, HERMES_A_POLICY_ENABLED, 1);
	mnl_attr_put_u64(h, HERMES_A_POLICY_GAP, 16 * MIB);
	mnl_attr_put_u32(h, HERMES_A_POLICY_REACTION_MS, 200);
	mnl_attr_put_u64(h, HERMES_A_POLICY_RATE, 512 * MIB);
	mnl_attr_put_u32(h, HERMES_A_POLICY_CPU_PCT, 25);
	mnl_attr_put_u32(h, HERMES_A_POLICY_BACKOFF_MAX_MS, 5000);
	end(h);
	ack(request, 0, 0, NULL);
}

static void put_totals(const struct nlmsghdr *request)
{
	struct nlmsghdr *h = begin_genl(0, request->nlmsg_seq, HERMES_CMD_TOTALS_GET);

	mnl_attr_put_strz(h, HERMES_A_TOTALS_VERSION, "9.8.7");
	mnl_attr_put_u32(h, HERMES_A_TOTALS_ABI, 1);
	mnl_attr_put_u32(h, HERMES_A_TOTALS_CLIENTS, 2);
	mnl_attr_put_u64(h, HERMES_A_TOTALS_FREE, 300 * MIB);
	mnl_attr_put_u64(h, HERMES_A_TOTALS_LOW, 100 * MIB);
	mnl_attr_put_u64(h, HERMES_A_TOTALS_HIGH, 116 * MIB);
	mnl_attr_put_u64(h, HERMES_A_TOTALS_RESERVED_MAX, UINT64_MAX);
	mnl_attr_put_u64(h, HERMES_A_TOTALS_STEPS, 5 + sock.dumps);
	mnl_attr_put_u64(h, HERMES_A_TOTALS_CPU_NS, 2500000);
	end(h);
	ack(request, 0, 0, NULL);
}

static void put_victim(struct nlmsghdr *h)
{
	mnl_attr_put_u32(h, HERMES_A_DECISION_CHOICE, HERMES_CHOICE_FILE);
	mnl_attr_put_u64(h, HERMES_A_DECISION_CGROUP_ID, 99);
	mnl_attr_put_strz(h, HERMES_A_DECISION_CGROUP_PATH, "/batch\033[2J");
	mnl_attr_put_u64(h, HERMES_A_DECISION_FILE, 500 * MIB);
	mnl_attr_put_u64(h, HERMES_A_DECISION_ASKED, 4 * MIB);
	mnl_attr_put_u64(h, HERMES_A_DECISION_GOT, 3 * MIB);
	mnl_attr_put_u32(h, HERMES_A_DECISION_ERROR, (uint32_t)-EAGAIN);
	mnl_attr_put_u64(h, HERMES_A_DECISION_WALL_NS, 2000000);
	mnl_attr_put_u64(h, HERMES_A_DECISION_CPU_NS, 1000000);
}

static void put_decision(struct nlmsghdr *h, uint64_t seq, uint32_t trigger, uint64_t free)
{
	mnl_attr_put_u64(h, HERMES_A_DECISION_SEQ, seq);
	mnl_attr_put_u64(h, HERMES_A_DECISION_TIME, seq * 1000000);
	mnl_attr_put_u32(h, HERMES_A_DECISION_TRIGGER, trigger);
	mnl_attr_put_u64(h, HERMES_A_DECISION_FREE, free);
	mnl_attr_put_u64(h, HERMES_A_DECISION_LOW, 100 * MIB);
	mnl_attr_put_u64(h, HERMES_A_DECISION_HIGH, 116 * MIB);
	mnl_attr_put_u32(h, HERMES_A_DECISION_CANDIDATES, 2);
}

/* Three steps on the same victim, then nobody. */
static void put_decisions(const struct nlmsghdr *request)
{
	struct nlmsghdr *h;
	uint64_t seq;

	for (seq = 1; seq <= 4; seq++) {
		h = begin_genl(NLM_F_MULTI, request->nlmsg_seq, HERMES_CMD_DECISION_GET);
		put_decision(h, seq, HERMES_TRIGGER_WATERMARK, 90 * MIB);
		if (seq < 4) {
			put_victim(h);
		} else {
			mnl_attr_put_u32(h, HERMES_A_DECISION_CHOICE, HERMES_CHOICE_BACKOFF);
			mnl_attr_put_u32(h, HERMES_A_DECISION_REPEATS, 6);
		}
		end(h);
	}
}

static const struct nlattr *find(const struct nlmsghdr *request, unsigned int number)
{
	const struct nlattr *nla;

	mnl_attr_for_each(nla, request, GENL_HDRLEN)
		if (mnl_attr_get_type(nla) == number)
			return nla;
	return NULL;
}

static void put_dry_run(const struct nlmsghdr *request)
{
	const struct nlattr *free = find(request, HERMES_A_DECISION_FREE);
	struct nlmsghdr *h = begin_genl(0, request->nlmsg_seq, HERMES_CMD_DRY_RUN);

	put_decision(h, 0, HERMES_TRIGGER_DRY_RUN, free ? mnl_attr_get_u64(free) : 0);
	put_victim(h);
	end(h);
	ack(request, 0, 0, NULL);
}

/* Registers what the descriptor in the request says. */
static void add_cgroup(const struct nlmsghdr *request)
{
	const struct nlattr *fd = find(request, HERMES_A_CGROUP_FD);
	const struct nlattr *type = find(request, HERMES_A_CGROUP_TYPE);
	const char *state = getenv("HERMES_FAKE_STATE");
	FILE *f = state ? fopen(state, "ae") : NULL;
	struct stat st;

	if (!f || !fd || !type || fstat((int)mnl_attr_get_u32(fd), &st)) {
		ack(request, EBADF, 0, NULL);
		return;
	}
	fprintf(f, "%ju %u\n", (uintmax_t)st.st_ino, mnl_attr_get_u32(type));
	fclose(f);
	ack(request, 0, 0, NULL);
}

static void log_request(const struct nlmsghdr *request, uint8_t cmd)
{
	const char *path = getenv("HERMES_FAKE_LOG");
	FILE *f = path ? fopen(path, "ae") : NULL;
	const struct nlattr *nla;

	if (!f)
		return;
	fprintf(f, "%u", cmd);
	mnl_attr_for_each(nla, request, GENL_HDRLEN)
		fprintf(f, " %u=%" PRIu64, mnl_attr_get_type(nla),
			mnl_attr_get_payload_len(nla) == 8 ? mnl_attr_get_u64(nla) :
							     mnl_attr_get_u32(nla));
	fputc('\n', f);
	fclose(f);
}

/* Whether the request is to fail; then it has. */
static bool refused(const struct nlmsghdr *request, uint8_t cmd)
{
	const char *text = getenv("HERMES_FAKE_ERROR");
	const struct nlattr *nla;
	unsigned int which, number;
	uint32_t offset = 0;
	int error, at;

	if (!text || sscanf(text, "%u %d %u %n", &which, &error, &number, &at) != 3 ||
	    which != cmd)
		return false;
	nla = find(request, number);
	if (nla)
		offset = (uint32_t)((const char *)nla - (const char *)request);
	ack(request, error, offset, text + at);
	return true;
}

static void answer(const struct nlmsghdr *request, uint8_t cmd)
{
	switch (cmd) {
	case HERMES_CMD_CLIENT_GET:
		sock.dumps++;
		put_client(request, 3);
		put_client(request, 4);
		break;
	case HERMES_CMD_CGROUP_GET:
		put_cgroups(request);
		break;
	case HERMES_CMD_DECISION_GET:
		put_decisions(request);
		break;
	case HERMES_CMD_POLICY_GET:
		put_policy(request);
		return;
	case HERMES_CMD_TOTALS_GET:
		put_totals(request);
		return;
	case HERMES_CMD_DRY_RUN:
		put_dry_run(request);
		return;
	case HERMES_CMD_CGROUP_ADD:
		add_cgroup(request);
		return;
	default:
		ack(request, 0, 0, NULL);
		return;
	}
	done(request->nlmsg_seq);
}

ssize_t mnl_socket_sendto(const struct mnl_socket *nl, const void *req, size_t siz)
{
	const struct nlmsghdr *request = req;
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(request);

	(void)nl;
	sock.len = 0;
	if (request->nlmsg_type == GENL_ID_CTRL) {
		put_family(request);
		return (ssize_t)siz;
	}
	log_request(request, genl->cmd);
	if (!refused(request, genl->cmd))
		answer(request, genl->cmd);
	return (ssize_t)siz;
}

static void put_event(uint64_t seq, uint32_t type)
{
	struct nlmsghdr *h = begin_genl(0, 0, HERMES_CMD_EVENT);
	struct nlattr *nest;

	mnl_attr_put_u64(h, HERMES_A_EVENT_SEQ, seq);
	mnl_attr_put_u64(h, HERMES_A_EVENT_TIME, 1500000000);
	mnl_attr_put_u32(h, HERMES_A_EVENT_TYPE, type);
	if (type == HERMES_EVENT_STEP) {
		nest = mnl_attr_nest_start(h, HERMES_A_EVENT_DECISION);
		put_decision(h, 8, HERMES_TRIGGER_MISS, 90 * MIB);
		put_victim(h);
		mnl_attr_nest_end(h, nest);
	} else {
		mnl_attr_put_u32(h, HERMES_A_EVENT_CLIENT_ID, 3);
		mnl_attr_put_u64(h, HERMES_A_EVENT_MISSES, 9);
		mnl_attr_put_u32(h, HERMES_A_EVENT_CAUSE, HERMES_A_CLIENT_MISS_SHRINK);
	}
	end(h);
}

/* The first event, an overflow, an event after a gap of four, then a step each. */
static ssize_t receive_event(void)
{
	char byte;

	if (read(sock.pipe[0], &byte, 1) != 1)
		return -1;
	sock.len = 0;
	sock.events++;
	if (sock.events == 2) {
		errno = ENOBUFS;
		return -1;
	}
	if (sock.events == 1)
		put_event(1, HERMES_EVENT_MISSES);
	else
		put_event(3 + sock.events, HERMES_EVENT_STEP);
	return (ssize_t)sock.len;
}

ssize_t mnl_socket_recvfrom(const struct mnl_socket *nl, void *buf, size_t siz)
{
	ssize_t len = (ssize_t)nl->len;

	if (!len)
		len = receive_event();
	if (len < 0 || (size_t)len > siz)
		return -1;
	memcpy(buf, sock.reply, (size_t)len);
	sock.len = 0;
	return len;
}
