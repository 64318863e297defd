/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Building text in a buffer, without stdio, malloc and locale. */
#ifndef HU_TEXT_H
#define HU_TEXT_H

#include "internal.h"

/**
 * struct hu_text - a text under construction
 * @buf: always 0-terminated, if @size is not 0
 * @size: of @buf
 * @len: length of the whole text, also when that is more than fits
 */
struct hu_text {
	char *buf;
	size_t size;
	size_t len;
};

#define HU_TEXT(array)	{ .buf = (array), .size = sizeof(array) }

void hu_text_bytes(struct hu_text *text, const char *bytes, size_t len);
void hu_text_add(struct hu_text *text, const char *string);
void hu_text_number(struct hu_text *text, uint64_t number);
void hu_text_say(struct hu_text *text);

#endif /* HU_TEXT_H */
