// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hermesctl.h"
#include "target.h"

bool target_id(const char *text, uint64_t *id)
{
	const char *number;

	if (*text == '#')
		number = text + 1;
	else if (!strncmp(text, "id:", 3))
		number = text + 3;
	else
		return false;
	*id = ctl_number(text, number, UNIT_NONE);
	return true;
}

void target_parse(struct target *t, const char *text)
{
	t->text = text;
	t->by_id = target_id(text, &t->number);
	/* 0 is the PID of all processes that are not visible here. */
	if (!t->by_id && (units_parse(UNIT_NONE, text, &t->number) || !t->number))
		usage_error("'%s' is neither a PID nor #ID", text);
}

void target_check(char *const *argv)
{
	struct target t;

	for (; *argv; argv++)
		target_parse(&t, *argv);
}

bool target_matches(const struct target *t, const struct record *client)
{
	return record_number(client, t->by_id ? HERMES_A_CLIENT_ID : HERMES_A_CLIENT_PID) ==
	       t->number;
}

/* Whether @client is among the targets; says so in @found, one for each. */
static bool is_named(const struct record *client, char *const *argv, bool *found)
{
	struct target t;
	bool named = false;
	int i;

	for (i = 0; argv[i]; i++) {
		target_parse(&t, argv[i]);
		if (target_matches(&t, client)) {
			found[i] = true;
			named = true;
		}
	}
	return named;
}

static int judge(char *const *argv, const bool *found)
{
	int i, missing = 0;

	for (i = 0; argv[i]; i++)
		if (!found[i]) {
			fprintf(stderr, "%s: %s: no client of Hermes\n",
				program_invocation_short_name, argv[i]);
			missing++;
		}
	if (!missing)
		return EXIT_SUCCESS;
	return missing < i ? EXIT_PARTIAL : EXIT_FAILURE;
}

int target_filter(struct record_list *clients, char *const *argv)
{
	bool *found;
	size_t i, left = 0, n = 0;
	int status;

	while (argv[n])
		n++;
	if (!n)
		return EXIT_SUCCESS;
	found = calloc(n, sizeof(*found));
	if (!found)
		die(ENOMEM, "clients");
	for (i = 0; i < clients->n; i++) {
		if (is_named(&clients->records[i], argv, found))
			clients->records[left++] = clients->records[i];
		else
			record_free(&clients->records[i]);
	}
	clients->n = left;
	status = judge(argv, found);
	free(found);
	return status;
}
