// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shm.h"

/* More is no statistics file, whatever it says. */
#define FILE_MAX	(64 << 20)
#define PARTS		10000
/* Of /proc/PID/stat, after the command's name. */
#define FIELDS_BEFORE_START	20

static bool wrong(char *why, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static bool wrong(char *why, size_t size, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, size, fmt, args);
	va_end(args);
	return false;
}

/* Field 22 of /proc/PID/stat; 0: there is no such process. */
static uint64_t start_time_of(uint32_t pid)
{
	char path[40], line[1024], *p = NULL;
	uint64_t start = 0;
	int field;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (fgets(line, sizeof(line), f))
		p = strrchr(line, ')');
	for (field = 0; p && field < FIELDS_BEFORE_START; field++)
		p = strchr(p + 1, ' ');
	if (p)
		start = strtoull(p, NULL, 10);
	fclose(f);
	return start;
}

static bool map(struct shm *shm, const char *path, char *why, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	void *p;

	if (fd < 0)
		return wrong(why, size, "%s", errno == ELOOP ? "a symbolic link" : strerror(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return wrong(why, size, "not a regular file");
	}
	if (st.st_size < (off_t)sizeof(struct hermes_u_shm) || st.st_size > FILE_MAX) {
		close(fd);
		return wrong(why, size, "not a statistics file: %lld bytes",
			     (long long)st.st_size);
	}
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return wrong(why, size, "mmap: %s", strerror(errno));
	shm->header = p;
	shm->bytes = (size_t)st.st_size;
	return true;
}

static bool fits(uint64_t offset, uint64_t count, uint64_t each, uint64_t bytes)
{
	return offset % 8 == 0 && each % 8 == 0 && offset <= bytes &&
	       (!count || (each && count <= (bytes - offset) / each));
}

static bool check_entry(const struct shm *shm, unsigned int i, char *why, size_t size)
{
	const struct hermes_u_shm_entry *e = shm_entry(shm, i);
	uint64_t words = e->type == HERMES_U_SHM_HISTOGRAM ?
			 sizeof(struct hermes_u_shm_histogram) / sizeof(uint64_t) : 1;

	if (!memchr(e->name, '\0', sizeof(e->name)) || !e->name[0])
		return wrong(why, size, "corrupt: entry %u has no name", i);
	if (e->words < words || !fits(e->offset, e->words, 8, shm->header->shard_bytes))
		return wrong(why, size, "corrupt: entry %u (%s) lies outside of its shard", i,
			     e->name);
	return true;
}

static bool check(const struct shm *shm, char *why, size_t size)
{
	const struct hermes_u_shm *h = shm->header;
	unsigned int i;

	/* Pairs with the release store of the library, after all the rest. */
	if (__atomic_load_n(&h->magic, __ATOMIC_ACQUIRE) != HERMES_U_SHM_MAGIC)
		return wrong(why, size, "not a statistics file: wrong magic number");
	if (h->version != HERMES_U_SHM_VERSION)
		return wrong(why, size, "version %u of the format; this program knows version %u",
			     h->version, HERMES_U_SHM_VERSION);
	if (h->file_bytes != shm->bytes)
		return wrong(why, size, "truncated: %zu of %llu bytes", shm->bytes,
			     (unsigned long long)h->file_bytes);
	if (h->header_bytes < sizeof(*h) || h->entry_bytes < sizeof(struct hermes_u_shm_entry) ||
	    !fits(h->entries_offset, h->entries, h->entry_bytes, shm->bytes))
		return wrong(why, size, "corrupt: the entries lie outside of the file");
	if (!h->shards || !fits(h->data_offset, h->shards, h->shard_bytes, shm->bytes))
		return wrong(why, size, "corrupt: the shards lie outside of the file");
	if (!memchr(h->command, '\0', sizeof(h->command)) ||
	    !memchr(h->library, '\0', sizeof(h->library)))
		return wrong(why, size, "corrupt: a name has no end");
	for (i = 0; i < h->entries; i++)
		if (!check_entry(shm, i, why, size))
			return false;
	return true;
}

bool shm_open_file(struct shm *shm, const char *path, char *why, size_t size)
{
	uint64_t start;

	*shm = (struct shm){ 0 };
	if (!map(shm, path, why, size))
		return false;
	if (!check(shm, why, size)) {
		shm_close(shm);
		return false;
	}
	start = start_time_of(shm->header->pid);
	shm->running = start && (!shm->header->start_time || start == shm->header->start_time);
	return true;
}

void shm_close(struct shm *shm)
{
	munmap((void *)shm->header, shm->bytes);
	shm->header = NULL;
}

const struct hermes_u_shm_entry *shm_entry(const struct shm *shm, unsigned int i)
{
	const struct hermes_u_shm *h = shm->header;

	return (const void *)((const char *)h + h->entries_offset + (size_t)i * h->entry_bytes);
}

/* The first word of an entry in a shard. */
static const uint64_t *words(const struct shm *shm, const struct hermes_u_shm_entry *entry,
			     unsigned int shard)
{
	const struct hermes_u_shm *h = shm->header;

	return (const void *)((const char *)h + h->data_offset +
			      (size_t)shard * h->shard_bytes + entry->offset);
}

static uint64_t load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

uint64_t shm_value(const struct shm *shm, const struct hermes_u_shm_entry *entry)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < shm->header->shards; i++)
		sum += load(words(shm, entry, i));
	return sum;
}

uint64_t shm_histogram(const struct shm *shm, const struct hermes_u_shm_entry *entry,
		       struct hermes_u_shm_histogram *out)
{
	uint64_t count = 0, max;
	unsigned int i, b;

	*out = (struct hermes_u_shm_histogram){ 0 };
	for (i = 0; i < shm->header->shards; i++) {
		const struct hermes_u_shm_histogram *h = (const void *)words(shm, entry, i);

		out->sum_ns += load(&h->sum_ns);
		max = load(&h->max_ns);
		if (max > out->max_ns)
			out->max_ns = max;
		for (b = 0; b < HERMES_U_SHM_BUCKETS; b++)
			out->buckets[b] += load(&h->buckets[b]);
	}
	for (b = 0; b < HERMES_U_SHM_BUCKETS; b++)
		count += out->buckets[b];
	return count;
}

uint64_t shm_percentile(const struct hermes_u_shm_histogram *h, uint64_t count,
			unsigned int parts)
{
	uint64_t rank = (uint64_t)(((__uint128_t)count * parts + PARTS - 1) / PARTS), seen = 0;
	uint64_t top;
	unsigned int b;

	/* Nothing in the last bucket is known but the longest. */
	for (b = 0; b < HERMES_U_SHM_BUCKETS - 1; b++) {
		seen += h->buckets[b];
		if (seen && seen >= rank) {
			top = hermes_u_shm_bucket_top(b);
			return top < h->max_ns ? top : h->max_ns;
		}
	}
	return h->max_ns;
}
