// SPDX-License-Identifier: LGPL-2.1-or-later
/* Histograms for programs, and everything as JSON and XML. */
#include <errno.h>
#include <string.h>
#include "latency.h"
#include "os_file.h"
#include "reserve.h"
#include "stats.h"

/* Percentiles are in parts of this. */
#define PARTS	10000

_Static_assert(HERMES_U_LATENCY_BUCKETS == HERMES_U_SHM_BUCKETS, "one geometry");

static const struct kind {
	const char *name;
	unsigned int first, count;
} kinds[] = {
	[HERMES_U_LATENCY_SLOW] = { "slow", HU_HIST_SLOW, HU_GROUPS },
	[HERMES_U_LATENCY_ALL] = { "all", HU_HIST_ALL, HU_GROUPS },
	[HERMES_U_LATENCY_PAGES] = { "pages", HU_HIST_PAGES, HU_HISTS - HU_HIST_PAGES },
};

static void read_latency(unsigned int hist, struct hermes_u_latency *out)
{
	struct hermes_u_shm_histogram h;
	unsigned int i;

	hu_hist_read(hist, &h);
	*out = (struct hermes_u_latency){
		.name = hu_hist_name(hist),
		.sum_ns = h.sum_ns,
		.max_ns = h.max_ns,
	};
	for (i = 0; i < HERMES_U_LATENCY_BUCKETS; i++) {
		out->buckets[i] = h.buckets[i];
		out->count += h.buckets[i];
	}
}

HU_EXPORT int hermes_u_get_latency(unsigned int kind, unsigned int index,
				   struct hermes_u_latency *latency, size_t bytes)
{
	struct hermes_u_latency l;

	if (kind >= ARRAY_SIZE(kinds))
		return -EINVAL;
	if (index >= kinds[kind].count)
		return -ENOENT;
	read_latency(kinds[kind].first + index, &l);
	memset(latency, 0, bytes);
	memcpy(latency, &l, hu_min(bytes, sizeof(l)));
	return 0;
}

HU_EXPORT uint64_t hermes_u_latency_top(unsigned int bucket)
{
	return hermes_u_shm_bucket_top(bucket < HERMES_U_LATENCY_BUCKETS ? bucket :
				       HERMES_U_LATENCY_BUCKETS - 1);
}

HU_EXPORT uint64_t hermes_u_latency_percentile(const struct hermes_u_latency *latency,
					       unsigned int parts)
{
	__uint128_t product = (__uint128_t)latency->count * hu_min(parts, PARTS);
	uint64_t rank = (uint64_t)((product + PARTS - 1) / PARTS), seen = 0;
	unsigned int i;

	/* Nothing in the last bucket is known but the longest. */
	for (i = 0; i < HERMES_U_LATENCY_BUCKETS - 1; i++) {
		seen += latency->buckets[i];
		if (seen && seen >= rank)
			return hu_min(hermes_u_shm_bucket_top(i), latency->max_ns);
	}
	return latency->max_ns;
}

static const struct point {
	const char *json, *xml;
	unsigned int parts;
} points[] = {
	{ ",\"p50\":", "\" p50=\"", 5000 }, { ",\"p90\":", "\" p90=\"", 9000 },
	{ ",\"p99\":", "\" p99=\"", 9900 }, { ",\"p99.9\":", "\" p99.9=\"", 9990 },
	{ ",\"max\":", "\" max=\"", PARTS },
};

static void add_points(struct hu_text *text, const struct hermes_u_latency *l, bool json)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(points); i++) {
		hu_text_add(text, json ? points[i].json : points[i].xml);
		hu_text_number(text, hermes_u_latency_percentile(l, points[i].parts));
	}
}

static void json_member(struct hu_text *text, const char *before, const char *name)
{
	hu_text_add(text, before);
	hu_text_add(text, "\"");
	hu_text_add(text, name);
	hu_text_add(text, "\":");
}

/* Quoted; @string is one of our own sentences: printable ASCII. */
static void json_string(struct hu_text *text, const char *string)
{
	hu_text_add(text, "\"");
	for (; *string; string++) {
		if (*string == '"' || *string == '\\')
			hu_text_add(text, "\\");
		hu_text_bytes(text, string, 1);
	}
	hu_text_add(text, "\"");
}

static void json_kind(struct hu_text *text, const struct kind *kind)
{
	const char *before = "{";
	struct hermes_u_latency l;
	unsigned int i;

	for (i = 0; i < kind->count; i++) {
		read_latency(kind->first + i, &l);
		if (!l.count)
			continue;
		json_member(text, before, l.name);
		hu_text_add(text, "{\"count\":");
		hu_text_number(text, l.count);
		hu_text_add(text, ",\"mean\":");
		hu_text_number(text, l.sum_ns / l.count);
		add_points(text, &l, true);
		hu_text_add(text, "}");
		before = ",";
	}
	hu_text_add(text, *before == '{' ? "{}" : "}");
}

static void json_counters(struct hu_text *text)
{
	const char *before = "{";
	const struct hu_counter *c;
	struct hermes_u_stats stats;

	hermes_u_get_stats(&stats, sizeof(stats));
	for (c = hu_counters; c->name; c++) {
		json_member(text, before, c->name);
		hu_text_number(text, *(uint64_t *)((char *)&stats + c->offset));
		before = ",";
	}
	hu_text_add(text, "}");
}

/* One JSON object, without an end of line. */
void hu_report_json(struct hu_text *text)
{
	static const char *const backends[] = { "none", "kmod", "anon", "populate" };
	struct hermes_u_status status;
	size_t i;

	hermes_u_status(&status);
	json_member(text, "{", "version");
	json_string(text, hermes_u_version());
	json_member(text, ",", "pid");
	hu_text_number(text, hu_os_pid());
	json_member(text, ",", "backend");
	json_string(text, status.backend < ARRAY_SIZE(backends) ? backends[status.backend] :
		    "other");
	json_member(text, ",", "reason");
	json_string(text, status.reason);
	json_member(text, ",", "counters");
	json_counters(text);
	json_member(text, ",", "latency_ns");
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		json_member(text, i ? "," : "{", kinds[i].name);
		json_kind(text, &kinds[i]);
	}
	hu_text_add(text, "}}");
}

HU_EXPORT size_t hermes_u_stats_json(char *buf, size_t size)
{
	struct hu_text text = { .buf = buf, .size = size };

	hu_report_json(&text);
	return text.len;
}

/* <latency kind="slow" name="le_128" count="7" .../> for every histogram. */
void hu_report_xml(struct hu_text *text)
{
	struct hermes_u_latency l;
	unsigned int i;
	size_t k;

	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (i = 0; i < kinds[k].count; i++) {
			read_latency(kinds[k].first + i, &l);
			if (!l.count)
				continue;
			hu_text_add(text, "<latency unit=\"ns\" kind=\"");
			hu_text_add(text, kinds[k].name);
			hu_text_add(text, "\" name=\"");
			hu_text_add(text, l.name);
			hu_text_add(text, "\" count=\"");
			hu_text_number(text, l.count);
			add_points(text, &l, false);
			hu_text_add(text, "\"/>");
		}
	}
}
