// SPDX-License-Identifier: GPL-2.0-only
/* Clients and the sizes of their reserves. */
#include <errno.h>

#include "hermesctl.h"
#include "settings.h"
#include "target.h"
#include "text.h"

#define CLIENT(_name)	HERMES_A_CLIENT_##_name

static void add_row(struct text_table *t, const struct record *c)
{
	static const unsigned int sizes[] = {
		CLIENT(MIN_BYTES), CLIENT(MAX_BYTES), CLIENT(TARGET), CLIENT(READY), CLIENT(POOL),
		CLIENT(CONSUMED), CLIENT(MISSES),
	};
	char buf[UNITS_LEN], comm[64];
	size_t i;

	table_add(t, "%u", (unsigned int)record_number(c, CLIENT(ID)));
	table_add(t, "%u", (unsigned int)record_number(c, CLIENT(PID)));
	table_add(t, "%s", text_comm(comm, (unsigned int)record_number(c, CLIENT(PID))));
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		table_add(t, "%s", record_human(buf, c, sizes[i]));
	table_add(t, "%s", record_text(c, CLIENT(CGROUP_PATH)));
}

static void print_table(const struct record_list *clients)
{
	static const char *const heads[] = {
		">ID", ">PID", "COMM", ">MIN", ">MAX", ">TARGET", ">READY", ">POOL", ">CONSUMED",
		">MISSES", "CGROUP",
	};
	struct text_table t;
	size_t i;

	table_begin(&t, heads, ARRAY_SIZE(heads));
	for (i = 0; i < clients->n; i++)
		add_row(&t, &clients->records[i]);
	table_end(&t, 0);
}

static int reserves(int argc, char **argv)
{
	char **targets = ctl_no_options(argc, argv, 0, argc);
	struct record_list clients;
	struct nl *nl;
	int status;

	target_check(targets);
	nl = ctl_connect();
	clients = ctl_get(nl, HERMES_CMD_CLIENT_GET, true);
	status = target_filter(&clients, targets);
	if (ctl_json)
		json_print(json_pack("{s:o}", "clients", ctl_clients_json(&clients)));
	else if (status != EXIT_FAILURE)
		print_table(&clients);
	records_free(&clients);
	nl_close(nl);
	return status;
}

const struct command cmd_reserves = {
	.name = "reserves",
	.args = "[PID|#ID]...",
	.summary = "Clients and their reserves",
	.json = true,
	.run = reserves,
};

/* Whether the client has the settings now. */
static bool set_one(struct nl *nl, const struct record *client, const struct settings *settings)
{
	unsigned int id = (unsigned int)record_number(client, CLIENT(ID));
	unsigned int pid = (unsigned int)record_number(client, CLIENT(PID));
	struct nl_request request;
	struct nl_error error;

	nl_request(&request, HERMES_CMD_CLIENT_SET, false);
	nl_put(&request, CLIENT(ID), id);
	settings_put(settings, &request);
	if (nl_call(nl, &request, NULL, &error)) {
		nl_print_error(&error, "client #%u of process %u", id, pid);
		return false;
	}
	printf("client #%u of process %u: set\n", id, pid);
	return true;
}

static int reserve_set(int argc, char **argv)
{
	char **args = ctl_no_options(argc, argv, 0, argc);
	char *const targets[] = { args[0], NULL };
	struct record_list clients;
	struct settings settings;
	size_t i, done = 0;
	struct nl *nl;

	if (!args[0]) {
		settings_list(&client_attrs);
		return EXIT_SUCCESS;
	}
	target_check(targets);
	settings_parse(&settings, &client_attrs, args + 1);
	if (!settings.n)
		usage_error("reserve set: nothing to set; without arguments it lists the keys");
	nl = ctl_connect();
	clients = ctl_get(nl, HERMES_CMD_CLIENT_GET, true);
	if (target_filter(&clients, targets))
		return EXIT_FAILURE;
	for (i = 0; i < clients.n; i++)
		done += set_one(nl, &clients.records[i], &settings);
	i = clients.n;
	records_free(&clients);
	nl_close(nl);
	if (done == i)
		return EXIT_SUCCESS;
	return done ? EXIT_PARTIAL : EXIT_FAILURE;
}

const struct command cmd_reserve_set = {
	.name = "reserve set",
	.args = "[PID|#ID KEY=VALUE...]",
	.summary = "Set sizes of a reserve; all reserves of a process",
	.help = "Without arguments it lists the keys.\n",
	.run = reserve_set,
};
