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
#include "table.h"

/* For a line of counters or a JSON object. */
#define REPORT_BYTES	8192

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

/* The sources of slow allocations; they follow each other in the struct. */
static void read_sources(struct hermes_u_stats *stats)
{
	uint64_t *from = &stats->from_collected;
	unsigned int i;

	_Static_assert(offsetof(struct hermes_u_stats, from_huge) -
		       offsetof(struct hermes_u_stats, from_collected) ==
		       (HU_FROMS - 1) * sizeof(uint64_t), "one for each enum hu_from");
	for (i = 0; i < HU_FROMS; i++) {
		from[i] = hu_count_read(HU_COUNT_FROM + i);
		if (i > HU_FROM_CARVED)
			stats->slow_allocs += from[i];
	}
}

static void read_stats(struct hermes_u_stats *stats)
{
	struct hu_pages_stats pages;
	size_t huge = hu_huge_bytes();

	hu_pages_get_stats(&pages);
	*stats = (struct hermes_u_stats){
		.hits = hu_count_read(HU_COUNT_HITS),
		.reuses = hu_count_read(HU_COUNT_REUSES),
		.takes = hu_count_read(HU_COUNT_TAKES),
		.misses = hu_count_read(HU_COUNT_MISSES),
		.grows = hu_count_read(HU_COUNT_GROWS),
		.doorbells = hu_count_read(HU_COUNT_DOORBELLS),
		.given_back_bytes = hu_count_read(HU_COUNT_GIVEN_BACK_BYTES),
		.mapped_bytes = pages.arena_bytes + huge,
		.live_bytes = pages.live_bytes + huge,
		.resident_free_bytes = pages.resident_free_bytes,
		.ready_bytes = pages.ready_bytes,
		.holes_bytes = pages.holes_bytes,
		.huge_bytes = huge,
		.heaps = hu_thread_heaps(),
		.arena_faults = hu_kmod_faults(),
	};
	read_sources(stats);
	hu_os_faults(&stats->minor_faults, &stats->major_faults);
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

const struct hu_counter hu_counters[] = {
#define COUNTER(field)	{ #field, offsetof(struct hermes_u_stats, field) }
	COUNTER(hits), COUNTER(reuses), COUNTER(takes), COUNTER(misses), COUNTER(doorbells),
	COUNTER(given_back_bytes), COUNTER(mapped_bytes), COUNTER(live_bytes),
	COUNTER(resident_free_bytes), COUNTER(holes_bytes), COUNTER(heaps), COUNTER(grows),
	COUNTER(ready_bytes), COUNTER(huge_bytes), COUNTER(slow_allocs), COUNTER(from_collected),
	COUNTER(from_carved), COUNTER(from_cold), COUNTER(from_span), COUNTER(from_cached),
	COUNTER(from_reuse), COUNTER(from_ready), COUNTER(from_take), COUNTER(from_miss),
	COUNTER(from_grow), COUNTER(from_huge), COUNTER(arena_faults), COUNTER(minor_faults),
	COUNTER(major_faults),
	{ NULL, 0 },
};

/* " name=value" for every counter. */
static void format(struct hu_text *text)
{
	const struct hu_counter *c;
	struct hermes_u_stats stats;

	read_stats(&stats);
	for (c = hu_counters; c->name; c++) {
		hu_text_add(text, " ");
		hu_text_add(text, c->name);
		hu_text_add(text, "=");
		hu_text_number(text, *(uint64_t *)((char *)&stats + c->offset));
	}
}

/* At the end of the process, as the configuration says. */
void hu_stats_print(void)
{
	char buf[REPORT_BYTES];
	struct hu_text text = HU_TEXT(buf);

	if (hu_conf.stats == HU_CONF_STATS_JSON) {
		hu_report_json(&text);
	} else {
		hu_text_add(&text, "hermes-u: stats:");
		format(&text);
	}
	hu_text_say(&text);
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
	char buf[REPORT_BYTES];
	struct hu_text text = HU_TEXT(buf);

	if (options)
		return EINVAL;
	hu_text_add(&text, "<malloc version=\"hermes-u-1\"><counters>");
	format(&text);
	hu_text_add(&text, " </counters>");
	hu_report_xml(&text);
	hu_text_add(&text, "</malloc>\n");
	return fputs(buf, stream) < 0 ? -1 : 0;
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
	if (hu_heap_own)
		hu_heap_trim(hu_heap_own);
	return hu_giveback_all(pad / HU_PAGE);
}
