/* SPDX-License-Identifier: GPL-2.0-only */
/* What an allocator promises about its objects; see fuzz_oracle.c. */
#ifndef FUZZ_ORACLE_H
#define FUZZ_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OBJECTS		2048
/* From here on an object is huge, and may be refused where memory is short. */
#define HUGE_MIN	((size_t)256 << 20)

/**
 * struct object - a slot
 * @p: the object, NULL: none, and then all is 0
 * @bytes: as requested
 * @usable: as malloc_usable_size() said; all of it is written
 * @pattern: what is written depends on it
 */
struct object {
	unsigned char *p;
	size_t bytes;
	size_t usable;
	uint64_t pattern;
};

extern struct object objects[OBJECTS];

bool oracle_room(size_t bytes, size_t instead);
void oracle_new(struct object *o, void *p, size_t bytes, size_t align, bool zero);
void oracle_resized(struct object *o, void *p, size_t bytes);
void oracle_check(const struct object *o);
void oracle_free(struct object *o);
void oracle_forget(struct object *o);
void oracle_end(void);
_Noreturn void oracle_wrong(const char *what);

#endif /* FUZZ_ORACLE_H */
