/* SPDX-License-Identifier: GPL-2.0-only */
/* Arguments KEY=VALUE: the attributes that can be set. */
#ifndef HERMES_CTL_SETTINGS_H
#define HERMES_CTL_SETTINGS_H

#include "nl.h"

struct settings {
	struct {
		unsigned int attr;
		uint64_t value;
	} list[ATTRS_MAX];
	size_t n;
};

/**
 * settings_add() - one KEY=VALUE
 * @why: set to what is wrong with it, in words
 *
 * Return: whether it is right
 */
bool settings_add(struct settings *s, const struct attr_set *set, const char *text,
		  char why[200]);

/** settings_parse() - the arguments @argv, ended by NULL; a wrong one ends the program */
void settings_parse(struct settings *s, const struct attr_set *set, char **argv);

/** settings_put() - add them to a request */
void settings_put(const struct settings *s, struct nl_request *request);

/** settings_list() - print the keys with their meaning */
void settings_list(const struct attr_set *set);

#endif
