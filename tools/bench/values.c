// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "values.h"

/* Power of two: so many different slices. */
#define POOL_OFFSETS	(1 << 20)

uint64_t splitmix64(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

void values_init(struct values *v, size_t size, uint64_t seed)
{
	size_t words = (POOL_OFFSETS + size) / sizeof(uint64_t) + 1;
	uint64_t *pool;
	size_t i;

	pool = malloc(words * sizeof(*pool));
	if (!pool)
		die(errno, "pool of values");
	for (i = 0; i < words; i++)
		pool[i] = splitmix64(seed + i);
	v->pool = (char *)pool;
	v->size = size;
	v->seed = seed;
}

const char *value_of(const struct values *v, uint64_t request)
{
	return v->pool + (splitmix64(v->seed ^ splitmix64(request)) & (POOL_OFFSETS - 1));
}

size_t key_name(char name[KEY_BYTES], uint64_t key)
{
	return (size_t)snprintf(name, KEY_BYTES, "key:%016" PRIx64, key);
}
