// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shadow model. Every object is filled with a pattern that depends on its
 * number and its position; before an object is changed or freed all of it is
 * compared, so an overlap, a lost content or a write of the allocator into
 * user memory shows. Zeroing and alignment are checked where promised.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include "model.h"

struct object {
	unsigned char *p;
	size_t bytes;
	uint64_t pattern;
};

struct run {
	const struct model_options *options;
	uint64_t random;
	struct object *objects;
	size_t live;
};

uint64_t model_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* From the environment (SEED=...), else from the clock. */
uint64_t model_seed(void)
{
	const char *text = getenv("SEED");
	struct timespec ts;
	uint64_t seed;

	clock_gettime(CLOCK_REALTIME, &ts);
	seed = text ? strtoull(text, NULL, 0) : (uint64_t)ts.tv_sec * 1000000007 + ts.tv_nsec;
	return seed ? seed : 1;
}

static size_t random_size(struct run *run)
{
	uint64_t r = model_random(&run->random);
	size_t max = run->options->max_bytes;
	unsigned int log2 = 63 - __builtin_clzl(max), shift;

	/* Mostly small: the bits of the size are the least of two draws. */
	shift = r % (log2 + 1);
	r = model_random(&run->random);
	if (r % (log2 + 1) < shift)
		shift = r % (log2 + 1);
	r = model_random(&run->random);
	return (r >> 8) % ((size_t)2 << shift) % (max + 1);
}

static uint64_t word_at(uint64_t pattern, size_t i)
{
	return (pattern + i) * 0x9e3779b97f4a7c15ULL;
}

static void fill(const struct object *o, size_t from)
{
	size_t i;

	for (i = from / 8; i < o->bytes / 8; i++)
		((uint64_t *)o->p)[i] = word_at(o->pattern, i);
	for (i = o->bytes / 8 * 8; i < o->bytes; i++)
		o->p[i] = (unsigned char)word_at(o->pattern, i);
}

static bool intact(const unsigned char *p, const struct object *o, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes / 8; i++)
		if (((const uint64_t *)p)[i] != word_at(o->pattern, i))
			return false;
	/* The last odd bytes were written as such only if they were the last. */
	if (bytes != o->bytes)
		return true;
	for (i = bytes / 8 * 8; i < bytes; i++)
		if (p[i] != (unsigned char)word_at(o->pattern, i))
			return false;
	return true;
}

static bool is_zero(const unsigned char *p, size_t bytes)
{
	return !bytes || (!p[0] && !memcmp(p, p + 1, bytes - 1));
}

static const char *accept(struct run *run, struct object *o, void *p, size_t bytes, size_t align)
{
	if (!p)
		return "an allocation failed";
	if ((uintptr_t)p % align)
		return "an object is not aligned as promised";
	if (malloc_usable_size(p) < bytes)
		return "the usable size is below the size";
	o->p = p;
	o->bytes = bytes;
	o->pattern = model_random(&run->random);
	run->live += bytes;
	fill(o, 0);
	return NULL;
}

static const char *allocate(struct run *run, struct object *o)
{
	size_t bytes = random_size(run), align = 16, count;
	void *p = NULL;

	if (run->live + bytes > run->options->live_bytes)
		return NULL;
	switch (model_random(&run->random) % 8) {
	case 0:
		count = 1 + model_random(&run->random) % 9;
		bytes = bytes / count * count;
		p = calloc(count, bytes / count);
		if (p && !is_zero(p, bytes))
			return "calloc: memory is not zero";
		break;
	case 1:
		align = (size_t)8 << model_random(&run->random) % 18;
		if (posix_memalign(&p, align, bytes))
			return "posix_memalign failed";
		break;
	case 2:
		align = (size_t)1 << model_random(&run->random) % 21;
		p = aligned_alloc(align, bytes);
		break;
	case 3:
		align = 4096;
		p = model_random(&run->random) % 2 ? valloc(bytes) : pvalloc(bytes);
		break;
	case 4:
		p = realloc(NULL, bytes);
		break;
	default:
		p = malloc(bytes);
		break;
	}
	/* Small requests need only be aligned for what fits in. */
	return accept(run, o, p, bytes, align);
}

static const char *resize(struct run *run, struct object *o)
{
	size_t bytes = random_size(run), kept;
	void *p;

	if (model_random(&run->random) % 2)
		bytes = o->bytes + o->bytes / 8 + 1;
	if (bytes > run->options->max_bytes ||
	    run->live - o->bytes + bytes > run->options->live_bytes)
		return NULL;
	bytes += !bytes;
	kept = bytes < o->bytes ? bytes : o->bytes;
	p = model_random(&run->random) % 2 ? realloc(o->p, bytes) : reallocarray(o->p, 1, bytes);
	if (!p)
		return "realloc failed";
	if (!intact(p, o, kept))
		return "realloc lost content";
	run->live -= o->bytes;
	return accept(run, o, p, bytes, 16);
}

static const char *release(struct run *run, struct object *o)
{
	if (!intact(o->p, o, o->bytes))
		return "an object has changed";
	errno = 4711;
	free(o->p);
	if (errno != 4711)
		return "free changed errno";
	o->p = NULL;
	run->live -= o->bytes;
	return NULL;
}

static const char *step(struct run *run)
{
	uint64_t r = model_random(&run->random);
	struct object *o = &run->objects[(r >> 8) % run->options->objects];
	const char *wrong;

	if (r % 4096 == 0 && !run->options->no_trim)
		malloc_trim(0);
	if (!o->p)
		return allocate(run, o);
	if (r % 4)
		return release(run, o);
	if (!intact(o->p, o, o->bytes))
		return "an object has changed";
	wrong = resize(run, o);
	return wrong;
}

const char *model_run(const struct model_options *options)
{
	struct run run = { .options = options, .random = options->seed };
	size_t table = options->objects * sizeof(*run.objects);
	const char *wrong = NULL;
	unsigned long steps, i;

	/* The model's own memory does not come from what it tests. */
	run.objects = mmap(NULL, table, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (run.objects == MAP_FAILED)
		return "mmap failed";
	for (steps = 0; steps < options->steps && !wrong; steps++)
		wrong = step(&run);
	for (i = 0; i < options->objects && !wrong; i++)
		if (run.objects[i].p)
			wrong = release(&run, &run.objects[i]);
	if (wrong)
		fprintf(stderr, "# %s (SEED=%#lx, after %lu steps)\n", wrong,
			(unsigned long)options->seed, steps);
	munmap(run.objects, table);
	return wrong;
}
