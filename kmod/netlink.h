/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The generic netlink family: what its files share.
 *
 * DOC: Who does what
 *
 * netlink.c checks what arrives (policies, who asks) and knows how messages
 * are put together; the files nl_*.c each know one set of attributes: which
 * field goes where, in a table that serves both directions. Commands run in
 * parallel, in the context of the sender; dumps go on in that of the reader.
 */
#ifndef _HERMES_NETLINK_H
#define _HERMES_NETLINK_H

#include <net/genetlink.h>

#include "reclaim.h"

/* Padding has the same number in all sets of attributes. */
#define HERMES_NL_PAD		1

/**
 * struct hermes_nl_field - which field of a struct an attribute shows
 * @attr: number of the attribute
 * @offset: of the field
 * @size: of the field: of a bool (u32 on the wire), a u32 (or an int) or a u64
 */
struct hermes_nl_field {
	u16 attr;
	u16 offset;
	u16 size;
};

/* (The dots are for checkpatch: @_member is a name, used twice.) */
#define HERMES_NL_SIZE(_type, _member...)				      \
	(sizeof_field(_type, _member) +					      \
	 BUILD_BUG_ON_ZERO(sizeof_field(_type, _member) != sizeof(bool) &&    \
			   sizeof_field(_type, _member) != sizeof(u32) &&     \
			   sizeof_field(_type, _member) != sizeof(u64)))

#define HERMES_NL_FIELD(_attr, _type, _member...) {			      \
	.attr = (_attr),						      \
	.offset = offsetof(_type, _member),				      \
	.size = HERMES_NL_SIZE(_type, _member),				      \
}

/* Bytes of @nr attributes of at most 64 bits each. */
#define HERMES_NL_BYTES(nr)	((nr) * nla_total_size_64bit(sizeof(u64)))

/* Puts an object's attributes into a message; -EMSGSIZE. */
typedef int (*hermes_nl_fill)(struct sk_buff *skb, const void *object);

/**
 * struct hermes_nl_source - what a dump goes through
 * @size: of one object
 * @most: objects in one dump
 * @next: fetches the first object with an id above @after and stores its id;
 *	false at the end. May sleep.
 * @fill: puts one object into a message
 * @release: drops what @next took; may be NULL
 */
struct hermes_nl_source {
	size_t size;
	unsigned long most;
	bool (*next)(u64 after, void *object, u64 *id);
	hermes_nl_fill fill;
	void (*release)(void *object);
};

/* A missing attribute: -EINVAL, its number and message @msg; else 0. */
#define HERMES_NL_REQUIRE(info, attr, msg) ({				      \
	struct genl_info *__request = (info);				      \
	int __ret = 0;							      \
									      \
	if (GENL_REQ_ATTR_CHECK(__request, attr)) {			      \
		NL_SET_ERR_MSG(__request->extack, msg);			      \
		__ret = -EINVAL;					      \
	}								      \
	__ret;								      \
})

/* netlink.c APIs: */
extern struct genl_family hermes_genl_family;
int hermes_nl_actor(struct sk_buff *skb, struct genl_info *info,
		    struct hermes_actor *who);
int hermes_nl_put_fields(struct sk_buff *skb, const void *object,
			 const struct hermes_nl_field *fields, size_t nr);
unsigned long hermes_nl_get_fields(struct nlattr **attrs, void *object,
				   const struct hermes_nl_field *fields,
				   size_t nr);
int hermes_nl_reply(struct genl_info *info, hermes_nl_fill fill,
		    const void *object);
int hermes_nl_dump(struct sk_buff *skb, struct netlink_callback *cb,
		   const struct hermes_nl_source *source);

/* nl_client.c APIs: */
int hermes_nl_client_get(struct sk_buff *skb, struct genl_info *info);
int hermes_nl_client_dump(struct sk_buff *skb, struct netlink_callback *cb);
int hermes_nl_client_set(struct sk_buff *skb, struct genl_info *info);

/* nl_cgroup.c APIs: */
int hermes_nl_cgroup_add(struct sk_buff *skb, struct genl_info *info);
int hermes_nl_cgroup_set(struct sk_buff *skb, struct genl_info *info);
int hermes_nl_cgroup_del(struct sk_buff *skb, struct genl_info *info);
int hermes_nl_cgroup_dump(struct sk_buff *skb, struct netlink_callback *cb);

/* nl_policy.c APIs: */
int hermes_nl_policy_get(struct sk_buff *skb, struct genl_info *info);
int hermes_nl_policy_set(struct sk_buff *skb, struct genl_info *info);
int hermes_nl_totals_get(struct sk_buff *skb, struct genl_info *info);

/* nl_decision.c APIs: */
size_t hermes_nl_decision_bytes(void);
int hermes_nl_decision_fill(struct sk_buff *skb, const void *object);
int hermes_nl_decision_dump(struct sk_buff *skb, struct netlink_callback *cb);
int hermes_nl_dry_run(struct sk_buff *skb, struct genl_info *info);

/* nl_event.c APIs: */
int hermes_nl_events_init(void);
void hermes_nl_events_start(void);
void hermes_nl_events_stop(void);

#endif /* _HERMES_NETLINK_H */
