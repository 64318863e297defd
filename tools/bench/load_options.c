// SPDX-License-Identifier: GPL-2.0-only
#include "load_options.h"
#include "requests.h"
#include "schedule.h"

#define MAX_OPTIONS	40

struct load_options opt = {
	.host = "127.0.0.1",
	.connections = 8,
	.pipeline = 1,
	.value_size = 1024,
	.count = 10000,
	.seed = 1,
	.timeout_s = 60,
	.sample = 1000,
};

/* In the order of enum verify_kind. */
static const char *const verify_names[] = { "none", "all", "sample", NULL };

static const struct cli_option common[] = {
	CLI_HEAD("Server:"),
	CLI_OPTION("socket", "PATH", "UNIX socket, rather than host and port",
		   CLI_TEXT, &opt.socket),
	CLI_OPTION("host", "NAME", "host (127.0.0.1)", CLI_TEXT, &opt.host),
	CLI_OPTION("pid", "PID", "process of the server, to report its faults and memory",
		   CLI_NUMBER, &opt.pid, .min = 1, .max = 4194304),
	CLI_OPTION("timeout", "S", "give up when so long no reply comes (60)",
		   CLI_NUMBER, &opt.timeout_s, .min = 1, .max = 3600),
	CLI_HEAD("Load:"),
	CLI_OPTION("connections", "N", "connections, taken in turn by key (8)",
		   CLI_NUMBER, &opt.connections, .min = 1, .max = 1000),
	CLI_OPTION("rate", "N", "requests per second, of all connections together (required)",
		   CLI_REAL, &opt.rate),
	CLI_OPTION("arrival", "poisson|uniform", "distribution of the intervals (poisson)",
		   CLI_CHOICE, &opt.arrival, .choices = schedule_names),
	CLI_OPTION("value-size", "SIZE", "bytes per value (1K)", CLI_SIZE, &opt.value_size),
	CLI_OPTION("keys", "N", "different keys, after which they repeat (as many as requests)",
		   CLI_NUMBER, &opt.keys, .min = 1, .max = MAX_REQUESTS),
	CLI_OPTION("reads", "PERCENT", "share of requests that read a key stored before (0)",
		   CLI_NUMBER, &opt.reads, .min = 0, .max = 99),
	CLI_OPTION("count", "N", "requests (10000)",
		   CLI_NUMBER, &opt.count, .min = 1, .max = MAX_REQUESTS),
	CLI_OPTION("duration", "S", "seconds, instead of --count", CLI_REAL, &opt.duration_s),
	CLI_OPTION("warmup", "N", "first requests, not measured (0)",
		   CLI_NUMBER, &opt.warmup, .min = 0, .max = MAX_REQUESTS),
	CLI_OPTION("seed", "N", "of content and schedule (1)",
		   CLI_NUMBER, &opt.seed, .min = 0, .max = UINT32_MAX),
	CLI_HEAD("Verification:"),
	CLI_OPTION("verify", "none|all|sample", "afterwards read keys and compare (none)",
		   CLI_CHOICE, &opt.verify, .choices = verify_names),
	CLI_OPTION("sample", "N", "keys of --verify sample (1000)",
		   CLI_NUMBER, &opt.sample, .min = 1, .max = MAX_REQUESTS),
	CLI_HEAD("Result:"),
	CLI_OPTION("label", "TEXT", "name of the run", CLI_TEXT, &opt.label),
	CLI_OPTION("json", "FILE", "as JSON; - for standard output, instead of the table",
		   CLI_TEXT, &opt.json),
	CLI_OPTION("hist", "FILE", "percentile distribution in HdrHistogram's text format",
		   CLI_TEXT, &opt.hist),
};

static void check(void)
{
	if (!(opt.rate > 0))
		usage_error("--rate is required");
	if (opt.duration_s > 0) {
		if (opt.duration_s * opt.rate > MAX_REQUESTS || opt.duration_s * opt.rate < 1)
			usage_error("--duration times --rate must be from 1 to %d", MAX_REQUESTS);
		opt.count = (uint64_t)(opt.duration_s * opt.rate);
	}
	if (!opt.keys)
		opt.keys = opt.count;
	if (opt.reads && opt.keys < opt.pipeline)
		usage_error("--reads needs as many --keys as --pipeline has requests");
	if (!opt.value_size || opt.value_size > 512 << 20)
		usage_error("--value-size must be from 1 to 512M");
	if (opt.warmup >= opt.count)
		usage_error("--warmup leaves no request to measure");
}

void load_options_parse(int argc, char **argv, const char *summary, const struct cli_option *own)
{
	struct cli_option table[MAX_OPTIONS] = { CLI_END };
	size_t nr;

	for (nr = 0; nr < ARRAY_SIZE(common); nr++)
		table[nr] = common[nr];
	/* The last entry stays empty: it ends the table. */
	for (; own->name && nr < MAX_OPTIONS - 1; own++)
		table[nr++] = *own;
	cli_parse(argc, argv, summary, table);
	check();
}
