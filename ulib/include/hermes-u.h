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
 * @hits: requests for pages served from memory that was ready ahead of use
 * @reuses: requests for pages served from freed memory that was still mapped
 * @takes: requests served by asking the kernel for a batch (dry reserve)
 * @misses: requests that had to use cold pages: first touches fault
 * @doorbells: wake-ups of the kernel's refill worker
 * @given_back_bytes: freed memory given back to the kernel
 * @mapped_bytes: address space of arenas and of very large objects
 * @live_bytes: pages in use by objects, and by spans that hold objects
 * @resident_free_bytes: freed pages that are kept mapped for reuse
 * @holes_bytes: posted to the kernel, but not made ready or taken back
 * @heaps: per-thread heaps ever made
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
