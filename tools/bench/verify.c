// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "load_options.h"
#include "verify.h"

void verification_init(struct verification *v, const struct values *values, uint64_t stores)
{
	v->values = values;
	v->stores = stores;
	v->used = stores < opt.keys ? stores : opt.keys;
	v->nr = v->used;
	if (opt.verify == VERIFY_SAMPLE && opt.sample < v->used)
		v->nr = opt.sample;
	v->checked = 0;
	v->wrong = 0;
}

uint64_t verification_key(const struct verification *v, uint64_t i)
{
	return i * v->used / v->nr;
}

static uint64_t last_store_of(const struct verification *v, uint64_t key)
{
	return key + (v->stores - 1 - key) / opt.keys * opt.keys;
}

void verification_answer(struct verification *v, const char *value, size_t size)
{
	uint64_t key = verification_key(v, v->checked++);

	if (!value || size != v->values->size ||
	    memcmp(value, value_of(v->values, last_store_of(v, key)), size))
		v->wrong++;
}
