/* SPDX-License-Identifier: GPL-2.0-only */
/* Sizes, times and the like: as people write them, and as they are shown. */
#ifndef HERMES_CTL_UNITS_H
#define HERMES_CTL_UNITS_H

#include <stdint.h>

/**
 * enum unit - what a number means; attributes carry it as an integer of this unit
 * @UNIT_NONE: a plain number
 * @UNIT_BOOL: 0 or 1; written yes or no
 * @UNIT_BYTES: bytes; written with K, M, G or T (powers of 1024)
 * @UNIT_RATE: bytes per second; written as @UNIT_BYTES
 * @UNIT_NS: nanoseconds; times are written with ns, us, ms or s
 * @UNIT_US: microseconds
 * @UNIT_MS: milliseconds
 * @UNIT_PERCENT: per cent; written with or without %
 * @UNIT_FACTOR: hundredths; written as a decimal fraction
 */
enum unit {
	UNIT_NONE,
	UNIT_BOOL,
	UNIT_BYTES,
	UNIT_RATE,
	UNIT_NS,
	UNIT_US,
	UNIT_MS,
	UNIT_PERCENT,
	UNIT_FACTOR,
};

/* Room for any value as text. */
#define UNITS_LEN	40

/**
 * units_parse() - the value of @text
 *
 * Return: 0, -EINVAL not of this form, -ERANGE too large, or finer than the unit
 */
int units_parse(enum unit unit, const char *text, uint64_t *value);

/** units_form() - how values of a unit are written, for messages: "a size (4096, 64K, 1.5G)" */
const char *units_form(enum unit unit);

/** units_exact() - in a form that units_parse() reads back as the same value; returns @buf */
const char *units_exact(char buf[UNITS_LEN], enum unit unit, uint64_t value);

/** units_human() - rounded to about three digits; returns @buf */
const char *units_human(char buf[UNITS_LEN], enum unit unit, uint64_t value);

#endif
