/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's trace buffer, for the tests that look at events.
 */
#ifndef HERMES_TRACE_H
#define HERMES_TRACE_H

#include <stdbool.h>

int trace_start(void);
void trace_stop(void);
int trace_event(const char *event, bool on);
int trace_clear(void);
long trace_count(const char *text);
bool trace_find(const char *a, const char *b);

#endif /* HERMES_TRACE_H */
