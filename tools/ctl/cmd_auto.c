// SPDX-License-Identifier: GPL-2.0-only
/* Finds the cgroups to register: those of Kubernetes, of a file, of the command line. */
#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup_dir.h"
#include "hermesctl.h"
#include "registration.h"
#include "slices.h"

struct work {
	struct nl *nl;
	struct slices slices;
	struct record_list registered;
	bool dry_run;
	unsigned int found, done, failed;
};

static const char *type_name(uint64_t type)
{
	return attr_word(&cgroup_attrs.attrs[HERMES_A_CGROUP_TYPE], type);
}

static void register_one(struct work *w, const char *path, const char *name,
			 const struct slice *slice)
{
	struct nl_error error = { .err = 0 };

	if (!w->dry_run)
		registration_add(w->nl, path, slice->type, &slice->settings, &error);
	switch (error.err) {
	case 0:
		printf("%s: %s as %s\n", name, w->dry_run ? "would be registered" : "registered",
		       type_name(slice->type));
		break;
	case EEXIST:
		printf("%s: registered meanwhile\n", name);
		break;
	case ENOENT:
		printf("%s: removed meanwhile\n", name);
		break;
	default:
		nl_print_error(&error, "%s", name);
		w->failed++;
		return;
	}
	w->done++;
}

static void look_at(struct work *w, const FTSENT *entry, const char *name,
		    const struct slice *slice)
{
	const struct record *is = records_find(&w->registered, HERMES_A_CGROUP_ID,
					       entry->fts_statp->st_ino);
	uint64_t type = is ? record_number(is, HERMES_A_CGROUP_TYPE) : 0;

	w->found++;
	if (!is) {
		register_one(w, entry->fts_path, name, slice);
	} else if (type == slice->type) {
		printf("%s: is registered as %s\n", name, type_name(type));
		w->done++;
	} else {
		fprintf(stderr, "%s: %s: is registered as %s, not %s: left as it is\n",
			program_invocation_short_name, name, type_name(type),
			type_name(slice->type));
		w->failed++;
	}
}

/* What is inside a match is covered by it, unless something else is said of it. */
static bool is_covered(const FTSENT *entry, const struct slice *slice)
{
	const FTSENT *parent;

	for (parent = entry->fts_parent; parent && parent->fts_level >= 0;
	     parent = parent->fts_parent)
		if (parent->fts_pointer && slices_same(parent->fts_pointer, slice))
			return true;
	return false;
}

static void walk(struct work *w, const char *root)
{
	char *const paths[] = { (char *)root, NULL };
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	const struct slice *slice;
	const char *name;
	FTSENT *entry;

	if (!tree)
		die(errno, "%s", root);
	while ((entry = fts_read(tree))) {
		if (entry->fts_info == FTS_DNR && entry->fts_level == FTS_ROOTLEVEL)
			die(entry->fts_errno, "%s", root);
		if (entry->fts_info != FTS_D || entry->fts_level == FTS_ROOTLEVEL)
			continue;
		name = entry->fts_path + strlen(root) + 1;
		slice = slices_match(&w->slices, name);
		entry->fts_pointer = (void *)slice;
		if (slice && !is_covered(entry, slice))
			look_at(w, entry, name, slice);
	}
	fts_close(tree);
}

static void add_option(struct slices *s, const char *glob, enum hermes_cgroup_type type,
		       const struct settings *settings)
{
	if (!*glob)
		usage_error("auto: an empty pattern");
	slices_add(s, glob, type, settings);
}

/*
 * Options first: the first match counts. --anon is for all of them and for the known ones, wherever
 * it stands.
 */
static void parse(struct work *w, int argc, char **argv)
{
	static const struct option options[] = {
		{ "dry-run", no_argument, NULL, 'n' },
		{ "slice", required_argument, NULL, 's' },
		{ "lc", required_argument, NULL, 'l' },
		{ "anon", no_argument, NULL, 'a' },
		{ "config", required_argument, NULL, 'c' },
		{ 0 },
	};
	struct settings settings = { .n = 0 };
	const char *config = NULL;
	bool anon = false;
	size_t i;
	int c;

	while ((c = ctl_option(argc, argv, options)) != -1) {
		if (c == 'n')
			w->dry_run = true;
		else if (c == 'a')
			anon = true;
		else if (c == 'c')
			config = optarg;
		else
			add_option(&w->slices, optarg,
				   c == 's' ? HERMES_CGROUP_BEST_EFFORT :
					      HERMES_CGROUP_LATENCY_CRITICAL, &settings);
	}
	if (optind < argc)
		usage_error("auto: unexpected argument '%s'", argv[optind]);
	if (anon) {
		settings.list[0].attr = HERMES_A_CGROUP_ANON;
		settings.list[0].value = 1;
		settings.n = 1;
	}
	for (i = 0; i < w->slices.n; i++)
		if (w->slices.list[i].type == HERMES_CGROUP_BEST_EFFORT)
			w->slices.list[i].settings = settings;
	if (config || !access(SLICES_FILE, F_OK))
		slices_read(&w->slices, config ? config : SLICES_FILE);
	slices_add_known(&w->slices, &settings);
}

static int run(int argc, char **argv)
{
	struct work w = { .found = 0 };
	const char *root;

	parse(&w, argc, argv);
	w.nl = ctl_connect();
	root = cgroup_root();
	if (!root)
		die(0, "no cgroup v2 hierarchy is mounted");
	w.registered = ctl_get(w.nl, HERMES_CMD_CGROUP_GET, true);
	walk(&w, root);
	if (!w.found)
		printf("no cgroup below %s matches\n", root);
	slices_free(&w.slices);
	records_free(&w.registered);
	nl_close(w.nl);
	if (!w.failed)
		return EXIT_SUCCESS;
	return w.done ? EXIT_PARTIAL : EXIT_FAILURE;
}

const struct command cmd_auto = {
	.name = "auto",
	.args = "[--dry-run] [--slice GLOB]... [--lc GLOB]... [--anon] [--config FILE]",
	.summary = "Register the best-effort cgroups that are found",
	.help = "--dry-run      only say what would be done\n"
		"--slice GLOB   best-effort cgroups, besides those of Kubernetes\n"
		"--lc GLOB      latency-critical ones\n"
		"--anon         anonymous memory may be reclaimed; not for those of the file\n"
		"--config FILE  more patterns, instead of " SLICES_FILE "\n",
	.run = run,
};
