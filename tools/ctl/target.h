/* SPDX-License-Identifier: GPL-2.0-only */
/* Arguments that name clients: PID, or #ID, which is id:ID for shells that take # for a comment. */
#ifndef HERMES_CTL_TARGET_H
#define HERMES_CTL_TARGET_H

#include "record.h"

struct target {
	const char *text;
	bool by_id;
	uint64_t number;
};

/** target_id() - whether @text is #ID or id:ID; a malformed number ends the program */
bool target_id(const char *text, uint64_t *id);

/** target_parse() - a client's name; ends the program if it is none */
void target_parse(struct target *t, const char *text);

/** target_check() - parse all of @argv, ended by NULL; ends the program if one is no name */
void target_check(char *const *argv);

/** target_matches() - whether it names the client */
bool target_matches(const struct target *t, const struct record *client);

/**
 * target_filter() - leave in @clients only those that are named; all if none is
 *
 * Prints a message for each of @argv, ended by NULL, that names nobody.
 *
 * Return: exit code: EXIT_SUCCESS, EXIT_PARTIAL, or EXIT_FAILURE if nobody is left
 */
int target_filter(struct record_list *clients, char *const *argv);

#endif
