/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HERMES_CTL_REGISTRATION_H
#define HERMES_CTL_REGISTRATION_H

#include "nl.h"
#include "settings.h"

/**
 * registration_add() - register the cgroup at @path
 * @settings: what else to say of it; NULL: nothing
 * @error: why it failed
 *
 * Return: 0 or -errno
 */
int registration_add(struct nl *nl, const char *path, enum hermes_cgroup_type type,
		     const struct settings *settings, struct nl_error *error);

/** registration_type() - enum hermes_cgroup_type of cgroup @id; 0: it is not registered */
unsigned int registration_type(struct nl *nl, uint64_t id);

#endif
