// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../bench/cli.h"
#include "cgroup_dir.h"

static const char *find_mount(void)
{
	static char root[PATH_MAX];
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *m;

	while (mounts && !*root && (m = getmntent(mounts)))
		if (!strcmp(m->mnt_type, "cgroup2"))
			snprintf(root, sizeof(root), "%s", m->mnt_dir);
	if (mounts)
		endmntent(mounts);
	return *root ? root : NULL;
}

const char *cgroup_root(void)
{
	const char *root = getenv("HERMESCTL_CGROUP_ROOT");

	return root && *root ? root : find_mount();
}

char *cgroup_path(const char *dir)
{
	const char *root = cgroup_root();
	char *path;

	if (*dir == '/') {
		path = strdup(dir);
	} else {
		if (!root)
			die(0, "%s: no cgroup v2 hierarchy is mounted", dir);
		if (asprintf(&path, "%s/%s", root, dir) < 0)
			path = NULL;
	}
	if (!path)
		die(ENOMEM, "%s", dir);
	return path;
}

int cgroup_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

uint64_t cgroup_id(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
}

static int write_at(int dir, const char *file, const char *value)
{
	int fd = openat(dir, file, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) < 0)
		err = -errno;
	close(fd);
	return err;
}

void cgroup_enter(const char *path)
{
	int dir, err;

	if (mkdir(path, 0755) && errno != EEXIST)
		die(errno, "create cgroup %s", path);
	dir = cgroup_open(path);
	if (dir < 0)
		die(-dir, "%s", path);
	/* A cgroup without it can be entered, too. */
	if (faccessat(dir, "memory.current", F_OK, 0) &&
	    write_at(dir, "../cgroup.subtree_control", "+memory"))
		fprintf(stderr, "%s: %s: its parent does not permit the memory controller\n",
			program_invocation_short_name, path);
	err = write_at(dir, "cgroup.procs", "0");
	if (err)
		die(-err, "enter cgroup %s", path);
	close(dir);
}
