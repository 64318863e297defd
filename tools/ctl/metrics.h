/* SPDX-License-Identifier: GPL-2.0-only */
/* The text format of Prometheus. */
#ifndef HERMES_CTL_METRICS_H
#define HERMES_CTL_METRICS_H

#include <stdio.h>

#include "record.h"

/** metrics_label() - name="value", escaped */
void metrics_label(FILE *f, const char *name, const char *value);

/**
 * metrics_print() - all counters and gauges of a kind of object
 * @prefix: of their names
 * @labels: prints the labels that tell an object from others, without braces; NULL: none are needed
 */
void metrics_print(FILE *f, const char *prefix, const struct record_list *list,
		   void (*labels)(FILE *f, const struct record *r));

#endif
