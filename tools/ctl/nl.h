/* SPDX-License-Identifier: GPL-2.0-only */
/* Requests to the generic netlink family, and what it answers. */
#ifndef HERMES_CTL_NL_H
#define HERMES_CTL_NL_H

#include <libmnl/libmnl.h>
#include <stdbool.h>

#include "record.h"

struct nl {
	struct mnl_socket *socket;
	uint32_t seq;
	uint16_t family;
	uint32_t events;	/* the multicast group, 0 if there is none */
};

/**
 * struct nl_error - why a request failed
 * @err: errno value, 0: it did not
 * @message: of the extended ack, may be empty
 * @attr: attribute at fault, NULL if none is named
 * @missing: @attr is missing, not wrong
 * @min: least allowed value, with @max, which is 0 if they are not told
 * @max: largest
 */
struct nl_error {
	int err;
	char message[200];
	const struct attr *attr;
	bool missing;
	uint64_t min, max;
};

struct nl_request {
	struct nlmsghdr *header;
	const struct attr_set *set;
	/* mnl wants alignment; nothing that is sent here is long. */
	char buffer[1024] __attribute__((aligned(8)));
};

/**
 * nl_open() - connect to the family
 *
 * Return: 0; -ENOENT the module is not loaded or too old, or another errno
 */
int nl_open(struct nl *nl);

void nl_close(struct nl *nl);

/** nl_request() - begin a request of @cmd; @dump: for all objects */
void nl_request(struct nl_request *request, enum hermes_cmd cmd, bool dump);

/** nl_put() - add a number, of the type that the attribute has */
void nl_put(struct nl_request *request, unsigned int attr, uint64_t value);

/**
 * nl_call() - send a request, wait for the answer; a dump that was disturbed is repeated
 * @replies: what comes back; NULL: nothing is expected
 * @error: why it failed
 *
 * Return: 0 or -errno; then there is nothing in @replies
 */
int nl_call(struct nl *nl, struct nl_request *request, struct record_list *replies,
	    struct nl_error *error);

/** nl_listen() - join the multicast group of the events; 0 or -errno */
int nl_listen(struct nl *nl);

/**
 * nl_events() - receive events, waiting if need be
 *
 * Return: 0; -ENOBUFS some were lost, or another errno
 */
int nl_events(struct nl *nl, struct record_list *events);

/** nl_print_error() - "hermesctl: WHAT: attribute: message (errno)" on stderr */
void nl_print_error(const struct nl_error *error, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
