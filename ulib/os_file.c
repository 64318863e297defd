// SPDX-License-Identifier: LGPL-2.1-or-later
/* Calls to the operating system that have to do with files. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>
#include "os_file.h"

/* Nobody needs to open it for writing again; umask may take more away. */
#define SHARED_MODE	0440

static int do_open(const char *path, int flags, int mode)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path,
			      flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, mode);

	return fd < 0 ? -errno : fd;
}

static void do_close(int fd)
{
	syscall(SYS_close, fd);
}

/* The whole file, -EFBIG if it is longer than @size. Closes @fd. */
static ssize_t read_and_close(int fd, void *buf, size_t size)
{
	ssize_t got = 0, n;
	char more;

	while ((size_t)got < size) {
		n = syscall(SYS_read, fd, (char *)buf + got, size - (size_t)got);
		if (n < 0)
			got = -errno;
		if (n <= 0)
			break;
		got += n;
	}
	if (got == (ssize_t)size && syscall(SYS_read, fd, &more, 1) == 1)
		got = -EFBIG;
	do_close(fd);
	return got;
}

static bool only_root_writes(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode) && !st.st_uid &&
	       !(st.st_mode & 0002) && (!(st.st_mode & 0020) || !st.st_gid);
}

/* A regular file that only root can write; else -EPERM. Returns its length. */
ssize_t hu_os_read_trusted(const char *path, char *buf, size_t size)
{
	int saved = errno, fd = do_open(path, O_RDONLY, 0);
	ssize_t ret = fd;

	if (fd >= 0 && !only_root_writes(fd)) {
		do_close(fd);
		ret = -EPERM;
	} else if (fd >= 0) {
		ret = read_and_close(fd, buf, size);
	}
	errno = saved;
	return ret;
}

/* Any file that is no symbolic link. Returns its length. */
ssize_t hu_os_read_file(const char *path, void *buf, size_t size)
{
	int saved = errno, fd = do_open(path, O_RDONLY | O_NOFOLLOW, 0);
	ssize_t ret = fd < 0 ? fd : read_and_close(fd, buf, size);

	errno = saved;
	return ret;
}

bool hu_os_is_dir(const char *path)
{
	int saved = errno;
	struct stat st;
	bool is = !stat(path, &st) && S_ISDIR(st.st_mode);

	errno = saved;
	return is;
}

/* Not a link, and nobody but root and ourselves can replace files of ours in it. */
static bool is_trusted_dir(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && (!st.st_uid || st.st_uid == geteuid()) &&
	       (!(st.st_mode & 0002) || (st.st_mode & S_ISVTX));
}

/**
 * hu_os_check_tmpfs() - is this a directory whose files cause no I/O?
 * @dir: its path
 * @trusted: it must also be safe from other users, and no symbolic link
 *
 * Return: 0; -ENODEV: it is on another file system; -EPERM: not safe; or what
 * open() said.
 */
int hu_os_check_tmpfs(const char *dir, bool trusted)
{
	int saved = errno, ret = 0;
	int fd = do_open(dir, O_RDONLY | O_DIRECTORY | (trusted ? O_NOFOLLOW : 0), 0);
	struct statfs fs;

	if (fd < 0) {
		ret = fd;
	} else {
		if (fstatfs(fd, &fs) || ((unsigned long)fs.f_type != TMPFS_MAGIC &&
					 (unsigned long)fs.f_type != RAMFS_MAGIC))
			ret = -ENODEV;
		else if (trusted && !is_trusted_dir(fd))
			ret = -EPERM;
		do_close(fd);
	}
	errno = saved;
	return ret;
}

/*
 * All of the file is allocated now: a write to the mapping must not find the
 * file system full (SIGBUS), nor may the limit on file sizes kill (SIGXFSZ).
 */
static int allocate(int fd, size_t len)
{
	struct rlimit rl;

	if (!getrlimit(RLIMIT_FSIZE, &rl) && rl.rlim_cur < len)
		return -EFBIG;
	return syscall(SYS_fallocate, fd, 0, (off_t)0, (off_t)len) ? -errno : 0;
}

/**
 * hu_os_create_shared() - make a file and map it
 * @path: must not exist
 * @len: whole pages
 * @error: out: negative errno
 *
 * Return: the mapping, zeroed; NULL, and there is no file.
 */
void *hu_os_create_shared(const char *path, size_t len, int *error)
{
	int saved = errno;
	int fd = do_open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, SHARED_MODE);
	void *p = MAP_FAILED;

	*error = fd < 0 ? fd : allocate(fd, len);
	if (!*error) {
		p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
		*error = p == MAP_FAILED ? -errno : 0;
	}
	if (fd >= 0) {
		do_close(fd);
		if (p == MAP_FAILED)
			unlink(path);
	}
	errno = saved;
	return p == MAP_FAILED ? NULL : p;
}

void hu_os_unlink(const char *path)
{
	int saved = errno;

	unlink(path);
	errno = saved;
}

uint32_t hu_os_pid(void)
{
	return (uint32_t)getpid();
}

uint64_t hu_os_realtime_ns(void)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static bool strict;

/* Once, at the start: later the program may have given up the right to open files. */
void hu_os_save_overcommit(void)
{
	char mode[4] = "";

	strict = hu_os_read_file("/proc/sys/vm/overcommit_memory", mode, sizeof(mode)) > 0 &&
		 mode[0] == '2';
}

/* Whether the kernel counts memory that may be written, used or not. */
bool hu_os_commit_is_strict(void)
{
	return strict;
}
