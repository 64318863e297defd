// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an allocator promises: an object has the size, alignment and zeroes
 * that were asked for; it overlaps no other; its content, up to its usable
 * size, stays until it is freed; realloc() keeps what there is room for;
 * free() leaves errno alone; and when all is freed, little is in use.
 *
 * The functions that look at every byte are not instrumented, for speed: all
 * that they touch belongs to an object.
 */
#include <errno.h>
#include <hermes-u.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include "fuzz.h"
#include "fuzz_oracle.h"

#define RAW		__attribute__((no_sanitize("address", "undefined")))

/* All of the bytes are looked at up to this size, and at the ends of any. */
#define DENSE_MAX	((size_t)64 << 10)
#define DENSE_END	((size_t)4 << 10)
/* Most that may be alive, not counting huge objects; and number of those. */
#define LIVE_MAX	((size_t)96 << 20)
#define HUGE_OBJECTS	3
/* In use by the library when all is freed and trimmed; and address space. */
#define REST_MAX	((size_t)1 << 20)
#define MAPPED_MAX	((size_t)8 << 30)

struct object objects[OBJECTS];

static uintptr_t starts[OBJECTS], ends[OBJECTS];
static uint64_t patterns;
static size_t live;
static unsigned int huge;

_Noreturn void oracle_wrong(const char *what)
{
	fprintf(stderr, "fuzz: %s (step %lu)\n", what, fuzz_steps);
	abort();
}

/* Whether an object of @bytes may be made, or resized from @instead. */
bool oracle_room(size_t bytes, size_t instead)
{
	if (bytes >= HUGE_MIN)
		return huge < HUGE_OBJECTS;
	return live + bytes <= LIVE_MAX + instead;
}

/* The next position that counts, after @i: all words, or those of a sample. */
static inline size_t next_word(size_t i, size_t bytes)
{
	size_t stride = bytes >= HUGE_MIN ? (size_t)1 << 20 : 512;

	i += 8;
	if (bytes <= DENSE_MAX || i < DENSE_END || i + DENSE_END >= bytes)
		return i;
	i += stride - 8;
	return i + DENSE_END < bytes ? i : (bytes - DENSE_END) & ~(size_t)7;
}

static inline uint64_t word_at(uint64_t pattern, size_t i)
{
	return (pattern + i) * 0x9e3779b97f4a7c15ULL;
}

static RAW void write_pattern(const struct object *o)
{
	size_t i;

	for (i = 0; i + 8 <= o->usable; i = next_word(i, o->usable))
		*(uint64_t *)(o->p + i) = word_at(o->pattern, i);
	for (i = o->usable & ~(size_t)7; i < o->usable; i++)
		o->p[i] = (unsigned char)word_at(o->pattern, i);
}

/* Whether @p has the object's pattern in its first @bytes. */
static RAW bool has_pattern(const struct object *o, const unsigned char *p, size_t bytes)
{
	size_t i;

	for (i = 0; i + 8 <= bytes; i = next_word(i, o->usable))
		if (*(const uint64_t *)(p + i) != word_at(o->pattern, i))
			return false;
	if (bytes < o->usable)
		return true;
	for (i = o->usable & ~(size_t)7; i < o->usable; i++)
		if (p[i] != (unsigned char)word_at(o->pattern, i))
			return false;
	return true;
}

static RAW bool is_zero(const unsigned char *p, size_t bytes)
{
	size_t i;

	for (i = 0; i + 8 <= bytes; i = next_word(i, bytes))
		if (*(const uint64_t *)(p + i))
			return false;
	for (i = bytes & ~(size_t)7; i < bytes; i++)
		if (p[i])
			return false;
	return true;
}

static RAW bool overlaps(uintptr_t start, uintptr_t end)
{
	bool any = false;
	size_t i;

	for (i = 0; i < OBJECTS; i++)
		any |= starts[i] < end && start < ends[i];
	return any;
}

static void enter(struct object *o, void *p, size_t bytes, size_t align)
{
	uintptr_t start = (uintptr_t)p;

	o->p = p;
	o->bytes = bytes;
	o->usable = malloc_usable_size(p);
	o->pattern = ++patterns * 0x2545f4914f6cdd1dULL;
	if (start % align)
		oracle_wrong("an object is not aligned as promised");
	if (o->usable < bytes)
		oracle_wrong("the usable size is below the size");
	if (start + o->usable < start || overlaps(start, start + o->usable))
		oracle_wrong("an object overlaps another one");
	starts[o - objects] = start;
	ends[o - objects] = start + o->usable;
	if (o->usable >= HUGE_MIN)
		huge++;
	else
		live += o->usable;
	write_pattern(o);
}

/* @o is an object no longer. */
void oracle_forget(struct object *o)
{
	if (o->usable >= HUGE_MIN)
		huge--;
	else
		live -= o->usable;
	starts[o - objects] = 0;
	ends[o - objects] = 0;
	*o = (struct object){ 0 };
}

/* @p is what a call returned that asked for @bytes. */
void oracle_new(struct object *o, void *p, size_t bytes, size_t align, bool zero)
{
	if (!p && bytes >= HUGE_MIN)
		return;
	if (!p)
		oracle_wrong("an allocation failed");
	if (zero && !is_zero(p, bytes))
		oracle_wrong("calloc: memory is not zero");
	enter(o, p, bytes, align);
}

/* @p is what realloc() made of the object. */
void oracle_resized(struct object *o, void *p, size_t bytes)
{
	size_t kept = bytes < o->bytes ? bytes : o->bytes;

	if (!p && bytes < HUGE_MIN)
		oracle_wrong("realloc failed");
	if (!p) {
		oracle_check(o);
		return;
	}
	if (!has_pattern(o, p, kept))
		oracle_wrong("realloc lost content");
	oracle_forget(o);
	enter(o, p, bytes, 16);
}

void oracle_check(const struct object *o)
{
	if (!o->p)
		return;
	if (malloc_usable_size(o->p) != o->usable)
		oracle_wrong("the usable size has changed");
	if (!has_pattern(o, o->p, o->usable))
		oracle_wrong("an object has changed");
}

void oracle_free(struct object *o)
{
	oracle_check(o);
	errno = 4711;
	free(o->p);
	if (errno != 4711)
		oracle_wrong("free changed errno");
	if (o->p)
		oracle_forget(o);
}

/* Free all: then little is in use. */
void oracle_end(void)
{
	struct hermes_u_stats stats;
	size_t i;

	for (i = 0; i < OBJECTS; i++)
		oracle_free(&objects[i]);
	malloc_trim(0);
	hermes_u_get_stats(&stats, sizeof(stats));
	if (stats.live_bytes > REST_MAX)
		oracle_wrong("memory is in use although all of it was freed");
	if (stats.mapped_bytes > MAPPED_MAX)
		oracle_wrong("address space grows and grows");
}
