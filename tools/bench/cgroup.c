// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cgroup.h"
#include "cli.h"

static void write_control(const char *dir, const char *file, const char *value)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		die(errno, "write '%s' to %s", value, path);
	close(fd);
}

void cgroup_join(const char *dir, const char *memory_high, const char *memory_max)
{
	char parent[PATH_MAX];
	struct statfs fs;

	if (mkdir(dir, 0755) && errno != EEXIST)
		die(errno, "create cgroup %s", dir);
	if (statfs(dir, &fs))
		die(errno, "%s", dir);
	if (fs.f_type != CGROUP2_SUPER_MAGIC)
		die(0, "%s is not in a cgroup v2 hierarchy", dir);
	snprintf(parent, sizeof(parent), "%s/..", dir);
	write_control(parent, "cgroup.subtree_control", "+memory");
	if (memory_high)
		write_control(dir, "memory.high", memory_high);
	if (memory_max)
		write_control(dir, "memory.max", memory_max);
	write_control(dir, "cgroup.procs", "0");
}
