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

static void limit_v2(const char *dir, const char *memory_high, const char *memory_max)
{
	char parent[PATH_MAX];

	snprintf(parent, sizeof(parent), "%s/..", dir);
	write_control(parent, "cgroup.subtree_control", "+memory");
	if (memory_high)
		write_control(dir, "memory.high", memory_high);
	if (memory_max)
		write_control(dir, "memory.max", memory_max);
}

static void limit_v1(const char *dir, const char *memory_high, const char *memory_max)
{
	if (memory_high)
		die(0, "%s: cgroup v1 has no memory.high", dir);
	if (memory_max)
		write_control(dir, "memory.limit_in_bytes", memory_max);
}

/* Of the memory controller: other hierarchies of cgroup v1 lack the file. */
static bool is_memory_v1(const char *dir, const struct statfs *fs)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/memory.limit_in_bytes", dir);
	return fs->f_type == CGROUP_SUPER_MAGIC && !access(path, F_OK);
}

void cgroup_join(const char *dir, const char *memory_high, const char *memory_max)
{
	struct statfs fs;

	if (mkdir(dir, 0755) && errno != EEXIST)
		die(errno, "create cgroup %s", dir);
	if (statfs(dir, &fs))
		die(errno, "%s", dir);
	if (fs.f_type == CGROUP2_SUPER_MAGIC)
		limit_v2(dir, memory_high, memory_max);
	else if (is_memory_v1(dir, &fs))
		limit_v1(dir, memory_high, memory_max);
	else
		die(0, "%s is not in a cgroup v2 hierarchy, nor in that of v1's memory controller",
		    dir);
	write_control(dir, "cgroup.procs", "0");
}
