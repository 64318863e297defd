/* SPDX-License-Identifier: GPL-2.0-only */
/* A shadow model of the malloc family: random calls, everything checked. */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct model_options - what a run does
 * @seed: of the random sequence; printed by model_run() on failure
 * @steps: calls to make
 * @objects: most objects alive at a time
 * @max_bytes: largest request
 * @live_bytes: no request is made that would make more than so much live
 * @no_trim: never call malloc_trim()
 */
struct model_options {
	uint64_t seed;
	unsigned long steps;
	unsigned int objects;
	size_t max_bytes;
	size_t live_bytes;
	bool no_trim;
};

uint64_t model_random(uint64_t *state);
uint64_t model_seed(void);

/* Returns NULL, or a static sentence about what was wrong. */
const char *model_run(const struct model_options *options);

#endif /* MODEL_H */
