/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small client of the generic netlink family "hermes", for the selftests.
 *
 * Functions that talk to the kernel return 0 or a negative errno: that of the
 * kernel's answer, or -ETIMEDOUT when none came. What the kernel said besides
 * is in struct hermes_nl. Attributes point into the socket's buffer and are
 * valid until the next call with it.
 */
#ifndef HERMES_NL_H
#define HERMES_NL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>

#include <linux/hermes_netlink.h>

/* More than any set has. */
#define NL_ATTRS		64
#define NL_BUF_BYTES		65536
#define NL_REQUEST_BYTES	4096

/**
 * struct hermes_nl - one netlink socket
 * @fd: the socket; -1 when closed
 * @family: number of the family
 * @group: number of its group of events
 * @version: of the family
 * @portid: our address
 * @seq: of the last request
 * @message: what the last answer said; "" nothing
 * @offset: of the attribute that it complained of, from the begin of the
 *	message; 0: none
 * @missing: number of the attribute that it found missing; 0: none
 * @messages: datagrams that the last answer came in
 * @buf: last datagram
 */
struct hermes_nl {
	int fd;
	uint16_t family;
	uint32_t group;
	uint32_t version;
	uint32_t portid;
	uint32_t seq;
	char message[256];
	uint32_t offset;
	uint32_t missing;
	unsigned int messages;
	char buf[NL_BUF_BYTES] __attribute__((aligned(8)));
};

/* Attributes by number; NULL: not there. */
struct nl_attrs {
	const struct nlattr *at[NL_ATTRS];
};

/* The message that is being put together. */
struct nl_request {
	union {
		struct nlmsghdr head;
		char buf[NL_REQUEST_BYTES];
	};
};

/* Called for each object; other than 0 ends the call with that (after it). */
typedef int (*nl_object_fn)(const struct nl_attrs *object, void *data);

int nl_open(struct hermes_nl *nl);
void nl_close(struct hermes_nl *nl);

/* Requests. nl_put() returns where the attribute lies, see @offset above. */
void nl_begin(struct hermes_nl *nl, struct nl_request *req, uint8_t cmd);
uint32_t nl_put(struct nl_request *req, uint16_t attr, const void *data,
		size_t len);
uint32_t nl_put_u32(struct nl_request *req, uint16_t attr, uint32_t value);
uint32_t nl_put_s32(struct nl_request *req, uint16_t attr, int32_t value);
uint32_t nl_put_u64(struct nl_request *req, uint16_t attr, uint64_t value);
uint32_t nl_put_string(struct nl_request *req, uint16_t attr,
		       const char *text);
int nl_run(struct hermes_nl *nl, struct nl_request *req);
int nl_get(struct hermes_nl *nl, struct nl_request *req,
	   struct nl_attrs *answer);
int nl_dump(struct hermes_nl *nl, struct nl_request *req, nl_object_fn fn,
	    void *data);
int nl_send(struct hermes_nl *nl, const void *msg, size_t len);

/* Attributes; one that is missing or of another length reads as 0 or "". */
bool nl_has(const struct nl_attrs *attrs, uint16_t attr, size_t len);
uint32_t nl_u32(const struct nl_attrs *attrs, uint16_t attr);
int32_t nl_s32(const struct nl_attrs *attrs, uint16_t attr);
uint64_t nl_u64(const struct nl_attrs *attrs, uint16_t attr);
const char *nl_string(const struct nl_attrs *attrs, uint16_t attr);
void nl_nested(const struct nl_attrs *attrs, uint16_t attr,
	       struct nl_attrs *inner);

/* Events. */
int nl_subscribe(struct hermes_nl *nl);
int nl_event(struct hermes_nl *nl, struct nl_attrs *event,
	     unsigned int timeout_ms);
int nl_event_of(struct hermes_nl *nl, uint32_t type, struct nl_attrs *event);

/* Clients. */
int nl_client_get(struct hermes_nl *nl, uint32_t id, struct nl_attrs *client);
int nl_client_set(struct hermes_nl *nl, uint32_t id, uint16_t attr,
		  uint64_t value);

/* The policy; @attr is one of enum hermes_policy_attr, of whatever width. */
int nl_policy_get(struct hermes_nl *nl, uint16_t attr, uint64_t *value);
int nl_policy_set(struct hermes_nl *nl, uint16_t attr, uint64_t value);
bool nl_policy_is_u64(uint16_t attr);

/* Value of one of enum hermes_totals_attr; ~0 when the call failed. */
uint64_t nl_total(struct hermes_nl *nl, uint16_t attr);
int nl_totals(struct hermes_nl *nl, struct nl_attrs *totals);

/* Fields as enum hermes_cgroup_attr. */
struct nl_cgroup {
	uint64_t id;
	char path[256];
	uint32_t type;
	uint32_t weight;
	uint64_t min;
	uint64_t rate;
	uint32_t anon;
	uint32_t uid;
	uint64_t current_bytes;
	uint64_t file;
	uint64_t anon_bytes;
	uint64_t steps;
	uint64_t partial;
	uint64_t asked;
	uint64_t got;
	uint64_t refaults;
	uint64_t cpu_ns;
	uint32_t backoff;
	uint32_t backoff_ms;
	uint32_t split;
};

/* What may be chosen for a best-effort cgroup; 0: not given. */
struct nl_cgroup_conf {
	uint32_t weight;
	uint64_t min;
	uint64_t rate;
	uint32_t anon;
};

/* Registrations; @path is that of a directory, @conf may be NULL. */
uint64_t nl_cgroup_id(const char *path);
int nl_cgroup_add(struct hermes_nl *nl, const char *path, uint32_t type,
		  const struct nl_cgroup_conf *conf);
int nl_cgroup_set(struct hermes_nl *nl, const char *path, uint16_t attr,
		  uint64_t value);
int nl_cgroup_del(struct hermes_nl *nl, const char *path);
int nl_cgroup_get(struct hermes_nl *nl, const char *path,
		  struct nl_cgroup *cgroup);
int nl_cgroup_get_id(struct hermes_nl *nl, uint64_t id,
		     struct nl_cgroup *cgroup);
void nl_cgroup_parse(const struct nl_attrs *attrs, struct nl_cgroup *cgroup);

/* Fields as enum hermes_decision_attr; @id 0: there was no victim. */
struct nl_decision {
	uint64_t seq;
	uint64_t time;
	uint32_t repeats;
	uint32_t trigger;
	uint64_t free;
	uint64_t low;
	uint64_t high;
	uint64_t demand;
	uint32_t choice;
	uint32_t candidates;
	char within[256];
	uint64_t id;
	char path[256];
	uint64_t file;
	uint64_t anon;
	uint64_t asked;
	uint64_t got;
	int32_t error;
	uint64_t wall_ns;
	uint64_t cpu_ns;
	uint64_t refaults;
	uint32_t pressure_pct;
	uint32_t backoff;
};

/* The last @most decisions at most, oldest first; returns how many. */
int nl_decisions(struct hermes_nl *nl, struct nl_decision *decisions,
		 size_t most);
int nl_dry_run(struct hermes_nl *nl, uint64_t free,
	       struct nl_decision *decision);
void nl_decision_parse(const struct nl_attrs *attrs,
		       struct nl_decision *decision);

#endif /* HERMES_NL_H */
