/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every call to the operating system. No function here is a cancellation
 * point or changes errno; failures come back as NULL or as a negative errno.
 */
#ifndef HU_OS_H
#define HU_OS_H

#include <stdatomic.h>
#include "internal.h"

/* Address space. */
void *hu_os_reserve(void *at, size_t len);
void *hu_os_reserve_aligned(size_t len, size_t align);
int hu_os_commit(void *addr, size_t len);
void *hu_os_map(size_t len);
void hu_os_unmap(void *addr, size_t len);
void *hu_os_remap(void *addr, size_t old_len, size_t new_len);
void *hu_os_move_pages(void *from, size_t len, size_t new_len);
bool hu_os_may_move(void *page);
int hu_os_move_over(void *from, size_t len, void *to);
void hu_os_purge(void *addr, size_t len);
bool hu_os_populate(void *addr, size_t len);
void hu_os_huge_pages(void *addr, size_t len);
void hu_os_no_huge_pages(void *addr, size_t len);
bool hu_os_wipe_on_fork(void *addr, size_t len);
size_t hu_os_address_space_limit(void);
bool hu_os_memory_limited(void);

/* Time, randomness, environment. */
uint32_t hu_os_clock_ms(void);
uint64_t hu_os_clock_ns(void);
uint64_t hu_os_random(void);
unsigned int hu_os_cpus(void);
void hu_os_faults(uint64_t *minor, uint64_t *major);
bool hu_os_secure(void);
const char *hu_os_getenv(const char *name);

void hu_os_futex_wait(atomic_int *word, int value);
void hu_os_futex_wake(atomic_int *word);

void hu_os_write_stderr(const char *text, size_t len);

/* os_thread.c: the background thread, and files only it reads. */
int hu_os_thread_start(void *(*run)(void *arg));
void hu_os_save_affinity(void);
bool hu_os_own_files(void);
bool hu_os_is_main_thread(void);
bool hu_os_threads_left(unsigned int threads, bool leader);
int hu_os_open(const char *path);
size_t hu_os_read(int fd, char *buf, size_t size);
void hu_os_close(int fd);
void hu_os_futex_wait_for(atomic_uint *word, uint32_t value, uint64_t us);
void hu_os_futex_wake_word(atomic_uint *word);

/* One line on stderr. hu_os_fatal() then aborts. */
void hu_os_complain(const char *what, const char *detail);
void hu_os_complain_of(const char *what, const void *pointer);
_Noreturn void hu_os_fatal(const char *what, const void *pointer);

/*
 * /dev/hermes (os_dev.c; the native tests link a fake instead).
 * hu_os_dev_open() returns a file descriptor or a negative errno.
 */
int hu_os_dev_open(void);
void hu_os_dev_close(int fd);
int hu_os_dev_ioctl(int fd, unsigned long request, void *arg);
void *hu_os_dev_map_control(int fd, size_t len);
int hu_os_dev_map_arena(int fd, void *addr, size_t len);

#endif /* HU_OS_H */
