/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading a statistics file of libhermes-u; the format is in hermes-u-shm.h. */
#ifndef HERMES_STAT_SHM_H
#define HERMES_STAT_SHM_H

#include <hermes-u-shm.h>
#include <stdbool.h>
#include <stddef.h>

/**
 * struct shm - an open statistics file
 * @header: the mapping, all of whose offsets have been checked
 * @bytes: its length
 * @running: its process exists
 */
struct shm {
	const struct hermes_u_shm *header;
	size_t bytes;
	bool running;
};

/**
 * shm_open_file() - map a file and check it
 * @shm: filled in
 * @path: of the file
 * @why: on failure: what is wrong with it, a phrase that follows "PATH: "
 * @size: of @why
 *
 * Return: whether it can be read.
 */
bool shm_open_file(struct shm *shm, const char *path, char *why, size_t size);

/** shm_close() - unmap what shm_open_file() mapped. */
void shm_close(struct shm *shm);

/** shm_entry() - entry @i of header->entries. */
const struct hermes_u_shm_entry *shm_entry(const struct shm *shm, unsigned int i);

/** shm_value() - the present value of a counter or gauge. */
uint64_t shm_value(const struct shm *shm, const struct hermes_u_shm_entry *entry);

/** shm_histogram() - the present histogram; returns how many it has counted. */
uint64_t shm_histogram(const struct shm *shm, const struct hermes_u_shm_entry *entry,
		       struct hermes_u_shm_histogram *out);

/** shm_percentile() - nanoseconds that at least @parts of 10000 did not exceed. */
uint64_t shm_percentile(const struct hermes_u_shm_histogram *h, uint64_t count,
			unsigned int parts);

#endif
