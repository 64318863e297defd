/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files, under the same rules as os.h. Errors are negative errno values. */
#ifndef HU_OS_FILE_H
#define HU_OS_FILE_H

#include <sys/types.h>
#include "internal.h"

ssize_t hu_os_read_trusted(const char *path, char *buf, size_t size);
ssize_t hu_os_read_file(const char *path, void *buf, size_t size);
bool hu_os_is_dir(const char *path);
int hu_os_check_tmpfs(const char *dir, bool trusted);
void *hu_os_create_shared(const char *path, size_t len, int *error);
void hu_os_unlink(const char *path);
void hu_os_save_overcommit(void);
bool hu_os_commit_is_strict(void);
uint32_t hu_os_pid(void);
uint64_t hu_os_realtime_ns(void);

#endif /* HU_OS_FILE_H */
