/* SPDX-License-Identifier: GPL-2.0-only */
/* The attributes of one object, checked and copied out of a message. */
#ifndef HERMES_CTL_RECORD_H
#define HERMES_CTL_RECORD_H

#include <jansson.h>
#include <stddef.h>

#include "attrs.h"

struct record {
	const struct attr_set *set;
	uint64_t present;	/* bit per attribute */
	union {
		uint64_t number;
		char *text;
		struct record *nested;
	} values[ATTRS_MAX];
};

struct record_list {
	struct record *records;
	size_t n;
};

/**
 * record_parse() - read the attributes at @payload. Those that are not known are skipped: a newer
 * module may send them.
 *
 * Return: 0; -EBADMSG an attribute has a wrong length or form, -ENOMEM; then @r is empty
 */
int record_parse(struct record *r, const struct attr_set *set, const void *payload, size_t len);

void record_free(struct record *r);

/** record_number() - a number, 0 if it is absent */
uint64_t record_number(const struct record *r, unsigned int attr);

/** record_text() - a string, empty if it is absent */
const char *record_text(const struct record *r, unsigned int attr);

/** record_nested() - what is nested there, NULL if it is absent */
const struct record *record_nested(const struct record *r, unsigned int attr);

/** record_has() - whether it is there */
bool record_has(const struct record *r, unsigned int attr);

/** record_word() - name of the value of an enumeration */
const char *record_word(const struct record *r, unsigned int attr);

/** record_human() - a number in its unit, for people; returns @buf */
const char *record_human(char buf[UNITS_LEN], const struct record *r, unsigned int attr);

/** record_json() - an object with all that is there */
json_t *record_json(const struct record *r);

/** records_add() - append; takes over what @r holds. Return: 0 or -ENOMEM, then @r is freed */
int records_add(struct record_list *list, struct record *r);

void records_free(struct record_list *list);

/** records_find() - the record whose attribute @attr is @number, NULL if none */
const struct record *records_find(const struct record_list *list, unsigned int attr,
				  uint64_t number);

#endif
