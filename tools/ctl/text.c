// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../bench/cli.h"
#include "text.h"

#define MAX_COLUMNS	16

void text_clean(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

const char *text_comm(char buf[64], unsigned int pid)
{
	char path[32];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	f = fopen(path, "re");
	if (!f || !fgets(buf, 64, f))
		strcpy(buf, "-");
	if (f)
		fclose(f);
	buf[strcspn(buf, "\n")] = '\0';
	return buf;
}

void table_begin(struct text_table *t, const char *const *heads, size_t columns)
{
	size_t i;

	*t = (struct text_table){ .columns = columns };
	for (i = 0; i < columns; i++) {
		if (*heads[i] == '>')
			t->right |= 1UL << i;
		table_add(t, "%s", heads[i] + (*heads[i] == '>'));
	}
}

void table_add(struct text_table *t, const char *fmt, ...)
{
	char **grown = reallocarray(t->cells, t->n + 1, sizeof(*grown));
	va_list ap;

	if (!grown)
		die(ENOMEM, "table");
	t->cells = grown;
	va_start(ap, fmt);
	if (vasprintf(&t->cells[t->n], fmt, ap) < 0)
		die(ENOMEM, "table");
	va_end(ap);
	text_clean(t->cells[t->n++]);
}

static void print_row(const struct text_table *t, size_t row, const int *widths)
{
	size_t i;

	for (i = 0; i < t->columns; i++) {
		const char *cell = t->cells[row * t->columns + i];

		if (t->right & (1UL << i))
			printf("%*s", widths[i], cell);
		else if (i + 1 < t->columns)
			printf("%-*s", widths[i], cell);
		else
			printf("%s", cell);
		putchar(i + 1 < t->columns ? ' ' : '\n');
	}
}

void table_end(struct text_table *t, size_t rows)
{
	int widths[MAX_COLUMNS] = { 0 };
	size_t i;

	for (i = 0; i < t->n; i++) {
		int len = (int)strlen(t->cells[i]);

		if (widths[i % t->columns] < len)
			widths[i % t->columns] = len;
	}
	for (i = 0; i < t->n / t->columns && (!rows || i < rows); i++)
		print_row(t, i, widths);
	for (i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
}
