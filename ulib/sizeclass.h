/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Size classes: multiples of 16 up to 128 bytes, then eight classes to every
 * doubling up to 32 KiB. From 128 bytes on at most one ninth of a block is
 * wasted. A class of 2^k * m bytes has blocks aligned to 2^k (up to a page),
 * because spans start on a unit.
 */
#ifndef HU_SIZECLASS_H
#define HU_SIZECLASS_H

#include "internal.h"

#define HU_LINEAR_MAX	128
#define HU_LINEAR_STEP	16
#define HU_SMALL_MAX	((size_t)32 * KIB)
/* 8 linear ones, 8 for each of the doublings from 128 bytes to 32 KiB. */
#define HU_CLASSES	(HU_LINEAR_MAX / HU_LINEAR_STEP + 8 * 8)

struct hu_class {
	uint32_t bytes;		/* of one block */
	uint16_t blocks;	/* in one span */
	uint16_t units;		/* of one span */
};

extern struct hu_class hu_classes[HU_CLASSES];
/* Classes of the requests up to 1 KiB, by (bytes + 15) / 16. */
extern const uint8_t hu_class_table[65];

void hu_classes_init(void);

static inline unsigned int hu_class_compute(size_t bytes)
{
	unsigned int log2;

	if (bytes <= HU_LINEAR_MAX)
		return bytes ? (unsigned int)((bytes - 1) / HU_LINEAR_STEP) : 0;
	bytes--;
	log2 = 63 - (unsigned int)__builtin_clzl(bytes);
	/* The three bits after the leading one number the class in its doubling. */
	return HU_LINEAR_MAX / HU_LINEAR_STEP + (log2 - 7) * 8 +
	       (unsigned int)((bytes >> (log2 - 3)) & 7);
}

/* The smallest class for @bytes, which is at most HU_SMALL_MAX. */
static inline unsigned int hu_class_of(size_t bytes)
{
	if (likely(bytes <= 1024))
		return hu_class_table[(bytes + 15) / 16];
	return hu_class_compute(bytes);
}

#endif /* HU_SIZECLASS_H */
