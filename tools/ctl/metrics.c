// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <string.h>

#include "metrics.h"

void metrics_label(FILE *f, const char *name, const char *value)
{
	fprintf(f, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", f);
		else if (*value == '"' || *value == '\\')
			fprintf(f, "\\%c", *value);
		else
			fputc(*value, f);
	}
	fputc('"', f);
}

/* Base units, as Prometheus wants them: suffix of the name, and what the value is divided by. */
static const struct base {
	const char *suffix;
	uint64_t divisor;
	const char *own;	/* suffix of the attribute's name that it replaces */
} bases[] = {
	[UNIT_NONE] = { "", 1, "" },
	[UNIT_BOOL] = { "", 1, "" },
	[UNIT_BYTES] = { "_bytes", 1, "_bytes" },
	[UNIT_RATE] = { "_bytes_per_second", 1, "" },
	[UNIT_NS] = { "_seconds", 1000000000, "_ns" },
	[UNIT_US] = { "_seconds", 1000000, "_us" },
	[UNIT_MS] = { "_seconds", 1000, "_ms" },
	[UNIT_PERCENT] = { "_ratio", 100, "_pct" },
	[UNIT_FACTOR] = { "", 100, "_pct" },
};

static void print_name(FILE *f, const char *prefix, const struct attr *attr)
{
	const struct base *base = &bases[attr->unit];
	const char *name = attr->metric ? attr->metric : attr->name;
	size_t len = strlen(name), own = attr->metric ? 0 : strlen(base->own);

	if (len > own && !strcmp(name + len - own, base->own))
		len -= own;
	fprintf(f, "%s%.*s%s%s", prefix, (int)len, name, base->suffix,
		attr->kind == KIND_COUNTER ? "_total" : "");
}

static void print_value(FILE *f, const struct attr *attr, uint64_t value)
{
	uint64_t divisor = bases[attr->unit].divisor;

	if (divisor == 1)
		fprintf(f, " %" PRIu64 "\n", value);
	else
		fprintf(f, " %.15g\n", (double)value / (double)divisor);
}

static const char *help_of(const struct attr_set *set, const struct attr *attr)
{
	unsigned int i;

	for (i = 0; attr->cause && i < set->n; i++)
		if (set->attrs[i].name && !strcmp(set->attrs[i].name, attr->metric))
			return set->attrs[i].help;
	return attr->help;
}

static void print_head(FILE *f, const char *prefix, const struct attr_set *set,
		       const struct attr *attr)
{
	fputs("# HELP ", f);
	print_name(f, prefix, attr);
	fprintf(f, " %s\n# TYPE ", help_of(set, attr));
	print_name(f, prefix, attr);
	fprintf(f, " %s\n", attr->kind == KIND_COUNTER ? "counter" : "gauge");
}

static void print_sample(FILE *f, const char *prefix, const struct attr *attr,
			 const struct record *r, uint64_t value,
			 void (*labels)(FILE *f, const struct record *r))
{
	print_name(f, prefix, attr);
	if (labels) {
		fputc('{', f);
		labels(f, r);
		if (attr->cause) {
			fputc(',', f);
			metrics_label(f, "cause", attr->cause);
		}
		fputc('}', f);
	}
	print_value(f, attr, value);
}

static bool same_metric(const struct attr *a, const struct attr *b)
{
	return a && a->cause && b->cause && !strcmp(a->metric, b->metric);
}

void metrics_print(FILE *f, const char *prefix, const struct record_list *list,
		   void (*labels)(FILE *f, const struct record *r))
{
	const struct attr *attr, *last = NULL;
	unsigned int i;
	size_t k;

	for (i = 0; list->n && i < list->records[0].set->n; i++) {
		attr = &list->records[0].set->attrs[i];
		if (!attr->name || attr->kind == KIND_NAME)
			continue;
		if (!same_metric(last, attr))
			print_head(f, prefix, list->records[0].set, attr);
		last = attr;
		for (k = 0; k < list->n; k++)
			if (record_has(&list->records[k], i))
				print_sample(f, prefix, attr, &list->records[k],
					     record_number(&list->records[k], i), labels);
	}
}
