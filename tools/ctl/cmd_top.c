// SPDX-License-Identifier: GPL-2.0-only
/* What goes on, again and again: rates per second of all that is counted. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "hermesctl.h"
#include "text.h"

#define CLIENT(_name)	HERMES_A_CLIENT_##_name
#define CGROUP(_name)	HERMES_A_CGROUP_##_name
#define TOTALS(_name)	HERMES_A_TOTALS_##_name

/* Home, and clear to the end of the screen. */
#define CLEAR	"\033[H\033[J"

struct sample {
	struct record_list totals, clients, cgroups;
	struct timespec time;
};

static void take(struct sample *s, struct nl *nl)
{
	s->totals = ctl_get_one(nl, HERMES_CMD_TOTALS_GET);
	s->clients = ctl_get(nl, HERMES_CMD_CLIENT_GET, true);
	s->cgroups = ctl_get(nl, HERMES_CMD_CGROUP_GET, true);
	clock_gettime(CLOCK_MONOTONIC, &s->time);
}

static void drop(struct sample *s)
{
	records_free(&s->totals);
	records_free(&s->clients);
	records_free(&s->cgroups);
}

static double seconds(const struct sample *old, const struct sample *new)
{
	return (double)(new->time.tv_sec - old->time.tv_sec) +
	       (double)(new->time.tv_nsec - old->time.tv_nsec) / 1e9;
}

/* Growth of a counter per second; 0 for an object that is new. */
static double rate(const struct record *old, const struct record *new, unsigned int attr,
		   double elapsed)
{
	uint64_t before = old ? record_number(old, attr) : record_number(new, attr);
	uint64_t now = record_number(new, attr);

	return now > before && elapsed > 0 ? (double)(now - before) / elapsed : 0;
}

/* Of all counters of an object. */
static json_t *rates_json(const struct record *old, const struct record *new, double elapsed)
{
	json_t *object = json_object();
	unsigned int i;

	for (i = 0; i < new->set->n; i++)
		if (record_has(new, i) && new->set->attrs[i].kind == KIND_COUNTER)
			json_object_set_new(object, new->set->attrs[i].name,
					    json_real(rate(old, new, i, elapsed)));
	return object;
}

static void add_rates(json_t *array, const struct record_list *old,
		      const struct record_list *new, unsigned int id, double elapsed)
{
	size_t i;

	for (i = 0; i < new->n; i++) {
		const struct record *n = &new->records[i];
		const struct record *o = records_find(old, id, record_number(n, id));

		json_object_set_new(json_array_get(array, i), "rates",
				    rates_json(o, n, elapsed));
	}
}

static void show_json(const struct sample *old, const struct sample *new)
{
	json_t *clients = ctl_clients_json(&new->clients);
	json_t *cgroups = ctl_json_array(&new->cgroups);
	json_t *totals = record_json(new->totals.records);
	double elapsed = seconds(old, new);

	json_object_set_new(totals, "rates",
			    rates_json(old->totals.records, new->totals.records, elapsed));
	add_rates(clients, &old->clients, &new->clients, CLIENT(ID), elapsed);
	add_rates(cgroups, &old->cgroups, &new->cgroups, CGROUP(ID), elapsed);
	json_print(json_pack("{s:f, s:o, s:o, s:o}", "seconds", elapsed, "totals", totals,
			     "clients", clients, "cgroups", cgroups));
}

static void add_rate(struct text_table *t, enum unit unit, double value)
{
	char buf[UNITS_LEN];

	/* Of counts, the first digit after the point matters, too. */
	if (unit == UNIT_NONE)
		table_add(t, "%.1f", value);
	else
		table_add(t, "%s", units_human(buf, unit, (uint64_t)value));
}

/* Nanoseconds of CPU per second as per cent of a CPU. */
static void add_cpu(struct text_table *t, double ns)
{
	table_add(t, "%.1f%%", ns / 1e7);
}

static void show_totals(const struct sample *old, const struct sample *new)
{
	const struct record *o = old->totals.records, *n = new->totals.records;
	char free[UNITS_LEN], low[UNITS_LEN], high[UNITS_LEN], reserved[UNITS_LEN];
	char got[UNITS_LEN];
	double elapsed = seconds(old, new);

	printf("free %s, watermarks %s to %s, reserved %s\n", record_human(free, n, TOTALS(FREE)),
	       record_human(low, n, TOTALS(LOW)), record_human(high, n, TOTALS(HIGH)),
	       record_human(reserved, n, TOTALS(RESERVED)));
	printf("a second: %.1f misses, %.1f steps, got %s; of a CPU: controller %.1f%%, ",
	       rate(o, n, TOTALS(MISSES), elapsed), rate(o, n, TOTALS(STEPS), elapsed),
	       units_human(got, UNIT_BYTES, (uint64_t)rate(o, n, TOTALS(GOT), elapsed)),
	       rate(o, n, TOTALS(CPU_NS), elapsed) / 1e7);
	printf("refill %.1f%%\n\n", rate(o, n, TOTALS(REFILL_NS), elapsed) / 1e7);
}

static void add_client(struct text_table *t, const struct record *o, const struct record *n,
		       double elapsed)
{
	unsigned int pid = (unsigned int)record_number(n, CLIENT(PID));
	char buf[UNITS_LEN], comm[64];

	table_add(t, "%u", (unsigned int)record_number(n, CLIENT(ID)));
	table_add(t, "%u", pid);
	table_add(t, "%s", record_human(buf, n, CLIENT(TARGET)));
	table_add(t, "%s", record_human(buf, n, CLIENT(READY)));
	add_rate(t, UNIT_RATE, rate(o, n, CLIENT(CONSUMED), elapsed));
	add_rate(t, UNIT_NONE, rate(o, n, CLIENT(MISSES), elapsed));
	add_cpu(t, rate(o, n, CLIENT(REFILL_NS), elapsed));
	table_add(t, "%s", text_comm(comm, pid));
}

static void add_cgroup(struct text_table *t, const struct record *o, const struct record *n,
		       double elapsed)
{
	char buf[UNITS_LEN];

	table_add(t, "%s", record_human(buf, n, CGROUP(CURRENT)));
	table_add(t, "%s", record_human(buf, n, CGROUP(FILE)));
	table_add(t, "%s", record_human(buf, n, CGROUP(ANON_BYTES)));
	add_rate(t, UNIT_NONE, rate(o, n, CGROUP(STEPS), elapsed));
	add_rate(t, UNIT_RATE, rate(o, n, CGROUP(GOT), elapsed));
	add_rate(t, UNIT_RATE, rate(o, n, CGROUP(REFAULTS), elapsed));
	add_cpu(t, rate(o, n, CGROUP(CPU_NS), elapsed));
	table_add(t, "%s", record_number(n, CGROUP(BACKOFF_MS)) ?
		  record_word(n, CGROUP(BACKOFF)) : "-");
	table_add(t, "%s", record_text(n, CGROUP(PATH)));
}

/* @rows: at most so many of each table, 0: all */
static void show_text(const struct sample *old, const struct sample *new, size_t rows)
{
	static const char *const client_heads[] = {
		">ID", ">PID", ">TARGET", ">READY", ">CONSUMED", ">MISSES/s", ">REFILL", "COMM",
	};
	static const char *const cgroup_heads[] = {
		">CURRENT", ">FILE", ">ANONYMOUS", ">STEPS/s", ">GOT", ">REFAULTS", ">CPU",
		"BACK-OFF", "PATH",
	};
	double elapsed = seconds(old, new);
	const struct record *n;
	struct text_table t;
	size_t i;

	show_totals(old, new);
	table_begin(&t, client_heads, ARRAY_SIZE(client_heads));
	for (i = 0; i < new->clients.n; i++) {
		n = &new->clients.records[i];
		add_client(&t, records_find(&old->clients, CLIENT(ID),
					    record_number(n, CLIENT(ID))), n, elapsed);
	}
	table_end(&t, rows);
	putchar('\n');
	table_begin(&t, cgroup_heads, ARRAY_SIZE(cgroup_heads));
	for (i = 0; i < new->cgroups.n; i++) {
		n = &new->cgroups.records[i];
		if (record_number(n, CGROUP(TYPE)) == HERMES_CGROUP_BEST_EFFORT)
			add_cgroup(&t, records_find(&old->cgroups, CGROUP(ID),
						    record_number(n, CGROUP(ID))), n, elapsed);
	}
	table_end(&t, rows);
}

/* Rows for each of the two tables on the terminal, 0 if it does not tell its height. */
static size_t rows_of_terminal(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || size.ws_row < 10)
		return 0;
	return (size_t)(size.ws_row - 4) / 2;
}

static void show(const struct sample *old, const struct sample *new)
{
	if (ctl_json) {
		show_json(old, new);
	} else if (isatty(STDOUT_FILENO)) {
		fputs(CLEAR, stdout);
		show_text(old, new, rows_of_terminal());
	} else {
		show_text(old, new, 0);
		putchar('\n');
	}
	/* Who reads it from a pipe that ended is told by SIGPIPE. */
	if (fflush(stdout))
		die(errno, "standard output");
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "interval", required_argument, NULL, 'i' },
		{ "count", required_argument, NULL, 'c' },
		{ 0 },
	};
	uint64_t interval_ms = 2000, count = 0, n;
	struct sample old, new;
	struct nl *nl;
	int c;

	while ((c = ctl_option(argc, argv, options)) != -1) {
		if (c == 'i')
			interval_ms = ctl_seconds_ms("--interval", optarg);
		else
			count = ctl_number("--count", optarg, UNIT_NONE);
	}
	if (optind < argc)
		usage_error("top: unexpected argument '%s'", argv[optind]);
	nl = ctl_connect();
	take(&old, nl);
	for (n = 0; !count || n < count; n++) {
		struct timespec pause = { (time_t)(interval_ms / 1000),
					  (long)(interval_ms % 1000 * 1000000) };

		nanosleep(&pause, NULL);
		take(&new, nl);
		show(&old, &new);
		drop(&old);
		old = new;
	}
	drop(&old);
	nl_close(nl);
	return EXIT_SUCCESS;
}

const struct command cmd_top = {
	.name = "top",
	.args = "[--interval SECONDS] [--count N]",
	.summary = "Rates per second, shown again and again",
	.help = "--interval SECONDS  between two looks (2)\n"
		"--count N           end after so many\n",
	.json = true,
	.run = run,
};
