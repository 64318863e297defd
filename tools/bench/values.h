/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The content of a load's requests, made from (seed, request number) alone, so that a later check
 * can make it again. A value is a slice of one random pool: nothing is generated, copied or
 * allocated at send time.
 */
#ifndef HERMES_BENCH_VALUES_H
#define HERMES_BENCH_VALUES_H

#include <stddef.h>
#include <stdint.h>

#define KEY_BYTES	24

struct values {
	char *pool;
	size_t size;
	uint64_t seed;
};

/** values_init() - values of @size bytes; ends the program when there is no memory. */
void values_init(struct values *v, size_t size, uint64_t seed);

/** value_of() - the @size bytes that request number @request stores. */
const char *value_of(const struct values *v, uint64_t request);

/** key_name() - name of key number @key; returns its length without the final NUL. */
size_t key_name(char name[KEY_BYTES], uint64_t key);

/** splitmix64() - mixes all bits of @x; also a random sequence for x, x + 1, ... */
uint64_t splitmix64(uint64_t x);

#endif
