/* SPDX-License-Identifier: GPL-2.0-only */
/* Which keys a load generator reads back in the end, and what must be in them. */
#ifndef HERMES_BENCH_VERIFY_H
#define HERMES_BENCH_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#include "values.h"

/**
 * struct verification - a pass of GETs, one key after another.
 * @nr: keys to ask for
 * @checked: keys that were answered
 * @wrong: those of them that were missing or held something else than was stored last
 */
struct verification {
	const struct values *values;
	uint64_t stores, used, nr;
	uint64_t checked, wrong;
};

/**
 * verification_init() - a pass of the keys that opt asks for.
 * @stores: SETs that were sent; number i stored key i % opt.keys
 */
void verification_init(struct verification *v, const struct values *values, uint64_t stores);

/** verification_key() - the key to ask for as number @i of @nr: spread evenly over all in use. */
uint64_t verification_key(const struct verification *v, uint64_t i);

/**
 * verification_answer() - compare every byte of what the next key, number @checked, holds.
 * @value: NULL when there is no such key
 */
void verification_answer(struct verification *v, const char *value, size_t size);

#endif
