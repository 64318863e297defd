// SPDX-License-Identifier: GPL-2.0-only
/*
 * A small client of the generic netlink family "hermes": requests, answers,
 * events. What the kernel says is taken as it comes, so that tests see it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "hermes_nl.h"
#include "hermes_util.h"

/* libmnl hides its struct; a file descriptor is all that is needed of it. */
static int nl_socket(struct hermes_nl *nl)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	struct timeval limit = { .tv_sec = WAIT_MS / 1000 };
	socklen_t len = sizeof(addr);
	int yes = 1;

	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (nl->fd < 0)
		return -errno;
	if (bind(nl->fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    getsockname(nl->fd, (struct sockaddr *)&addr, &len) ||
	    setsockopt(nl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &yes,
		       sizeof(yes)) ||
	    setsockopt(nl->fd, SOL_NETLINK, NETLINK_CAP_ACK, &yes,
		       sizeof(yes)) ||
	    setsockopt(nl->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)))
		return -errno;
	nl->portid = addr.nl_pid;
	return 0;
}

/* Of the attributes of a message or a nest those that fit into the table. */
static int nl_collect(const struct nlattr *attr, void *data)
{
	struct nl_attrs *attrs = data;

	if (mnl_attr_get_type(attr) < NL_ATTRS)
		attrs->at[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

static void nl_parse(const struct nlmsghdr *nlh, size_t head,
		     struct nl_attrs *attrs)
{
	memset(attrs, 0, sizeof(*attrs));
	mnl_attr_parse(nlh, head, nl_collect, attrs);
}

/**
 * nl_nested() - attributes inside an attribute
 * @attrs: table that has it
 * @attr: its number
 * @inner: out; empty where it is missing
 */
void nl_nested(const struct nl_attrs *attrs, uint16_t attr,
	       struct nl_attrs *inner)
{
	memset(inner, 0, sizeof(*inner));
	if (attrs->at[attr])
		mnl_attr_parse_nested(attrs->at[attr], nl_collect, inner);
}

bool nl_has(const struct nl_attrs *attrs, uint16_t attr, size_t len)
{
	return attrs->at[attr] &&
	       mnl_attr_get_payload_len(attrs->at[attr]) == len;
}

uint32_t nl_u32(const struct nl_attrs *attrs, uint16_t attr)
{
	return nl_has(attrs, attr, sizeof(uint32_t)) ?
		       mnl_attr_get_u32(attrs->at[attr]) : 0;
}

int32_t nl_s32(const struct nl_attrs *attrs, uint16_t attr)
{
	return nl_u32(attrs, attr);
}

uint64_t nl_u64(const struct nl_attrs *attrs, uint16_t attr)
{
	return nl_has(attrs, attr, sizeof(uint64_t)) ?
		       mnl_attr_get_u64(attrs->at[attr]) : 0;
}

const char *nl_string(const struct nl_attrs *attrs, uint16_t attr)
{
	const struct nlattr *at = attrs->at[attr];
	size_t len = at ? mnl_attr_get_payload_len(at) : 0;

	if (!len || mnl_attr_get_str(at)[len - 1])
		return "";
	return mnl_attr_get_str(at);
}

/**
 * nl_begin() - a request without attributes
 * @nl: who will send it
 * @req: out
 * @cmd: enum hermes_cmd
 */
void nl_begin(struct hermes_nl *nl, struct nl_request *req, uint8_t cmd)
{
	struct genlmsghdr *genl;

	memset(req, 0, sizeof(*req));
	mnl_nlmsg_put_header(req);
	req->head.nlmsg_type = nl->family;
	req->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	genl = mnl_nlmsg_put_extra_header(&req->head, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = HERMES_GENL_VERSION;
}

uint32_t nl_put(struct nl_request *req, uint16_t attr, const void *data,
		size_t len)
{
	uint32_t offset = req->head.nlmsg_len;

	mnl_attr_put(&req->head, attr, len, data);
	return offset;
}

uint32_t nl_put_u32(struct nl_request *req, uint16_t attr, uint32_t value)
{
	return nl_put(req, attr, &value, sizeof(value));
}

uint32_t nl_put_s32(struct nl_request *req, uint16_t attr, int32_t value)
{
	return nl_put(req, attr, &value, sizeof(value));
}

uint32_t nl_put_u64(struct nl_request *req, uint16_t attr, uint64_t value)
{
	return nl_put(req, attr, &value, sizeof(value));
}

uint32_t nl_put_string(struct nl_request *req, uint16_t attr, const char *text)
{
	return nl_put(req, attr, text, strlen(text) + 1);
}

/* The extended ack, after @head bytes of the message's payload. */
static void nl_parse_extack(struct hermes_nl *nl, const struct nlmsghdr *nlh,
			    size_t head)
{
	struct nl_attrs attrs;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	nl_parse(nlh, head, &attrs);
	snprintf(nl->message, sizeof(nl->message), "%s",
		 nl_string(&attrs, NLMSGERR_ATTR_MSG));
	nl->offset = nl_u32(&attrs, NLMSGERR_ATTR_OFFS);
	nl->missing = nl_u32(&attrs, NLMSGERR_ATTR_MISS_TYPE);
}

/* Into @nl->buf; its length or a negative errno. */
static int nl_recv(struct hermes_nl *nl)
{
	ssize_t n = recv(nl->fd, nl->buf, sizeof(nl->buf), MSG_TRUNC);

	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return n > (ssize_t)sizeof(nl->buf) ? -EMSGSIZE : (int)n;
}

/* What goes on while an answer is read. */
struct nl_answer {
	nl_object_fn fn;
	void *data;
	int err;
	bool ended;
};

static void nl_message(struct hermes_nl *nl, const struct nlmsghdr *nlh,
		       struct nl_answer *answer)
{
	struct nl_attrs attrs;
	int err;

	switch (nlh->nlmsg_type) {
	case NLMSG_ERROR:
		nl_parse_extack(nl, nlh, sizeof(struct nlmsgerr));
		memcpy(&err, mnl_nlmsg_get_payload(nlh), sizeof(err));
		break;
	case NLMSG_DONE:
		nl_parse_extack(nl, nlh, sizeof(int));
		memcpy(&err, mnl_nlmsg_get_payload(nlh), sizeof(err));
		break;
	default:
		nl_parse(nlh, sizeof(struct genlmsghdr), &attrs);
		if (!answer->err && answer->fn)
			answer->err = answer->fn(&attrs, answer->data);
		return;
	}
	answer->ended = true;
	answer->err = answer->err ?: err;
}

/* All of one datagram; events that came in between are passed over. */
static void nl_datagram(struct hermes_nl *nl, int len, struct nl_answer *answer)
{
	const struct nlmsghdr *nlh = (const void *)nl->buf;

	nl->messages++;
	for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
		if (nlh->nlmsg_seq == nl->seq)
			nl_message(nl, nlh, answer);
}

/**
 * nl_send() - send bytes as they are
 * @nl: the socket
 * @msg: the message
 * @len: its bytes, whatever its header says
 *
 * Return: 0 or a negative errno.
 */
int nl_send(struct hermes_nl *nl, const void *msg, size_t len)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	return sendto(nl->fd, msg, len, 0, (struct sockaddr *)&kernel,
		      sizeof(kernel)) < 0 ? -errno : 0;
}

static int nl_exchange(struct hermes_nl *nl, struct nl_request *req,
		       struct nl_answer *answer)
{
	int n;

	nl->message[0] = '\0';
	nl->offset = 0;
	nl->missing = 0;
	nl->messages = 0;
	req->head.nlmsg_seq = ++nl->seq;
	n = nl_send(nl, req, req->head.nlmsg_len);
	if (n)
		return n;
	while (!answer->ended) {
		n = nl_recv(nl);
		/* A lost event is no concern of an answer. */
		if (n == -ENOBUFS)
			continue;
		if (n < 0)
			return n;
		nl_datagram(nl, n, answer);
	}
	return answer->err;
}

/* nl_run() - a request whose answer is only yes or no */
int nl_run(struct hermes_nl *nl, struct nl_request *req)
{
	struct nl_answer answer = { 0 };

	return nl_exchange(nl, req, &answer);
}

struct nl_kept {
	char *to;
	struct nl_attrs *attrs;
	unsigned int nr;
};

/* The ack comes into the same buffer: the answer moves to its end. */
static int nl_keep(const struct nl_attrs *attrs, void *data)
{
	struct nl_kept *kept = data;
	char *to = kept->to;

	kept->nr++;
	memset(kept->attrs, 0, sizeof(*kept->attrs));
	for (int i = 0; i < NL_ATTRS; i++) {
		if (!attrs->at[i])
			continue;
		kept->attrs->at[i] = memcpy(to, attrs->at[i],
					    attrs->at[i]->nla_len);
		to += MNL_ALIGN(attrs->at[i]->nla_len);
	}
	return 0;
}

/**
 * nl_get() - a request that is answered with one object
 * @nl: the socket
 * @req: the request
 * @answer: its attributes
 *
 * Return: 0, a negative errno, or -EPROTO when not exactly one came.
 */
int nl_get(struct hermes_nl *nl, struct nl_request *req,
	   struct nl_attrs *answer)
{
	struct nl_kept kept = {
		.to = nl->buf + NL_BUF_BYTES / 2,
		.attrs = answer,
	};
	struct nl_answer reading = { .fn = nl_keep, .data = &kept };
	int err = nl_exchange(nl, req, &reading);

	if (!err && kept.nr != 1)
		err = -EPROTO;
	return err;
}

/**
 * nl_dump() - a request for all objects
 * @nl: the socket
 * @req: the request
 * @fn: called for each
 * @data: its argument
 *
 * Return: 0, a negative errno, or the first that @fn returned other than 0.
 */
int nl_dump(struct hermes_nl *nl, struct nl_request *req, nl_object_fn fn,
	    void *data)
{
	struct nl_answer answer = { .fn = fn, .data = data };

	req->head.nlmsg_flags |= NLM_F_DUMP;
	return nl_exchange(nl, req, &answer);
}

static int nl_group(const struct nlattr *attr, void *data)
{
	struct nl_attrs group = { 0 };
	struct hermes_nl *nl = data;

	mnl_attr_parse_nested(attr, nl_collect, &group);
	if (!strcmp(nl_string(&group, CTRL_ATTR_MCAST_GRP_NAME),
		    HERMES_GENL_EVENTS))
		nl->group = nl_u32(&group, CTRL_ATTR_MCAST_GRP_ID);
	return MNL_CB_OK;
}

static int nl_family(const struct nl_attrs *family, void *data)
{
	struct hermes_nl *nl = data;

	if (!nl_has(family, CTRL_ATTR_FAMILY_ID, sizeof(uint16_t)))
		return -EPROTO;
	nl->family = mnl_attr_get_u16(family->at[CTRL_ATTR_FAMILY_ID]);
	nl->version = nl_u32(family, CTRL_ATTR_VERSION);
	if (family->at[CTRL_ATTR_MCAST_GROUPS])
		mnl_attr_parse_nested(family->at[CTRL_ATTR_MCAST_GROUPS],
				      nl_group, nl);
	return 0;
}

/**
 * nl_open() - open a socket and find the family
 * @nl: filled in
 *
 * Return: 0; -ENOENT there is no such family; or another negative errno.
 */
int nl_open(struct hermes_nl *nl)
{
	struct nl_answer answer = { .fn = nl_family, .data = nl };
	struct nl_request req;
	int err;

	memset(nl, 0, sizeof(*nl));
	err = nl_socket(nl);
	if (!err) {
		nl->family = GENL_ID_CTRL;
		nl_begin(nl, &req, CTRL_CMD_GETFAMILY);
		nl_put_string(&req, CTRL_ATTR_FAMILY_NAME, HERMES_GENL_NAME);
		err = nl_exchange(nl, &req, &answer);
	}
	if (err)
		nl_close(nl);
	return err;
}

void nl_close(struct hermes_nl *nl)
{
	if (nl->fd > 0)
		close(nl->fd);
	nl->fd = -1;
}

/* nl_subscribe() - events come to this socket from now on */
int nl_subscribe(struct hermes_nl *nl)
{
	return setsockopt(nl->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP,
			  &nl->group, sizeof(nl->group)) ? -errno : 0;
}

/**
 * nl_event() - the next event
 * @nl: a socket that subscribed
 * @event: its attributes
 * @timeout_ms: how long to wait; 0: not at all
 *
 * Return: 0; -ETIMEDOUT none came; -ENOBUFS some were lost (once, then those
 *	that are left come); -EPROTO what came is none.
 */
int nl_event(struct hermes_nl *nl, struct nl_attrs *event,
	     unsigned int timeout_ms)
{
	struct pollfd pfd = { .fd = nl->fd, .events = POLLIN };
	const struct nlmsghdr *nlh = (const void *)nl->buf;
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	int n;

	if (poll(&pfd, 1, timeout_ms) != 1)
		return -ETIMEDOUT;
	n = nl_recv(nl);
	if (n < 0)
		return n;
	if (!mnl_nlmsg_ok(nlh, n) || nlh->nlmsg_type != nl->family ||
	    genl->cmd != HERMES_CMD_EVENT)
		return -EPROTO;
	nl_parse(nlh, sizeof(*genl), event);
	return 0;
}

/* nl_event_of() - the next event of that type, however many others come */
int nl_event_of(struct hermes_nl *nl, uint32_t type, struct nl_attrs *event)
{
	uint64_t end = now_ms() + WAIT_MS;
	int err;

	do {
		err = nl_event(nl, event, 1000);
		if (!err && nl_u32(event, HERMES_A_EVENT_TYPE) == type)
			return 0;
		if (err && err != -ETIMEDOUT)
			return err;
	} while (now_ms() < end);
	return -ETIMEDOUT;
}
