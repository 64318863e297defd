/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel counted about a process and the system, read without stdio or malloc(). */
#ifndef HERMES_BENCH_PROCSTAT_H
#define HERMES_BENCH_PROCSTAT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* Events of /proc/vmstat; allocstall sums all zones: entries into direct reclaim. */
enum vmstat_item {
	VMSTAT_ALLOCSTALL,
	VMSTAT_PGSCAN_DIRECT,
	VMSTAT_PGSTEAL_DIRECT,
	VMSTAT_PGSCAN_KSWAPD,
	VMSTAT_PGSTEAL_KSWAPD,
	VMSTAT_PSWPIN,
	VMSTAT_PSWPOUT,
	VMSTAT_PGMAJFAULT,
	VMSTAT_OOM_KILL,
	VMSTAT_NR,
};

/**
 * struct procstat - one sample.
 * @vmstat: system-wide event counts since boot
 * @minflt: minor faults of the process since it started
 * @majflt: major faults of the process since it started
 * @hwm_kib: VmHWM, the highest resident set so far, KiB (ru_maxrss would inherit the parent's)
 * @rss_kib: VmRSS, KiB
 * @swap_kib: VmSwap, KiB
 * @mem_free_kib: MemFree of the system, KiB
 */
struct procstat {
	uint64_t vmstat[VMSTAT_NR];
	uint64_t minflt, majflt;
	uint64_t hwm_kib, rss_kib, swap_kib;
	uint64_t mem_free_kib;
};

/** procstat_read() - sample @pid (0: this process); ends the program if it does not exist. */
void procstat_read(struct procstat *s, pid_t pid);

/** procstat_print_json() - two members, "process" and "system": differences and end values. */
void procstat_print_json(FILE *f, const struct procstat *before, const struct procstat *after);

/** procstat_print_table() - the same for people. */
void procstat_print_table(FILE *f, const struct procstat *before, const struct procstat *after);

/** proc_maps_contains() - whether a line of /proc/PID/maps (0: this process) contains @text. */
bool proc_maps_contains(pid_t pid, const char *text);

#endif
