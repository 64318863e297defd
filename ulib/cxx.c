// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * C++ operator new and delete, without linking to a C++ library.
 *
 * The nothrow forms of new are left to the C++ library on purpose: they call
 * the throwing forms, which are ours, and turn an exception of the new-handler
 * into NULL, as the standard demands and as C cannot do.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include "alloc.h"
#include "os.h"

typedef void (*new_handler)(void);
typedef new_handler get_handler(void);
typedef void throw_bad_alloc(void);

/* std::get_new_handler(), std::__throw_bad_alloc() of libstdc++ and of libc++. */
extern get_handler _ZSt15get_new_handlerv;
extern throw_bad_alloc _ZSt17__throw_bad_allocv;
extern throw_bad_alloc _ZNSt3__117__throw_bad_allocEv;
#pragma weak _ZSt15get_new_handlerv
#pragma weak _ZSt17__throw_bad_allocv
#pragma weak _ZNSt3__117__throw_bad_allocEv
extern void *dlsym(void *handle, const char *name) __attribute__((weak));

static const char *const libraries[] = { "libstdc++.so.6", "libc++.so.1" };

/* A symbol of a C++ library that was loaded after us, by dlopen(). */
static void *find_late(const char *name)
{
	void *(*open)(const char *file, int mode);
	void *handle, *symbol = NULL;
	size_t i;

	if (!dlsym)
		return NULL;
	/* By name, as static programs get a warning for a reference to it. */
	*(void **)&open = dlsym(RTLD_DEFAULT, "dlopen");
	if (!open)
		return NULL;
	for (i = 0; i < ARRAY_SIZE(libraries) && !symbol; i++) {
		handle = open(libraries[i], RTLD_LAZY | RTLD_NOLOAD);
		if (handle)
			symbol = dlsym(handle, name);
	}
	return symbol;
}

static new_handler current_handler(void)
{
	get_handler *get = _ZSt15get_new_handlerv;

	if (!get)
		*(void **)&get = find_late("_ZSt15get_new_handlerv");
	return get ? get() : NULL;
}

static _Noreturn void throw_no_memory(void)
{
	throw_bad_alloc *throw = _ZSt17__throw_bad_allocv;

	if (!throw)
		throw = _ZNSt3__117__throw_bad_allocEv;
	if (!throw)
		*(void **)&throw = find_late("_ZSt17__throw_bad_allocv");
	if (!throw)
		*(void **)&throw = find_late("_ZNSt3__117__throw_bad_allocEv");
	if (throw)
		throw();
	hu_os_fatal("operator new: out of memory, and no C++ library to throw ", NULL);
}

/* The new-handler protocol: call it until there is memory or it throws. */
static HU_COLD void *new_slow(size_t bytes, size_t align)
{
	new_handler handler;
	void *p;

	for (;;) {
		handler = current_handler();
		if (!handler)
			throw_no_memory();
		handler();
		p = hu_aligned(align, bytes);
		if (p)
			return p;
	}
}

static inline void *new(size_t bytes)
{
	void *p = hu_malloc(bytes);

	return likely(p) ? p : new_slow(bytes, 1);
}

static inline void *new_aligned(size_t bytes, size_t align)
{
	void *p = hu_aligned(align, bytes);

	return likely(p) ? p : new_slow(bytes, align);
}

HU_EXPORT void *_Znwm(size_t bytes)
{
	return new(bytes);
}

HU_EXPORT void *_Znam(size_t bytes)
{
	return new(bytes);
}

HU_EXPORT void *_ZnwmSt11align_val_t(size_t bytes, size_t align)
{
	return new_aligned(bytes, align);
}

HU_EXPORT void *_ZnamSt11align_val_t(size_t bytes, size_t align)
{
	return new_aligned(bytes, align);
}

HU_EXPORT void _ZdlPv(void *p)
{
	hu_free(p);
}

/*
 * delete[](p), and the nothrow, sized and aligned forms of both. Their further
 * arguments are in registers that nobody looks at.
 */
#define DELETE(name)	HU_EXPORT void name(void *p) __attribute__((alias("_ZdlPv")))

DELETE(_ZdaPv);
DELETE(_ZdlPvm);
DELETE(_ZdaPvm);
DELETE(_ZdlPvRKSt9nothrow_t);
DELETE(_ZdaPvRKSt9nothrow_t);
DELETE(_ZdlPvSt11align_val_t);
DELETE(_ZdaPvSt11align_val_t);
DELETE(_ZdlPvmSt11align_val_t);
DELETE(_ZdaPvmSt11align_val_t);
DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t);
DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t);
