// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/genetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "extack.h"
#include "text.h"

struct reading {
	const struct nlmsghdr *request;
	const struct attr_set *set;
	struct nl_error *error;
};

/* The attribute that begins @offset bytes into the request. */
static const struct attr *attr_at(const struct reading *r, uint32_t offset)
{
	const struct nlattr *nla;

	mnl_attr_for_each(nla, r->request, GENL_HDRLEN)
		if ((size_t)((const char *)nla - (const char *)r->request) == offset)
			return attr_find(r->set, mnl_attr_get_type(nla));
	return NULL;
}

/* A bound of the range that the attribute should have kept. */
static int on_policy(const struct nlattr *nla, void *data)
{
	struct nl_error *error = data;

	if (mnl_attr_validate(nla, MNL_TYPE_U64) < 0)
		return MNL_CB_OK;
	if (mnl_attr_get_type(nla) == NL_POLICY_TYPE_ATTR_MIN_VALUE_U)
		error->min = mnl_attr_get_u64(nla);
	else if (mnl_attr_get_type(nla) == NL_POLICY_TYPE_ATTR_MAX_VALUE_U)
		error->max = mnl_attr_get_u64(nla);
	return MNL_CB_OK;
}

static bool is(const struct nlattr *nla, unsigned int number, enum mnl_attr_data_type type)
{
	return mnl_attr_get_type(nla) == number && mnl_attr_validate(nla, type) >= 0;
}

static int on_detail(const struct nlattr *nla, void *data)
{
	struct reading *r = data;

	if (is(nla, NLMSGERR_ATTR_MSG, MNL_TYPE_NUL_STRING)) {
		snprintf(r->error->message, sizeof(r->error->message), "%s",
			 mnl_attr_get_str(nla));
		text_clean(r->error->message);
	} else if (r->set && is(nla, NLMSGERR_ATTR_OFFS, MNL_TYPE_U32)) {
		r->error->attr = attr_at(r, mnl_attr_get_u32(nla));
	} else if (r->set && is(nla, NLMSGERR_ATTR_MISS_TYPE, MNL_TYPE_U32)) {
		r->error->attr = attr_find(r->set, mnl_attr_get_u32(nla));
		r->error->missing = true;
	} else if (is(nla, NLMSGERR_ATTR_POLICY, MNL_TYPE_NESTED)) {
		mnl_attr_parse_nested(nla, on_policy, r->error);
	}
	return MNL_CB_OK;
}

/* Length of what precedes the details; more than the message has if it is malformed. */
static size_t details_at(const struct nlmsghdr *header)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(header);
	size_t original;

	if (header->nlmsg_type == NLMSG_DONE)
		return sizeof(e->error);
	/* A failed request is quoted whole, unless the kernel was told not to. */
	if (!e->error || header->nlmsg_flags & NLM_F_CAPPED)
		return sizeof(*e);
	original = e->msg.nlmsg_len;
	return sizeof(e->error) + (original > sizeof(e->msg) ? MNL_ALIGN(original) :
							       sizeof(e->msg));
}

void extack_parse(const struct nlmsghdr *header, const struct nlmsghdr *request,
		  const struct attr_set *set, struct nl_error *error)
{
	struct reading r = { .request = request, .set = set, .error = error };
	size_t len = mnl_nlmsg_get_payload_len(header), at;
	const char *payload = mnl_nlmsg_get_payload(header);
	int code;

	if (header->nlmsg_type == NLMSG_ERROR && len < sizeof(struct nlmsgerr)) {
		error->err = EBADMSG;
		return;
	}
	/* The end of a dump may say nothing, and counts as success. */
	if (len < sizeof(code))
		return;
	memcpy(&code, payload, sizeof(code));
	error->err = code > 0 ? EBADMSG : -code;
	at = details_at(header);
	if (error->err && header->nlmsg_flags & NLM_F_ACK_TLVS && at <= len)
		mnl_attr_parse_payload(payload + at, len - at, on_detail, &r);
}

static void print_cause(const struct nl_error *error)
{
	const struct attr *a = error->attr;
	char min[UNITS_LEN], max[UNITS_LEN];

	if (a)
		fprintf(stderr, "%s%s: ", a->key ? a->key : a->name,
			error->missing ? " is missing" : "");
	if (error->message[0])
		fprintf(stderr, "%s (%s)", error->message, strerror(error->err));
	else
		fputs(strerror(error->err), stderr);
	if (a && error->max)
		fprintf(stderr, "; allowed: %s to %s", units_exact(min, a->unit, error->min),
			units_exact(max, a->unit, error->max));
}

void nl_print_error(const struct nl_error *error, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs(": ", stderr);
	print_cause(error);
	/* The kernel's message says it better. */
	if ((error->err == EPERM || error->err == EACCES) && !error->message[0])
		fputs("; this needs root or CAP_SYS_ADMIN", stderr);
	fputc('\n', stderr);
}
