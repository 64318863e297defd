// SPDX-License-Identifier: GPL-2.0-only
/* Events as they come. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <time.h>

#include "hermesctl.h"
#include "words.h"

#define EVENT(_name)	HERMES_A_EVENT_##_name

struct watch {
	uint64_t count;		/* 0: for ever */
	uint64_t timeout_ms;	/* 0: none */
	uint64_t seen;
	uint64_t next_seq;	/* 0: not known yet */
};

static void print_step(const struct record *decision)
{
	struct story story;
	struct record_list one = { (struct record *)decision, 1 };

	story_next(&story, &one, 0);
	words_cause(decision);
	printf(": ");
	words_choice(decision);
	if (record_has(decision, HERMES_A_DECISION_CGROUP_ID)) {
		putchar(' ');
		words_outcome(&story);
	}
}

static void print_text(const struct record *e)
{
	char ready[UNITS_LEN], target[UNITS_LEN];

	printf("%.3f %s ", (double)record_number(e, EVENT(TIME)) / 1e9,
	       record_word(e, EVENT(TYPE)));
	switch (record_number(e, EVENT(TYPE))) {
	case HERMES_EVENT_MISSES:
		printf("client #%" PRIu64 ": %" PRIu64 ", cause %s; ",
		       record_number(e, EVENT(CLIENT_ID)), record_number(e, EVENT(MISSES)),
		       record_word(e, EVENT(CAUSE)));
		printf("ready %s of %s", record_human(ready, e, EVENT(READY)),
		       record_human(target, e, EVENT(TARGET)));
		break;
	case HERMES_EVENT_RESERVE_LOW:
		printf("client #%" PRIu64 ": ready %s of %s",
		       record_number(e, EVENT(CLIENT_ID)), record_human(ready, e, EVENT(READY)),
		       record_human(target, e, EVENT(TARGET)));
		break;
	case HERMES_EVENT_STEP:
		if (record_nested(e, EVENT(DECISION)))
			print_step(record_nested(e, EVENT(DECISION)));
		break;
	case HERMES_EVENT_CGROUP_GONE:
		printf("cgroup %s (#%" PRIu64 ") was removed", record_text(e, EVENT(CGROUP_PATH)),
		       record_number(e, EVENT(CGROUP_ID)));
		break;
	}
	putchar('\n');
}

/* @n 0: it is not known how many, the next event tells. */
static void report_lost(uint64_t n)
{
	if (ctl_json)
		json_print(json_pack("{s:s, s:o}", "type", "lost", "events",
				     n ? json_number(n) : json_null()));
	else if (n)
		printf("lost %" PRIu64 " events\n", n);
	else
		puts("lost events: they came faster than they were read");
}

static void report(struct watch *w, const struct record *e)
{
	uint64_t seq = record_number(e, EVENT(SEQ));

	if (w->next_seq && seq > w->next_seq)
		report_lost(seq - w->next_seq);
	w->next_seq = seq + 1;
	w->seen++;
	if (ctl_json)
		json_print(record_json(e));
	else
		print_text(e);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Whether something came in before @deadline (0: none). */
static bool wait_readable(struct nl *nl, uint64_t deadline)
{
	struct pollfd p = { .fd = mnl_socket_get_fd(nl->socket), .events = POLLIN };
	uint64_t now = now_ms();
	int ret;

	if (deadline && now >= deadline)
		return false;
	ret = poll(&p, 1, deadline ? (int)(deadline - now) : -1);
	if (ret < 0)
		die(errno, "poll");
	return ret > 0;
}

static void watch(struct watch *w, struct nl *nl)
{
	uint64_t deadline = w->timeout_ms ? now_ms() + w->timeout_ms : 0;
	struct record_list events = { 0 };
	size_t i;
	int ret;

	while ((!w->count || w->seen < w->count) && wait_readable(nl, deadline)) {
		ret = nl_events(nl, &events);
		if (ret == -ENOBUFS)
			report_lost(0);
		else if (ret)
			die(-ret, "events");
		for (i = 0; i < events.n && (!w->count || w->seen < w->count); i++)
			report(w, &events.records[i]);
		records_free(&events);
	}
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "count", required_argument, NULL, 'c' },
		{ "timeout", required_argument, NULL, 't' },
		{ 0 },
	};
	struct watch w = { .count = 0 };
	struct nl *nl;
	int c, err;

	while ((c = ctl_option(argc, argv, options)) != -1) {
		if (c == 'c')
			w.count = ctl_number("--count", optarg, UNIT_NONE);
		else
			w.timeout_ms = ctl_seconds_ms("--timeout", optarg);
	}
	if (optind < argc)
		usage_error("watch: unexpected argument '%s'", argv[optind]);
	nl = ctl_connect();
	err = nl_listen(nl);
	if (err)
		die(-err, "events");
	/* Who reads them from a pipe wants them at once. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	watch(&w, nl);
	nl_close(nl);
	return w.seen < w.count ? EXIT_FAILURE : EXIT_SUCCESS;
}

const struct command cmd_watch = {
	.name = "watch",
	.args = "[--count N] [--timeout SECONDS]",
	.summary = "Events as they come, one a line",
	.help = "--count N          end after so many events\n"
		"--timeout SECONDS  end after so long; exit code 1 if fewer than --count came\n",
	.json = true,
	.run = run,
};
