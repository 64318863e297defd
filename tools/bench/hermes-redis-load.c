// SPDX-License-Identifier: GPL-2.0-only
/*
 * hermes-redis-load - insert into Redis, and read, at a rate that replies do not influence.
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
#include <stdlib.h>

#include "cli.h"
#include "client_memory.h"
#include "latency.h"
#include "load_options.h"
#include "load_report.h"
#include "procstat.h"
#include "redis_verify.h"
#include "requests.h"
#include "timer.h"
#include "values.h"

#define NS_PER_S	1000000000LL
/* Sent in one go before replies are looked at again, when the client has fallen behind. */
#define MAX_SEND_BURST	64
#define MAX_PIPELINE	MAX_SEND_BURST
#define WATCH_PERIOD_S	5

static const char summary[] =
"Insert values into Redis in open loop; latency counts from the scheduled time.\n";

static const struct cli_option options[] = {
	CLI_HEAD("Redis:"),
	CLI_OPTION("port", "N", "port of the host (6379)",
		   CLI_NUMBER, &opt.port, .min = 1, .max = 65535),
	CLI_OPTION("pipeline", "N", "requests that arrive together, on one connection (1)",
		   CLI_NUMBER, &opt.pipeline, .min = 1, .max = MAX_PIPELINE),
	CLI_OPTION("progress", NULL, "a line every 5 seconds on standard error",
		   CLI_FLAG, &opt.progress),
	CLI_END,
};

static struct load {
	redisAsyncContext **connections;
	struct event_base *base;
	struct event *send_event, *watch_event;
	struct requests requests;
	struct values values;
	int64_t start_ns;
	uint64_t sent, done, done_at_last_watch, quiet_periods;
	struct load_result result;
} load;

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
	struct load_counts *counts = &load.result.counts;
	const struct request *request = privdata;
	const redisReply *reply = r;

	if (!reply)
		die(0, "connection lost after %llu of %llu replies: %s",
		    (unsigned long long)load.done, (unsigned long long)opt.count,
		    connection->errstr);
	if (reply->type == REDIS_REPLY_ERROR && !counts->errors++)
		snprintf(counts->first_error, sizeof(counts->first_error), "%s", reply->str);
	counts->gets += request_reads(request);
	counts->misses += reply->type == REDIS_REPLY_NIL;
	if ((uint64_t)(request - load.requests.array) >= opt.warmup)
		latency_record(load.result.latency, now_ns() - request->scheduled_ns);
	load.done++;
	finish_if_done();
}

static void send_request(uint64_t number)
{
	struct request *request = &load.requests.array[number];
	redisAsyncContext *connection = load.connections[request_connection(request)];
	char name[KEY_BYTES];
	const char *argv[3] = { "GET", name };
	size_t argvlen[3] = { 3, key_name(name, request->key) };
	int argc = 2;

	if (!request_reads(request)) {
		argv[0] = "SET";
		argv[argc] = value_of(&load.values, request->store);
		argvlen[argc++] = opt.value_size;
	}
	if (number >= opt.warmup)
		latency_record(load.result.lag, now_ns() - request->scheduled_ns);
	if (redisAsyncCommandArgv(connection, on_reply, request, argc, argv, argvlen))
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
		ahead = load.requests.array[load.sent].scheduled_ns - now_ns();
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

	/* Timers of a microsecond's precision rather than of epoll's millisecond. */
	if (!config || event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER))
		die(0, "libevent configuration");
	load.base = event_base_new_with_config(config);
	event_config_free(config);
	if (!load.base)
		die(0, "libevent");
	load.send_event = evtimer_new(load.base, on_send_time, NULL);
	load.watch_event = event_new(load.base, -1, EV_PERSIST, on_watch, NULL);
	if (!load.send_event || !load.watch_event)
		die(ENOMEM, "libevent");
	load.result.latency = latency_create();
	load.result.lag = latency_create();
	values_init(&load.values, opt.value_size, opt.seed);
	requests_init(&load.requests);
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

int main(int argc, char **argv)
{
	struct load_result *result = &load.result;

	opt.port = 6379;
	load_options_parse(argc, argv, summary, options);
	lock_client_memory();
	load_init();
	if (opt.pid)
		procstat_read(&result->before, (pid_t)opt.pid);
	run();
	result->elapsed_s = (double)now_ns() / NS_PER_S;
	if (opt.pid)
		procstat_read(&result->after, (pid_t)opt.pid);
	if (opt.verify != VERIFY_NONE) {
		verification_init(&result->verification, &load.values, load.requests.stores);
		redis_verify(&result->verification);
	}
	return load_report(result);
}
