/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the Hermes selftests share: a client of /dev/hermes, cgroups, the
 * kernel's counters, and the synchronisation of processes.
 *
 * Functions that can fail return 0 or a negative errno, so that the caller
 * asserts on it where the harness can name the line.
 */
#ifndef HERMES_UTIL_H
#define HERMES_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

#include <linux/hermes.h>

#define HERMES_DEVICE	"/dev/hermes"
#define HERMES_PARAMS	"/sys/module/hermes/parameters/"

#define PAGE_BYTES	4096UL
#define MIB		(1UL << 20)

/*
 * An emulated machine runs a test some 30 times slower than a real one, and its
 * host may be busy: time limits are for what hangs, not for what is slow.
 */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	400
#define TEST_TIMEOUT_LONG	800

/* The longest that a test waits for the kernel, milliseconds. */
#define WAIT_MS			60000
/* The same for another process, which may have to wait for the kernel. */
#define GATE_MS			120000

/* Whether a condition, looked at again and again, comes true in time. */
#define wait_until(cond) ({						\
	uint64_t end_ = now_ms() + WAIT_MS;				\
	bool last_, met_;						\
									\
	for (;;) {							\
		last_ = now_ms() > end_;				\
		met_ = (cond);						\
		if (met_ || last_)					\
			break;						\
		sleep_ms(5);						\
	}								\
	met_;								\
})

/* In a forked child, where the harness' own assertions have no effect. */
#define CHILD_CHECK(cond) do {						\
	if (!(cond)) {							\
		fprintf(stderr, "# %s:%d: child %d: failed: %s\n",	\
			__FILE__, __LINE__, getpid(), #cond);		\
		_exit(1);						\
	}								\
} while (0)

/**
 * struct hermes_client - one open of /dev/hermes and its control mapping
 * @fd: the open file
 * @info: geometry, as %HERMES_IOC_INFO gave it
 * @ctl: control mapping
 * @ready: its ready ring
 * @fill: its fill ring
 * @ready_entries: length of @ready, copied before anybody can scribble
 * @fill_entries: length of @fill
 * @popping: a thread is in hermes_pop()
 */
struct hermes_client {
	int fd;
	struct hermes_info info;
	struct hermes_control *ctl;
	uint64_t *ready;
	struct hermes_fill *fill;
	uint32_t ready_entries;
	uint32_t fill_entries;
	bool popping;
};

/* The device. */
int hermes_open(struct hermes_client *c);
void hermes_close(struct hermes_client *c);
int hermes_ioctl(int fd, unsigned long request, void *arg);
int hermes_get_reserve(struct hermes_client *c, struct hermes_reserve *r);
int hermes_set_reserve(struct hermes_client *c, uint64_t min_bytes,
		       uint64_t max_bytes);
int hermes_get_stats(struct hermes_client *c, struct hermes_stats *stats);
int hermes_take(struct hermes_client *c, void *addr, size_t len,
		uint64_t *mapped);
int hermes_give(struct hermes_client *c, void *addr, size_t len,
		uint64_t *unmapped, uint64_t *recycled);
int hermes_doorbell(struct hermes_client *c);
void *hermes_arena(struct hermes_client *c, size_t len);
int hermes_fill_add(struct hermes_client *c, void *addr, size_t len);
uint64_t hermes_pop(struct hermes_client *c);
uint64_t hermes_pop_wait(struct hermes_client *c);
int hermes_wait_ready(struct hermes_client *c, uint64_t bytes);
int hermes_wait_reserve_below(struct hermes_client *c, uint64_t bytes);
int hermes_wait_asleep(struct hermes_client *c);
char *hermes_ready_range(struct hermes_client *c, size_t len);
int hermes_starve(struct hermes_client *c, const char *cgroup);

/* Memory content. */
bool is_zero(const void *addr, size_t len);
bool is_filled(const void *addr, int byte, size_t len);
void stamp_pages(void *addr, size_t len, uint64_t tag);
bool has_stamps(const void *addr, size_t len, uint64_t tag);

/* Files of the kernel. */
int read_text(const char *path, char *buf, size_t size);
long read_long(const char *path);
long read_key(const char *path, const char *key);
int write_text(const char *path, const char *text);
int write_long(const char *path, long value);
long meminfo_kb(const char *key);
long vm_event(const char *key);
long self_status_kb(const char *key);
long thread_minflt(void);
long swapped_bytes(const void *addr, size_t len);
long free_kb(void);
long free_kb_settled(void);
long free_kb_lost(long before, long tolerance);
int module_param_set(const char *name, unsigned long value);
long module_param_get(const char *name);

/* Control groups, version 2. */
#define CG_PATH_MAX	256

int cg_create(char *path, const char *parent, const char *name);
void cg_remove(const char *path);
int cg_enter(const char *path);
int cg_leave(void);
int cg_write(const char *path, const char *file, const char *text);
int cg_write_long(const char *path, const char *file, long value);
long cg_read_long(const char *path, const char *file);
long cg_read_key(const char *path, const char *file, const char *key);

/* Processes. */
struct gate {
	int fd[2];
};

int gate_init(struct gate *g);
void gate_open(struct gate *g);
bool gate_wait(struct gate *g);
int child_exit(pid_t pid);
int become_user(uid_t uid, gid_t group);
void sleep_ms(unsigned int ms);
uint64_t now_ms(void);
uint32_t random_next(uint64_t *state);
int fd_send(int sock, int fd);
int fd_receive(int sock);

#endif /* HERMES_UTIL_H */
