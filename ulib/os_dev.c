// SPDX-License-Identifier: LGPL-2.1-or-later
/* The calls to /dev/hermes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/hermes.h>
#include "os.h"

#define DEVICE		"/dev/hermes"
/* Out of the way of programs that expect to get the low numbers. */
#define FD_MIN		100

int hu_os_dev_open(void)
{
	int saved = errno;
	int fd, high;

	fd = (int)syscall(SYS_openat, AT_FDCWD, DEVICE, O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		fd = -errno;
	} else {
		high = fcntl(fd, F_DUPFD_CLOEXEC, FD_MIN);
		if (high >= 0) {
			syscall(SYS_close, fd);
			fd = high;
		}
	}
	errno = saved;
	return fd;
}

void hu_os_dev_close(int fd)
{
	int saved = errno;

	syscall(SYS_close, fd);
	errno = saved;
}

int hu_os_dev_ioctl(int fd, unsigned long request, void *arg)
{
	int saved = errno, ret;

	ret = ioctl(fd, request, arg);
	if (ret < 0)
		ret = -errno;
	errno = saved;
	return ret;
}

void *hu_os_dev_map_control(int fd, size_t len)
{
	int saved = errno;
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		       (off_t)HERMES_MMAP_CONTROL);

	errno = saved;
	return p == MAP_FAILED ? NULL : p;
}

int hu_os_dev_map_arena(int fd, void *addr, size_t len)
{
	int saved = errno, ret = 0;

	if (mmap(addr, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED, fd,
		 (off_t)HERMES_MMAP_ARENA) == MAP_FAILED)
		ret = -errno;
	errno = saved;
	return ret;
}
