// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "../bench/cli.h"
#include "slices.h"

#define BLANKS	" \t\r\n"

void slices_add(struct slices *s, const char *glob, enum hermes_cgroup_type type,
		const struct settings *settings)
{
	struct slice *grown = reallocarray(s->list, s->n + 1, sizeof(*grown));
	/* Paths begin at the root anyway. */
	char *copy = strdup(*glob == '/' ? glob + 1 : glob);

	if (!grown || !copy)
		die(ENOMEM, "slices");
	s->list = grown;
	s->list[s->n++] = (struct slice){ .glob = copy, .type = type, .settings = *settings };
}

void slices_add_known(struct slices *s, const struct settings *settings)
{
	/* Made by the systemd and the cgroupfs driver of the kubelet, also below a slice. */
	static const char *const globs[] = {
		"kubepods.slice/kubepods-besteffort.slice", "*/kubepods/besteffort",
		"kubepods-besteffort.slice",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(globs); i++)
		slices_add(s, globs[i], HERMES_CGROUP_BEST_EFFORT, settings);
}

static void __attribute__((noreturn)) malformed(const char *path, unsigned int line,
						const char *why)
{
	die(0, "%s:%u: %s", path, line, why);
}

static void read_line(struct slices *s, char *text, const char *path, unsigned int line)
{
	struct settings settings = { .n = 0 };
	enum hermes_cgroup_type type = HERMES_CGROUP_BEST_EFFORT;
	char *word, *glob, *rest, why[200];

	text[strcspn(text, "#")] = '\0';
	word = strtok_r(text, BLANKS, &rest);
	if (!word)
		return;
	if (!strcmp(word, "latency-critical"))
		type = HERMES_CGROUP_LATENCY_CRITICAL;
	else if (strcmp(word, "best-effort"))
		malformed(path, line, "a line begins with best-effort or latency-critical");
	glob = strtok_r(NULL, BLANKS, &rest);
	if (!glob)
		malformed(path, line, "a pattern is missing");
	while ((word = strtok_r(NULL, BLANKS, &rest))) {
		if (type == HERMES_CGROUP_LATENCY_CRITICAL)
			malformed(path, line, "only best-effort cgroups have settings");
		if (!settings_add(&settings, &cgroup_attrs, word, why))
			malformed(path, line, why);
	}
	slices_add(s, glob, type, &settings);
}

void slices_read(struct slices *s, const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned int line = 0;
	char *text = NULL;
	size_t size = 0;

	if (!f)
		die(errno, "%s", path);
	while (getline(&text, &size, f) >= 0)
		read_line(s, text, path, ++line);
	if (ferror(f))
		die(errno, "%s", path);
	free(text);
	fclose(f);
}

/* The part of @path behind its next slash, NULL if there is none. */
static const char *below(const char *path)
{
	const char *slash = strchr(path, '/');

	return slash ? slash + 1 : NULL;
}

static bool matches(const char *glob, const char *path)
{
	const char *slash = strrchr(path, '/');

	/* A name alone is looked for everywhere. */
	if (!strchr(glob, '/'))
		return !fnmatch(glob, slash ? slash + 1 : path, 0);
	if (strncmp(glob, "*/", 2))
		return !fnmatch(glob, path, FNM_PATHNAME);
	for (; path; path = below(path))
		if (!fnmatch(glob + 2, path, FNM_PATHNAME))
			return true;
	return false;
}

const struct slice *slices_match(const struct slices *s, const char *path)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (matches(s->list[i].glob, path))
			return &s->list[i];
	return NULL;
}

bool slices_same(const struct slice *a, const struct slice *b)
{
	return a->type == b->type && a->settings.n == b->settings.n &&
	       !memcmp(a->settings.list, b->settings.list,
		       a->settings.n * sizeof(*a->settings.list));
}

void slices_free(struct slices *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		free(s->list[i].glob);
	free(s->list);
}
