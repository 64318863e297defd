/* SPDX-License-Identifier: GPL-2.0-only */
/* Which cgroups "hermesctl auto" registers, and as what. */
#ifndef HERMES_CTL_SLICES_H
#define HERMES_CTL_SLICES_H

#include "settings.h"

#define SLICES_FILE	"/etc/hermes/slices.conf"

struct slice {
	char *glob;
	enum hermes_cgroup_type type;
	struct settings settings;
};

struct slices {
	struct slice *list;
	size_t n;
};

/** slices_add() - one more; ends the program when memory is short */
void slices_add(struct slices *s, const char *glob, enum hermes_cgroup_type type,
		const struct settings *settings);

/** slices_add_known() - those that Kubernetes makes for best-effort pods */
void slices_add_known(struct slices *s, const struct settings *settings);

/** slices_read() - those of a file; ends the program when it is malformed */
void slices_read(struct slices *s, const char *path);

/**
 * slices_match() - the first that means a cgroup, NULL if none does
 * @path: below the root of the hierarchy, without a slash at its begin
 */
const struct slice *slices_match(const struct slices *s, const char *path);

/** slices_same() - whether both say the same of a cgroup */
bool slices_same(const struct slice *a, const struct slice *b);

void slices_free(struct slices *s);

#endif
