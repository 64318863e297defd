// SPDX-License-Identifier: GPL-2.0-only
/*
 * hermes-memcached-load - insert into memcached, and read, at a rate that replies do not influence.
 *
 * libmemcached waits for the reply to each request, so every connection has a thread. When one
 * reply is late, the requests of its connection that come due meanwhile are sent late, too; their
 * latency counts from the scheduled time all the same (no coordinated omission). How late they
 * were sent is reported beside it.
 */
#include <errno.h>
#include <libmemcached/memcached.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "cli.h"
#include "client_memory.h"
#include "latency.h"
#include "load_options.h"
#include "load_report.h"
#include "procstat.h"
#include "requests.h"
#include "timer.h"
#include "values.h"

#define NS_PER_S	1000000000LL
#define MS_PER_S	1000
#define MAX_CONNECTIONS	256
/* All of a stack is locked in memory. */
#define STACK_BYTES	(256 << 10)

static const char summary[] =
"Insert values into memcached in open loop; latency counts from the scheduled time.\n";

static const struct cli_option options[] = {
	CLI_HEAD("memcached:"),
	CLI_OPTION("port", "N", "port of the host (11211)",
		   CLI_NUMBER, &opt.port, .min = 1, .max = 65535),
	CLI_END,
};

/**
 * struct connection - and its thread.
 * @mine: numbers of the requests that go over it, by time
 */
struct connection {
	pthread_t thread;
	memcached_st *server;
	uint32_t *mine;
	uint64_t nr;
	struct latency *latency, *lag;
	struct load_counts counts;
};

static struct load {
	struct connection *connections;
	struct requests requests;
	struct values values;
	pthread_barrier_t start;
	int64_t start_ns;
	uint64_t done;
	struct load_result result;
} load;

static pthread_mutex_t failing = PTHREAD_MUTEX_INITIALIZER;

static int64_t now_ns(void)
{
	return clock_ns() - load.start_ns;
}

static bool is_error_reply(memcached_return_t status)
{
	switch (status) {
	case MEMCACHED_ERROR:
	case MEMCACHED_CLIENT_ERROR:
	case MEMCACHED_SERVER_ERROR:
	case MEMCACHED_SERVER_MEMORY_ALLOCATION_FAILURE:
	case MEMCACHED_E2BIG:
	case MEMCACHED_NOTSTORED:
		return true;
	default:
		return false;
	}
}

static void fail_request(struct connection *c, memcached_return_t status)
{
	/* Never unlocked: when the server goes away, one of the threads says so. */
	pthread_mutex_lock(&failing);
	die(memcached_last_error_errno(c->server), "connection lost after %llu of %llu replies: %s",
	    (unsigned long long)__atomic_load_n(&load.done, __ATOMIC_RELAXED),
	    (unsigned long long)opt.count, memcached_strerror(c->server, status));
}

static void count_reply(struct connection *c, bool read, memcached_return_t status)
{
	c->counts.gets += read;
	if (read && status == MEMCACHED_NOTFOUND) {
		c->counts.misses++;
	} else if (is_error_reply(status)) {
		if (!c->counts.errors++)
			snprintf(c->counts.first_error, sizeof(c->counts.first_error), "%s",
				 memcached_strerror(c->server, status));
	} else if (status != MEMCACHED_SUCCESS) {
		fail_request(c, status);
	}
	__atomic_fetch_add(&load.done, 1, __ATOMIC_RELAXED);
}

static void send_request(struct connection *c, uint64_t number)
{
	const struct request *request = &load.requests.array[number];
	bool measured = number >= opt.warmup, read = request_reads(request);
	memcached_return_t status;
	char name[KEY_BYTES];
	char *value = NULL;
	size_t length, size;
	uint32_t flags;

	length = key_name(name, request->key);
	clock_sleep_until(load.start_ns + request->scheduled_ns);
	if (measured)
		latency_record(c->lag, now_ns() - request->scheduled_ns);
	if (read)
		value = memcached_get(c->server, name, length, &size, &flags, &status);
	else
		status = memcached_set(c->server, name, length,
				       value_of(&load.values, request->store), opt.value_size,
				       0, 0);
	if (measured)
		latency_record(c->latency, now_ns() - request->scheduled_ns);
	free(value);
	count_reply(c, read, status);
}

static void *run_connection(void *arg)
{
	struct connection *c = arg;
	uint64_t i;

	pthread_barrier_wait(&load.start);
	for (i = 0; i < c->nr; i++)
		send_request(c, c->mine[i]);
	return NULL;
}

/* The first request makes the connection: one before time 0. It also says best what went wrong. */
static memcached_return_t first_request(struct connection *c)
{
	static const char no_key[] = "hermes-memcached-load";
	memcached_return_t status;
	uint32_t flags;
	size_t size;

	free(memcached_get(c->server, no_key, sizeof(no_key) - 1, &size, &flags, &status));
	return status == MEMCACHED_NOTFOUND ? MEMCACHED_SUCCESS : status;
}

static void connect_one(struct connection *c)
{
	memcached_return_t status;

	c->server = memcached_create(NULL);
	if (!c->server)
		die(ENOMEM, "connections");
	memcached_behavior_set(c->server, MEMCACHED_BEHAVIOR_TCP_NODELAY, 1);
	memcached_behavior_set(c->server, MEMCACHED_BEHAVIOR_POLL_TIMEOUT,
			       opt.timeout_s * MS_PER_S);
	status = opt.socket ? memcached_server_add_unix_socket(c->server, opt.socket) :
			      memcached_server_add(c->server, opt.host, (in_port_t)opt.port);
	if (status == MEMCACHED_SUCCESS)
		status = first_request(c);
	if (status == MEMCACHED_SUCCESS)
		return;
	if (opt.socket)
		die(memcached_last_error_errno(c->server), "connect to %s: %s", opt.socket,
		    memcached_strerror(c->server, status));
	die(memcached_last_error_errno(c->server), "connect to %s, port %llu: %s", opt.host,
	    (unsigned long long)opt.port, memcached_strerror(c->server, status));
}

static void connect_all(void)
{
	struct connection *c;
	uint64_t i;

	load.connections = calloc(opt.connections, sizeof(*load.connections));
	if (!load.connections)
		die(errno, "connections");
	for (i = 0; i < opt.connections; i++) {
		c = &load.connections[i];
		c->latency = latency_create();
		c->lag = latency_create();
		connect_one(c);
	}
}

static void distribute_requests(void)
{
	struct connection *c;
	uint64_t i;

	for (i = 0; i < opt.count; i++)
		load.connections[request_connection(&load.requests.array[i])].nr++;
	for (c = load.connections; c < load.connections + opt.connections; c++) {
		c->mine = malloc((c->nr + 1) * sizeof(*c->mine));
		if (!c->mine)
			die(errno, "%llu requests", (unsigned long long)c->nr);
		c->nr = 0;
	}
	for (i = 0; i < opt.count; i++) {
		c = &load.connections[request_connection(&load.requests.array[i])];
		c->mine[c->nr++] = (uint32_t)i;
	}
}

static void start_threads(void)
{
	pthread_attr_t attributes;
	uint64_t i;
	int err;

	/* The kernel may not put off a thread's time to send by the usual 50 us. */
	prctl(PR_SET_TIMERSLACK, 1);
	pthread_barrier_init(&load.start, NULL, (unsigned int)opt.connections + 1);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	for (i = 0; i < opt.connections; i++) {
		err = pthread_create(&load.connections[i].thread, &attributes, run_connection,
				     &load.connections[i]);
		if (err)
			die(err, "thread of connection %llu", (unsigned long long)i);
	}
	pthread_attr_destroy(&attributes);
}

static void add_counts(struct load_counts *sum, const struct load_counts *counts)
{
	if (!sum->errors)
		memcpy(sum->first_error, counts->first_error, sizeof(sum->first_error));
	sum->gets += counts->gets;
	sum->misses += counts->misses;
	sum->errors += counts->errors;
}

static void run(void)
{
	struct load_result *result = &load.result;
	struct connection *c;

	load.start_ns = clock_ns();
	pthread_barrier_wait(&load.start);
	for (c = load.connections; c < load.connections + opt.connections; c++)
		pthread_join(c->thread, NULL);
	result->elapsed_s = (double)now_ns() / NS_PER_S;
	for (c = load.connections; c < load.connections + opt.connections; c++) {
		latency_merge(result->latency, c->latency);
		latency_merge(result->lag, c->lag);
		add_counts(&result->counts, &c->counts);
	}
}

static void read_back(struct verification *v)
{
	memcached_st *server = load.connections[0].server;
	memcached_return_t status;
	char name[KEY_BYTES];
	uint32_t flags;
	size_t length, size;
	char *value;

	verification_init(v, &load.values, load.requests.stores);
	while (v->checked < v->nr) {
		length = key_name(name, verification_key(v, v->checked));
		value = memcached_get(server, name, length, &size, &flags, &status);
		if (status != MEMCACHED_SUCCESS && status != MEMCACHED_NOTFOUND)
			die(memcached_last_error_errno(server), "verification: %s",
			    memcached_strerror(server, status));
		verification_answer(v, value, size);
		free(value);
	}
}

int main(int argc, char **argv)
{
	struct load_result *result = &load.result;

	opt.port = MEMCACHED_DEFAULT_PORT;
	load_options_parse(argc, argv, summary, options);
	if (opt.connections > MAX_CONNECTIONS)
		usage_error("--connections: at most %d", MAX_CONNECTIONS);
	lock_client_memory();
	result->latency = latency_create();
	result->lag = latency_create();
	values_init(&load.values, opt.value_size, opt.seed);
	requests_init(&load.requests);
	connect_all();
	distribute_requests();
	start_threads();
	if (opt.pid)
		procstat_read(&result->before, (pid_t)opt.pid);
	run();
	if (opt.pid)
		procstat_read(&result->after, (pid_t)opt.pid);
	if (opt.verify != VERIFY_NONE)
		read_back(&result->verification);
	return load_report(result);
}
