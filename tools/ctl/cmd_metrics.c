// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>

#include "hermesctl.h"
#include "metrics.h"
#include "text.h"

static void number_label(const char *name, uint64_t value)
{
	char buf[UNITS_LEN];

	metrics_label(stdout, name, units_exact(buf, UNIT_NONE, value));
}

static void client_labels(FILE *f, const struct record *c)
{
	uint64_t pid = record_number(c, HERMES_A_CLIENT_PID);
	char comm[64];

	number_label("client", record_number(c, HERMES_A_CLIENT_ID));
	fputc(',', f);
	number_label("pid", pid);
	fputc(',', f);
	metrics_label(f, "comm", text_comm(comm, (unsigned int)pid));
	fputc(',', f);
	metrics_label(f, "cgroup", record_text(c, HERMES_A_CLIENT_CGROUP_PATH));
}

static void cgroup_labels(FILE *f, const struct record *g)
{
	number_label("id", record_number(g, HERMES_A_CGROUP_ID));
	fputc(',', f);
	metrics_label(f, "cgroup", record_text(g, HERMES_A_CGROUP_PATH));
	fputc(',', f);
	metrics_label(f, "type", record_word(g, HERMES_A_CGROUP_TYPE));
}

static void print_info(const struct record *totals)
{
	printf("# HELP hermes_info Version of the module.\n# TYPE hermes_info gauge\nhermes_info{");
	metrics_label(stdout, "version", record_text(totals, HERMES_A_TOTALS_VERSION));
	putchar(',');
	number_label("abi", record_number(totals, HERMES_A_TOTALS_ABI));
	puts("} 1");
}

static int run(int argc, char **argv)
{
	struct record_list totals, policy, clients, cgroups;
	struct nl *nl;

	ctl_no_options(argc, argv, 0, 0);
	nl = ctl_connect();
	totals = ctl_get_one(nl, HERMES_CMD_TOTALS_GET);
	policy = ctl_get_one(nl, HERMES_CMD_POLICY_GET);
	clients = ctl_get(nl, HERMES_CMD_CLIENT_GET, true);
	cgroups = ctl_get(nl, HERMES_CMD_CGROUP_GET, true);
	print_info(totals.records);
	metrics_print(stdout, "hermes_", &totals, NULL);
	metrics_print(stdout, "hermes_policy_", &policy, NULL);
	metrics_print(stdout, "hermes_client_", &clients, client_labels);
	metrics_print(stdout, "hermes_cgroup_", &cgroups, cgroup_labels);
	records_free(&totals);
	records_free(&policy);
	records_free(&clients);
	records_free(&cgroups);
	nl_close(nl);
	return EXIT_SUCCESS;
}

const struct command cmd_metrics = {
	.name = "metrics",
	.args = "",
	.summary = "All counters, in the text format of Prometheus",
	.run = run,
};
