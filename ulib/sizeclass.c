// SPDX-License-Identifier: LGPL-2.1-or-later
/* Geometry of the size classes. */
#include "sizeclass.h"

/* A span has at least so many blocks, and at most so many units. */
#define BLOCKS_MIN	8
#define UNITS_MAX	8

struct hu_class hu_classes[HU_CLASSES];

const uint8_t hu_class_table[65] = {
	0, 0, 1, 2, 3, 4, 5, 6, 7,
	8, 9, 10, 11, 12, 13, 14, 15,
	16, 16, 17, 17, 18, 18, 19, 19,
	20, 20, 21, 21, 22, 22, 23, 23,
	24, 24, 24, 24, 25, 25, 25, 25,
	26, 26, 26, 26, 27, 27, 27, 27,
	28, 28, 28, 28, 29, 29, 29, 29,
	30, 30, 30, 30, 31, 31, 31, 31,
};

static uint32_t class_bytes(unsigned int c)
{
	unsigned int linear = HU_LINEAR_MAX / HU_LINEAR_STEP;

	if (c < linear)
		return (c + 1) * HU_LINEAR_STEP;
	c -= linear;
	return (uint32_t)(8 + c % 8 + 1) << (7 + c / 8 - 3);
}

/*
 * The fewest units that hold enough blocks and waste at most a 32nd of the
 * span; where no number of units does, the one that wastes least.
 */
static unsigned int class_units(size_t bytes)
{
	unsigned int units, best = 0;
	size_t waste, best_waste = 0;

	for (units = 1; units <= UNITS_MAX; units++) {
		size_t span = units * HU_UNIT;

		if (span / bytes < BLOCKS_MIN)
			continue;
		waste = span % bytes * 1024 / span;
		if (waste <= 1024 / 32)
			return units;
		if (!best || waste < best_waste) {
			best = units;
			best_waste = waste;
		}
	}
	return best;
}

/* Called once, by the first thread that allocates, under hu_heaps_lock. */
void hu_classes_init(void)
{
	unsigned int c;

	for (c = 0; c < HU_CLASSES; c++) {
		struct hu_class *class = &hu_classes[c];

		class->bytes = class_bytes(c);
		class->units = (uint16_t)class_units(class->bytes);
		class->blocks = (uint16_t)(class->units * HU_UNIT / class->bytes);
	}
}
