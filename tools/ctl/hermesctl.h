/* SPDX-License-Identifier: GPL-2.0-only */
/* What the commands of hermesctl have in common. */
#ifndef HERMES_CTL_HERMESCTL_H
#define HERMES_CTL_HERMESCTL_H

#include <getopt.h>
#include <stdbool.h>

#include "../bench/cli.h"
#include "json.h"
#include "nl.h"

/* Exit codes besides EXIT_SUCCESS, EXIT_FAILURE and EXIT_USAGE. */
enum {
	EXIT_NO_MODULE = 3,
	EXIT_PARTIAL = 4,
};

/**
 * struct command - one command
 * @name: one or two words
 * @args: its arguments, for people
 * @summary: what it does, one line
 * @help: the rest of its help text, NULL if there is none
 * @json: whether it heeds --json
 * @in_order: its options stand before its arguments, which may look like some
 * @run: do it; argv[0] is the program; returns the exit code
 */
struct command {
	const char *name;
	const char *args;
	const char *summary;
	const char *help;
	bool json;
	bool in_order;
	int (*run)(int argc, char **argv);
};

extern const struct command cmd_status, cmd_reserves, cmd_reserve_set, cmd_cgroups, cmd_be_add,
	cmd_be_set, cmd_be_del, cmd_lc_add, cmd_lc_del, cmd_policy_get, cmd_policy_set, cmd_auto,
	cmd_watch, cmd_top, cmd_explain, cmd_dry_run, cmd_run, cmd_metrics;

/* Whether --json was given. */
extern bool ctl_json;
/* The command that runs. */
extern const struct command *ctl_command;

/** ctl_help() - print the help text of a command */
void ctl_help(const struct command *command);

/** ctl_refuse_json() - --json was given, but @command has no use for it: end the program */
void ctl_refuse_json(const struct command *command) __attribute__((noreturn));

/**
 * ctl_option() - the next option of a command, as getopt_long(), with optarg and optind
 * @options: its own ones, NULL: it has none; ended by an entry without name
 *
 * --json and --help are done here; an unknown option ends the program.
 *
 * Return: the option's val, -1 when only arguments are left, from optind on
 */
int ctl_option(int argc, char **argv, const struct option *options);

/** ctl_no_options() - for a command without options and with @min to @max arguments: the first */
char **ctl_no_options(int argc, char **argv, int min, int max);

/** ctl_connect() - connect to the module; ends the program when that cannot be */
struct nl *ctl_connect(void);

/** ctl_get() - the answer to a request without arguments; ends the program when it fails */
struct record_list ctl_get(struct nl *nl, enum hermes_cmd cmd, bool dump);

/** ctl_get_one() - the same where the answer must be one object; free the list */
struct record_list ctl_get_one(struct nl *nl, enum hermes_cmd cmd);

/** ctl_json_array() - the objects of a list */
json_t *ctl_json_array(const struct record_list *list);

/** ctl_clients_json() - the same for clients, with the names of their processes */
json_t *ctl_clients_json(const struct record_list *clients);

/** ctl_number() - value of an option or argument named @what; ends the program if it is none */
uint64_t ctl_number(const char *what, const char *text, enum unit unit);

/** ctl_seconds_ms() - the same for seconds, such as 0.5; above 0; in milliseconds */
uint64_t ctl_seconds_ms(const char *what, const char *text);

#endif
