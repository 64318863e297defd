/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every attribute of the netlink family: one table that says how it is read, shown, set, written
 * as JSON and exported as a metric.
 */
#ifndef HERMES_CTL_ATTRS_H
#define HERMES_CTL_ATTRS_H

#include <linux/hermes_netlink.h>
#include <stdbool.h>
#include <stdint.h>

#include "units.h"

/* More than the largest set has. */
#define ATTRS_MAX	64

enum attr_type {
	ATTR_U32 = 1,
	ATTR_U64,
	ATTR_S32,
	ATTR_STRING,
	ATTR_DECISION,		/* nested, attributes of hermes_decision_attr */
};

/**
 * enum attr_kind - how a value behaves
 * @KIND_NAME: identifies or describes the object: no metric
 * @KIND_GAUGE: goes up and down
 * @KIND_COUNTER: never falls
 */
enum attr_kind {
	KIND_NAME,
	KIND_GAUGE,
	KIND_COUNTER,
};

/* Above the largest value of an enumeration. */
#define ATTR_WORDS_MAX	ATTRS_MAX

/* Names of the values of an enumeration, by value. */
struct attr_words {
	const char *names[ATTR_WORDS_MAX];
};

/**
 * struct attr - one attribute
 * @name: in JSON: HERMES_A_<set>_<name> in lower case
 * @type: of its payload
 * @unit: of its value
 * @kind: how its value behaves
 * @help: what it is
 * @key: in KEY=VALUE arguments; NULL: it cannot be set
 * @range: allowed values, for people; with @key
 * @initial: default value, for people; with @key
 * @words: if it is an enumeration
 * @metric: name of the metric without prefix and unit; NULL: @name without its unit
 * @cause: value of the label "cause" of this metric, which several attributes share; its help is
 *	that of the attribute named @metric
 */
struct attr {
	const char *name;
	enum attr_type type;
	enum unit unit;
	enum attr_kind kind;
	const char *help;
	const char *key;
	const char *range;
	const char *initial;
	const struct attr_words *words;
	const char *metric;
	const char *cause;
};

/**
 * struct attr_set - the attributes of one kind of object
 * @name: in the specification
 * @attrs: by number; without a name where there is none to read
 * @n: length of @attrs
 */
struct attr_set {
	const char *name;
	const struct attr *attrs;
	unsigned int n;
};

extern const struct attr_set client_attrs, cgroup_attrs, policy_attrs, totals_attrs,
	decision_attrs, event_attrs;

/** attrs_of() - what requests and replies of @cmd consist of */
const struct attr_set *attrs_of(enum hermes_cmd cmd);

/** attr_find() - attribute @number of a set; NULL if it is not known */
const struct attr *attr_find(const struct attr_set *set, unsigned int number);

/** attr_by_key() - number of the attribute that is set by @key; 0 if none */
unsigned int attr_by_key(const struct attr_set *set, const char *key);

/** attr_word() - name of @value of an enumeration; "unknown" for one of a newer module */
const char *attr_word(const struct attr *attr, uint64_t value);

#endif
