/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HERMES_BENCH_CGROUP_H
#define HERMES_BENCH_CGROUP_H

/**
 * cgroup_join() - move this process into a memory cgroup, created when missing.
 * @dir: for example /sys/fs/cgroup/best-effort
 * @memory_high: value for memory.high, NULL leaves it alone
 * @memory_max: value for memory.max, NULL leaves it alone
 *
 * In a cgroup v2 hierarchy the memory controller is turned on for @dir in its parent. In that of
 * the memory controller of v1, @memory_max is for memory.limit_in_bytes, and @memory_high must be
 * NULL. Ends the program on failure.
 */
void cgroup_join(const char *dir, const char *memory_high, const char *memory_max);

#endif
