// SPDX-License-Identifier: GPL-2.0-only
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "allocator.h"
#include "cli.h"

static const char *object_of(const char *symbol)
{
	/* Not &malloc: that may be an entry of the program's own PLT. */
	void *address = dlsym(RTLD_DEFAULT, symbol);
	Dl_info info;

	if (!address || !dladdr(address, &info) || !info.dli_fname)
		die(0, "%s is in no object that the dynamic linker knows", symbol);
	return info.dli_fname;
}

const char *allocator_object(void)
{
	static const char *const others[] = { "free", "calloc", "realloc" };
	const char *object = object_of("malloc");
	size_t i;

	for (i = 0; i < ARRAY_SIZE(others); i++)
		if (strcmp(object, object_of(others[i])))
			die(0, "malloc is of %s but %s of %s", object, others[i],
			    object_of(others[i]));
	return object;
}

void allocator_require(const char *text)
{
	const char *object = allocator_object();

	if (!strstr(object, text))
		die(0, "malloc is that of %s, not of '%s'", object, text);
}
