// SPDX-License-Identifier: LGPL-2.1-or-later
/* Building text in a buffer. */
#include <string.h>
#include "os.h"
#include "text.h"

void hu_text_bytes(struct hu_text *text, const char *bytes, size_t len)
{
	size_t room = text->len < text->size ? text->size - text->len - 1 : 0;
	size_t n = hu_min(len, room);

	if (text->len < text->size) {
		memcpy(text->buf + text->len, bytes, n);
		text->buf[text->len + n] = '\0';
	}
	text->len += len;
}

void hu_text_add(struct hu_text *text, const char *string)
{
	hu_text_bytes(text, string, strlen(string));
}

void hu_text_number(struct hu_text *text, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	hu_text_bytes(text, digits + at, sizeof(digits) - at);
}

/* Write the text, as far as it fitted, and the end of the line to stderr. */
void hu_text_say(struct hu_text *text)
{
	size_t len = text->len < text->size ? text->len : text->size - 1;

	/* The place of the terminating 0. */
	text->buf[len] = '\n';
	hu_os_write_stderr(text->buf, len + 1);
	text->buf[len] = '\0';
}
