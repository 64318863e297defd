// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/genetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "../bench/cli.h"
#include "extack.h"
#include "nl.h"

/* The kernel fills messages of a dump up to 32 KiB. */
#define RECEIVE_BYTES	(64 * 1024)
/* So much is queued for a slow reader of events before they are lost. */
#define EVENT_BYTES	(1024 * 1024)
#define DUMP_TRIES	10

/* One request while it is answered. */
struct exchange {
	struct nl *nl;
	const struct nlmsghdr *request;
	const struct attr_set *set;
	struct record_list *replies;
	struct nl_error *error;
};

static int fail(struct exchange *x, int err)
{
	x->error->err = err;
	return MNL_CB_STOP;
}

/* NLMSG_ERROR, which is also what acknowledges a request, and NLMSG_DONE after a dump. */
static int on_ack(const struct nlmsghdr *header, void *data)
{
	struct exchange *x = data;

	extack_parse(header, x->request, x->set, x->error);
	return MNL_CB_STOP;
}

static mnl_cb_t on_control[] = {
	[NLMSG_ERROR] = on_ack,
	[NLMSG_DONE] = on_ack,
};

/* The attributes of a message of the family; -EBADMSG if it is none. */
static int parse_message(const struct nl *nl, const struct nlmsghdr *header,
			 const struct attr_set *set, struct record *r)
{
	if (header->nlmsg_type != nl->family || mnl_nlmsg_get_payload_len(header) < GENL_HDRLEN)
		return -EBADMSG;
	return record_parse(r, set, (const char *)mnl_nlmsg_get_payload(header) + GENL_HDRLEN,
			    mnl_nlmsg_get_payload_len(header) - GENL_HDRLEN);
}

static int on_reply(const struct nlmsghdr *header, void *data)
{
	struct exchange *x = data;
	struct record r;
	int ret;

	if (!x->replies)
		return fail(x, EBADMSG);
	ret = parse_message(x->nl, header, x->set, &r);
	if (!ret)
		ret = records_add(x->replies, &r);
	return ret ? fail(x, -ret) : MNL_CB_OK;
}

/* Sends the request of @x, then receives until it is answered or has failed. */
static int exchange(struct exchange *x, struct nlmsghdr *request, mnl_cb_t on_data)
{
	static char buffer[RECEIVE_BYTES];
	struct mnl_socket *socket = x->nl->socket;
	ssize_t len;
	int ret;

	*x->error = (struct nl_error){ 0 };
	request->nlmsg_seq = ++x->nl->seq;
	x->request = request;
	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0) {
		x->error->err = errno;
		return -errno;
	}
	do {
		len = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		ret = len < 0 ? MNL_CB_ERROR :
				mnl_cb_run2(buffer, (size_t)len, request->nlmsg_seq,
					    mnl_socket_get_portid(socket), on_data, x, on_control,
					    ARRAY_SIZE(on_control));
		/* Of another sequence: left over from a request that was given up. */
		if (ret == MNL_CB_ERROR && errno == EPROTO)
			ret = MNL_CB_OK;
	} while (ret > 0);
	if (ret == MNL_CB_ERROR)
		x->error->err = errno;
	return -x->error->err;
}

static int on_group(const struct nlattr *nla, void *data)
{
	const char *name = NULL;
	const struct nlattr *part;
	struct nl *nl = data;
	uint32_t id = 0;

	if (mnl_attr_validate(nla, MNL_TYPE_NESTED) < 0)
		return MNL_CB_ERROR;
	mnl_attr_for_each_nested(part, nla) {
		if (mnl_attr_get_type(part) == CTRL_ATTR_MCAST_GRP_NAME &&
		    mnl_attr_validate(part, MNL_TYPE_NUL_STRING) >= 0)
			name = mnl_attr_get_str(part);
		if (mnl_attr_get_type(part) == CTRL_ATTR_MCAST_GRP_ID &&
		    mnl_attr_validate(part, MNL_TYPE_U32) >= 0)
			id = mnl_attr_get_u32(part);
	}
	if (name && !strcmp(name, HERMES_GENL_EVENTS))
		nl->events = id;
	return MNL_CB_OK;
}

static int on_family_attr(const struct nlattr *nla, void *data)
{
	struct nl *nl = data;

	if (mnl_attr_get_type(nla) == CTRL_ATTR_FAMILY_ID &&
	    mnl_attr_validate(nla, MNL_TYPE_U16) >= 0)
		nl->family = mnl_attr_get_u16(nla);
	if (mnl_attr_get_type(nla) == CTRL_ATTR_MCAST_GROUPS &&
	    mnl_attr_validate(nla, MNL_TYPE_NESTED) >= 0)
		return mnl_attr_parse_nested(nla, on_group, nl);
	return MNL_CB_OK;
}

static int on_family(const struct nlmsghdr *header, void *data)
{
	struct exchange *x = data;

	if (mnl_attr_parse(header, GENL_HDRLEN, on_family_attr, x->nl) < 0)
		return fail(x, EBADMSG);
	return MNL_CB_OK;
}

static void begin(struct nl_request *request, uint16_t type, uint16_t flags, uint8_t cmd,
		  uint8_t version)
{
	struct genlmsghdr *genl;

	memset(request->buffer, 0, sizeof(request->buffer));
	request->header = mnl_nlmsg_put_header(request->buffer);
	request->header->nlmsg_type = type;
	request->header->nlmsg_flags = NLM_F_REQUEST | flags;
	genl = mnl_nlmsg_put_extra_header(request->header, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = version;
}

static int find_family(struct nl *nl)
{
	struct nl_request request;
	struct nl_error error;
	struct exchange x = { .nl = nl, .error = &error };
	int ret;

	begin(&request, GENL_ID_CTRL, NLM_F_ACK, CTRL_CMD_GETFAMILY, 1);
	mnl_attr_put_strz(request.header, CTRL_ATTR_FAMILY_NAME, HERMES_GENL_NAME);
	ret = exchange(&x, request.header, on_family);
	return ret || nl->family ? ret : -EBADMSG;
}

int nl_open(struct nl *nl)
{
	int on = 1, err;

	*nl = (struct nl){ .seq = (uint32_t)time(NULL) };
	nl->socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	/* A kernel without generic netlink has no Hermes either. */
	if (!nl->socket)
		return errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT ? -ENOENT : -errno;
	if (mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		err = -errno;
		nl_close(nl);
		return err;
	}
	/* Without them there are only fewer words. */
	mnl_socket_setsockopt(nl->socket, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(nl->socket, NETLINK_CAP_ACK, &on, sizeof(on));
	err = find_family(nl);
	if (err)
		nl_close(nl);
	return err;
}

void nl_close(struct nl *nl)
{
	mnl_socket_close(nl->socket);
	nl->socket = NULL;
}

void nl_request(struct nl_request *request, enum hermes_cmd cmd, bool dump)
{
	/* The type is known only to the connection. */
	begin(request, 0, dump ? NLM_F_DUMP : NLM_F_ACK, (uint8_t)cmd, HERMES_GENL_VERSION);
	request->set = attrs_of(cmd);
}

void nl_put(struct nl_request *request, unsigned int attr, uint64_t value)
{
	if (request->set->attrs[attr].type == ATTR_U64)
		mnl_attr_put_u64(request->header, (uint16_t)attr, value);
	else
		mnl_attr_put_u32(request->header, (uint16_t)attr, (uint32_t)value);
}

int nl_call(struct nl *nl, struct nl_request *request, struct record_list *replies,
	    struct nl_error *error)
{
	struct exchange x = { .nl = nl, .set = request->set, .replies = replies,
			      .error = error };
	int ret, i;

	request->header->nlmsg_type = nl->family;
	for (i = 0; i < DUMP_TRIES; i++) {
		ret = exchange(&x, request->header, on_reply);
		if (ret && replies)
			records_free(replies);
		if (ret != -EINTR)
			break;
	}
	return ret;
}

int nl_listen(struct nl *nl)
{
	int fd = mnl_socket_get_fd(nl->socket), bytes = EVENT_BYTES;

	if (!nl->events)
		return -EOPNOTSUPP;
	/* The second needs no rights, but gets less. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (mnl_socket_setsockopt(nl->socket, NETLINK_ADD_MEMBERSHIP, &nl->events,
				  sizeof(nl->events)) < 0)
		return -errno;
	return 0;
}

/* What a callback of events needs. */
struct listening {
	struct nl *nl;
	struct record_list *events;
};

static int on_event(const struct nlmsghdr *header, void *data)
{
	struct listening *l = data;
	struct record r;
	int ret = parse_message(l->nl, header, &event_attrs, &r);

	if (!ret)
		ret = records_add(l->events, &r);
	if (!ret)
		return MNL_CB_OK;
	errno = -ret;
	return MNL_CB_ERROR;
}

int nl_events(struct nl *nl, struct record_list *events)
{
	static char buffer[RECEIVE_BYTES];
	struct listening l = { nl, events };
	ssize_t len = mnl_socket_recvfrom(nl->socket, buffer, sizeof(buffer));

	if (len < 0 || mnl_cb_run(buffer, (size_t)len, 0, 0, on_event, &l) < 0)
		return -errno;
	return 0;
}
