// SPDX-License-Identifier: GPL-2.0-only
/* Runs a program with the library, in a cgroup of its own. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup_dir.h"
#include "hermesctl.h"
#include "registration.h"

#define LIBRARY	"libhermes-u.so.0"

/* As env(1) and shells say it. */
enum {
	EXIT_CANNOT_RUN = 126,
	EXIT_NOT_FOUND = 127,
};

struct plan {
	char *reserve_min, *reserve_max;	/* as the library's configuration wants them */
	const char *cgroup, *conf;
	bool latency_critical;
};

static char *printed(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static char *printed(const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		die(ENOMEM, "run");
	va_end(ap);
	return text;
}

/* MIN[:MAX]; the library gets them as they were written, once they are known to be sizes. */
static void parse_reserve(struct plan *plan, char *text)
{
	char *max = strchr(text, ':');
	uint64_t low, high = UINT64_MAX;

	if (max)
		*max++ = '\0';
	low = ctl_number("--reserve", text, UNIT_BYTES);
	if (max)
		high = ctl_number("--reserve", max, UNIT_BYTES);
	if (low > high)
		usage_error("--reserve: %s is above %s", text, max);
	plan->reserve_min = text;
	plan->reserve_max = max;
}

static void parse(struct plan *plan, int argc, char **argv)
{
	static const struct option options[] = {
		{ "reserve", required_argument, NULL, 'r' },
		{ "cgroup", required_argument, NULL, 'g' },
		{ "lc", no_argument, NULL, 'l' },
		{ "conf", required_argument, NULL, 'c' },
		{ 0 },
	};
	int c;

	while ((c = ctl_option(argc, argv, options)) != -1) {
		if (c == 'r')
			parse_reserve(plan, optarg);
		else if (c == 'g')
			plan->cgroup = optarg;
		else if (c == 'l')
			plan->latency_critical = true;
		else
			plan->conf = optarg;
	}
	if (optind == argc)
		usage_error("run: a program is missing");
	if (plan->latency_critical && !plan->cgroup)
		usage_error("--lc: which cgroup? Give --cgroup, too");
}

/* Failing to be left alone is no reason not to run. */
static void register_critical(const char *path)
{
	struct nl_error error;
	struct nl nl;
	int err = nl_open(&nl), dir;

	if (err == -ENOENT) {
		fprintf(stderr, "%s: %s is not registered: the module hermes is not loaded\n",
			program_invocation_short_name, path);
		return;
	}
	if (err)
		die(-err, "generic netlink");
	registration_add(&nl, path, HERMES_CGROUP_LATENCY_CRITICAL, NULL, &error);
	/* As it should be from the second time on. */
	if (error.err == EEXIST) {
		dir = cgroup_open(path);
		if (registration_type(&nl, cgroup_id(dir)) == HERMES_CGROUP_LATENCY_CRITICAL)
			error.err = 0;
		close(dir);
	}
	if (error.err)
		nl_print_error(&error, "%s is not registered", path);
	nl_close(&nl);
}

/* LD_PRELOAD separates names by both. */
static bool can_preload(const char *path)
{
	return !strpbrk(path, " :");
}

/* The library of the build or installation that this program belongs to; NULL if there is none. */
static const char *library_beside(void)
{
	static const char *const dirs[] = { "../lib", "../ulib" };
	static char path[PATH_MAX + 40];
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	size_t i;

	if (len < 0)
		return NULL;
	self[len] = '\0';
	*strrchr(self, '/') = '\0';
	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s/" LIBRARY, self, dirs[i]);
		if (!access(path, R_OK) && can_preload(path))
			return path;
	}
	return NULL;
}

static const char *find_library(void)
{
	const char *library = getenv("HERMES_LIB");

	if (library && *library) {
		if (!can_preload(library))
			die(0, "HERMES_LIB: '%s': LD_PRELOAD takes no path with a blank or colon",
			    library);
		if (access(library, R_OK))
			die(errno, "HERMES_LIB: %s", library);
		return library;
	}
	library = library_beside();
	return library ? library : LIBRARY;
}

/* Sets @name to @value and what it was, in the order of the format. */
static void prepend(const char *name, const char *value, char separator)
{
	const char *old = getenv(name);
	char *text = old && *old ? printed("%s%c%s", value, separator, old) : printed("%s", value);

	if (setenv(name, text, 1))
		die(errno, "%s", name);
	free(text);
}

static void append(const char *name, const char *value)
{
	const char *old = getenv(name);
	char *text = old && *old ? printed("%s,%s", old, value) : printed("%s", value);

	if (setenv(name, text, 1))
		die(errno, "%s", name);
	free(text);
}

static void set_environment(const struct plan *plan)
{
	char *text;

	prepend("LD_PRELOAD", find_library(), ':');
	if (plan->conf)
		append("HERMES_CONF", plan->conf);
	if (plan->reserve_min) {
		text = printed("reserve_min=%s", plan->reserve_min);
		append("HERMES_CONF", text);
		free(text);
	}
	if (plan->reserve_max) {
		text = printed("reserve_max=%s", plan->reserve_max);
		append("HERMES_CONF", text);
		free(text);
	}
}

static int run(int argc, char **argv)
{
	struct plan plan = { .cgroup = NULL };
	char *path;
	int err;

	parse(&plan, argc, argv);
	argv += optind;
	if (plan.cgroup) {
		path = cgroup_path(plan.cgroup);
		cgroup_enter(path);
		if (plan.latency_critical)
			register_critical(path);
		free(path);
	}
	set_environment(&plan);
	execvp(argv[0], argv);
	err = errno;
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, argv[0], strerror(err));
	return err == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
}

const struct command cmd_run = {
	.name = "run",
	.args = "[OPTION]... -- PROGRAM [ARGUMENT]...",
	.summary = "Run a program with libhermes-u, also without the module",
	.help = "--reserve MIN[:MAX]    sizes of its reserve\n"
		"--cgroup DIR           in this cgroup, which is made if it is not there\n"
		"--lc                   register it as latency-critical\n"
		"--conf KEY=VALUE,...   more configuration, see hermes-u(7)\n",
	.in_order = true,
	.run = run,
};
