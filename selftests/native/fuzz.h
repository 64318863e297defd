/* SPDX-License-Identifier: GPL-2.0-only */
/* An interpreter of bytes as calls of the malloc family, and its oracle. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Calls made so far, over all inputs. */
extern unsigned long fuzz_steps;

/* The entry of libFuzzer. Aborts, with a line on stderr, when anything is wrong. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#endif /* FUZZ_H */
