/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The statistics file of a process that uses libhermes-u: shared memory that
 * others map read-only while the process runs.
 *
 *	struct hermes_u_shm		header, at offset 0
 *	struct hermes_u_shm_entry[]	what there is, at @entries_offset
 *	shards				@shards times @shard_bytes of 64-bit
 *					words, at @data_offset
 *
 * Threads of the process add to different shards so that they do not disturb
 * each other. The value of an entry is the sum of its words over all shards
 * (modulo 2^64), but of a HERMES_U_SHM_MAX word the largest. There is no lock
 * and no sequence number: every word is right by itself and changes by single
 * 64-bit stores; words read one after the other are not of one instant.
 *
 * Find entries by name: a newer library has more of them, at other offsets,
 * and @version stays. It changes when a reader of this header would be wrong.
 *
 * The file is called hermes-u.PID.START, START as in @start_time. It is
 * removed when the process exits, but not when it is killed. A file is stale
 * if no process @pid exists or field 22 of /proc/PID/stat is not @start_time.
 */
#ifndef HERMES_U_SHM_H
#define HERMES_U_SHM_H

#include <stdint.h>

#define HERMES_U_SHM_MAGIC	0x314d485355454d48ULL	/* "HMEUSHM1" */
#define HERMES_U_SHM_VERSION	1
#define HERMES_U_SHM_DIR	"/run/hermes"
#define HERMES_U_SHM_PREFIX	"hermes-u."

/**
 * struct hermes_u_shm - header of a statistics file
 * @magic: HERMES_U_SHM_MAGIC; written last, so all else is there when it is
 * @version: HERMES_U_SHM_VERSION
 * @header_bytes: sizeof(struct hermes_u_shm)
 * @file_bytes: length of the file
 * @pid: of the process, as it sees itself
 * @backend: one of enum hermes_u_backend
 * @start_time: field 22 of /proc/PID/stat; 0: not known
 * @created_ns: CLOCK_REALTIME when the file was made
 * @entries_offset: from the start of the file to the first entry
 * @entries: how many
 * @entry_bytes: from one entry to the next
 * @data_offset: from the start of the file to the first shard
 * @shards: how many
 * @shard_bytes: from one shard to the next
 * @command: name of the process when the file was made, 0-terminated
 * @library: version of the library, 0-terminated
 */
struct hermes_u_shm {
	uint64_t magic;
	uint32_t version;
	uint32_t header_bytes;
	uint64_t file_bytes;
	uint32_t pid;
	uint32_t backend;
	uint64_t start_time;
	uint64_t created_ns;
	uint32_t entries_offset;
	uint32_t entries;
	uint32_t entry_bytes;
	uint32_t data_offset;
	uint32_t shards;
	uint32_t shard_bytes;
	char command[16];
	char library[24];
};

/**
 * enum hermes_u_shm_type - what the words of an entry mean
 * @HERMES_U_SHM_COUNTER: one word, never decreases
 * @HERMES_U_SHM_GAUGE: one word, the present value
 * @HERMES_U_SHM_HISTOGRAM: a struct hermes_u_shm_histogram
 */
enum hermes_u_shm_type {
	HERMES_U_SHM_COUNTER = 1,
	HERMES_U_SHM_GAUGE = 2,
	HERMES_U_SHM_HISTOGRAM = 3,
};

/**
 * struct hermes_u_shm_entry - name and place of one value
 * @name: such as "hits" or "slow.le_128", 0-terminated
 * @type: one of enum hermes_u_shm_type; skip what you do not know
 * @offset: from the start of a shard to the first word
 * @words: how many 64-bit words
 * @reserved: 0
 */
struct hermes_u_shm_entry {
	char name[32];
	uint32_t type;
	uint32_t offset;
	uint32_t words;
	uint32_t reserved;
};

/*
 * Buckets are log-linear: 8 to every doubling, so the bounds of a bucket are
 * at most an eighth apart. Buckets 0 to 7 are the nanoseconds 0 to 7. All from
 * 2^33 ns (8.6 s) on are in the last one.
 */
#define HERMES_U_SHM_SUB_BITS	3
#define HERMES_U_SHM_BUCKETS	248

/**
 * struct hermes_u_shm_histogram - latencies in nanoseconds
 * @sum_ns: sum of all
 * @max_ns: the longest; combine shards by the maximum
 * @reserved: 0
 * @buckets: how many; see hermes_u_shm_bucket()
 */
struct hermes_u_shm_histogram {
	uint64_t sum_ns;
	uint64_t max_ns;
	uint64_t reserved[6];
	uint64_t buckets[HERMES_U_SHM_BUCKETS];
};

/* The bucket that counts a latency of @ns. */
static inline unsigned int hermes_u_shm_bucket(uint64_t ns)
{
	unsigned int shift;

	if (ns < 8)
		return (unsigned int)ns;
	if (ns >> 33)
		return HERMES_U_SHM_BUCKETS - 1;
	shift = 63U - (unsigned int)__builtin_clzll(ns) - HERMES_U_SHM_SUB_BITS;
	return (shift << HERMES_U_SHM_SUB_BITS) + (unsigned int)(ns >> shift);
}

/* The longest latency, in nanoseconds, that a bucket counts; but see above for the last. */
static inline uint64_t hermes_u_shm_bucket_top(unsigned int bucket)
{
	unsigned int shift = bucket >> HERMES_U_SHM_SUB_BITS;

	if (bucket < 16)
		return bucket;
	shift--;
	return ((uint64_t)(bucket - (shift << HERMES_U_SHM_SUB_BITS) + 1) << shift) - 1;
}

#endif /* HERMES_U_SHM_H */
