/* SPDX-License-Identifier: GPL-2.0-only */
/* Why the kernel refused a request: its extended ack. */
#ifndef HERMES_CTL_EXTACK_H
#define HERMES_CTL_EXTACK_H

#include "nl.h"

/**
 * extack_parse() - read NLMSG_ERROR or NLMSG_DONE
 * @header: the message, of which nothing is trusted but its length
 * @request: what it answers
 * @set: attributes of the request; NULL: none can be named
 * @error: set to what it says; err is 0 for success
 */
void extack_parse(const struct nlmsghdr *header, const struct nlmsghdr *request,
		  const struct attr_set *set, struct nl_error *error);

#endif
