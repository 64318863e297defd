/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HERMES_BENCH_REDIS_VERIFY_H
#define HERMES_BENCH_REDIS_VERIFY_H

#include "verify.h"

/**
 * redis_verify() - read the keys of @v back over a connection of its own.
 *
 * Ends the program when the connection fails.
 */
void redis_verify(struct verification *v);

#endif
