// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define CLI_MAX_OPTIONS	40
/* Above every character, which getopt_long() also returns. */
#define FIRST_OPTION	256

void die(int err, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	if (err)
		fprintf(stderr, ": %s", strerror(err));
	fputc('\n', stderr);
	exit(EXIT_FAILURE);
}

void usage_error(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nTry '%s --help'.\n", program_invocation_short_name);
	exit(EXIT_USAGE);
}

static uint64_t parse_digits(const char *option, const char *text, char **end)
{
	uint64_t value;

	if (!isdigit((unsigned char)text[0]))
		usage_error("--%s: '%s' is not a number", option, text);
	errno = 0;
	value = strtoull(text, end, 10);
	if (errno)
		usage_error("--%s: '%s' is out of range", option, text);
	return value;
}

static uint64_t parse_size(const char *option, const char *text)
{
	static const char suffixes[] = "KMGT";
	uint64_t value;
	const char *s;
	char *end;
	int shift;

	value = parse_digits(option, text, &end);
	if (!*end)
		return value;
	s = strchr(suffixes, toupper((unsigned char)*end));
	if (!s || end[1])
		usage_error("--%s: '%s' is not a size (such as 4096, 1K, 256M, 1G)", option, text);
	shift = 10 * (int)(s - suffixes + 1);
	if (value > UINT64_MAX >> shift)
		usage_error("--%s: '%s' is out of range", option, text);
	return value << shift;
}

static uint64_t parse_number(const char *option, const char *text, uint64_t min, uint64_t max)
{
	uint64_t value;
	char *end;

	value = parse_digits(option, text, &end);
	if (*end || value < min || value > max)
		usage_error("--%s: '%s' is not a number from %llu to %llu", option, text,
			    (unsigned long long)min, (unsigned long long)max);
	return value;
}

static double parse_real(const char *option, const char *text)
{
	double value;
	char *end;

	errno = 0;
	value = strtod(text, &end);
	if (errno || end == text || *end || !(value > 0) || value > 1e18)
		usage_error("--%s: '%s' is not a positive number", option, text);
	return value;
}

static unsigned int parse_choice(const struct cli_option *o, const char *text)
{
	unsigned int i;

	for (i = 0; o->choices[i]; i++)
		if (!strcmp(text, o->choices[i]))
			return i;
	usage_error("--%s: unknown value '%s'", o->name, text);
}

static void store(const struct cli_option *o, const char *text)
{
	switch (o->type) {
	case CLI_SIZE:
		*(uint64_t *)o->target = parse_size(o->name, text);
		break;
	case CLI_NUMBER:
		*(uint64_t *)o->target = parse_number(o->name, text, o->min, o->max);
		break;
	case CLI_REAL:
		*(double *)o->target = parse_real(o->name, text);
		break;
	case CLI_TEXT:
		*(const char **)o->target = text;
		break;
	case CLI_CHOICE:
		*(unsigned int *)o->target = parse_choice(o, text);
		break;
	case CLI_FLAG:
		*(bool *)o->target = true;
		break;
	case CLI_HEADING:
		break;
	}
}

static void print_help(const char *summary, const struct cli_option *o)
{
	char left[64];

	printf("Usage: %s [OPTION]...\n%s", program_invocation_short_name, summary);
	for (; o->name; o++) {
		if (o->type == CLI_HEADING) {
			printf("\n%s\n", o->name);
			continue;
		}
		snprintf(left, sizeof(left), "--%s %s", o->name, o->value ? o->value : "");
		printf("  %-28s %s\n", left, o->help);
	}
	printf("\n  %-28s %s\n  %s\n", "--help", "this text", "--version");
}

void cli_parse(int argc, char **argv, const char *summary, const struct cli_option *options)
{
	struct option long_options[CLI_MAX_OPTIONS + 3] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
	};
	size_t i;
	int c;

	for (i = 0; options[i].name && i < CLI_MAX_OPTIONS; i++) {
		long_options[i + 2].name = options[i].name;
		long_options[i + 2].has_arg = options[i].type == CLI_FLAG ? no_argument :
									    required_argument;
		long_options[i + 2].val = FIRST_OPTION + (int)i;
	}
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == 'h') {
			print_help(summary, options);
			exit(EXIT_SUCCESS);
		} else if (c == 'v') {
			printf("%s " HERMES_VERSION "\n", program_invocation_short_name);
			exit(EXIT_SUCCESS);
		} else if (c < FIRST_OPTION) {
			exit(EXIT_USAGE);
		}
		store(&options[c - FIRST_OPTION], optarg);
	}
	if (optind < argc)
		usage_error("unexpected argument '%s'", argv[optind]);
}

FILE *open_output(const char *path)
{
	FILE *f;

	if (!strcmp(path, "-"))
		return stdout;
	f = fopen(path, "we");
	if (!f)
		die(errno, "%s", path);
	return f;
}

void close_output(FILE *f, const char *path)
{
	int failed = ferror(f);

	if (f == stdout)
		failed |= fflush(f);
	else
		failed |= fclose(f);
	if (failed)
		die(errno, "write to %s", path);
}

void print_json_string(FILE *f, const char *text)
{
	if (!text) {
		fputs("null", f);
		return;
	}
	fputc('"', f);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(f, "\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			fprintf(f, "\\u%04x", *text);
		else
			fputc(*text, f);
	}
	fputc('"', f);
}
