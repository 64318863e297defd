// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Reading the configuration. Both places have the same syntax: key=value, or
 * a key alone, separated by commas or line ends; # starts a comment up to the
 * end of the line; blanks around keys and values do not count.
 */
#include <errno.h>
#include <string.h>
#include "conf.h"
#include "conf_values.h"
#include "os.h"
#include "os_file.h"
#include "text.h"

#define FILE_MAX	4096

static bool is_read;

const struct hu_option *hu_conf_option(const char *key, size_t len)
{
	const struct hu_option *option;

	for (option = hu_options; option->key; option++)
		if (hu_value_is(key, len, option->key))
			return option;
	return NULL;
}

static void complain_value(const char *from, const struct hu_option *option)
{
	char line[256];
	struct hu_text text = HU_TEXT(line);

	hu_text_add(&text, "hermes-u: ");
	hu_text_add(&text, from);
	hu_text_add(&text, ": ");
	hu_text_add(&text, option->key);
	hu_text_add(&text, " is ignored: ");
	hu_text_add(&text, option->accepts);
	hu_text_say(&text);
}

/* Once, or a file of another version would make a long list. */
static void complain_key(const char *from)
{
	static bool complained;
	const struct hu_option *option;
	char line[512];
	struct hu_text text = HU_TEXT(line);

	if (complained)
		return;
	complained = true;
	hu_text_add(&text, "hermes-u: ");
	hu_text_add(&text, from);
	hu_text_add(&text, ": unknown key is ignored; known are ");
	for (option = hu_options; option->key; option++) {
		hu_text_add(&text, option == hu_options ? "" : ", ");
		hu_text_add(&text, option->key);
	}
	hu_text_say(&text);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void trim(const char **text, size_t *len)
{
	while (*len && is_blank((*text)[*len - 1]))
		--*len;
	while (*len && is_blank(**text)) {
		++*text;
		--*len;
	}
}

static void parse_pair(const char *from, const char *pair, size_t len)
{
	const struct hu_option *option;
	const char *value;
	size_t key;

	trim(&pair, &len);
	if (!len)
		return;
	value = memchr(pair, '=', len);
	key = value ? (size_t)(value - pair) : len;
	value = value ? value + 1 : pair + len;
	len = (size_t)(pair + len - value);
	trim(&pair, &key);
	trim(&value, &len);
	option = hu_conf_option(pair, key);
	if (!option)
		complain_key(from);
	else if (option->set(value, len))
		complain_value(from, option);
}

/**
 * hu_conf_parse() - read keys and values
 * @from: where they come from, for complaints
 * @text: not 0-terminated
 * @len: its length
 */
void hu_conf_parse(const char *from, const char *text, size_t len)
{
	const char *end = text + len, *p;
	bool comment = false;

	for (p = text; p <= end; p++) {
		if (p < end && *p != '\n' && *p != ',' && *p != '#')
			continue;
		if (!comment)
			parse_pair(from, text, (size_t)(p - text));
		comment = p < end && (*p == '#' || (comment && *p != '\n'));
		text = p + 1;
	}
}

/**
 * hu_conf_parse_file() - read a file of keys and values
 * @path: of the file; it is no error if there is none
 *
 * It counts also for programs that run with the rights of another user, so it
 * must be a regular file that only root can write.
 */
void hu_conf_parse_file(const char *path)
{
	char text[FILE_MAX];
	ssize_t len = hu_os_read_trusted(path, text, sizeof(text));

	if (len >= 0)
		hu_conf_parse(path, text, (size_t)len);
	else if (len == -EPERM)
		hu_os_complain(path, " is ignored: not a regular file that only root can write");
	else if (len == -EFBIG)
		hu_os_complain(path, " is ignored: longer than 4 KiB");
	else if (len != -ENOENT && len != -ENOTDIR)
		hu_os_complain(path, " is ignored: it cannot be read");
}

bool hu_conf_is_read(void)
{
	return __atomic_load_n(&is_read, __ATOMIC_RELAXED);
}

/* Before the first arena is made. Context: hu_grow_lock held. */
void hu_conf_read(void)
{
	const char *text = hu_os_getenv("HERMES_CONF");

	if (is_read)
		return;
	hu_conf_parse_file(HU_CONF_FILE);
	if (text)
		hu_conf_parse("HERMES_CONF", text, strlen(text));
	if (hu_conf.reserve_min != SIZE_MAX && hu_conf.reserve_min > hu_conf.reserve_max) {
		hu_os_complain("HERMES_CONF: reserve_min is ignored: ", "above reserve_max");
		hu_conf.reserve_min = SIZE_MAX;
	}
	__atomic_store_n(&is_read, true, __ATOMIC_RELAXED);
}
