// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../bench/cli.h"
#include "json.h"

#define REPLACEMENT	"\xef\xbf\xbd"

/* Length of the character at @text, whose bytes end before @end; 0 if it is no valid one. */
static size_t character(const char *text, const char *end)
{
	size_t n;

	for (n = 1; n <= 4 && text + n <= end; n++) {
		json_t *one = json_stringn(text, n);

		if (one) {
			json_decref(one);
			return n;
		}
	}
	return 0;
}

json_t *json_text(const char *text)
{
	const char *end = text + strlen(text);
	json_t *value = json_string(text);
	char *clean, *to;
	size_t n;

	if (value)
		return value;
	clean = malloc((size_t)(end - text) * strlen(REPLACEMENT) + 1);
	for (to = clean; clean && text < end; text += n ? n : 1) {
		n = character(text, end);
		to = n ? mempcpy(to, text, n) : stpcpy(to, REPLACEMENT);
	}
	value = clean ? json_stringn(clean, (size_t)(to - clean)) : NULL;
	free(clean);
	return value;
}

json_t *json_number(uint64_t value)
{
	return value <= INT64_MAX ? json_integer((json_int_t)value) : json_real((double)value);
}

void json_print(json_t *value)
{
	if (!value || json_dumpf(value, stdout, JSON_COMPACT))
		die(value ? errno : ENOMEM, "JSON");
	fputc('\n', stdout);
	json_decref(value);
}
