// SPDX-License-Identifier: GPL-2.0-only
/*
 * hermes-redis-load - insert into a Redis server at a rate that its replies do not influence.
 *
 * Requests are sent when the schedule says so, however many replies are outstanding, and a
 * request's latency counts from its scheduled time. So a stall of the server is charged to every
 * request that falls into it (no coordinated omission), and so is a late client; how late the
 * client itself was is reported beside it.
 */
#include <errno.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <hiredis/adapters/libevent.h>
#include <event2/event.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cli.h"
#include "latency.h"
#include "procstat.h"
#include "schedule.h"
#include "timer.h"
#include "values.h"
#include "verify.h"

#define NS_PER_S	1000000000LL
#define MAX_REQUESTS	100000000
/* Sent in one go before replies are looked at again, when the client has fallen behind. */
#define MAX_SEND_BURST	64
#define MAX_PIPELINE	MAX_SEND_BURST

enum { VERIFY_NONE, VERIFY_ALL, VERIFY_SAMPLE };

static struct {
	uint64_t port, connections, pipeline, value_size, keys, count, warmup, seed, timeout_s;
	uint64_t pid, sample;
	double rate, duration_s;
	unsigned int arrival, verify;
	const char *socket, *host, *json, *hist, *label;
	bool progress;
} opt = {
	.host = "127.0.0.1",
	.port = 6379,
	.connections = 8,
	.pipeline = 1,
	.value_size = 1024,
	.count = 10000,
	.seed = 1,
	.timeout_s = 60,
	.sample = 1000,
};

static const char *const verify_names[] = { "none", "all", "sample", NULL };

static const char summary[] =
"Insert values into Redis in open loop; latency counts from the scheduled time.\n";

static const struct cli_option options[] = {
	CLI_HEAD("Server:"),
	CLI_OPTION("socket", "PATH", "UNIX socket, rather than ...", CLI_TEXT, &opt.socket),
	CLI_OPTION("host", "NAME", "... host (127.0.0.1)", CLI_TEXT, &opt.host),
	CLI_OPTION("port", "N", "... and port (6379)",
		   CLI_NUMBER, &opt.port, .min = 1, .max = 65535),
	CLI_OPTION("pid", "PID", "process of the server, to report its faults and memory",
		   CLI_NUMBER, &opt.pid, .min = 1, .max = 4194304),
	CLI_HEAD("Load:"),
	CLI_OPTION("connections", "N", "connections, taken in turn by key (8)",
		   CLI_NUMBER, &opt.connections, .min = 1, .max = 1000),
	CLI_OPTION("rate", "N", "requests per second (required)", CLI_REAL, &opt.rate),
	CLI_OPTION("arrival", "poisson|uniform", "distribution of the intervals (poisson)",
		   CLI_CHOICE, &opt.arrival, .choices = schedule_names),
	CLI_OPTION("pipeline", "N", "requests that arrive together, on one connection (1)",
		   CLI_NUMBER, &opt.pipeline, .min = 1, .max = MAX_PIPELINE),
	CLI_OPTION("value-size", "SIZE", "bytes per value (1K)", CLI_SIZE, &opt.value_size),
	CLI_OPTION("keys", "N", "different keys, after which they repeat (as many as requests)",
		   CLI_NUMBER, &opt.keys, .min = 1, .max = MAX_REQUESTS),
	CLI_OPTION("count", "N", "requests (10000)",
		   CLI_NUMBER, &opt.count, .min = 1, .max = MAX_REQUESTS),
	CLI_OPTION("duration", "S", "seconds, instead of --count", CLI_REAL, &opt.duration_s),
	CLI_OPTION("warmup", "N", "first requests, not measured (0)",
		   CLI_NUMBER, &opt.warmup, .min = 0, .max = MAX_REQUESTS),
	CLI_OPTION("seed", "N", "of content and schedule (1)",
		   CLI_NUMBER, &opt.seed, .min = 0, .max = UINT32_MAX),
	CLI_OPTION("timeout", "S", "give up when so long no reply comes (60)",
		   CLI_NUMBER, &opt.timeout_s, .min = 1, .max = 3600),
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
	CLI_OPTION("progress", NULL, "a line every 5 seconds on standard error",
		   CLI_FLAG, &opt.progress),
	CLI_END,
};

static struct load {
	redisAsyncContext **connections;
	struct event_base *base;
	struct event *send_event, *watch_event;
	struct schedule schedule;
	struct values values;
	/* Scheduled time of each request, ns since @start_ns. */
	int64_t *scheduled;
	int64_t start_ns;
	uint64_t sent, done, errors, done_at_last_watch, quiet_periods;
	/* @latency: scheduled time to reply; @lag: scheduled time to the moment of sending. */
	struct latency *latency, *lag;
	char first_error[256];
} load;

#define WATCH_PERIOD_S	5

static int64_t now_ns(void)
{
	return clock_ns() - load.start_ns;
}

static void finish_if_done(void)
{
	if (load.done == opt.count)
		event_base_loopbreak(load.base);
}

static void on_reply(redisAsyncContext *connection, void *r, void *privdata)
{
	const int64_t *scheduled = privdata;
	const redisReply *reply = r;

	if (!reply)
		die(0, "connection lost after %llu of %llu replies: %s",
		    (unsigned long long)load.done, (unsigned long long)opt.count,
		    connection->errstr);
	if (reply->type == REDIS_REPLY_ERROR && !load.errors++)
		snprintf(load.first_error, sizeof(load.first_error), "%s", reply->str);
	if ((uint64_t)(scheduled - load.scheduled) >= opt.warmup)
		latency_record(load.latency, now_ns() - *scheduled);
	load.done++;
	finish_if_done();
}

static void send_request(uint64_t request)
{
	/* One connection for all requests of a key: the last one sent is the last stored. */
	uint64_t key = request % opt.keys;
	redisAsyncContext *connection = load.connections[key / opt.pipeline % opt.connections];
	char name[KEY_BYTES];
	const char *argv[3] = { "SET", name, value_of(&load.values, request) };
	size_t argvlen[3] = { 3, key_name(name, key), opt.value_size };

	if (request >= opt.warmup)
		latency_record(load.lag, now_ns() - load.scheduled[request]);
	if (redisAsyncCommandArgv(connection, on_reply, &load.scheduled[request], 3, argv, argvlen))
		die(0, "cannot send");
}

/* Sends all that is due and sleeps until the next is. */
static void on_send_time(evutil_socket_t fd, short events, void *arg)
{
	struct timeval tv = { 0 };
	int64_t ahead = 0;
	int burst;

	(void)fd;
	(void)events;
	(void)arg;
	for (burst = 0; burst < MAX_SEND_BURST && load.sent < opt.count; burst++) {
		ahead = load.scheduled[load.sent] - now_ns();
		if (ahead > 0)
			break;
		send_request(load.sent++);
	}
	if (load.sent == opt.count)
		return;
	if (ahead > 0) {
		tv.tv_sec = ahead / NS_PER_S;
		tv.tv_usec = ahead % NS_PER_S / 1000;
	}
	evtimer_add(load.send_event, &tv);
}

static void on_watch(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	(void)arg;
	if (opt.progress)
		fprintf(stderr, "hermes-redis-load: %.0f s: %llu sent, %llu answered of %llu\n",
			(double)now_ns() / NS_PER_S, (unsigned long long)load.sent,
			(unsigned long long)load.done, (unsigned long long)opt.count);
	if (load.done != load.done_at_last_watch || load.done == load.sent)
		load.quiet_periods = 0;
	else if (++load.quiet_periods * WATCH_PERIOD_S >= opt.timeout_s)
		die(0, "no reply for %llu s", (unsigned long long)opt.timeout_s);
	load.done_at_last_watch = load.done;
}

static void on_connect(const redisAsyncContext *connection, int status)
{
	if (status != REDIS_OK)
		die(0, "connect: %s", connection->errstr);
}

static void on_disconnect(const redisAsyncContext *connection, int status)
{
	(void)connection;
	(void)status;
	die(0, "connection lost after %llu of %llu replies", (unsigned long long)load.done,
	    (unsigned long long)opt.count);
}

static void connect_all(void)
{
	redisAsyncContext *connection;
	uint64_t i;

	load.connections = calloc(opt.connections, sizeof(*load.connections));
	if (!load.connections)
		die(errno, "connections");
	for (i = 0; i < opt.connections; i++) {
		connection = opt.socket ? redisAsyncConnectUnix(opt.socket) :
					  redisAsyncConnect(opt.host, (int)opt.port);
		if (!connection || connection->err)
			die(0, "connect: %s", connection ? connection->errstr : "no memory");
		redisLibeventAttach(connection, load.base);
		redisAsyncSetConnectCallback(connection, on_connect);
		redisAsyncSetDisconnectCallback(connection, on_disconnect);
		load.connections[i] = connection;
	}
	/* Connections are made before time 0. */
	event_base_loop(load.base, EVLOOP_ONCE);
}

static void load_init(void)
{
	struct event_config *config = event_config_new();
	uint64_t i;

	/* Timers of a microsecond's precision rather than of epoll's millisecond. */
	if (!config || event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER))
		die(0, "libevent configuration");
	load.base = event_base_new_with_config(config);
	event_config_free(config);
	if (!load.base)
		die(0, "libevent");
	load.send_event = evtimer_new(load.base, on_send_time, NULL);
	load.watch_event = event_new(load.base, -1, EV_PERSIST, on_watch, NULL);
	load.latency = latency_create();
	load.lag = latency_create();
	values_init(&load.values, opt.value_size, opt.seed);
	schedule_init(&load.schedule, opt.arrival, opt.rate / (double)opt.pipeline, opt.seed);
	load.scheduled = malloc(opt.count * sizeof(*load.scheduled));
	if (!load.scheduled || !load.send_event || !load.watch_event)
		die(ENOMEM, "schedule");
	for (i = 0; i < opt.count; i++)
		load.scheduled[i] = i % opt.pipeline ? load.scheduled[i - 1] :
						       schedule_advance(&load.schedule);
}

/*
 * The client is the measuring instrument: the memory pressure that its server is put under must
 * not show in it. Nothing of it is swapped, and what it frees it keeps.
 */
static void lock_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	mallopt(M_TOP_PAD, 16 << 20);
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		fprintf(stderr, "hermes-redis-load: memory not locked: %s\n", strerror(errno));
}

static void run(void)
{
	const struct timeval watch = { .tv_sec = WATCH_PERIOD_S };

	connect_all();
	load.start_ns = clock_ns();
	event_add(load.watch_event, &watch);
	on_send_time(-1, 0, NULL);
	event_base_dispatch(load.base);
	if (load.done != opt.count)
		die(0, "ended after %llu of %llu replies", (unsigned long long)load.done,
		    (unsigned long long)opt.count);
}

static void print_json(const struct procstat *before, const struct procstat *after,
		       const struct verification *v, double elapsed_s)
{
	FILE *f = open_output(opt.json);

	fprintf(f, "{\"tool\": \"hermes-redis-load\", \"version\": \"" HERMES_VERSION "\",\n");
	fprintf(f, "\"label\": ");
	print_json_string(f, opt.label);
	fprintf(f, ",\n\"connections\": %llu, \"rate\": %.3f, \"arrival\": \"%s\",\n",
		(unsigned long long)opt.connections, opt.rate, schedule_names[opt.arrival]);
	fprintf(f, "\"pipeline\": %llu, \"value_size\": %llu, ",
		(unsigned long long)opt.pipeline, (unsigned long long)opt.value_size);
	fprintf(f, "\"count\": %llu, \"keys\": %llu, \"warmup\": %llu, \"seed\": %llu,\n",
		(unsigned long long)opt.count, (unsigned long long)opt.keys,
		(unsigned long long)opt.warmup, (unsigned long long)opt.seed);
	fprintf(f, "\"elapsed_s\": %.3f, \"errors\": %llu,\n", elapsed_s,
		(unsigned long long)load.errors);
	fprintf(f, "\"verified\": %llu, \"wrong\": %llu,\n", (unsigned long long)v->checked,
		(unsigned long long)v->wrong);
	fprintf(f, "\"latency_ns\": ");
	latency_print_json(f, load.latency);
	fprintf(f, ",\n\"send_lag_ns\": ");
	latency_print_json(f, load.lag);
	if (opt.pid) {
		fprintf(f, ",\n");
		procstat_print_json(f, before, after);
	}
	fprintf(f, "}\n");
	close_output(f, opt.json);
}

static void print_table(const struct procstat *before, const struct procstat *after,
			const struct verification *v, double elapsed_s)
{
	printf("%s: %llu requests of %llu bytes at %.1f/s",
	       opt.label ? opt.label : "hermes-redis-load", (unsigned long long)opt.count,
	       (unsigned long long)opt.value_size, opt.rate);
	printf(" over %llu connections, %.3f s, %llu errors\n",
	       (unsigned long long)opt.connections, elapsed_s, (unsigned long long)load.errors);
	latency_print_table(stdout, load.latency);
	printf("client   sent %.3f us late on average, %.3f us at most (included)\n",
	       latency_mean(load.lag) / 1e3, (double)load.lag->max / 1e3);
	if (opt.pid)
		procstat_print_table(stdout, before, after);
	if (opt.verify != VERIFY_NONE)
		printf("verified %llu keys, %llu wrong\n", (unsigned long long)v->checked,
		       (unsigned long long)v->wrong);
}

static void check_options(void)
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
	if (!opt.value_size || opt.value_size > 512 << 20)
		usage_error("--value-size must be from 1 to 512M");
	if (opt.warmup >= opt.count)
		usage_error("--warmup leaves no request to measure");
}

int main(int argc, char **argv)
{
	struct procstat before = { 0 }, after = { 0 };
	struct verification v = { 0 };
	double elapsed_s;

	cli_parse(argc, argv, summary, options);
	check_options();
	lock_memory();
	load_init();
	if (opt.pid)
		procstat_read(&before, (pid_t)opt.pid);
	run();
	elapsed_s = (double)now_ns() / NS_PER_S;
	if (opt.pid)
		procstat_read(&after, (pid_t)opt.pid);
	if (opt.verify != VERIFY_NONE)
		v = verify(opt.socket, opt.host, (int)opt.port, &load.values, opt.count, opt.keys,
			   opt.verify == VERIFY_SAMPLE ? opt.sample : 0);
	if (opt.json)
		print_json(&before, &after, &v, elapsed_s);
	if (!opt.json || strcmp(opt.json, "-"))
		print_table(&before, &after, &v, elapsed_s);
	if (opt.hist)
		latency_write_percentiles(opt.hist, load.latency);
	if (v.wrong) {
		fprintf(stderr, "hermes-redis-load: %llu of %llu keys came back wrong\n",
			(unsigned long long)v.wrong, (unsigned long long)v.checked);
		return EXIT_MISMATCH;
	}
	if (load.errors)
		die(0, "%llu error replies, the first: %s", (unsigned long long)load.errors,
		    load.first_error);
	return EXIT_SUCCESS;
}
