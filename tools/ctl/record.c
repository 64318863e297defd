// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "record.h"

_Static_assert(__HERMES_A_CLIENT_MAX <= ATTRS_MAX, "struct record.present has a bit for each");

static void drop(struct record *r, unsigned int number)
{
	if (!record_has(r, number))
		return;
	if (r->set->attrs[number].type == ATTR_STRING)
		free(r->values[number].text);
	if (r->set->attrs[number].type == ATTR_DECISION) {
		record_free(r->values[number].nested);
		free(r->values[number].nested);
	}
	r->present &= ~(1ULL << number);
}

void record_free(struct record *r)
{
	unsigned int i;

	for (i = 0; r->set && i < r->set->n; i++)
		drop(r, i);
}

static int parse_nested(struct record *r, unsigned int number, const struct nlattr *nla)
{
	struct record *nested = calloc(1, sizeof(*nested));
	int ret;

	if (!nested)
		return -ENOMEM;
	ret = record_parse(nested, &decision_attrs, mnl_attr_get_payload(nla),
			   mnl_attr_get_payload_len(nla));
	if (ret)
		free(nested);
	else
		r->values[number].nested = nested;
	return ret;
}

static int parse_value(struct record *r, unsigned int number, const struct nlattr *nla)
{
	static const enum mnl_attr_data_type types[] = {
		[ATTR_U32] = MNL_TYPE_U32,
		[ATTR_U64] = MNL_TYPE_U64,
		[ATTR_S32] = MNL_TYPE_U32,
		[ATTR_STRING] = MNL_TYPE_NUL_STRING,
		[ATTR_DECISION] = MNL_TYPE_NESTED,
	};
	enum attr_type type = r->set->attrs[number].type;

	if (mnl_attr_validate(nla, types[type]) < 0)
		return -EBADMSG;
	switch (type) {
	case ATTR_U32:
		r->values[number].number = mnl_attr_get_u32(nla);
		break;
	case ATTR_U64:
		r->values[number].number = mnl_attr_get_u64(nla);
		break;
	case ATTR_S32:
		r->values[number].number = (uint64_t)(int64_t)(int32_t)mnl_attr_get_u32(nla);
		break;
	case ATTR_STRING:
		r->values[number].text = strdup(mnl_attr_get_str(nla));
		if (!r->values[number].text)
			return -ENOMEM;
		break;
	case ATTR_DECISION:
		return parse_nested(r, number, nla);
	}
	return 0;
}

/* For mnl_attr_parse_payload(): errno is what record_parse() returns. */
static int on_attr(const struct nlattr *nla, void *data)
{
	struct record *r = data;
	unsigned int number = mnl_attr_get_type(nla);
	int ret;

	if (!attr_find(r->set, number))
		return MNL_CB_OK;
	/* The last one counts. */
	drop(r, number);
	ret = parse_value(r, number, nla);
	if (ret) {
		errno = -ret;
		return MNL_CB_ERROR;
	}
	r->present |= 1ULL << number;
	return MNL_CB_OK;
}

int record_parse(struct record *r, const struct attr_set *set, const void *payload, size_t len)
{
	int err;

	*r = (struct record){ .set = set };
	if (mnl_attr_parse_payload(payload, len, on_attr, r) >= 0)
		return 0;
	err = -errno;
	record_free(r);
	return err;
}

bool record_has(const struct record *r, unsigned int attr)
{
	return r->present & (1ULL << attr);
}

uint64_t record_number(const struct record *r, unsigned int attr)
{
	return record_has(r, attr) ? r->values[attr].number : 0;
}

const char *record_text(const struct record *r, unsigned int attr)
{
	return record_has(r, attr) ? r->values[attr].text : "";
}

const struct record *record_nested(const struct record *r, unsigned int attr)
{
	return record_has(r, attr) ? r->values[attr].nested : NULL;
}

const char *record_word(const struct record *r, unsigned int attr)
{
	return attr_word(&r->set->attrs[attr], record_number(r, attr));
}

const char *record_human(char buf[UNITS_LEN], const struct record *r, unsigned int attr)
{
	return units_human(buf, r->set->attrs[attr].unit, record_number(r, attr));
}

static json_t *value_json(const struct record *r, unsigned int number)
{
	const struct attr *attr = &r->set->attrs[number];

	if (attr->type == ATTR_STRING)
		return json_text(r->values[number].text);
	if (attr->type == ATTR_DECISION)
		return record_json(r->values[number].nested);
	if (attr->type == ATTR_S32)
		return json_integer((int64_t)r->values[number].number);
	if (attr->words)
		return json_text(record_word(r, number));
	if (attr->unit == UNIT_BOOL)
		return json_boolean(r->values[number].number);
	return json_number(r->values[number].number);
}

json_t *record_json(const struct record *r)
{
	json_t *object = json_object();
	unsigned int i;

	for (i = 0; i < r->set->n; i++)
		if (record_has(r, i))
			json_object_set_new(object, r->set->attrs[i].name, value_json(r, i));
	return object;
}

int records_add(struct record_list *list, struct record *r)
{
	struct record *grown = reallocarray(list->records, list->n + 1, sizeof(*grown));

	if (!grown) {
		record_free(r);
		return -ENOMEM;
	}
	list->records = grown;
	list->records[list->n++] = *r;
	return 0;
}

void records_free(struct record_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		record_free(&list->records[i]);
	free(list->records);
	*list = (struct record_list){ 0 };
}

const struct record *records_find(const struct record_list *list, unsigned int attr,
				  uint64_t number)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (record_number(&list->records[i], attr) == number)
			return &list->records[i];
	return NULL;
}
