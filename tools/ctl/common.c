// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hermesctl.h"
#include "text.h"

#define MAX_OPTIONS	8

bool ctl_json;
const struct command *ctl_command;

void ctl_help(const struct command *command)
{
	printf("Usage: hermesctl %s%s%s%s\n%s.\n", command->json ? "[--json] " : "",
	       command->name, *command->args ? " " : "", command->args, command->summary);
	if (command->help)
		printf("\n%s", command->help);
}

void ctl_refuse_json(const struct command *command)
{
	usage_error("%s: there is nothing to show as JSON", command->name);
}

int ctl_option(int argc, char **argv, const struct option *options)
{
	struct option all[MAX_OPTIONS + 3] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
	};
	size_t i;
	int c;

	for (i = 0; options && options[i].name && i < MAX_OPTIONS; i++)
		all[i + 2] = options[i];
	while ((c = getopt_long(argc, argv, ctl_command->in_order ? "+" : "", all, NULL)) == 'j') {
		if (!ctl_command->json)
			ctl_refuse_json(ctl_command);
		ctl_json = true;
	}
	if (c == 'h') {
		ctl_help(ctl_command);
		exit(EXIT_SUCCESS);
	}
	if (c == '?') {
		fprintf(stderr, "Try 'hermesctl help %s'.\n", ctl_command->name);
		exit(EXIT_USAGE);
	}
	return c;
}

char **ctl_no_options(int argc, char **argv, int min, int max)
{
	while (ctl_option(argc, argv, NULL) != -1)
		;
	if (argc - optind < min)
		usage_error("an argument is missing");
	if (argc - optind > max)
		usage_error("unexpected argument '%s'", argv[optind + max]);
	return argv + optind;
}

static void __attribute__((noreturn)) no_module(void)
{
	if (!access("/sys/module/hermes", F_OK))
		fprintf(stderr,
			"%s: the module hermes is loaded, but its netlink family is not to be seen.\n"
			"Run hermesctl in the initial network namespace. If this is it, the module\n"
			"is older than hermesctl: install the one that belongs to it.\n",
			program_invocation_short_name);
	else
		fprintf(stderr,
			"%s: the module hermes is not loaded: run 'modprobe hermes' as root.\n"
			"If there is no such module, run 'make modules modules_install' in the\n"
			"source of Hermes, then 'depmod'.\n", program_invocation_short_name);
	exit(EXIT_NO_MODULE);
}

struct nl *ctl_connect(void)
{
	static struct nl nl;
	int err;

	err = nl_open(&nl);
	if (err == -ENOENT)
		no_module();
	if (err)
		die(-err, "generic netlink");
	return &nl;
}

struct record_list ctl_get(struct nl *nl, enum hermes_cmd cmd, bool dump)
{
	struct record_list list = { 0 };
	struct nl_request request;
	struct nl_error error;

	nl_request(&request, cmd, dump);
	if (nl_call(nl, &request, &list, &error)) {
		nl_print_error(&error, "%s", request.set->name);
		exit(EXIT_FAILURE);
	}
	return list;
}

struct record_list ctl_get_one(struct nl *nl, enum hermes_cmd cmd)
{
	struct record_list list = ctl_get(nl, cmd, false);

	if (list.n != 1)
		die(EBADMSG, "%s", attrs_of(cmd)->name);
	return list;
}

json_t *ctl_json_array(const struct record_list *list)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < list->n; i++)
		json_array_append_new(array, record_json(&list->records[i]));
	return array;
}

json_t *ctl_clients_json(const struct record_list *clients)
{
	json_t *array = ctl_json_array(clients);
	char comm[64];
	size_t i;

	for (i = 0; i < clients->n; i++) {
		uint64_t pid = record_number(&clients->records[i], HERMES_A_CLIENT_PID);

		json_object_set_new(json_array_get(array, i), "comm",
				    json_text(text_comm(comm, (unsigned int)pid)));
	}
	return array;
}

uint64_t ctl_number(const char *what, const char *text, enum unit unit)
{
	uint64_t value;
	int ret = units_parse(unit, text, &value);

	if (ret == -ERANGE)
		usage_error("%s: '%s' is too large or too fine", what, text);
	if (ret)
		usage_error("%s: '%s' is not %s", what, text, units_form(unit));
	return value;
}

uint64_t ctl_seconds_ms(const char *what, const char *text)
{
	char with_unit[UNITS_LEN];
	uint64_t ms;

	snprintf(with_unit, sizeof(with_unit), "%ss", text);
	if (text[strspn(text, "0123456789.")] || units_parse(UNIT_MS, with_unit, &ms) || !ms ||
	    ms > INT32_MAX)
		usage_error("%s: '%s' is not a number of seconds, 0.001 to 2000000", what,
			    text);
	return ms;
}
