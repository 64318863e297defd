/* SPDX-License-Identifier: GPL-2.0-only */
/* Text for people: key-value lines, tables, and names that others chose. */
#ifndef HERMES_CTL_TEXT_H
#define HERMES_CTL_TEXT_H

#include <stddef.h>
#include <stdio.h>

/** text_clean() - replace control characters, which could command a terminal, by '?' */
void text_clean(char *text);

/** text_comm() - name of a process; "-" if it cannot be told; returns @buf */
const char *text_comm(char buf[64], unsigned int pid);

struct text_table {
	char **cells;
	size_t n;		/* cells so far */
	size_t columns;
	unsigned long right;	/* bit per column that is aligned to the right */
};

/** table_begin() - @heads: the columns; a name that begins with '>' is aligned to the right */
void table_begin(struct text_table *t, const char *const *heads, size_t columns);

/** table_add() - the next cell */
void table_add(struct text_table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** table_end() - print it, at most @rows rows with the heads (0: all), and free it */
void table_end(struct text_table *t, size_t rows);

#endif
