/* SPDX-License-Identifier: GPL-2.0-only */
/* What jansson leaves to its users. */
#ifndef HERMES_CTL_JSON_H
#define HERMES_CTL_JSON_H

#include <jansson.h>
#include <stdint.h>

/** json_text() - a string; bytes that are no UTF-8 become U+FFFD */
json_t *json_text(const char *text);

/** json_number() - an integer; above INT64_MAX, which jansson cannot hold, a real number */
json_t *json_number(uint64_t value);

/** json_print() - one line on stdout; takes over @value; ends the program when memory is short */
void json_print(json_t *value);

#endif
