/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HERMES_BENCH_CGROUP_H
#define HERMES_BENCH_CGROUP_H

/**
 * cgroup_join() - move this process into a cgroup v2 directory, created when missing.
 * @dir: for example /sys/fs/cgroup/best-effort
 * @memory_high: value for memory.high, NULL leaves it alone
 * @memory_max: value for memory.max, NULL leaves it alone
 *
 * Turns the memory controller on for @dir in its parent. Ends the program on failure.
 */
void cgroup_join(const char *dir, const char *memory_high, const char *memory_max);

#endif
