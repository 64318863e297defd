/* SPDX-License-Identifier: GPL-2.0-only */
/* Directories of the cgroup v2 hierarchy. */
#ifndef HERMES_CTL_CGROUP_DIR_H
#define HERMES_CTL_CGROUP_DIR_H

#include <stdint.h>

/**
 * cgroup_root() - where the hierarchy is mounted, without a slash at the end
 *
 * HERMESCTL_CGROUP_ROOT overrides it, for tests. Return: NULL, it is not mounted
 */
const char *cgroup_root(void);

/** cgroup_path() - @dir, if it is relative below the root; free it; ends the program on failure */
char *cgroup_path(const char *dir);

/** cgroup_open() - a directory, as a cgroup's registration wants it; a descriptor or -errno */
int cgroup_open(const char *path);

/** cgroup_id() - number of an open cgroup, as the module counts them; 0 if it cannot be told */
uint64_t cgroup_id(int fd);

/**
 * cgroup_enter() - move this process into a cgroup, which is made if need be, with the memory
 * controller where the parent permits; ends the program when it cannot be entered
 */
void cgroup_enter(const char *path);

#endif
