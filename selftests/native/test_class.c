// SPDX-License-Identifier: GPL-2.0-only
/* Properties of the size classes. */
#include "test.h"
#include "sizeclass.h"

static void classes_cover(void **state)
{
	size_t bytes;

	(void)state;
	for (bytes = 0; bytes <= HU_SMALL_MAX; bytes++) {
		unsigned int c = hu_class_of(bytes);

		assert_true(c < HU_CLASSES);
		assert_int_equal(c, hu_class_compute(bytes));
		assert_true(hu_classes[c].bytes >= bytes);
		/* The smallest that fits. */
		if (c)
			assert_true(hu_classes[c - 1].bytes < bytes);
		/* At most one eighth of a block is wasted. */
		if (bytes >= 128)
			assert_true((hu_classes[c].bytes - bytes) * 8 <= hu_classes[c].bytes);
	}
}

static void classes_are_ordered(void **state)
{
	unsigned int c;

	(void)state;
	for (c = 0; c < HU_CLASSES; c++) {
		assert_int_equal(hu_classes[c].bytes % 16, 0);
		if (c)
			assert_true(hu_classes[c].bytes > hu_classes[c - 1].bytes);
	}
	assert_int_equal(hu_classes[HU_CLASSES - 1].bytes, HU_SMALL_MAX);
}

static void spans_are_used_well(void **state)
{
	unsigned int c;

	(void)state;
	for (c = 0; c < HU_CLASSES; c++) {
		size_t span = hu_classes[c].units * HU_UNIT;
		size_t used = (size_t)hu_classes[c].blocks * hu_classes[c].bytes;

		assert_true(used <= span);
		assert_true((span - used) * 16 <= span);
		assert_true(hu_classes[c].blocks >= 8);
		assert_true(hu_classes[c].blocks <= 4096);
	}
}

/* Every alignment up to the largest class is that of some class. */
static void powers_of_two_are_classes(void **state)
{
	size_t bytes;

	(void)state;
	for (bytes = 16; bytes <= HU_SMALL_MAX; bytes *= 2)
		assert_int_equal(hu_classes[hu_class_of(bytes)].bytes, bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_cover),
		cmocka_unit_test(classes_are_ordered),
		cmocka_unit_test(spans_are_used_well),
		cmocka_unit_test(powers_of_two_are_classes),
	};

	hu_classes_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
