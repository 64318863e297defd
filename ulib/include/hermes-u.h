/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libhermes-u: a malloc that takes its memory from a reserve of ready pages.
 *
 * The malloc family and the C++ operators need no header: link with
 * -lhermes-u or start a program with LD_PRELOAD=libhermes-u.so.0. This header
 * is for programs that want to look at the reserve or to size it.
 *
 * All functions may be called by any thread at any time after the process
 * has started, but not from a signal handler.
 */
#ifndef HERMES_U_H
#define HERMES_U_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HERMES_U_VERSION_MAJOR	0
#define HERMES_U_VERSION_MINOR	1

/**
 * enum hermes_u_backend - where ready memory comes from
 * @HERMES_U_BACKEND_NONE: not chosen yet: nothing has been allocated
 * @HERMES_U_BACKEND_KMOD: the kernel module, /dev/hermes
 * @HERMES_U_BACKEND_ANON: anonymous memory, made ready by page faults
 * @HERMES_U_BACKEND_POPULATE: anonymous memory, made ready ahead of use by a
 *	thread of the library
 */
enum hermes_u_backend {
	HERMES_U_BACKEND_NONE = 0,
	HERMES_U_BACKEND_KMOD = 1,
	HERMES_U_BACKEND_ANON = 2,
	HERMES_U_BACKEND_POPULATE = 3,
};

/**
 * struct hermes_u_status - which backend serves this process, and why
 * @backend: one of enum hermes_u_backend
 * @error: errno of the step that made the library choose another backend
 *	than the module; 0 when the module is in use or was not asked for
 * @reason: a static English sentence for people, never NULL
 */
struct hermes_u_status {
	enum hermes_u_backend backend;
	int error;
	const char *reason;
};

/**
 * struct hermes_u_stats - counters since the start of the process
 *
 * In a forked child they start at 0, but what is in use, mapped or kept is
 * counted whoever asked for it. "Slow" allocations are all above 32 KiB, and
 * those that the thread's current span of their size class could not serve at
 * once: that needed another span, or touched memory for the first time. The
 * counters from_cold to from_huge add up to slow_allocs.
 *
 * @hits: requests for pages served from memory that was ready ahead of use
 * @reuses: requests for pages served from freed memory that was still mapped
 * @takes: requests served by asking the kernel for a batch (dry reserve)
 * @misses: requests that had to use cold pages: first touches fault
 * @doorbells: wake-ups of the kernel's refill worker
 * @given_back_bytes: freed memory given back to the kernel
 * @mapped_bytes: address space of arenas and of very large objects
 * @live_bytes: pages in use by objects, and by spans that hold objects
 * @resident_free_bytes: free pages that are mapped: freed ones kept for reuse,
 *	and ready ones that were never used
 * @holes_bytes: posted to the kernel, but not made ready or taken back
 * @heaps: per-thread heaps ever made
 * @grows: times that more address space was opened
 * @ready_bytes: ready ahead of use now, in the reserve
 * @huge_bytes: of @mapped_bytes and @live_bytes, objects with a mapping of
 *	their own
 * @slow_allocs: allocations that took the slow path
 * @from_collected: not slow, but off the fast path: other threads had freed
 *	blocks of the span
 * @from_carved: likewise: the next blocks of the span that were never used
 *	before, several at a time, in memory that is mapped
 * @from_cold: served from the like in memory whose first touch may fault
 * @from_span: from another span of the thread
 * @from_cached: from an empty span that the thread had kept
 * @from_reuse: from pages as in @reuses
 * @from_ready: from pages as in @hits
 * @from_take: from pages as in @takes
 * @from_miss: from pages as in @misses
 * @from_grow: from pages of address space opened for the request
 * @from_huge: by a mapping of their own
 * @arena_faults: first writes to arena pages that were not ready; counted by
 *	the module, 0 without it
 * @minor_faults: page faults of the process without I/O
 * @major_faults: page faults of the process with I/O, such as swapping in
 */
struct hermes_u_stats {
	uint64_t hits;
	uint64_t reuses;
	uint64_t takes;
	uint64_t misses;
	uint64_t doorbells;
	uint64_t given_back_bytes;
	uint64_t mapped_bytes;
	uint64_t live_bytes;
	uint64_t resident_free_bytes;
	uint64_t holes_bytes;
	uint64_t heaps;
	uint64_t grows;
	uint64_t ready_bytes;
	uint64_t huge_bytes;
	uint64_t slow_allocs;
	uint64_t from_collected;
	uint64_t from_carved;
	uint64_t from_cold;
	uint64_t from_span;
	uint64_t from_cached;
	uint64_t from_reuse;
	uint64_t from_ready;
	uint64_t from_take;
	uint64_t from_miss;
	uint64_t from_grow;
	uint64_t from_huge;
	uint64_t arena_faults;
	uint64_t minor_faults;
	uint64_t major_faults;
};

/**
 * enum hermes_u_latency_kind - what a histogram counts
 * @HERMES_U_LATENCY_SLOW: slow allocations, by size; always, unless the
 *	configuration says latency=off
 * @HERMES_U_LATENCY_ALL: all allocations, by size; only while it says
 *	latency=all
 * @HERMES_U_LATENCY_PAGES: requests for pages, by the source that served them
 */
enum hermes_u_latency_kind {
	HERMES_U_LATENCY_SLOW = 0,
	HERMES_U_LATENCY_ALL = 1,
	HERMES_U_LATENCY_PAGES = 2,
};

#define HERMES_U_LATENCY_BUCKETS	248

/**
 * struct hermes_u_latency - one histogram of latencies, in nanoseconds
 * @name: of the size group or source: "le_128" (up to 128 bytes), "le_1k",
 *	"le_8k", "le_32k", "le_256k", "le_4m", "more"; "reuse", "ready",
 *	"take", "miss", "grow", "huge". Static.
 * @count: how many
 * @sum_ns: their sum
 * @max_ns: the longest
 * @buckets: how many in which bucket; see hermes_u_latency_top()
 */
struct hermes_u_latency {
	const char *name;
	uint64_t count;
	uint64_t sum_ns;
	uint64_t max_ns;
	uint64_t buckets[HERMES_U_LATENCY_BUCKETS];
};

/**
 * hermes_u_version() - the version of the library that is running
 *
 * Return: "major.minor.patch", static.
 */
const char *hermes_u_version(void);

/**
 * hermes_u_status() - which backend serves this process
 * @status: filled in
 */
void hermes_u_status(struct hermes_u_status *status);

/**
 * hermes_u_get_stats() - read the counters
 * @stats: filled in; counters that a newer program knows and this library
 *	does not are set to 0
 * @bytes: sizeof(struct hermes_u_stats)
 *
 * The counters are read one after the other, not at one instant.
 */
void hermes_u_get_stats(struct hermes_u_stats *stats, size_t bytes);

/**
 * hermes_u_get_latency() - read one histogram
 * @kind: one of enum hermes_u_latency_kind
 * @index: which one of its kind, from 0
 * @latency: filled in, as far as the library knows
 * @bytes: sizeof(struct hermes_u_latency)
 *
 * Return: 0; -EINVAL: no such kind; -ENOENT: the kind has not so many.
 */
int hermes_u_get_latency(unsigned int kind, unsigned int index,
			 struct hermes_u_latency *latency, size_t bytes);

/**
 * hermes_u_latency_top() - the longest latency that belongs into a bucket
 * @bucket: its index
 *
 * Buckets are exact up to 15 ns, then at most one eighth wide; the last one
 * also has all that is longer than 8.6 s.
 *
 * Return: nanoseconds.
 */
uint64_t hermes_u_latency_top(unsigned int bucket);

/**
 * hermes_u_latency_percentile() - a percentile of a histogram
 * @latency: the histogram
 * @parts: in parts of 10000: 5000 is the median, 9990 the 99.9th percentile
 *
 * Return: nanoseconds that at least so many did not exceed, as exact as the
 * buckets are; 0 if the histogram is empty.
 */
uint64_t hermes_u_latency_percentile(const struct hermes_u_latency *latency,
				     unsigned int parts);

/**
 * hermes_u_stats_json() - all counters and histograms as one JSON object
 * @buf: for the text, always 0-terminated unless @size is 0
 * @size: of @buf
 *
 * Allocates nothing. Empty histograms are left out.
 *
 * Return: the length of the whole text; it is cut off if that is not less
 * than @size.
 */
size_t hermes_u_stats_json(char *buf, size_t size);

/**
 * hermes_u_ctl() - set a key of the configuration
 * @key: as in the environment variable HERMES_CONF, see hermes-u(7)
 * @value: as there
 *
 * With latency, the calling thread obeys at once, others from their next slow
 * allocation on.
 *
 * Return: 0; or a negative errno and nothing is changed: -ENOENT unknown key;
 * -EINVAL not a value for it; -ERANGE too small or too large; -EBUSY the key
 * only counts before the first allocation; or what hermes_u_reserve_set()
 * says.
 */
int hermes_u_ctl(const char *key, const char *value);

/**
 * hermes_u_ctl_accepts() - which values a key takes
 * @key: the key
 *
 * Return: a static English phrase such as "0 to 1024G, such as 8M"; NULL:
 * there is no such key.
 */
const char *hermes_u_ctl_accepts(const char *key);

/**
 * hermes_u_reserve_set() - bounds of the reserve of ready memory
 * @min_bytes: the reserve never decays below it; rounded up to whole pages
 * @max_bytes: the reserve never grows above it; 0 switches the reserve off;
 *	rounded up to whole pages
 *
 * Return: 0; or a negative errno and nothing is changed: -EINVAL @min_bytes
 * above @max_bytes; -EDQUOT above the module's maximum for one client;
 * -ENODEV no backend with a reserve serves this process.
 */
int hermes_u_reserve_set(size_t min_bytes, size_t max_bytes);

/**
 * hermes_u_reserve_get() - read the bounds of the reserve
 * @min_bytes: filled in
 * @max_bytes: filled in
 *
 * Return: 0, or -ENODEV as hermes_u_reserve_set(); then both are set to 0.
 */
int hermes_u_reserve_get(size_t *min_bytes, size_t *max_bytes);

#ifdef __cplusplus
}
#endif

#endif /* HERMES_U_H */
