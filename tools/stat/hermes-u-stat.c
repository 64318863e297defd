// SPDX-License-Identifier: GPL-2.0-only
/*
 * hermes-u-stat - counters and latencies of processes that use libhermes-u, read from their
 * statistics files. The processes are not stopped and do not notice.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../bench/cli.h"
#include "shm.h"

static const char usage[] =
"Usage: hermes-u-stat [--json] [PID|FILE]...\n"
"Show what libhermes-u counts in running processes. Without an argument: all in\n"
HERMES_U_SHM_DIR ".\n"
"\n"
"  --json     one JSON object a line and file, instead of text\n"
"  --help     this text\n"
"  --version  the version\n";

static const unsigned int points[] = { 5000, 9000, 9900, 9990 };
static const char *const point_names[] = { "p50", "p90", "p99", "p99.9" };

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define POINTS		ARRAY_SIZE(points)

static bool json, failed;

static const char *backend_of(const struct hermes_u_shm *h)
{
	static const char *const names[] = { "none", "kmod", "anon" };

	return h->backend < ARRAY_SIZE(names) ? names[h->backend] : "other";
}

static bool is_histogram(const struct hermes_u_shm_entry *e)
{
	return e->type == HERMES_U_SHM_HISTOGRAM;
}

static bool is_value(const struct hermes_u_shm_entry *e)
{
	return e->type == HERMES_U_SHM_COUNTER || e->type == HERMES_U_SHM_GAUGE;
}

static void print_text(const char *path, const struct shm *shm)
{
	const struct hermes_u_shm *h = shm->header;
	struct hermes_u_shm_histogram hist;
	unsigned int i, p;
	uint64_t count;

	printf("%s: %s, pid %" PRIu32 ", %s, backend %s, libhermes-u %s\n", path, h->command,
	       h->pid, shm->running ? "running" : "stale: the process has ended", backend_of(h),
	       h->library);
	for (i = 0; i < h->entries; i++)
		if (is_value(shm_entry(shm, i)))
			printf("%-20s %20" PRIu64 "\n", shm_entry(shm, i)->name,
			       shm_value(shm, shm_entry(shm, i)));
	printf("%-14s %10s %10s", "microseconds", "count", "mean");
	for (p = 0; p < POINTS; p++)
		printf(" %10s", point_names[p]);
	printf(" %10s\n", "max");
	for (i = 0; i < h->entries; i++) {
		if (!is_histogram(shm_entry(shm, i)))
			continue;
		count = shm_histogram(shm, shm_entry(shm, i), &hist);
		if (!count)
			continue;
		printf("%-14s %10" PRIu64 " %10.3f", shm_entry(shm, i)->name, count,
		       (double)hist.sum_ns / (double)count / 1e3);
		for (p = 0; p < POINTS; p++)
			printf(" %10.3f", (double)shm_percentile(&hist, count, points[p]) / 1e3);
		printf(" %10.3f\n", (double)hist.max_ns / 1e3);
	}
}

static void print_json_histogram(const struct hermes_u_shm_histogram *hist, uint64_t count)
{
	const char *comma = "";
	unsigned int p, b;

	printf("{\"count\":%" PRIu64 ",\"sum\":%" PRIu64, count, hist->sum_ns);
	for (p = 0; p < POINTS; p++)
		printf(",\"%s\":%" PRIu64, point_names[p],
		       shm_percentile(hist, count, points[p]));
	printf(",\"max\":%" PRIu64 ",\"buckets\":[", hist->max_ns);
	for (b = 0; b < HERMES_U_SHM_BUCKETS; b++) {
		if (!hist->buckets[b])
			continue;
		printf("%s[%" PRIu64 ",%" PRIu64 "]", comma, hermes_u_shm_bucket_top(b),
		       hist->buckets[b]);
		comma = ",";
	}
	printf("]}");
}

static void print_json(const char *path, const struct shm *shm)
{
	const struct hermes_u_shm *h = shm->header;
	struct hermes_u_shm_histogram hist;
	const char *comma = "";
	unsigned int i;
	uint64_t count;

	printf("{\"file\":");
	print_json_string(stdout, path);
	printf(",\"pid\":%" PRIu32 ",\"running\":%s,\"command\":", h->pid,
	       shm->running ? "true" : "false");
	print_json_string(stdout, h->command);
	printf(",\"backend\":\"%s\",\"library\":", backend_of(h));
	print_json_string(stdout, h->library);
	printf(",\"created_ns\":%" PRIu64 ",\"values\":{", h->created_ns);
	for (i = 0; i < h->entries; i++) {
		if (!is_value(shm_entry(shm, i)))
			continue;
		printf("%s", comma);
		print_json_string(stdout, shm_entry(shm, i)->name);
		printf(":%" PRIu64, shm_value(shm, shm_entry(shm, i)));
		comma = ",";
	}
	printf("},\"latency_ns\":{");
	comma = "";
	for (i = 0; i < h->entries; i++) {
		if (!is_histogram(shm_entry(shm, i)))
			continue;
		count = shm_histogram(shm, shm_entry(shm, i), &hist);
		printf("%s", comma);
		print_json_string(stdout, shm_entry(shm, i)->name);
		printf(":");
		print_json_histogram(&hist, count);
		comma = ",";
	}
	printf("}}\n");
}

static void show(const char *path)
{
	struct shm shm;
	char why[200];

	if (!shm_open_file(&shm, path, why, sizeof(why))) {
		fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, path, why);
		failed = true;
		return;
	}
	if (json)
		print_json(path, &shm);
	else
		print_text(path, &shm);
	shm_close(&shm);
}

/* Every file in the directory whose name begins with @prefix; returns how many. */
static unsigned int show_all(const char *prefix)
{
	DIR *dir = opendir(HERMES_U_SHM_DIR);
	char path[PATH_MAX];
	unsigned int n = 0;
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		if (strncmp(d->d_name, prefix, strlen(prefix)))
			continue;
		snprintf(path, sizeof(path), HERMES_U_SHM_DIR "/%s", d->d_name);
		show(path);
		n++;
	}
	if (dir)
		closedir(dir);
	return n;
}

/* A process that was told to put its file elsewhere still has it mapped. */
static bool show_mapped(const char *pid)
{
	char path[PATH_MAX], line[PATH_MAX + 100], name[64], *at, *end;
	bool found = false;
	FILE *maps;

	snprintf(name, sizeof(name), "/" HERMES_U_SHM_PREFIX "%s.", pid);
	snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	maps = fopen(path, "r");
	while (maps && !found && fgets(line, sizeof(line), maps)) {
		at = strchr(line, '/');
		end = strchr(line, '\n');
		if (!at || !end || !strstr(at, name))
			continue;
		*end = '\0';
		show(at);
		found = true;
	}
	if (maps)
		fclose(maps);
	return found;
}

static void show_pid(const char *pid)
{
	char prefix[64];

	snprintf(prefix, sizeof(prefix), HERMES_U_SHM_PREFIX "%s.", pid);
	if (show_mapped(pid) || show_all(prefix))
		return;
	fprintf(stderr, "%s: process %s has no statistics file in " HERMES_U_SHM_DIR
		" or mapped\n", program_invocation_short_name, pid);
	failed = true;
}

static bool is_pid(const char *text)
{
	const char *p = text;

	while (isdigit((unsigned char)*p))
		p++;
	return *text && !*p && p - text < 12;
}

/* The file was cut off after it was checked. */
static void on_sigbus(int sig)
{
	static const char text[] = "hermes-u-stat: the file was truncated meanwhile\n";

	(void)sig;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(EXIT_FAILURE);
	_exit(EXIT_FAILURE);
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		case 'v':
			puts("hermes-u-stat " HERMES_VERSION);
			exit(EXIT_SUCCESS);
		default:
			fputs("Try --help.\n", stderr);
			exit(EXIT_USAGE);
		}
	}
}

int main(int argc, char **argv)
{
	int i;

	parse(argc, argv);
	signal(SIGBUS, on_sigbus);
	for (i = optind; i < argc; i++) {
		if (is_pid(argv[i]))
			show_pid(argv[i]);
		else
			show(argv[i]);
	}
	if (optind == argc)
		show_all(HERMES_U_SHM_PREFIX);
	if (fflush(stdout) || ferror(stdout))
		die(errno, "stdout");
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
