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
typedef new_handler (*get_handler)(void);
typedef void (*throw_bad_alloc)(void);

/* std::get_new_handler(), std::__throw_bad_alloc() of libstdc++ and libc++. */
#define GET_HANDLER	_ZSt15get_new_handlerv
#define THROW_GNU	_ZSt17__throw_bad_allocv
#define THROW_LLVM	_ZNSt3__117__throw_bad_allocEv
extern new_handler GET_HANDLER(void) __attribute__((weak));
extern void THROW_GNU(void) __attribute__((weak));
extern void THROW_LLVM(void) __attribute__((weak));
extern void *dlsym(void *handle, const char *name) __attribute__((weak));

#define STRING(x)	#x
#define NAME(x)		STRING(x)

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
	get_handler get = GET_HANDLER;

	if (!get)
		*(void **)&get = find_late(NAME(GET_HANDLER));
	return get ? get() : NULL;
}

static _Noreturn void throw_no_memory(void)
{
	throw_bad_alloc throw = THROW_GNU;

	if (!throw)
		throw = THROW_LLVM;
	if (!throw)
		*(void **)&throw = find_late(NAME(THROW_GNU));
	if (!throw)
		*(void **)&throw = find_late(NAME(THROW_LLVM));
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

/* operator delete(p), delete[](p), and their nothrow, sized, aligned forms. */
#define DELETE(name, ...)				\
	HU_EXPORT void name(void *p, ##__VA_ARGS__);	\
	HU_EXPORT void name(void *p, ##__VA_ARGS__)	\
	{						\
		hu_free(p);				\
	}

DELETE(_ZdlPv)
DELETE(_ZdaPv)
DELETE(_ZdlPvm, size_t bytes __attribute__((unused)))
DELETE(_ZdaPvm, size_t bytes __attribute__((unused)))
DELETE(_ZdlPvRKSt9nothrow_t, const void *tag __attribute__((unused)))
DELETE(_ZdaPvRKSt9nothrow_t, const void *tag __attribute__((unused)))
DELETE(_ZdlPvSt11align_val_t, size_t align __attribute__((unused)))
DELETE(_ZdaPvSt11align_val_t, size_t align __attribute__((unused)))
DELETE(_ZdlPvmSt11align_val_t, size_t bytes __attribute__((unused)),
       size_t align __attribute__((unused)))
DELETE(_ZdaPvmSt11align_val_t, size_t bytes __attribute__((unused)),
       size_t align __attribute__((unused)))
DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t, size_t align __attribute__((unused)),
       const void *tag __attribute__((unused)))
DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t, size_t align __attribute__((unused)),
       const void *tag __attribute__((unused)))
