// SPDX-License-Identifier: GPL-2.0-only
#include "hermesctl.h"

#define TOTALS(_name)	HERMES_A_TOTALS_##_name

static void line(const char *name, const struct record *totals, unsigned int attr,
		 const char *remark)
{
	char buf[UNITS_LEN];

	printf("%-22s %10s  %s\n", name, record_human(buf, totals, attr), remark);
}

static void print_memory(const struct record *t)
{
	line("memory", t, TOTALS(MEMORY), "");
	line("free", t, TOTALS(FREE), "");
	line("kernel's watermark", t, TOTALS(KERNEL_HIGH), "high, sum of the zones");
	line("low watermark", t, TOTALS(LOW), "below it the controller reclaims");
	line("high watermark", t, TOTALS(HIGH), "there it stops");
	line("demand", t, TOTALS(DEMAND), "consumed by the reserves, lately");
}

static void print_reserves(const struct record *t)
{
	char max[UNITS_LEN], remark[UNITS_LEN + 10];

	line("clients", t, TOTALS(CLIENTS), "");
	snprintf(remark, sizeof(remark), "of %s", record_human(max, t, TOTALS(RESERVED_MAX)));
	line("reserved", t, TOTALS(RESERVED), remark);
	snprintf(remark, sizeof(remark), "of %s", record_human(max, t, TOTALS(MAPPED_MAX)));
	line("mapped", t, TOTALS(MAPPED), remark);
	line("refill", t, TOTALS(REFILL_NS), "time, with zeroing");
	line("misses", t, TOTALS(MISSES), "");
}

static void print_controller(const struct record *t)
{
	line("best-effort cgroups", t, TOTALS(BEST_EFFORT), "");
	line("latency-critical", t, TOTALS(LATENCY_CRITICAL), "");
	line("looks", t, TOTALS(LOOKS), "");
	line("wakes", t, TOTALS(WAKES), "looks that found something to do");
	line("reclaim steps", t, TOTALS(STEPS), "");
	line("asked for", t, TOTALS(ASKED), "");
	line("got", t, TOTALS(GOT), "");
	line("controller", t, TOTALS(CPU_NS), "CPU time");
	line("throttled", t, TOTALS(THROTTLED), "pauses for the CPU budget");
	line("events", t, TOTALS(EVENTS), "");
	line("events lost", t, TOTALS(EVENTS_LOST), "");
}

static void print_json(const struct record *totals, const struct record *policy)
{
	json_t *object = json_object();

	json_object_set_new(object, "loaded", json_true());
	json_object_set_new(object, "totals", record_json(totals));
	json_object_set_new(object, "policy", record_json(policy));
	json_print(object);
}

static int run(int argc, char **argv)
{
	struct record_list totals, policy;
	bool enabled;
	struct nl *nl;

	ctl_no_options(argc, argv, 0, 0);
	nl = ctl_connect();
	totals = ctl_get_one(nl, HERMES_CMD_TOTALS_GET);
	policy = ctl_get_one(nl, HERMES_CMD_POLICY_GET);
	if (ctl_json) {
		print_json(totals.records, policy.records);
	} else {
		enabled = record_number(policy.records, HERMES_A_POLICY_ENABLED);
		printf("hermes %s, ABI %u, loaded; policy: reclaim is %s\n",
		       record_text(totals.records, TOTALS(VERSION)),
		       (unsigned int)record_number(totals.records, TOTALS(ABI)),
		       enabled ? "on" : "off");
		print_memory(totals.records);
		print_reserves(totals.records);
		print_controller(totals.records);
	}
	records_free(&totals);
	records_free(&policy);
	nl_close(nl);
	return EXIT_SUCCESS;
}

const struct command cmd_status = {
	.name = "status",
	.args = "",
	.summary = "State of the module: memory, watermarks, totals",
	.json = true,
	.run = run,
};
