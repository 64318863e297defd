/* SPDX-License-Identifier: GPL-2.0-only */
/* What every tool here does with its command line and its fatal errors. */
#ifndef HERMES_BENCH_CLI_H
#define HERMES_BENCH_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Exit codes of all tools; EXIT_MISMATCH: data came back different from what was written. */
enum {
	EXIT_USAGE = 2,
	EXIT_MISMATCH = 3,
};

/** die() - print "program: message: strerror(err)" (no strerror when @err is 0) and exit 1. */
void die(int err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), noreturn));

/** usage_error() - print the message and a hint to --help, exit EXIT_USAGE. */
void usage_error(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));

/**
 * enum cli_type - what an option's value is, and so what @target of its struct cli_option is.
 * @CLI_SIZE: uint64_t, bytes: "4096", "1K", "256M", "1G" (powers of 1024)
 * @CLI_NUMBER: uint64_t within [@min, @max]
 * @CLI_REAL: double, above zero
 * @CLI_TEXT: const char *
 * @CLI_CHOICE: unsigned int, index of the value in @choices (ended by NULL)
 * @CLI_FLAG: bool, takes no value
 * @CLI_HEADING: no option but a line of the help text
 */
enum cli_type {
	CLI_SIZE,
	CLI_NUMBER,
	CLI_REAL,
	CLI_TEXT,
	CLI_CHOICE,
	CLI_FLAG,
	CLI_HEADING,
};

struct cli_option {
	const char *name;
	const char *value;
	const char *help;
	enum cli_type type;
	void *target;
	uint64_t min, max;
	const char *const *choices;
};

#define CLI_OPTION(_name, _value, _help, _type, _target, ...)				\
	{ .name = (_name), .value = (_value), .help = (_help), .type = (_type),		\
	  .target = (_target), ##__VA_ARGS__ }
#define CLI_HEAD(_text)		{ .name = (_text), .type = CLI_HEADING }
#define CLI_END			{ .name = NULL }

/**
 * cli_parse() - store the command line's options; ends the program on --help, --version, on an
 * unknown option, a malformed value or an argument that is no option.
 * @summary: first lines of the help text
 * @options: ended by an entry without name
 */
void cli_parse(int argc, char **argv, const char *summary, const struct cli_option *options);

/** open_output() - @path for writing, "-" is stdout; ends the program on failure. */
FILE *open_output(const char *path);

/** close_output() - close what open_output() returned; a write error ends the program. */
void close_output(FILE *f, const char *path);

/** print_json_string() - @text quoted and escaped for JSON; NULL becomes null. */
void print_json_string(FILE *f, const char *text);

#endif
