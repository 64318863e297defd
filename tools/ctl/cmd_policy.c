// SPDX-License-Identifier: GPL-2.0-only
#include "hermesctl.h"
#include "settings.h"

/* Lines that "policy set" takes as arguments. */
static void print_settings(const struct record *policy)
{
	char buf[UNITS_LEN];
	unsigned int i;

	for (i = 0; i < policy_attrs.n; i++)
		if (record_has(policy, i) && policy_attrs.attrs[i].key)
			printf("%s=%s\n", policy_attrs.attrs[i].key,
			       units_exact(buf, policy_attrs.attrs[i].unit,
					   record_number(policy, i)));
}

static int get(int argc, char **argv)
{
	struct record_list policy;
	struct nl *nl;

	ctl_no_options(argc, argv, 0, 0);
	nl = ctl_connect();
	policy = ctl_get_one(nl, HERMES_CMD_POLICY_GET);
	if (ctl_json)
		json_print(record_json(policy.records));
	else
		print_settings(policy.records);
	records_free(&policy);
	nl_close(nl);
	return EXIT_SUCCESS;
}

const struct command cmd_policy_get = {
	.name = "policy get",
	.args = "",
	.summary = "The policy, as arguments of policy set",
	.json = true,
	.run = get,
};

static int set(int argc, char **argv)
{
	char **args = ctl_no_options(argc, argv, 0, argc);
	struct nl_request request;
	struct settings settings;
	struct nl_error error;
	struct nl *nl;

	if (!args[0]) {
		settings_list(&policy_attrs);
		return EXIT_SUCCESS;
	}
	settings_parse(&settings, &policy_attrs, args);
	nl = ctl_connect();
	nl_request(&request, HERMES_CMD_POLICY_SET, false);
	settings_put(&settings, &request);
	nl_call(nl, &request, NULL, &error);
	nl_close(nl);
	if (!error.err)
		return EXIT_SUCCESS;
	nl_print_error(&error, "policy");
	return EXIT_FAILURE;
}

const struct command cmd_policy_set = {
	.name = "policy set",
	.args = "[KEY=VALUE...]",
	.summary = "Change the policy, all that is given or nothing",
	.help = "Without arguments it lists the keys.\n",
	.run = set,
};
