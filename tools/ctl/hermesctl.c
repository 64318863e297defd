// SPDX-License-Identifier: GPL-2.0-only
/* hermesctl - looks after a machine that runs Hermes, over generic netlink. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hermesctl.h"

static const struct command *const commands[] = {
	&cmd_status, &cmd_reserves, &cmd_reserve_set, &cmd_cgroups, &cmd_be_add, &cmd_be_set,
	&cmd_be_del, &cmd_lc_add, &cmd_lc_del, &cmd_policy_get, &cmd_policy_set, &cmd_auto,
	&cmd_watch, &cmd_top, &cmd_explain, &cmd_dry_run, &cmd_run, &cmd_metrics,
};

/* Words of @argv that name @command, 0 if they do not. */
static int names(const struct command *command, int argc, char **argv)
{
	size_t first = strcspn(command->name, " ");

	if (argc < 1 || strncmp(argv[0], command->name, first) || argv[0][first])
		return 0;
	if (!command->name[first])
		return 1;
	return argc > 1 && !strcmp(argv[1], command->name + first + 1) ? 2 : 0;
}

static const struct command *find(int argc, char **argv, int *words)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		*words = names(commands[i], argc, argv);
		if (*words)
			return commands[i];
	}
	return NULL;
}

static void print_help(void)
{
	size_t i;

	puts("Usage: hermesctl [--json] COMMAND [ARGUMENT]...\n"
	     "Look after a machine that runs Hermes.\n");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-12s %s\n", commands[i]->name, commands[i]->summary);
	puts("  help         This text, or help [COMMAND]\n\n"
	     "  --json     what a command shows, as JSON\n"
	     "  --help     this text\n"
	     "  --version  the version");
}

static void __attribute__((noreturn)) unknown_command(int argc, char **argv)
{
	size_t i, len = strlen(argv[0]);

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strncmp(commands[i]->name, argv[0], len) && commands[i]->name[len] == ' ')
			usage_error("%s: %s%s%s", argv[0], argc > 1 ? "no such command: '" : "",
				    argc > 1 ? argv[1] : "what of it?", argc > 1 ? "'" : "");
	usage_error("no such command: '%s'", argv[0]);
}

static int help(int argc, char **argv)
{
	const struct command *command;
	int words;

	if (!argc) {
		print_help();
		return EXIT_SUCCESS;
	}
	command = find(argc, argv, &words);
	if (!command)
		unknown_command(argc, argv);
	ctl_help(command);
	return EXIT_SUCCESS;
}

static void parse_global(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			ctl_json = true;
			break;
		case 'h':
			print_help();
			exit(EXIT_SUCCESS);
		case 'v':
			puts("hermesctl " HERMES_VERSION);
			exit(EXIT_SUCCESS);
		default:
			fputs("Try 'hermesctl --help'.\n", stderr);
			exit(EXIT_USAGE);
		}
	}
}

int main(int argc, char **argv)
{
	const struct command *command;
	char *program = argv[0];
	int words, status;

	parse_global(argc, argv);
	argc -= optind;
	argv += optind;
	if (!argc)
		usage_error("a command is missing");
	if (!strcmp(argv[0], "help"))
		return help(argc - 1, argv + 1);
	command = find(argc, argv, &words);
	if (!command)
		unknown_command(argc, argv);
	if (ctl_json && !command->json)
		ctl_refuse_json(command);
	ctl_command = command;
	/* The last word of the name makes room for the program's. */
	argv[words - 1] = program;
	optind = 0;
	status = command->run(argc - words + 1, argv + words - 1);
	close_output(stdout, "standard output");
	return status;
}
