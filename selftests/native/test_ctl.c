// SPDX-License-Identifier: GPL-2.0-only
/* hermesctl's parts: units, messages and replies, hostile ones too, JSON, metrics, slices. */
#include "test.h"
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include "extack.h"
#include "json.h"
#include "metrics.h"
#include "nl.h"
#include "settings.h"
#include "slices.h"
#include "text.h"
#include "words.h"

static void parse_units(void **state)
{
	static const struct {
		enum unit unit;
		const char *text;
		int ret;
		uint64_t value;
	} cases[] = {
		{ UNIT_BYTES, "0", 0, 0 }, { UNIT_BYTES, "4096", 0, 4096 },
		{ UNIT_BYTES, "64K", 0, 65536 }, { UNIT_BYTES, "1.5m", 0, 3 * MIB / 2 },
		{ UNIT_BYTES, "16777215T", 0, 16777215ULL << 40 },
		{ UNIT_BYTES, "16777216T", -ERANGE, 0 },
		{ UNIT_BYTES, "18446744073709551615", 0, UINT64_MAX },
		{ UNIT_BYTES, "18446744073709551616", -ERANGE, 0 },
		{ UNIT_BYTES, "99999999999999999999999", -ERANGE, 0 },
		{ UNIT_BYTES, "18446744073709551615T", -ERANGE, 0 },
		{ UNIT_BYTES, "", -EINVAL, 0 }, { UNIT_BYTES, "M", -EINVAL, 0 },
		{ UNIT_BYTES, "-1", -EINVAL, 0 }, { UNIT_BYTES, "+1", -EINVAL, 0 },
		{ UNIT_BYTES, " 1", -EINVAL, 0 }, { UNIT_BYTES, "1 ", -EINVAL, 0 },
		{ UNIT_BYTES, "1.", -EINVAL, 0 }, { UNIT_BYTES, ".5M", -EINVAL, 0 },
		{ UNIT_BYTES, "1MM", -EINVAL, 0 }, { UNIT_BYTES, "0x10", -EINVAL, 0 },
		{ UNIT_BYTES, "1s", -EINVAL, 0 }, { UNIT_BYTES, "0.0000000001G", -EINVAL, 0 },
		{ UNIT_MS, "200ms", 0, 200 }, { UNIT_MS, "1.5s", 0, 1500 },
		{ UNIT_MS, "2000us", 0, 2 }, { UNIT_MS, "1500us", -ERANGE, 0 },
		{ UNIT_MS, "200", -EINVAL, 0 }, { UNIT_MS, "0", 0, 0 },
		{ UNIT_US, "0.5ms", 0, 500 }, { UNIT_US, "1ns", -ERANGE, 0 },
		{ UNIT_NS, "1s", 0, 1000000000 },
		{ UNIT_PERCENT, "25%", 0, 25 }, { UNIT_PERCENT, "25", 0, 25 },
		{ UNIT_PERCENT, "2.5%", -ERANGE, 0 },
		{ UNIT_FACTOR, "1.25", 0, 125 }, { UNIT_FACTOR, "2", 0, 200 },
		{ UNIT_FACTOR, "1.255", -ERANGE, 0 },
		{ UNIT_BOOL, "yes", 0, 1 }, { UNIT_BOOL, "off", 0, 0 },
		{ UNIT_BOOL, "2", -EINVAL, 0 },
		{ UNIT_NONE, "7", 0, 7 }, { UNIT_NONE, "7K", -EINVAL, 0 },
	};
	uint64_t value;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		value = 0;
		if (units_parse(cases[i].unit, cases[i].text, &value) != cases[i].ret)
			fail_msg("'%s' in unit %d", cases[i].text, cases[i].unit);
		if (value != cases[i].value)
			fail_msg("'%s' is %llu", cases[i].text, (unsigned long long)value);
	}
}

/* What units_exact() prints is read back as the same. */
static void exact_units(void **state)
{
	static const uint64_t values[] = {
		0, 1, 2, 1000, 1001, 4096, 65537, 3 * MIB / 2, 1ULL << 40, 1000000000, UINT64_MAX,
	};
	char buf[UNITS_LEN];
	uint64_t value;
	enum unit unit;
	size_t i;

	(void)state;
	for (unit = UNIT_NONE; unit <= UNIT_FACTOR; unit++)
		for (i = 0; i < ARRAY_SIZE(values); i++) {
			uint64_t expected = unit == UNIT_BOOL ? values[i] & 1 : values[i];

			units_exact(buf, unit, expected);
			assert_int_equal(units_parse(unit, buf, &value), 0);
			assert_true(value == expected);
		}
	assert_string_equal(units_exact(buf, UNIT_BYTES, 3 * MIB / 2), "1536K");
	assert_string_equal(units_exact(buf, UNIT_MS, 5000), "5s");
	assert_string_equal(units_exact(buf, UNIT_FACTOR, 205), "2.05");
	assert_string_equal(units_human(buf, UNIT_BYTES, 3 * MIB / 2), "1.5M");
	assert_string_equal(units_human(buf, UNIT_BYTES, UINT64_MAX), "16777216T");
	assert_string_equal(units_human(buf, UNIT_RATE, 512 * MIB), "512M/s");
	assert_string_equal(units_human(buf, UNIT_NS, 1234567), "1.2ms");
	assert_string_equal(units_human(buf, UNIT_BYTES, 0), "0");
}

static const struct attr_set *const sets[] = {
	&client_attrs, &cgroup_attrs, &policy_attrs, &totals_attrs, &decision_attrs, &event_attrs,
};

/* Every attribute has a name of its own, a type and a text; keys come with what is allowed. */
static void table(void **state)
{
	static const unsigned int last[] = {
		HERMES_A_CLIENT_MAX, HERMES_A_CGROUP_MAX, HERMES_A_POLICY_MAX,
		HERMES_A_TOTALS_MAX, HERMES_A_DECISION_MAX, HERMES_A_EVENT_MAX,
	};
	const struct attr *a;
	unsigned int i, k;
	size_t s;

	(void)state;
	for (s = 0; s < ARRAY_SIZE(sets); s++) {
		assert_int_equal(sets[s]->n, last[s] + 1);
		assert_true(sets[s]->n <= ATTRS_MAX);
		for (i = 2; i < sets[s]->n; i++) {
			a = attr_find(sets[s], i);
			assert_non_null(a);
			assert_true(a->type && a->help && *a->help);
			assert_true(!a->key || (a->range && a->initial));
			assert_true(!a->cause || a->metric);
			for (k = 2; k < i; k++)
				assert_string_not_equal(a->name, sets[s]->attrs[k].name);
			if (a->key)
				assert_int_equal(attr_by_key(sets[s], a->key), i);
		}
		assert_null(attr_find(sets[s], 0));
		assert_null(attr_find(sets[s], sets[s]->n));
		assert_int_equal(attr_by_key(sets[s], ""), 0);
	}
	for (i = HERMES_CMD_CLIENT_GET; i <= HERMES_CMD_MAX; i++)
		assert_non_null(attrs_of(i));
	assert_string_equal(attr_word(&cgroup_attrs.attrs[HERMES_A_CGROUP_TYPE], 1), "best-effort");
	assert_string_equal(attr_word(&cgroup_attrs.attrs[HERMES_A_CGROUP_TYPE], 0), "unknown");
	assert_string_equal(attr_word(&cgroup_attrs.attrs[HERMES_A_CGROUP_TYPE], 1ULL << 40),
			    "unknown");
}

static void requests(void **state)
{
	struct settings settings = { .n = 0 };
	const struct genlmsghdr *genl;
	const struct nlattr *nla;
	struct nl_request r;
	unsigned int n = 0;
	char why[200];

	(void)state;
	assert_true(settings_add(&settings, &client_attrs, "min=8M", why));
	assert_true(settings_add(&settings, &client_attrs, "factor=1.5", why));
	assert_false(settings_add(&settings, &client_attrs, "min=9M", why));
	assert_non_null(strstr(why, "twice"));
	assert_false(settings_add(&settings, &client_attrs, "min", why));
	assert_false(settings_add(&settings, &client_attrs, "=1", why));
	assert_false(settings_add(&settings, &client_attrs, "ready=1M", why));
	assert_non_null(strstr(why, "min, max, batch"));
	assert_false(settings_add(&settings, &client_attrs, "decay=5000000s", why));
	assert_non_null(strstr(why, "out of range; allowed: 10ms to 3600s"));
	nl_request(&r, HERMES_CMD_CLIENT_SET, false);
	nl_put(&r, HERMES_A_CLIENT_ID, 7);
	settings_put(&settings, &r);
	genl = mnl_nlmsg_get_payload(r.header);
	assert_int_equal(genl->cmd, HERMES_CMD_CLIENT_SET);
	assert_int_equal(genl->version, HERMES_GENL_VERSION);
	assert_int_equal(r.header->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
	mnl_attr_for_each(nla, r.header, GENL_HDRLEN) {
		static const unsigned int expected[][3] = {
			{ HERMES_A_CLIENT_ID, 4, 7 }, { HERMES_A_CLIENT_MIN_BYTES, 8, 8 << 20 },
			{ HERMES_A_CLIENT_FACTOR_PCT, 4, 150 },
		};

		assert_true(n < ARRAY_SIZE(expected));
		assert_int_equal(mnl_attr_get_type(nla), expected[n][0]);
		assert_int_equal(mnl_attr_get_payload_len(nla), expected[n][1]);
		assert_int_equal(*(uint32_t *)mnl_attr_get_payload(nla), expected[n][2]);
		n++;
	}
	assert_int_equal(n, 3);
	nl_request(&r, HERMES_CMD_CLIENT_GET, true);
	assert_int_equal(r.header->nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
}

/* A message in memory, whose attributes are then read. */
static char message[4096] __attribute__((aligned(8)));
static struct nlmsghdr *header;

static void begin(void)
{
	memset(message, 0, sizeof(message));
	header = mnl_nlmsg_put_header(message);
}

/* From a copy that ends where the message does, so that sanitizers see what is read behind it. */
static int parse_part(struct record *r, const struct attr_set *set, size_t len)
{
	char *copy = malloc(len ? len : 1);
	int ret;

	assert_non_null(copy);
	memcpy(copy, mnl_nlmsg_get_payload(header), len);
	ret = record_parse(r, set, copy, len);
	free(copy);
	return ret;
}

static int parse(struct record *r, const struct attr_set *set)
{
	return parse_part(r, set, mnl_nlmsg_get_payload_len(header));
}

static void replies(void **state)
{
	static const char *const expected[] = {
		"{\"seq\":1099511627776,\"type\":\"step\",\"cause\":\"cpu\",\"decision\":{",
		"\"cgroup_path\":\"/a\\uFFFD\\\"b\\u00E9\",",
		"\"got\":1.8446744073709552e19,",
		"\"error\":-11}}",
	};
	size_t i;
	struct nlattr *nest;
	struct record r;
	char *text;
	json_t *json;

	(void)state;
	begin();
	mnl_attr_put_u64(header, HERMES_A_EVENT_SEQ, 1ULL << 40);
	mnl_attr_put_u32(header, HERMES_A_EVENT_TYPE, HERMES_EVENT_STEP);
	mnl_attr_put_u32(header, HERMES_A_EVENT_CAUSE, HERMES_A_CLIENT_MISS_CPU);
	nest = mnl_attr_nest_start(header, HERMES_A_EVENT_DECISION);
	mnl_attr_put_u32(header, HERMES_A_DECISION_ERROR, (uint32_t)-EAGAIN);
	mnl_attr_put_strz(header, HERMES_A_DECISION_CGROUP_PATH, "first");
	mnl_attr_put_strz(header, HERMES_A_DECISION_CGROUP_PATH, "/a\xff\"b\xc3\xa9");
	mnl_attr_put_u64(header, HERMES_A_DECISION_GOT, UINT64_MAX);
	mnl_attr_nest_end(header, nest);
	mnl_attr_put_u32(header, 200, 1);
	assert_int_equal(parse(&r, &event_attrs), 0);
	assert_true(record_number(&r, HERMES_A_EVENT_SEQ) == 1ULL << 40);
	assert_false(record_has(&r, HERMES_A_EVENT_READY));
	assert_int_equal(record_number(&r, HERMES_A_EVENT_READY), 0);
	json = record_json(&r);
	text = json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII);
	for (i = 0; i < ARRAY_SIZE(expected); i++)
		assert_non_null(strstr(text, expected[i]));
	free(text);
	json_decref(json);
	record_free(&r);
}

/* An attribute of @len bytes of which the header says @says. */
static void put_raw(uint16_t type, uint16_t says, size_t len)
{
	struct nlattr *nla = mnl_nlmsg_get_payload_tail(header);

	mnl_attr_put(header, type, len, "\377\377\377\377\377\377\377\377\377\377\377\377");
	nla->nla_len = says;
}

static void hostile_replies(void **state)
{
	static const struct {
		uint16_t type, says;
		size_t len;
		int ret;
	} cases[] = {
		{ HERMES_A_DECISION_SEQ, 12, 8, 0 },
		{ HERMES_A_DECISION_SEQ, 11, 8, -EBADMSG },
		{ HERMES_A_DECISION_SEQ, 16, 12, -EBADMSG },
		{ HERMES_A_DECISION_SEQ, 4, 0, -EBADMSG },
		{ HERMES_A_DECISION_CHOICE, 12, 8, -EBADMSG },
		{ HERMES_A_DECISION_CHOICE, 6, 2, -EBADMSG },
		{ HERMES_A_DECISION_ERROR, 5, 1, -EBADMSG },
		{ HERMES_A_DECISION_CGROUP_PATH, 4, 0, -EBADMSG },
		{ HERMES_A_DECISION_CGROUP_PATH, 8, 4, -EBADMSG },
		/* What is cut off is not there. */
		{ HERMES_A_DECISION_SEQ, 13, 8, 0 },
		{ HERMES_A_DECISION_SEQ, 65535, 8, 0 },
		{ HERMES_A_DECISION_SEQ, 3, 8, 0 },
		{ HERMES_A_DECISION_SEQ, 0, 8, 0 },
	};
	struct nlattr *nest;
	struct record r;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		begin();
		mnl_attr_put_strz(header, HERMES_A_DECISION_CGROUP_PATH, "/kept or freed");
		put_raw(cases[i].type, cases[i].says, cases[i].len);
		if (parse(&r, &decision_attrs) != cases[i].ret)
			fail_msg("case %zu", i);
		record_free(&r);
		begin();
		nest = mnl_attr_nest_start(header, HERMES_A_EVENT_DECISION);
		put_raw(cases[i].type, cases[i].says, cases[i].len);
		mnl_attr_nest_end(header, nest);
		if (parse(&r, &event_attrs) != cases[i].ret)
			fail_msg("nested case %zu", i);
		record_free(&r);
	}
}

/* However a message is cut or scribbled over, nothing behind it is read. */
static void random_replies(void **state)
{
	uint32_t random = 12345;
	size_t i, len;
	struct record r;
	unsigned int n;

	(void)state;
	for (n = 0; n < 20000; n++) {
		begin();
		for (i = 0; i < 20; i++) {
			random = random * 1664525 + 1013904223;
			put_raw(random >> 26, (uint16_t)((random >> 8) % 20), (random >> 16) % 13);
		}
		len = (random >> 4) % (mnl_nlmsg_get_payload_len(header) + 1);
		if (!parse_part(&r, sets[n % ARRAY_SIZE(sets)], len))
			json_decref(record_json(&r));
		record_free(&r);
	}
}

/* An answer to @request, of which the kernel quotes all but what NLM_F_CAPPED spares. */
static struct nlmsgerr *begin_error(const struct nlmsghdr *request, int error, uint16_t flags)
{
	struct nlmsgerr *e;

	begin();
	header->nlmsg_type = NLMSG_ERROR;
	header->nlmsg_flags = flags;
	e = mnl_nlmsg_put_extra_header(header, sizeof(*e));
	e->error = error;
	e->msg = *request;
	if (error && !(flags & NLM_F_CAPPED))
		memcpy(mnl_nlmsg_put_extra_header(header, request->nlmsg_len - NLMSG_HDRLEN),
		       mnl_nlmsg_get_payload(request), request->nlmsg_len - NLMSG_HDRLEN);
	return e;
}

static void put_details(uint32_t offset)
{
	struct nlattr *nest;

	mnl_attr_put_strz(header, NLMSGERR_ATTR_MSG, "too \033large");
	mnl_attr_put_u32(header, NLMSGERR_ATTR_OFFS, offset);
	nest = mnl_attr_nest_start(header, NLMSGERR_ATTR_POLICY);
	mnl_attr_put_u64(header, NL_POLICY_TYPE_ATTR_MIN_VALUE_U, 1);
	mnl_attr_put_u64(header, NL_POLICY_TYPE_ATTR_MAX_VALUE_U, 100);
	mnl_attr_nest_end(header, nest);
}

static void extended_acks(void **state)
{
	static const uint16_t flags[] = { NLM_F_ACK_TLVS, NLM_F_ACK_TLVS | NLM_F_CAPPED };
	struct nl_request request;
	struct nl_error error;
	size_t i;

	(void)state;
	nl_request(&request, HERMES_CMD_POLICY_SET, false);
	nl_put(&request, HERMES_A_POLICY_GAP, 1);
	nl_put(&request, HERMES_A_POLICY_CPU_PCT, 101);
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		begin_error(request.header, -ERANGE, flags[i]);
		put_details(NLMSG_HDRLEN + GENL_HDRLEN + 12);
		error = (struct nl_error){ 0 };
		extack_parse(header, request.header, &policy_attrs, &error);
		assert_int_equal(error.err, ERANGE);
		assert_string_equal(error.message, "too ?large");
		assert_ptr_equal(error.attr, &policy_attrs.attrs[HERMES_A_POLICY_CPU_PCT]);
		assert_true(error.min == 1 && error.max == 100 && !error.missing);
	}
	/* Success, and an offset where no attribute begins. */
	begin_error(request.header, 0, 0);
	extack_parse(header, request.header, &policy_attrs, &error);
	assert_int_equal(error.err, 0);
	begin_error(request.header, -EINVAL, flags[1]);
	put_details(NLMSG_HDRLEN + GENL_HDRLEN + 13);
	mnl_attr_put_u32(header, NLMSGERR_ATTR_MISS_TYPE, HERMES_A_POLICY_RATE);
	error = (struct nl_error){ 0 };
	extack_parse(header, request.header, &policy_attrs, &error);
	assert_ptr_equal(error.attr, &policy_attrs.attrs[HERMES_A_POLICY_RATE]);
	assert_true(error.missing);
}

static void hostile_acks(void **state)
{
	static const uint32_t lengths[] = { 0, 1, 17, 40, 4096, INT32_MAX, UINT32_MAX };
	struct nl_request request;
	struct nl_error error;
	struct nlmsghdr *copy;
	size_t i, len;

	(void)state;
	nl_request(&request, HERMES_CMD_POLICY_SET, false);
	nl_put(&request, HERMES_A_POLICY_GAP, 1);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		begin_error(request.header, -EINVAL, NLM_F_ACK_TLVS)->msg.nlmsg_len = lengths[i];
		put_details(lengths[i]);
		for (len = NLMSG_HDRLEN; len <= header->nlmsg_len; len++) {
			copy = malloc(len);
			assert_non_null(copy);
			memcpy(copy, header, len);
			copy->nlmsg_len = (uint32_t)len;
			error = (struct nl_error){ 0 };
			extack_parse(copy, request.header, &policy_attrs, &error);
			assert_true(error.err == EINVAL ||
				    (error.err == EBADMSG && len < NLMSG_HDRLEN + 20));
			copy->nlmsg_type = NLMSG_DONE;
			extack_parse(copy, request.header, &policy_attrs, &error);
			free(copy);
		}
	}
	begin_error(request.header, 5, 0);
	extack_parse(header, request.header, NULL, &error);
	assert_int_equal(error.err, EBADMSG);
}

static void labels(FILE *f, const struct record *r)
{
	metrics_label(f, "cgroup", record_text(r, HERMES_A_CLIENT_CGROUP_PATH));
}

#define LABEL	"{cgroup=\"a\\\\b\\\"c\\nd\""
#define CLIENT	"hermes_client_"

static void metrics(void **state)
{
	static const char *const expected[] = {
		"# TYPE " CLIENT "low_ratio gauge\n" CLIENT "low_ratio" LABEL "} 0.75\n",
		"\n" CLIENT "interval_seconds" LABEL "} 0.002\n",
		"# TYPE " CLIENT "consumed_bytes_total counter\n",
		"\n" CLIENT "consumed_bytes_total" LABEL "} 18446744073709551615\n",
		"# HELP " CLIENT "misses_total First writes to pages that were not ready.\n",
		"# TYPE " CLIENT "misses_total counter\n",
		"\n" CLIENT "misses_total" LABEL ",cause=\"burst\"} 3\n",
		"\n" CLIENT "misses_total" LABEL ",cause=\"cpu\"} 4\n",
	};
	struct record_list list = { 0 };
	size_t size = 0;
	char *text = NULL;
	struct record r;
	FILE *f;
	int i;

	(void)state;
	begin();
	mnl_attr_put_strz(header, HERMES_A_CLIENT_CGROUP_PATH, "a\\b\"c\nd");
	mnl_attr_put_u32(header, HERMES_A_CLIENT_LOW_PCT, 75);
	mnl_attr_put_u32(header, HERMES_A_CLIENT_INTERVAL_US, 2000);
	mnl_attr_put_u64(header, HERMES_A_CLIENT_CONSUMED, UINT64_MAX);
	mnl_attr_put_u64(header, HERMES_A_CLIENT_MISS_BURST, 3);
	mnl_attr_put_u64(header, HERMES_A_CLIENT_MISS_CPU, 4);
	for (i = 0; i < 2; i++) {
		assert_int_equal(parse(&r, &client_attrs), 0);
		assert_int_equal(records_add(&list, &r), 0);
	}
	f = open_memstream(&text, &size);
	metrics_print(f, "hermes_client_", &list, labels);
	fclose(f);
	for (i = 0; i < (int)ARRAY_SIZE(expected); i++)
		if (!strstr(text, expected[i]))
			fail_msg("no '%s' in: %s", expected[i], text);
	/* One head for all causes. */
	assert_ptr_equal(strstr(text, "TYPE hermes_client_misses_total"), strrchr(text, '#') + 2);
	free(text);
	records_free(&list);
}

static void slices(void **state)
{
	static const struct {
		const char *path;
		const char *glob;
	} cases[] = {
		{ "kubepods.slice/kubepods-besteffort.slice",
		  "kubepods.slice/kubepods-besteffort.slice" },
		{ "kubepods/besteffort", "*/kubepods/besteffort" },
		{ "a/b/kubepods/besteffort", "*/kubepods/besteffort" },
		{ "a/xkubepods/besteffort", "" },
		{ "kubepods/besteffort/pod1", "" },
		{ "runtime.slice/kubepods-besteffort.slice", "kubepods-besteffort.slice" },
		{ "a/batch-7", "batch-*" }, { "batch-7/a", "" }, { "system.slice", "" },
	};
	struct settings none = { .n = 0 };
	struct slices s = { .n = 0 };
	const struct slice *slice;
	const char *found;
	size_t i;

	(void)state;
	slices_add(&s, "batch-*", HERMES_CGROUP_BEST_EFFORT, &none);
	slices_add_known(&s, &none);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		slice = slices_match(&s, cases[i].path);
		found = slice ? slice->glob : "";
		if (strcmp(found, cases[i].glob))
			fail_msg("%s: matches '%s'", cases[i].path, found);
	}
	slices_free(&s);
}

/* Steps on one victim are one story, a decision against a step another. */
static void stories(void **state)
{
	struct record_list list = { 0 };
	struct story story;
	struct record r;
	int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		begin();
		mnl_attr_put_u32(header, HERMES_A_DECISION_CHOICE, HERMES_CHOICE_FILE);
		if (i < 3)
			mnl_attr_put_u64(header, HERMES_A_DECISION_CGROUP_ID, i < 2 ? 8 : 9);
		mnl_attr_put_u64(header, HERMES_A_DECISION_ASKED, 10);
		mnl_attr_put_u32(header, HERMES_A_DECISION_REPEATS, i < 3 ? 0 : 4);
		assert_int_equal(parse(&r, &decision_attrs), 0);
		assert_int_equal(records_add(&list, &r), 0);
	}
	assert_int_equal(story_next(&story, &list, 0), 2);
	assert_true(story.count == 2 && story.asked == 20);
	assert_int_equal(story_next(&story, &list, 2), 1);
	assert_int_equal(story_next(&story, &list, 3), 2);
	assert_int_equal(story.count, 10);
	assert_int_equal(story_next(&story, &list, 5), 0);
	records_free(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_units),
		cmocka_unit_test(exact_units),
		cmocka_unit_test(table),
		cmocka_unit_test(requests),
		cmocka_unit_test(replies),
		cmocka_unit_test(hostile_replies),
		cmocka_unit_test(random_replies),
		cmocka_unit_test(extended_acks),
		cmocka_unit_test(hostile_acks),
		cmocka_unit_test(metrics),
		cmocka_unit_test(slices),
		cmocka_unit_test(stories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
