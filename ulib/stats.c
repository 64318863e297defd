// SPDX-License-Identifier: LGPL-2.1-or-later
/* The public counters, and the functions of malloc.h that report. */
#include <errno.h>
#include <hermes-u.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include "conf.h"
#include "giveback.h"
#include "heap.h"
#include "large.h"
#include "os.h"
#include "pageheap.h"
#include "reserve.h"
#include "stats.h"

#define STR2(x)	#x
#define STR(x)	STR2(x)

HU_EXPORT const char *hermes_u_version(void)
{
	return STR(HERMES_U_VERSION_MAJOR) "." STR(HERMES_U_VERSION_MINOR) ".0";
}

HU_EXPORT void hermes_u_status(struct hermes_u_status *status)
{
	hu_reserve_status(status);
}

static void read_stats(struct hermes_u_stats *stats)
{
	struct hu_pages_stats pages;
	size_t huge = hu_huge_bytes();

	hu_pages_get_stats(&pages);
	*stats = (struct hermes_u_stats){
		.hits = pages.hits,
		.reuses = pages.reuses,
		.takes = pages.takes,
		.misses = pages.misses,
		.doorbells = hu_reserve_doorbells(),
		.given_back_bytes = hu_giveback_bytes(),
		.mapped_bytes = pages.arena_bytes + huge,
		.live_bytes = pages.live_bytes + huge,
		.resident_free_bytes = pages.resident_free_bytes,
		.holes_bytes = hu_reserve_holes(),
		.heaps = hu_thread_heaps(),
	};
}

HU_EXPORT void hermes_u_get_stats(struct hermes_u_stats *out, size_t bytes)
{
	struct hermes_u_stats stats;

	read_stats(&stats);
	memset(out, 0, bytes);
	memcpy(out, &stats, hu_min(bytes, sizeof(stats)));
}

HU_EXPORT int hermes_u_reserve_set(size_t min_bytes, size_t max_bytes)
{
	if (min_bytes > max_bytes || max_bytes > PTRDIFF_MAX)
		return -EINVAL;
	return hu_reserve->set_bounds(hu_align_up(min_bytes, HU_PAGE),
				      hu_align_up(max_bytes, HU_PAGE));
}

HU_EXPORT int hermes_u_reserve_get(size_t *min_bytes, size_t *max_bytes)
{
	return hu_reserve->get_bounds(min_bytes, max_bytes);
}

static const struct counter {
	const char *name;
	size_t offset;
} counters[] = {
#define COUNTER(field)	{ #field, offsetof(struct hermes_u_stats, field) }
	COUNTER(hits), COUNTER(reuses), COUNTER(takes), COUNTER(misses), COUNTER(doorbells),
	COUNTER(given_back_bytes), COUNTER(mapped_bytes), COUNTER(live_bytes),
	COUNTER(resident_free_bytes), COUNTER(holes_bytes), COUNTER(heaps),
};

/* " name=value" for every counter; returns the length without the final 0. */
static size_t format(char *buf, size_t size)
{
	struct hermes_u_stats stats;
	size_t i, len = 0;

	read_stats(&stats);
	for (i = 0; i < ARRAY_SIZE(counters); i++) {
		uint64_t v = *(uint64_t *)((char *)&stats + counters[i].offset);
		size_t name = strlen(counters[i].name);
		char digits[20];
		size_t n = 0;

		do
			digits[n++] = (char)('0' + v % 10);
		while (v /= 10);
		if (len + name + n + 3 > size)
			break;
		buf[len++] = ' ';
		memcpy(buf + len, counters[i].name, name);
		len += name;
		buf[len++] = '=';
		while (n)
			buf[len++] = digits[--n];
	}
	buf[len] = '\0';
	return len;
}

void hu_stats_print(void)
{
	char buf[512];

	format(buf, sizeof(buf));
	hu_os_complain("stats:", buf);
}

HU_EXPORT void malloc_stats(void)
{
	hu_stats_print();
}

HU_EXPORT struct mallinfo2 mallinfo2(void)
{
	struct hermes_u_stats stats;

	read_stats(&stats);
	return (struct mallinfo2){
		.arena = stats.live_bytes + stats.resident_free_bytes,
		.uordblks = stats.live_bytes,
		.fordblks = stats.resident_free_bytes,
		.hblkhd = hu_huge_bytes(),
		.keepcost = stats.resident_free_bytes,
	};
}

HU_EXPORT struct mallinfo mallinfo(void)
{
	struct mallinfo2 info = mallinfo2();

	/* The historical interface truncates. */
	return (struct mallinfo){
		.arena = (int)info.arena,
		.uordblks = (int)info.uordblks,
		.fordblks = (int)info.fordblks,
		.hblkhd = (int)info.hblkhd,
		.keepcost = (int)info.keepcost,
	};
}

HU_EXPORT int malloc_info(int options, FILE *stream)
{
	char buf[512];

	if (options)
		return EINVAL;
	format(buf, sizeof(buf));
	if (fputs("<malloc version=\"hermes-u-1\"><counters>", stream) < 0 ||
	    fputs(buf + 1, stream) < 0 || fputs("</counters></malloc>\n", stream) < 0)
		return -1;
	return 0;
}

/* There is nothing to tune by the numbers of mallopt(); accepted as in glibc. */
HU_EXPORT int mallopt(int parameter, int value)
{
	(void)parameter;
	(void)value;
	return 1;
}

HU_EXPORT int malloc_trim(size_t pad)
{
	struct hu_heap *heap = hu_heap_mine;

	if (heap != &hu_heap_none)
		hu_heap_trim(heap);
	return hu_giveback_all(pad / HU_PAGE);
}
