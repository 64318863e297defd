// SPDX-License-Identifier: GPL-2.0-only
/* Registered cgroups. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cgroup_dir.h"
#include "hermesctl.h"
#include "registration.h"
#include "settings.h"
#include "target.h"
#include "text.h"

#define CGROUP(_name)	HERMES_A_CGROUP_##_name

static void add_backoff(struct text_table *t, const struct record *g)
{
	char buf[UNITS_LEN];

	if (record_number(g, CGROUP(BACKOFF_MS)))
		table_add(t, "%s, %s", record_word(g, CGROUP(BACKOFF)),
			  record_human(buf, g, CGROUP(BACKOFF_MS)));
	else
		table_add(t, "-");
}

static void add_row(struct text_table *t, const struct record *g)
{
	static const unsigned int numbers[] = {
		CGROUP(WEIGHT), CGROUP(MIN), CGROUP(RATE), CGROUP(ANON), CGROUP(CURRENT),
		CGROUP(FILE), CGROUP(ANON_BYTES), CGROUP(STEPS), CGROUP(GOT), CGROUP(REFAULTS),
	};
	char buf[UNITS_LEN];
	size_t i;

	table_add(t, "%llu", (unsigned long long)record_number(g, CGROUP(ID)));
	table_add(t, "%s", record_word(g, CGROUP(TYPE)));
	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		table_add(t, "%s", record_has(g, numbers[i]) ? record_human(buf, g, numbers[i]) :
							      "-");
	add_backoff(t, g);
	table_add(t, "%s%s", record_text(g, CGROUP(PATH)),
		  record_number(g, CGROUP(SPLIT)) ? " (in part)" : "");
}

static int cgroups(int argc, char **argv)
{
	static const char *const heads[] = {
		">ID", "TYPE", ">WEIGHT", ">MIN", ">RATE", ">ANON", ">CURRENT", ">FILE",
		">ANONYMOUS", ">STEPS", ">GOT", ">REFAULTS", "BACK-OFF", "PATH",
	};
	struct record_list list;
	struct text_table t;
	struct nl *nl;
	size_t i;

	ctl_no_options(argc, argv, 0, 0);
	nl = ctl_connect();
	list = ctl_get(nl, HERMES_CMD_CGROUP_GET, true);
	if (ctl_json) {
		json_print(json_pack("{s:o}", "cgroups", ctl_json_array(&list)));
	} else {
		table_begin(&t, heads, ARRAY_SIZE(heads));
		for (i = 0; i < list.n; i++)
			add_row(&t, &list.records[i]);
		table_end(&t, 0);
	}
	records_free(&list);
	nl_close(nl);
	return EXIT_SUCCESS;
}

const struct command cmd_cgroups = {
	.name = "cgroups",
	.args = "",
	.summary = "Registered cgroups",
	.json = true,
	.run = cgroups,
};

static int finish(struct nl *nl, const struct nl_error *error, const char *name,
		  const char *done)
{
	nl_close(nl);
	if (error->err) {
		nl_print_error(error, "%s", name);
		return EXIT_FAILURE;
	}
	printf("%s: %s\n", name, done);
	return EXIT_SUCCESS;
}

static int add(char **args, enum hermes_cgroup_type type)
{
	struct settings settings = { .n = 0 };
	struct nl_error error;
	struct nl *nl;
	char *path;
	int status;

	settings_parse(&settings, &cgroup_attrs, args + 1);
	nl = ctl_connect();
	path = cgroup_path(args[0]);
	registration_add(nl, path, type, &settings, &error);
	status = finish(nl, &error, path, "registered");
	free(path);
	return status;
}

struct named {
	char *path;	/* NULL: named by its number */
	int fd;
	uint64_t id;
};

static void find_named(struct named *named, const char *text)
{
	*named = (struct named){ .fd = -1 };
	if (target_id(text, &named->id))
		return;
	named->path = cgroup_path(text);
	named->fd = cgroup_open(named->path);
	if (named->fd < 0)
		die(-named->fd, "%s", named->path);
	named->id = cgroup_id(named->fd);
}

/* Ends the program if the cgroup is registered as another type. */
static void check_type(struct nl *nl, const struct named *named, const char *text,
		       enum hermes_cgroup_type type)
{
	unsigned int is = registration_type(nl, named->id);

	if (is && is != type)
		die(0, "%s is registered as %s", text,
		    attr_word(&cgroup_attrs.attrs[CGROUP(TYPE)], is));
}

/* A request of @cmd for the registration that @text, DIR or #ID, means. */
static int change(enum hermes_cmd cmd, const char *text, enum hermes_cgroup_type type,
		  const struct settings *settings, const char *done)
{
	struct nl *nl = ctl_connect();
	struct nl_request request;
	struct nl_error error;
	struct named named;
	int status;

	find_named(&named, text);
	check_type(nl, &named, text, type);
	nl_request(&request, cmd, false);
	if (named.path)
		nl_put(&request, CGROUP(FD), (uint64_t)named.fd);
	else
		nl_put(&request, CGROUP(ID), named.id);
	settings_put(settings, &request);
	nl_call(nl, &request, NULL, &error);
	status = finish(nl, &error, named.path ? named.path : text, done);
	if (named.path)
		close(named.fd);
	free(named.path);
	return status;
}

static int del(int argc, char **argv, enum hermes_cgroup_type type)
{
	struct settings none = { .n = 0 };
	char **args = ctl_no_options(argc, argv, 1, 1);

	return change(HERMES_CMD_CGROUP_DEL, args[0], type, &none, "registration ended");
}

static int be_add(int argc, char **argv)
{
	return add(ctl_no_options(argc, argv, 1, argc), HERMES_CGROUP_BEST_EFFORT);
}

static int be_set(int argc, char **argv)
{
	char **args = ctl_no_options(argc, argv, 1, argc);
	struct settings settings;

	settings_parse(&settings, &cgroup_attrs, args + 1);
	if (!settings.n)
		usage_error("be set: nothing to set");
	return change(HERMES_CMD_CGROUP_SET, args[0], HERMES_CGROUP_BEST_EFFORT, &settings,
		      "set");
}

static int be_del(int argc, char **argv)
{
	return del(argc, argv, HERMES_CGROUP_BEST_EFFORT);
}

static int lc_add(int argc, char **argv)
{
	return add(ctl_no_options(argc, argv, 1, 1), HERMES_CGROUP_LATENCY_CRITICAL);
}

static int lc_del(int argc, char **argv)
{
	return del(argc, argv, HERMES_CGROUP_LATENCY_CRITICAL);
}

#define BE_KEYS	"[weight=N] [min=SIZE] [rate=SIZE] [anon=yes|no]"
#define KEYS_HELP									\
	"weight  in the choice of whom to reclaim from, 1 to 10000 (100)\n"		\
	"min     memory that is left to it (0)\n"					\
	"rate    most that is asked of it in a second; 0: as the policy says (0)\n"	\
	"anon    whether anonymous memory may be reclaimed, to swap (no)\n"

const struct command cmd_be_add = {
	.name = "be add",
	.args = "DIR " BE_KEYS,
	.summary = "Register a best-effort cgroup, to reclaim from",
	.help = KEYS_HELP,
	.run = be_add,
};

const struct command cmd_be_set = {
	.name = "be set",
	.args = "DIR|#ID " BE_KEYS,
	.summary = "Change the registration of a best-effort cgroup",
	.help = KEYS_HELP,
	.run = be_set,
};

const struct command cmd_be_del = {
	.name = "be del",
	.args = "DIR|#ID",
	.summary = "End the registration of a best-effort cgroup",
	.run = be_del,
};

const struct command cmd_lc_add = {
	.name = "lc add",
	.args = "DIR",
	.summary = "Register a latency-critical cgroup, to leave alone",
	.run = lc_add,
};

const struct command cmd_lc_del = {
	.name = "lc del",
	.args = "DIR|#ID",
	.summary = "End the registration of a latency-critical cgroup",
	.run = lc_del,
};
