/* SPDX-License-Identifier: GPL-2.0-only */
/* A fake /dev/hermes inside the process; see fake_dev.c. */
#ifndef FAKE_DEV_H
#define FAKE_DEV_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * struct fake_behaviour - how the fake kernel behaves; may be changed any time
 * @open_error: errno of open(), 0: it works
 * @abi_version: what HERMES_IOC_INFO says
 * @take_error: errno of HERMES_IOC_TAKE, 0: it works
 * @dead_fd: every ioctl fails with EBADF, as if the program had closed the fd
 * @dry: nothing is published
 * @skip_pct: chance that a batch is not published
 * @take_back_pct: chance, per round, that ready batches are taken back
 * @slow_take_back: it unmaps them half a millisecond after it has claimed them
 * @take_short_pct: chance that TAKE and GIVE do less than they were asked for
 * @target_bytes: the reserve's target
 * @bounce: also publish batches again that the library must not use
 */
struct fake_behaviour {
	atomic_int open_error;
	atomic_uint abi_version;
	atomic_int take_error;
	atomic_bool dead_fd;
	atomic_bool dry;
	atomic_uint skip_pct;
	atomic_uint take_back_pct;
	atomic_bool slow_take_back;
	atomic_uint take_short_pct;
	atomic_ulong target_bytes;
	atomic_bool bounce;
};

struct fake_counters {
	atomic_ulong opens, published, taken_back, skipped, bounced, doorbells, takes, gives;
	atomic_uint batch_pages;	/* as the library set it last */
	atomic_ulong idle_rounds;	/* of the thread, with nothing left to publish */
};

extern struct fake_behaviour fake;
extern struct fake_counters fake_count;

/* What the library did wrong, NULL: nothing so far. */
extern const char *_Atomic fake_violation;

void fake_start(void);

#endif /* FAKE_DEV_H */
