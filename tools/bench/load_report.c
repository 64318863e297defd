// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "load_options.h"
#include "load_report.h"
#include "schedule.h"

static void print_json_options(FILE *f)
{
	fprintf(f, "{\"tool\": \"%s\", \"version\": \"" HERMES_VERSION "\",\n\"label\": ",
		program_invocation_short_name);
	print_json_string(f, opt.label);
	fprintf(f, ",\n\"connections\": %llu, \"rate\": %.3f, \"arrival\": \"%s\",\n",
		(unsigned long long)opt.connections, opt.rate, schedule_names[opt.arrival]);
	fprintf(f, "\"pipeline\": %llu, \"value_size\": %llu, \"reads\": %llu,\n",
		(unsigned long long)opt.pipeline, (unsigned long long)opt.value_size,
		(unsigned long long)opt.reads);
	fprintf(f, "\"count\": %llu, \"keys\": %llu, \"warmup\": %llu, \"seed\": %llu,\n",
		(unsigned long long)opt.count, (unsigned long long)opt.keys,
		(unsigned long long)opt.warmup, (unsigned long long)opt.seed);
}

static void print_json(const struct load_result *r)
{
	FILE *f = open_output(opt.json);

	print_json_options(f);
	fprintf(f, "\"elapsed_s\": %.3f, \"errors\": %llu, \"gets\": %llu, \"misses\": %llu,\n",
		r->elapsed_s, (unsigned long long)r->counts.errors,
		(unsigned long long)r->counts.gets, (unsigned long long)r->counts.misses);
	fprintf(f, "\"verified\": %llu, \"wrong\": %llu,\n",
		(unsigned long long)r->verification.checked,
		(unsigned long long)r->verification.wrong);
	fprintf(f, "\"latency_ns\": ");
	latency_print_json(f, r->latency);
	fprintf(f, ",\n\"send_lag_ns\": ");
	latency_print_json(f, r->lag);
	if (opt.pid) {
		fprintf(f, ",\n");
		procstat_print_json(f, &r->before, &r->after);
	}
	fprintf(f, "}\n");
	close_output(f, opt.json);
}

static void print_table(const struct load_result *r)
{
	printf("%s: %llu requests of %llu bytes at %.1f/s",
	       opt.label ? opt.label : program_invocation_short_name,
	       (unsigned long long)opt.count, (unsigned long long)opt.value_size, opt.rate);
	printf(" over %llu connections, %.3f s, %llu errors\n",
	       (unsigned long long)opt.connections, r->elapsed_s,
	       (unsigned long long)r->counts.errors);
	latency_print_table(stdout, r->latency);
	printf("client   sent %.3f us late on average, %.3f us at most (included)\n",
	       latency_mean(r->lag) / 1e3, (double)r->lag->max / 1e3);
	if (opt.reads)
		printf("reads    %llu, %llu of them found nothing\n",
		       (unsigned long long)r->counts.gets, (unsigned long long)r->counts.misses);
	if (opt.pid)
		procstat_print_table(stdout, &r->before, &r->after);
	if (opt.verify != VERIFY_NONE)
		printf("verified %llu keys, %llu wrong\n",
		       (unsigned long long)r->verification.checked,
		       (unsigned long long)r->verification.wrong);
}

int load_report(const struct load_result *r)
{
	if (opt.json)
		print_json(r);
	if (!opt.json || strcmp(opt.json, "-"))
		print_table(r);
	if (opt.hist)
		latency_write_percentiles(opt.hist, r->latency);
	if (r->verification.wrong) {
		fprintf(stderr, "%s: %llu of %llu keys came back wrong\n",
			program_invocation_short_name, (unsigned long long)r->verification.wrong,
			(unsigned long long)r->verification.checked);
		return EXIT_MISMATCH;
	}
	if (r->counts.errors)
		die(0, "%llu error replies, the first: %s", (unsigned long long)r->counts.errors,
		    r->counts.first_error);
	return EXIT_SUCCESS;
}
