/* SPDX-License-Identifier: GPL-2.0-only */
/* Decisions of the controller in words. */
#ifndef HERMES_CTL_WORDS_H
#define HERMES_CTL_WORDS_H

#include "record.h"

/**
 * struct story - decisions that are told as one: steps on the same victim for the same reasons
 * @first: earliest decision
 * @last: latest
 * @count: how many
 * @asked: sum
 * @got: sum
 * @wall_ns: sum
 * @cpu_ns: sum
 * @refaults: sum
 */
struct story {
	const struct record *first, *last;
	uint64_t count, asked, got, wall_ns, cpu_ns, refaults;
};

/** story_next() - the decisions from @from on that belong together; returns how many, 0: none */
size_t story_next(struct story *story, const struct record_list *decisions, size_t from);

/** words_cause() - why now, a clause */
void words_cause(const struct record *decision);

/** words_choice() - why this victim, or why none, a sentence */
void words_choice(const struct record *decision);

/** words_outcome() - what it gave and cost, sentences */
void words_outcome(const struct story *story);

#endif
