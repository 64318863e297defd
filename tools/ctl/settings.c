// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "../bench/cli.h"
#include "settings.h"
#include "text.h"

/* " (min, max, ...)" */
static void key_names(const struct attr_set *set, char *buf, size_t len)
{
	FILE *f = fmemopen(buf, len, "w");
	const char *comma = "";
	unsigned int i;

	for (i = 0; f && i < set->n; i++)
		if (set->attrs[i].key) {
			fprintf(f, "%s%s", comma, set->attrs[i].key);
			comma = ", ";
		}
	if (f)
		fclose(f);
}

static unsigned int find_key(const struct attr_set *set, const char *text, const char *equals)
{
	char key[32] = "";

	if (equals - text < (ptrdiff_t)sizeof(key))
		memcpy(key, text, (size_t)(equals - text));
	return attr_by_key(set, key);
}

static bool is_given(const struct settings *s, unsigned int attr)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->list[i].attr == attr)
			return true;
	return false;
}

bool settings_add(struct settings *s, const struct attr_set *set, const char *text,
		  char why[200])
{
	const char *equals = strchrnul(text, '=');
	unsigned int number = find_key(set, text, equals);
	const struct attr *attr = &set->attrs[number];
	char keys[140] = "";
	uint64_t value;
	int ret;

	if (!*equals) {
		snprintf(why, 200, "'%.60s' is not KEY=VALUE", text);
		return false;
	}
	if (!number) {
		key_names(set, keys, sizeof(keys));
		snprintf(why, 200, "'%.*s' is none of %s", (int)(equals - text) % 40, text, keys);
		return false;
	}
	if (is_given(s, number)) {
		snprintf(why, 200, "%s is given twice", attr->key);
		return false;
	}
	ret = units_parse(attr->unit, equals + 1, &value);
	if (!ret && attr->type == ATTR_U32 && value > UINT32_MAX)
		ret = -ERANGE;
	if (ret) {
		snprintf(why, 200, "%s: '%.40s' is %s%s; allowed: %s", attr->key, equals + 1,
			 ret == -ERANGE ? "out of range" : "not ",
			 ret == -ERANGE ? "" : units_form(attr->unit), attr->range);
		return false;
	}
	s->list[s->n].attr = number;
	s->list[s->n++].value = value;
	return true;
}

void settings_parse(struct settings *s, const struct attr_set *set, char **argv)
{
	char why[200];

	s->n = 0;
	for (; *argv; argv++)
		if (!settings_add(s, set, *argv, why))
			usage_error("%s", why);
}

void settings_put(const struct settings *s, struct nl_request *request)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		nl_put(request, s->list[i].attr, s->list[i].value);
}

void settings_list(const struct attr_set *set)
{
	static const char *const heads[] = { "KEY", "ALLOWED", "DEFAULT", "VALUE", "MEANING" };
	struct text_table t;
	unsigned int i;

	table_begin(&t, heads, ARRAY_SIZE(heads));
	for (i = 0; i < set->n; i++) {
		const struct attr *a = &set->attrs[i];

		if (!a->key)
			continue;
		table_add(&t, "%s", a->key);
		table_add(&t, "%s", a->range);
		table_add(&t, "%s", a->initial);
		table_add(&t, "%s", units_form(a->unit));
		table_add(&t, "%s", a->help);
	}
	table_end(&t, 0);
}
