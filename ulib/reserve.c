// SPDX-License-Identifier: LGPL-2.1-or-later
/* Choosing a backend, following a fork, and the backend that does nothing. */
#include <errno.h>
#include <linux/hermes.h>
#include "conf.h"
#include "lock.h"
#include "os.h"
#include "reserve.h"

const struct hu_backend *hu_reserve = &hu_backend_anon;
uint32_t hu_reserve_client;

static uint32_t clients;
static bool started, lost, announced;
static struct hermes_u_status status = {
	.backend = HERMES_U_BACKEND_NONE,
	.reason = "nothing has been allocated yet",
};

/*
 * A page that the kernel empties in a forked child, also when the child was
 * made behind libc's back and no fork handler ran. The control mapping does
 * not exist in the child, so this is looked at before it is.
 */
static uint32_t *fork_mark;

static void announce(void)
{
	if (hu_conf.verbose && !announced)
		hu_os_complain(status.backend == HERMES_U_BACKEND_KMOD ?
			       "reserve from the kernel module: " :
			       "reserve from anonymous memory: ", status.reason);
	announced = true;
}

static bool mark_for_fork(void)
{
	if (!fork_mark) {
		uint32_t *page = hu_os_map(HU_PAGE);

		if (!page)
			return false;
		if (!hu_os_wipe_on_fork(page, HU_PAGE)) {
			hu_os_unmap(page, HU_PAGE);
			return false;
		}
		fork_mark = page;
	}
	*fork_mark = 1;
	return true;
}

static int choose(const char **reason)
{
	if (hu_conf.backend == HU_CONF_ANON) {
		*reason = "HERMES_CONF asks for it";
		return 0;
	}
	if (!mark_for_fork()) {
		*reason = "the kernel has no MADV_WIPEONFORK";
		return -EOPNOTSUPP;
	}
	return hu_kmod_open(reason);
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
	const struct hu_backend *backend = &hu_backend_anon;
	const char *reason = "";
	uint32_t client = 0;
	int ret;

	if (!started)
		hu_conf_read();
	ret = choose(&reason);
	if (ret > 0) {
		backend = &hu_backend_kmod;
		client = ++clients;
	}
	hu_lock(&hu_pages_lock);
	status.backend = client ? HERMES_U_BACKEND_KMOD : HERMES_U_BACKEND_ANON;
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
	if (likely(!hu_reserve_client || *fork_mark))
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

uint64_t hu_reserve_doorbells(void)
{
	return hu_kmod_doorbells();
}

uint64_t hu_reserve_holes(void)
{
	return hu_kmod_holes();
}

/* Anonymous memory: nothing is ever made ready ahead of use. */

static bool anon_pop(uintptr_t *addr, size_t *bytes)
{
	(void)addr;
	(void)bytes;
	return false;
}

static size_t anon_ready(void)
{
	return 0;
}

static bool anon_no(void)
{
	return false;
}

static void anon_post(uintptr_t addr, size_t bytes)
{
	(void)addr;
	(void)bytes;
}

static void anon_nothing(void)
{
}

static size_t anon_take(uintptr_t addr, size_t bytes)
{
	(void)addr;
	(void)bytes;
	return 0;
}

static void anon_give(uintptr_t addr, size_t bytes)
{
	hu_os_purge((void *)addr, bytes);
}

static int anon_set_bounds(size_t min_bytes, size_t max_bytes)
{
	(void)min_bytes;
	(void)max_bytes;
	return -ENODEV;
}

static int anon_get_bounds(size_t *min_bytes, size_t *max_bytes)
{
	*min_bytes = 0;
	*max_bytes = 0;
	return -ENODEV;
}

const struct hu_backend hu_backend_anon = {
	.pop = anon_pop,
	.ready = anon_ready,
	.wants = anon_no,
	.post = anon_post,
	.needs_kick = anon_no,
	.kick = anon_nothing,
	.take = anon_take,
	.give = anon_give,
	.abandon = anon_nothing,
	.set_bounds = anon_set_bounds,
	.get_bounds = anon_get_bounds,
};
