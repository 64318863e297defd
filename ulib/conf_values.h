/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parsing the values of the configuration. All return 0, -EINVAL (not such a
 * value) or -ERANGE (too small or too large); then *out is not changed.
 */
#ifndef HU_CONF_VALUES_H
#define HU_CONF_VALUES_H

#include "internal.h"

bool hu_value_is(const char *text, size_t len, const char *word);
int hu_value_size(const char *text, size_t len, uint64_t most, size_t *out);
int hu_value_time_us(const char *text, size_t len, uint64_t least, uint64_t most, uint64_t *out);
int hu_value_percent(const char *text, size_t len, uint64_t least, uint64_t most, uint64_t *out);
int hu_value_flag(const char *text, size_t len, bool *out);
int hu_value_choice(const char *text, size_t len, const char *const *words, unsigned int *out);

#endif /* HU_CONF_VALUES_H */
