// SPDX-License-Identifier: LGPL-2.1-or-later
/* Setting the configuration at run time. */
#include <errno.h>
#include <hermes-u.h>
#include <string.h>
#include "conf.h"
#include "lock.h"
#include "reserve.h"

/* Before the first allocation every key may be set, but the files come first. */
static int set(const struct hu_option *option, const char *value, struct hu_conf *before)
{
	int ret = -EBUSY;

	hu_lock(&hu_grow_lock);
	hu_conf_read();
	*before = hu_conf;
	if (option->apply || !hu_reserve_started())
		ret = option->set(value, strlen(value));
	hu_unlock(&hu_grow_lock);
	return ret;
}

HU_EXPORT int hermes_u_ctl(const char *key, const char *value)
{
	const struct hu_option *option = hu_conf_option(key, strlen(key));
	struct hu_conf before;
	int ret;

	if (!option)
		return -ENOENT;
	ret = set(option, value, &before);
	if (ret || !option->apply || !hu_reserve_started())
		return ret;
	ret = option->apply();
	if (ret) {
		hu_lock(&hu_grow_lock);
		hu_conf = before;
		hu_unlock(&hu_grow_lock);
	}
	return ret;
}

HU_EXPORT const char *hermes_u_ctl_accepts(const char *key)
{
	const struct hu_option *option = hu_conf_option(key, strlen(key));

	return option ? option->accepts : NULL;
}
