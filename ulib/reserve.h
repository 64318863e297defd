/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The client of a reserve of ready memory: one interface, several backends.
 *
 * Ready memory comes to the page heap in one of two ways. Either the backend's
 * background thread puts it into the index of free runs (reserve_populate.c).
 * Or the page heap *posts* address space that it wants to be made ready, and
 * *pops* what has become ready, in the order of posting (reserve_kmod.c).
 * Posted memory belongs to the backend until it is popped, or until the backend
 * knows that it will never become ready and hands it back
 * (hu_pages_add_cold()).
 */
#ifndef HU_RESERVE_H
#define HU_RESERVE_H

#include <hermes-u.h>
#include <stdatomic.h>
#include "internal.h"

/**
 * struct hu_backend - how ready memory is got
 * @pop: the next ready range; false: none. Under hu_pages_lock.
 * @ready: bytes that @pop could give at most; passes what was taken back. Under
 *	hu_pages_lock.
 * @wants: whether more should be posted. Under hu_pages_lock.
 * @post: hand over cold memory to be made ready. Under hu_pages_lock.
 * @needs_kick: whether @kick should be called; @missed: pages of the request
 *	that found nothing ready, 0: none. Under hu_pages_lock.
 * @kick: wake whoever makes memory ready. No lock held.
 * @take: make a cold range ready now, as far as that is cheap. No lock held.
 *	Returns the bytes that are ready, from the start on.
 * @give: give memory back; it reads zero afterwards. No lock held.
 * @refill: make memory ready. The background thread, no lock held. Returns
 *	microseconds until it wants to be called again, or HU_NEVER.
 * @refill_due: whether @refill has something to do. No lock held.
 * @making: whether memory is just being made ready. Under hu_pages_lock.
 * @wait: wait for that, @us at most; false: in vain. No lock held.
 * @minimum: bytes of ready memory that an idle process keeps. Under
 *	hu_pages_lock.
 * @calm: aim at the minimum until memory is consumed again. Under
 *	hu_pages_lock.
 * @abandon: hand back all that is posted: this is a forked child. Under
 *	hu_pages_lock.
 * @set_bounds, @get_bounds: see hermes_u_reserve_set(). No lock held.
 */
struct hu_backend {
	bool (*pop)(uintptr_t *addr, size_t *bytes);
	size_t (*ready)(void);
	bool (*wants)(void);
	void (*post)(uintptr_t addr, size_t bytes);
	bool (*needs_kick)(uint32_t missed);
	void (*kick)(void);
	size_t (*take)(uintptr_t addr, size_t bytes);
	void (*give)(uintptr_t addr, size_t bytes);
	uint64_t (*refill)(void);
	bool (*refill_due)(void);
	bool (*making)(void);
	bool (*wait)(uint32_t us);
	size_t (*minimum)(void);
	void (*calm)(void);
	void (*abandon)(void);
	int (*set_bounds)(size_t min_bytes, size_t max_bytes);
	int (*get_bounds)(size_t *min_bytes, size_t *max_bytes);
};

extern const struct hu_backend hu_backend_anon;
extern const struct hu_backend hu_backend_kmod;
extern const struct hu_backend hu_backend_populate;

/* For what a backend does not do. */
bool hu_no_pop(uintptr_t *addr, size_t *bytes);
size_t hu_no_bytes(void);
bool hu_no(void);
bool hu_no_of(uint32_t what);
void hu_no_post(uintptr_t addr, size_t bytes);
size_t hu_no_take(uintptr_t addr, size_t bytes);
void hu_no_give(uintptr_t addr, size_t bytes);
void hu_no_effect(void);
uint64_t hu_no_refill(void);

/*
 * The backend in use; never NULL. Changed under hu_pages_lock, read without it
 * where an old value does no harm: every backend answers at any time.
 */
extern const struct hu_backend *_Atomic hu_reserve;
/* Number of the client whose arenas @hu_reserve serves; 0: none. */
extern _Atomic uint32_t hu_reserve_client;

void hu_reserve_start(void);
bool hu_reserve_lost(void);
bool hu_reserve_started(void);
uint32_t hu_reserve_map(void *addr, size_t bytes);
size_t hu_reserve_take(uint32_t client, uintptr_t addr, size_t bytes);
void hu_reserve_give(uint32_t client, uintptr_t addr, size_t bytes);
bool hu_reserve_check_fork(void);
void hu_reserve_status(struct hermes_u_status *status);
uint64_t hu_reserve_holes(void);

/* reserve_kmod.c */
int hu_kmod_open(const char **reason);
int hu_kmod_map(void *addr, size_t bytes);
uint64_t hu_kmod_faults(void);
uint64_t hu_kmod_holes(void);

#endif /* HU_RESERVE_H */
