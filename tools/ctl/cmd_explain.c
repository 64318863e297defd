// SPDX-License-Identifier: GPL-2.0-only
/* Why the controller did what it did, why clients missed, and what can be done about it. */
#include <errno.h>
#include <inttypes.h>
#include <time.h>

#include "hermesctl.h"
#include "target.h"
#include "text.h"
#include "words.h"

#define LAST_STORIES	10

static const struct {
	unsigned int attr;
	const char *advice;
} causes[] = {
	{ HERMES_A_CLIENT_MISS_BURST,
	  "raise min to the size of a burst, or factor (hermesctl reserve set)" },
	{ HERMES_A_CLIENT_MISS_REFILL,
	  "register best-effort cgroups (hermesctl auto), or raise gap (hermesctl policy set)" },
	{ HERMES_A_CLIENT_MISS_MEMCG,
	  "raise memory.high or memory.max of its cgroup, or of one above it" },
	{ HERMES_A_CLIENT_MISS_MODULE,
	  "raise max (hermesctl reserve set), or the module's parameters, see hermes(4)" },
	{ HERMES_A_CLIENT_MISS_SHRINK,
	  "memory ran out: register best-effort cgroups, raise gap, or run less here" },
	{ HERMES_A_CLIENT_MISS_CPU, "raise refill-cpu (hermesctl policy set)" },
	{ HERMES_A_CLIENT_MISS_UNASKED,
	  "raise min; a program without libhermes-u must add extents to its fill ring" },
};

static double seconds_ago(uint64_t then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9 - (double)then / 1e9;
}

static json_t *causes_json(const struct record *client)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(causes); i++) {
		const struct attr *attr = &client_attrs.attrs[causes[i].attr];
		uint64_t misses = record_number(client, causes[i].attr);

		if (misses)
			json_array_append_new(array, json_pack("{s:s, s:o, s:s, s:s}", "cause",
							       attr->cause, "misses",
							       json_number(misses), "meaning",
							       attr->help, "advice",
							       causes[i].advice));
	}
	return array;
}

static json_t *clients_json(const struct record_list *clients)
{
	json_t *array = ctl_clients_json(clients);
	size_t i;

	for (i = 0; i < clients->n; i++)
		json_object_set_new(json_array_get(array, i), "causes",
				    causes_json(&clients->records[i]));
	return array;
}

static void explain_client(const struct record *c)
{
	uint64_t misses = record_number(c, HERMES_A_CLIENT_MISSES), n;
	unsigned int pid = (unsigned int)record_number(c, HERMES_A_CLIENT_PID);
	char comm[64];
	size_t i;

	text_comm(comm, pid);
	text_clean(comm);
	printf("Client #%" PRIu64 ", process %u (%s): %" PRIu64 " misses, %" PRIu64
	       " batches taken\n", record_number(c, HERMES_A_CLIENT_ID), pid, comm, misses,
	       record_number(c, HERMES_A_CLIENT_BATCHES));
	for (i = 0; i < ARRAY_SIZE(causes); i++) {
		n = record_number(c, causes[i].attr);
		if (!n)
			continue;
		printf("  %" PRIu64 " (%.0f%%): %s\n    %s\n", n,
		       misses ? 100. * (double)n / (double)misses : 0,
		       client_attrs.attrs[causes[i].attr].help, causes[i].advice);
	}
}

static void tell(const struct story *s)
{
	bool step = record_has(s->first, HERMES_A_DECISION_CGROUP_ID);

	printf("%.1f s ago", seconds_ago(record_number(s->first, HERMES_A_DECISION_TIME)));
	if (s->count > 1)
		printf(", %" PRIu64 " %s until %.1f s ago", s->count, step ? "steps" : "times",
		       seconds_ago(record_number(s->last, HERMES_A_DECISION_TIME)));
	printf(": ");
	words_cause(s->first);
	printf("\n  ");
	words_choice(s->last);
	if (step) {
		printf("\n  ");
		words_outcome(s);
	}
	putchar('\n');
}

/* The last @max stories, all if it is 0. */
static void tell_all(const struct record_list *decisions, uint64_t max)
{
	struct story story;
	size_t from, n, total = 0, skip;

	for (from = 0; (n = story_next(&story, decisions, from)); from += n)
		total++;
	skip = max && total > max ? total - max : 0;
	if (!total)
		puts("The controller has decided nothing yet.");
	if (skip)
		printf("(%zu earlier ones: --last 0)\n", skip);
	for (from = 0; (n = story_next(&story, decisions, from)); from += n) {
		if (skip)
			skip--;
		else
			tell(&story);
	}
}

static uint64_t parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "last", required_argument, NULL, 'l' },
		{ 0 },
	};
	uint64_t last = LAST_STORIES;

	while (ctl_option(argc, argv, options) != -1)
		last = ctl_number("--last", optarg, UNIT_NONE);
	if (argc - optind > 1)
		usage_error("explain: unexpected argument '%s'", argv[optind + 1]);
	target_check(argv + optind);
	return last;
}

static int run(int argc, char **argv)
{
	uint64_t last = parse(argc, argv);
	struct record_list clients, decisions;
	struct nl *nl = ctl_connect();
	int status;
	size_t i;

	clients = ctl_get(nl, HERMES_CMD_CLIENT_GET, true);
	status = target_filter(&clients, argv + optind);
	if (status)
		return status;
	decisions = ctl_get(nl, HERMES_CMD_DECISION_GET, true);
	if (ctl_json) {
		json_print(json_pack("{s:o, s:o}", "clients", clients_json(&clients),
				     "decisions", ctl_json_array(&decisions)));
	} else {
		for (i = 0; i < clients.n; i++)
			if (record_number(&clients.records[i], HERMES_A_CLIENT_MISSES) ||
			    argv[optind])
				explain_client(&clients.records[i]);
		tell_all(&decisions, last);
	}
	records_free(&clients);
	records_free(&decisions);
	nl_close(nl);
	return EXIT_SUCCESS;
}

const struct command cmd_explain = {
	.name = "explain",
	.args = "[--last N] [PID|#ID]",
	.summary = "Why clients missed, and the last decisions in words",
	.help = "--last N  so many decisions, 0: all that the module remembers (10);\n"
		"          repeats and steps on the same cgroup for the same reason count as one\n",
	.json = true,
	.run = run,
};

static uint64_t free_now(struct nl *nl)
{
	struct record_list totals = ctl_get_one(nl, HERMES_CMD_TOTALS_GET);
	uint64_t free = record_number(totals.records, HERMES_A_TOTALS_FREE);

	records_free(&totals);
	return free;
}

static void tell_dry(const struct record_list *decisions)
{
	const struct record *d = decisions->records;
	char buf[UNITS_LEN], low[UNITS_LEN], high[UNITS_LEN];

	printf("With %s free (watermarks %s to %s) the controller would reclaim from:\n  ",
	       record_human(buf, d, HERMES_A_DECISION_FREE),
	       record_human(low, d, HERMES_A_DECISION_LOW),
	       record_human(high, d, HERMES_A_DECISION_HIGH));
	words_choice(d);
	if (record_has(d, HERMES_A_DECISION_ASKED))
		printf("\n  It would ask for %s.", record_human(buf, d, HERMES_A_DECISION_ASKED));
	putchar('\n');
}

static int dry_run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "free", required_argument, NULL, 'f' },
		{ 0 },
	};
	struct record_list list = { 0 };
	struct nl_request request;
	struct nl_error error;
	bool given = false;
	uint64_t free = 0;
	struct nl *nl;

	while (ctl_option(argc, argv, options) != -1) {
		free = ctl_number("--free", optarg, UNIT_BYTES);
		given = true;
	}
	if (optind < argc)
		usage_error("dry-run: unexpected argument '%s'", argv[optind]);
	nl = ctl_connect();
	nl_request(&request, HERMES_CMD_DRY_RUN, false);
	nl_put(&request, HERMES_A_DECISION_FREE, given ? free : free_now(nl));
	if (nl_call(nl, &request, &list, &error) || list.n != 1) {
		if (!error.err)
			error.err = EBADMSG;
		nl_print_error(&error, "dry-run");
		return EXIT_FAILURE;
	}
	if (ctl_json)
		json_print(record_json(list.records));
	else
		tell_dry(&list);
	records_free(&list);
	nl_close(nl);
	return EXIT_SUCCESS;
}

const struct command cmd_dry_run = {
	.name = "dry-run",
	.args = "[--free SIZE]",
	.summary = "What the controller would do if so much memory were free",
	.help = "--free SIZE  instead of what is free now\n",
	.json = true,
	.run = dry_run,
};
