// SPDX-License-Identifier: LGPL-2.1-or-later
/* Choosing a backend, following a fork, and the backend that does nothing. */
#include <errno.h>
#include <linux/hermes.h>
#include "conf.h"
#include "lock.h"
#include "mark.h"
#include "os.h"
#include "os_file.h"
#include "populate.h"
#include "reserve.h"
#include "worker.h"

const struct hu_backend *_Atomic hu_reserve = &hu_backend_anon;
_Atomic uint32_t hu_reserve_client;

static uint32_t clients;
static atomic_bool started, lost;
static bool announced;
static struct hermes_u_status status = {
	.backend = HERMES_U_BACKEND_NONE,
	.reason = "nothing has been allocated yet",
};

static void announce(void)
{
	static const char *const what[] = {
		[HERMES_U_BACKEND_KMOD] = "reserve from the kernel module: ",
		[HERMES_U_BACKEND_ANON] = "no reserve, anonymous memory: ",
		[HERMES_U_BACKEND_POPULATE] = "reserve from anonymous memory, populated ahead: ",
	};

	if (hu_conf.verbose && !announced)
		hu_os_complain(what[status.backend], status.reason);
	announced = true;
}

/* Tries the module; returns > 0 when it is in use, else 0 or a negative errno. */
static int try_module(const char **reason)
{
	if (hu_conf.backend == HU_CONF_ANON || hu_conf.backend == HU_CONF_POPULATE) {
		*reason = "HERMES_CONF asks for it";
		return 0;
	}
	if (!hu_mark) {
		*reason = "the kernel has no MADV_WIPEONFORK";
		return -EOPNOTSUPP;
	}
	return hu_kmod_open(reason);
}

/*
 * Without the module: populated ahead, if there may be a thread to do it. Where
 * address space is limited, a reserve would take it from the program.
 */
static const struct hu_backend *choose_other(void)
{
	if (hu_conf.backend == HU_CONF_ANON || hu_conf.backend == HU_CONF_KMOD ||
	    !hu_mark || !hu_conf.background || hu_os_address_space_limit() != SIZE_MAX)
		return &hu_backend_anon;
	hu_populate_open();
	return &hu_backend_populate;
}

/**
 * hu_reserve_start() - choose the backend, open a client
 *
 * Never fails: what cannot be had is replaced by anonymous memory.
 *
 * Context: hu_grow_lock held, hu_pages_lock not held.
 */
void hu_reserve_start(void)
{
	const struct hu_backend *backend;
	const char *reason = "";
	uint32_t client = 0;
	int ret;

	if (!started) {
		hu_conf_read();
		hu_os_save_affinity();
		hu_os_save_overcommit();
	}
	hu_mark_set();
	ret = try_module(&reason);
	if (ret > 0)
		client = ++clients;
	backend = client ? &hu_backend_kmod : choose_other();
	hu_lock(&hu_pages_lock);
	status.backend = client ? HERMES_U_BACKEND_KMOD :
			 backend == &hu_backend_anon ? HERMES_U_BACKEND_ANON :
						       HERMES_U_BACKEND_POPULATE;
	status.error = ret < 0 ? -ret : 0;
	status.reason = reason;
	hu_reserve = backend;
	hu_reserve_client = client;
	started = true;
	lost = false;
	hu_unlock(&hu_pages_lock);
	announce();
}

bool hu_reserve_started(void)
{
	return started;
}

/* Whether this is a forked child whose parent had a client. */
bool hu_reserve_lost(void)
{
	return lost;
}

/**
 * hu_reserve_check_fork() - leave the parent's client behind
 *
 * In a forked child the reserve is the parent's: what it had posted is
 * ordinary cold memory here.
 *
 * Context: hu_pages_lock held.
 * Return: whether this is the first call in a forked child.
 */
bool hu_reserve_check_fork(void)
{
	if (likely(!hu_mark || hu_mark->alive) || lost)
		return false;
	hu_reserve->abandon();
	hu_reserve = &hu_backend_anon;
	hu_reserve_client = 0;
	lost = true;
	status.backend = HERMES_U_BACKEND_ANON;
	status.reason = "a forked child that has not grown yet";
	return true;
}

/**
 * hu_reserve_map() - map a part of a new arena so that it can be made ready
 * @addr: where, replaces what is there
 * @bytes: how much
 *
 * Return: the number of the client, 0 when the caller must use anonymous
 * memory. Context: hu_grow_lock held.
 */
uint32_t hu_reserve_map(void *addr, size_t bytes)
{
	if (!hu_reserve_client || hu_kmod_map(addr, bytes))
		return 0;
	return hu_reserve_client;
}

/* Make cold memory of an arena of @client ready; returns the bytes that are. */
size_t hu_reserve_take(uint32_t client, uintptr_t addr, size_t bytes)
{
	if (!client || client != hu_reserve_client)
		return 0;
	return hu_reserve->take(addr, bytes);
}

/* Give memory of an arena of @client back: it reads zero afterwards. */
void hu_reserve_give(uint32_t client, uintptr_t addr, size_t bytes)
{
	if (client && client == hu_reserve_client)
		hu_reserve->give(addr, bytes);
	else
		hu_os_purge((void *)addr, bytes);
}

void hu_reserve_status(struct hermes_u_status *out)
{
	hu_lock(&hu_pages_lock);
	*out = status;
	hu_unlock(&hu_pages_lock);
}

uint64_t hu_reserve_holes(void)
{
	return hu_kmod_holes();
}

/* What a backend does not do. */

bool hu_no_pop(uintptr_t *addr, size_t *bytes)
{
	(void)addr;
	(void)bytes;
	return false;
}

size_t hu_no_bytes(void)
{
	return 0;
}

bool hu_no(void)
{
	return false;
}

bool hu_no_of(uint32_t what)
{
	(void)what;
	return false;
}

void hu_no_post(uintptr_t addr, size_t bytes)
{
	(void)addr;
	(void)bytes;
}

size_t hu_no_take(uintptr_t addr, size_t bytes)
{
	(void)addr;
	(void)bytes;
	return 0;
}

void hu_no_give(uintptr_t addr, size_t bytes)
{
	hu_os_purge((void *)addr, bytes);
}

uint64_t hu_no_refill(void)
{
	return HU_NEVER;
}

void hu_no_effect(void)
{
}

static int no_set_bounds(size_t min_bytes, size_t max_bytes)
{
	(void)min_bytes;
	(void)max_bytes;
	return -ENODEV;
}

static int no_get_bounds(size_t *min_bytes, size_t *max_bytes)
{
	*min_bytes = 0;
	*max_bytes = 0;
	return -ENODEV;
}

/* Anonymous memory: nothing is ever made ready ahead of use. */
const struct hu_backend hu_backend_anon = {
	.pop = hu_no_pop,
	.ready = hu_no_bytes,
	.wants = hu_no,
	.post = hu_no_post,
	.needs_kick = hu_no_of,
	.kick = hu_no_effect,
	.take = hu_no_take,
	.give = hu_no_give,
	.refill = hu_no_refill,
	.refill_due = hu_no,
	.making = hu_no,
	.wait = hu_no_of,
	.minimum = hu_no_bytes,
	.calm = hu_no_effect,
	.abandon = hu_no_effect,
	.set_bounds = no_set_bounds,
	.get_bounds = no_get_bounds,
};
