// SPDX-License-Identifier: GPL-2.0-only
#include <unistd.h>

#include "cgroup_dir.h"
#include "hermesctl.h"
#include "registration.h"

int registration_add(struct nl *nl, const char *path, enum hermes_cgroup_type type,
		     const struct settings *settings, struct nl_error *error)
{
	struct nl_request request;
	int fd = cgroup_open(path);
	int ret;

	if (fd < 0) {
		*error = (struct nl_error){ .err = -fd };
		return fd;
	}
	nl_request(&request, HERMES_CMD_CGROUP_ADD, false);
	nl_put(&request, HERMES_A_CGROUP_FD, (uint64_t)fd);
	nl_put(&request, HERMES_A_CGROUP_TYPE, type);
	if (settings)
		settings_put(settings, &request);
	ret = nl_call(nl, &request, NULL, error);
	close(fd);
	return ret;
}

unsigned int registration_type(struct nl *nl, uint64_t id)
{
	struct record_list list = ctl_get(nl, HERMES_CMD_CGROUP_GET, true);
	const struct record *g = records_find(&list, HERMES_A_CGROUP_ID, id);
	unsigned int type = g ? (unsigned int)record_number(g, HERMES_A_CGROUP_TYPE) : 0;

	records_free(&list);
	return type;
}
