/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Hermes: the generic netlink family "hermes".
 *
 * DOC: What it is for
 *
 * Clients of /dev/hermes size their own reserve by ioctl. This family is for
 * who looks after the machine: which cgroups are best-effort and may be
 * reclaimed from ahead of need, which are latency-critical and are left
 * alone, the policy of the reclaim controller, and what all of it did, and
 * why. Documentation/netlink/hermes.yaml has the same in the kernel's form.
 *
 * Sizes are bytes, times are nanoseconds unless the name says otherwise.
 * Every counter is 64 bits wide and never falls while its object exists.
 * Times of day are CLOCK_MONOTONIC. The family exists in the initial network
 * namespace only.
 *
 * Rights: reading is for everybody; what concerns a client or a cgroup
 * registration is shown whole to everybody, too, as in /proc. Changing the
 * policy, registering a latency-critical cgroup, and changing another user's
 * client or registration needs CAP_SYS_ADMIN (EPERM). A best-effort cgroup may
 * be registered by whoever may write its memory.reclaim, so nobody can
 * reclaim through Hermes what they could not reclaim themselves.
 *
 * Errors come with an extended ack: a message, and where an attribute is at
 * fault, its offset. Common ones: EINVAL an attribute is missing, unknown or of
 * a wrong length; ERANGE its value is out of its range; EPERM, also for a change
 * through a socket that another user than the sender has opened; ENOMEM. On
 * every error nothing has been changed.
 */
#ifndef _UAPI_LINUX_HERMES_NETLINK_H
#define _UAPI_LINUX_HERMES_NETLINK_H

#define HERMES_GENL_NAME	"hermes"
#define HERMES_GENL_VERSION	1
/* Multicast group of HERMES_CMD_EVENT. */
#define HERMES_GENL_EVENTS	"events"

/**
 * enum hermes_cmd - requests
 * @HERMES_CMD_UNSPEC: none
 * @HERMES_CMD_CLIENT_GET: do: the client %HERMES_A_CLIENT_ID (ENOENT); dump:
 *	all clients. Attributes of enum hermes_client_attr.
 * @HERMES_CMD_CLIENT_SET: sizes of the reserve of client
 *	%HERMES_A_CLIENT_ID, those that are given of %HERMES_A_CLIENT_MIN_BYTES to
 *	%HERMES_A_CLIENT_DECAY_MS; ranges as for struct hermes_reserve. ENOENT
 *	no such client, EDQUOT the maximum is above the module's, ERANGE a
 *	value out of its range or that does not go with the others.
 * @HERMES_CMD_CGROUP_ADD: register the cgroup v2 directory
 *	%HERMES_A_CGROUP_FD as %HERMES_A_CGROUP_TYPE, with what else is given.
 *	EBADF no open file, EBADR no cgroup v2 directory, EEXIST registered
 *	already, EACCES its memory.reclaim may not be written by the sender,
 *	EOPNOTSUPP it has no memory.reclaim (the root, or the memory controller
 *	is not enabled in it), EUSERS too many registrations (1024 in all, 64
 *	of one user without CAP_SYS_ADMIN). The directory may be removed
 *	at any time; the registration then ends by itself.
 * @HERMES_CMD_CGROUP_SET: change the registration %HERMES_A_CGROUP_ID or
 *	that of %HERMES_A_CGROUP_FD, one of the two; what is not given stays.
 *	The type cannot be changed. ENOENT not registered.
 * @HERMES_CMD_CGROUP_DEL: end a registration, named as for SET. ENOENT.
 * @HERMES_CMD_CGROUP_GET: dump: all registrations, attributes of enum
 *	hermes_cgroup_attr.
 * @HERMES_CMD_POLICY_GET: the policy, attributes of enum hermes_policy_attr.
 * @HERMES_CMD_POLICY_SET: change what is given of it, all or nothing. ERANGE
 *	a value out of its range.
 * @HERMES_CMD_TOTALS_GET: state and counters of the whole module, attributes
 *	of enum hermes_totals_attr.
 * @HERMES_CMD_DECISION_GET: dump: the last decisions of the controller,
 *	oldest first, at most 256; attributes of enum hermes_decision_attr.
 * @HERMES_CMD_DRY_RUN: what the controller would do now if
 *	%HERMES_A_DECISION_FREE bytes were free: the decision it would take,
 *	without doing it (CAP_SYS_ADMIN, as it reads all registered cgroups).
 *	Where that is enough, what it would do about the shared limits.
 *	Attributes of enum hermes_decision_attr.
 * @HERMES_CMD_EVENT: sent to the group "events", never a request; attributes
 *	of enum hermes_event_attr.
 */
enum hermes_cmd {
	HERMES_CMD_UNSPEC,
	HERMES_CMD_CLIENT_GET,
	HERMES_CMD_CLIENT_SET,
	HERMES_CMD_CGROUP_ADD,
	HERMES_CMD_CGROUP_SET,
	HERMES_CMD_CGROUP_DEL,
	HERMES_CMD_CGROUP_GET,
	HERMES_CMD_POLICY_GET,
	HERMES_CMD_POLICY_SET,
	HERMES_CMD_TOTALS_GET,
	HERMES_CMD_DECISION_GET,
	HERMES_CMD_DRY_RUN,
	HERMES_CMD_EVENT,

	__HERMES_CMD_MAX,
	HERMES_CMD_MAX = __HERMES_CMD_MAX - 1
};

/**
 * enum hermes_client_attr - a client and its reserve
 * @HERMES_A_CLIENT_UNSPEC: none
 * @HERMES_A_CLIENT_PAD: padding
 * @HERMES_A_CLIENT_ID: u32, hermes_info.client_id
 * @HERMES_A_CLIENT_PID: u32, process that opened the device, in the reader's
 *	pid namespace; 0 where it is not visible there
 * @HERMES_A_CLIENT_UID: u32, its effective user
 * @HERMES_A_CLIENT_CGROUP_ID: u64, memory cgroup charged, inode of its
 *	directory
 * @HERMES_A_CLIENT_CGROUP_PATH: string, its path in the cgroup2 mount
 * @HERMES_A_CLIENT_MIN_BYTES: u64, as hermes_reserve.min_bytes
 * @HERMES_A_CLIENT_MAX_BYTES: u64, as hermes_reserve.max_bytes
 * @HERMES_A_CLIENT_BATCH_PAGES: u32, as hermes_reserve.batch_pages
 * @HERMES_A_CLIENT_LOW_PCT: u32, as hermes_reserve.low_pct
 * @HERMES_A_CLIENT_HIGH_PCT: u32, as hermes_reserve.high_pct
 * @HERMES_A_CLIENT_FACTOR_PCT: u32, as hermes_reserve.factor_pct
 * @HERMES_A_CLIENT_INTERVAL_US: u32, as hermes_reserve.interval_us
 * @HERMES_A_CLIENT_DECAY_MS: u32, as hermes_reserve.decay_ms
 * @HERMES_A_CLIENT_TARGET: u64, present target
 * @HERMES_A_CLIENT_READY: u64, mapped and published, not yet taken
 * @HERMES_A_CLIENT_POOL: u64, zeroed, not mapped; shared by the clients of
 *	a memory cgroup
 * @HERMES_A_CLIENT_PUBLISHED: u64, bytes ever published
 * @HERMES_A_CLIENT_CONSUMED: u64, of these, taken by the user
 * @HERMES_A_CLIENT_RECLAIMED: u64, of these, taken back by the kernel
 * @HERMES_A_CLIENT_BATCHES: u64, batches ever taken by the user
 * @HERMES_A_CLIENT_TAKES: u64, calls of HERMES_IOC_TAKE
 * @HERMES_A_CLIENT_TAKEN: u64, bytes mapped by them
 * @HERMES_A_CLIENT_DOORBELLS: u64, calls of HERMES_IOC_DOORBELL
 * @HERMES_A_CLIENT_REFILLS: u64, runs of the worker that mapped something
 * @HERMES_A_CLIENT_REFILL_NS: u64, time of the worker, with zeroing; an upper
 *	bound of its CPU time
 * @HERMES_A_CLIENT_THROTTLED: u64, runs of it cut short by the CPU budget
 * @HERMES_A_CLIENT_MISSES: u64, first writes to arena pages that were not
 *	ready; the sum of those by cause, which follow
 * @HERMES_A_CLIENT_MISS_BURST: u64, the reserve was too small for the burst:
 *	it was used up faster than it is refilled
 * @HERMES_A_CLIENT_MISS_REFILL: u64, the last refill found no free page
 *	without reclaim
 * @HERMES_A_CLIENT_MISS_MEMCG: u64, a memory.high or memory.max left no room
 * @HERMES_A_CLIENT_MISS_MODULE: u64, a maximum of the module or of the reserve
 * @HERMES_A_CLIENT_MISS_SHRINK: u64, the shrinker or the OOM notifier had
 *	taken the reserve
 * @HERMES_A_CLIENT_MISS_CPU: u64, the refill was out of its CPU budget
 * @HERMES_A_CLIENT_MISS_UNASKED: u64, the user had asked for nothing to be
 *	ready there (no extent in the fill ring)
 */
enum hermes_client_attr {
	HERMES_A_CLIENT_UNSPEC,
	HERMES_A_CLIENT_PAD,
	HERMES_A_CLIENT_ID,
	HERMES_A_CLIENT_PID,
	HERMES_A_CLIENT_UID,
	HERMES_A_CLIENT_CGROUP_ID,
	HERMES_A_CLIENT_CGROUP_PATH,
	HERMES_A_CLIENT_MIN_BYTES,
	HERMES_A_CLIENT_MAX_BYTES,
	HERMES_A_CLIENT_BATCH_PAGES,
	HERMES_A_CLIENT_LOW_PCT,
	HERMES_A_CLIENT_HIGH_PCT,
	HERMES_A_CLIENT_FACTOR_PCT,
	HERMES_A_CLIENT_INTERVAL_US,
	HERMES_A_CLIENT_DECAY_MS,
	HERMES_A_CLIENT_TARGET,
	HERMES_A_CLIENT_READY,
	HERMES_A_CLIENT_POOL,
	HERMES_A_CLIENT_PUBLISHED,
	HERMES_A_CLIENT_CONSUMED,
	HERMES_A_CLIENT_RECLAIMED,
	HERMES_A_CLIENT_BATCHES,
	HERMES_A_CLIENT_TAKES,
	HERMES_A_CLIENT_TAKEN,
	HERMES_A_CLIENT_DOORBELLS,
	HERMES_A_CLIENT_REFILLS,
	HERMES_A_CLIENT_REFILL_NS,
	HERMES_A_CLIENT_THROTTLED,
	HERMES_A_CLIENT_MISSES,
	HERMES_A_CLIENT_MISS_BURST,
	HERMES_A_CLIENT_MISS_REFILL,
	HERMES_A_CLIENT_MISS_MEMCG,
	HERMES_A_CLIENT_MISS_MODULE,
	HERMES_A_CLIENT_MISS_SHRINK,
	HERMES_A_CLIENT_MISS_CPU,
	HERMES_A_CLIENT_MISS_UNASKED,

	__HERMES_A_CLIENT_MAX,
	HERMES_A_CLIENT_MAX = __HERMES_A_CLIENT_MAX - 1
};

/**
 * enum hermes_cgroup_type - what a registered cgroup is
 * @HERMES_CGROUP_BEST_EFFORT: may be reclaimed from, with all below it
 * @HERMES_CGROUP_LATENCY_CRITICAL: never reclaimed from, nor anything below
 *	it, whatever is registered above it
 */
enum hermes_cgroup_type {
	HERMES_CGROUP_BEST_EFFORT = 1,
	HERMES_CGROUP_LATENCY_CRITICAL = 2,
};

/**
 * enum hermes_backoff - why a cgroup is left alone for a while
 * @HERMES_BACKOFF_NONE: it is not
 * @HERMES_BACKOFF_YIELD: the last steps got little
 * @HERMES_BACKOFF_REFAULT: it read back much of what was reclaimed
 * @HERMES_BACKOFF_PRESSURE: its tasks stalled on memory
 * @HERMES_BACKOFF_ERROR: writing its memory.reclaim failed
 */
enum hermes_backoff {
	HERMES_BACKOFF_NONE,
	HERMES_BACKOFF_YIELD,
	HERMES_BACKOFF_REFAULT,
	HERMES_BACKOFF_PRESSURE,
	HERMES_BACKOFF_ERROR,
};

/**
 * enum hermes_cgroup_attr - a registered cgroup
 * @HERMES_A_CGROUP_UNSPEC: none
 * @HERMES_A_CGROUP_PAD: padding
 * @HERMES_A_CGROUP_FD: s32, request only: open directory of the cgroup
 * @HERMES_A_CGROUP_ID: u64, its number, inode of the directory
 * @HERMES_A_CGROUP_PATH: string, its path in the cgroup2 mount
 * @HERMES_A_CGROUP_TYPE: u32, enum hermes_cgroup_type
 * @HERMES_A_CGROUP_WEIGHT: u32, 1 to 10000, default 100: among the
 *	candidates the largest product of reclaimable memory and weight is taken
 *	first. Best-effort only (EINVAL), as @HERMES_A_CGROUP_MIN,
 *	@HERMES_A_CGROUP_RATE and @HERMES_A_CGROUP_ANON.
 * @HERMES_A_CGROUP_MIN: u64, the controller takes nothing of the last so many
 *	bytes of memory.current; default 0
 * @HERMES_A_CGROUP_RATE: u64, most bytes per second asked of it; 0, the
 *	default: as in the policy
 * @HERMES_A_CGROUP_ANON: u32, 1: anonymous memory may be reclaimed (to swap),
 *	0, the default: only file cache
 * @HERMES_A_CGROUP_UID: u32, user who registered it
 * @HERMES_A_CGROUP_CURRENT: u64, its memory.current, as all that follows
 *	when last looked at
 * @HERMES_A_CGROUP_FILE: u64, file cache on its LRU lists
 * @HERMES_A_CGROUP_ANON_BYTES: u64, anonymous memory on its LRU lists
 * @HERMES_A_CGROUP_STEPS: u64, writes of its memory.reclaim
 * @HERMES_A_CGROUP_PARTIAL: u64, of these, got less than they asked for
 * @HERMES_A_CGROUP_ASKED: u64, bytes asked for
 * @HERMES_A_CGROUP_GOT: u64, bytes got: all that was asked for where the
 *	kernel says so, else what it counted as reclaimed meanwhile (pgsteal).
 *	It takes whole folios, so it may get more; before 6.15 that is not seen.
 * @HERMES_A_CGROUP_REFAULTS: u64, bytes refaulted since it was registered
 * @HERMES_A_CGROUP_CPU_NS: u64, CPU time spent on it
 * @HERMES_A_CGROUP_BACKOFF: u32, enum hermes_backoff, the present or last one
 * @HERMES_A_CGROUP_BACKOFF_MS: u32, how long it is left alone from now on
 * @HERMES_A_CGROUP_SPLIT: u32, latency-critical cgroups inside it; when not
 *	0, only those of its descendants that hold none are reclaimed from
 */
enum hermes_cgroup_attr {
	HERMES_A_CGROUP_UNSPEC,
	HERMES_A_CGROUP_PAD,
	HERMES_A_CGROUP_FD,
	HERMES_A_CGROUP_ID,
	HERMES_A_CGROUP_PATH,
	HERMES_A_CGROUP_TYPE,
	HERMES_A_CGROUP_WEIGHT,
	HERMES_A_CGROUP_MIN,
	HERMES_A_CGROUP_RATE,
	HERMES_A_CGROUP_ANON,
	HERMES_A_CGROUP_UID,
	HERMES_A_CGROUP_CURRENT,
	HERMES_A_CGROUP_FILE,
	HERMES_A_CGROUP_ANON_BYTES,
	HERMES_A_CGROUP_STEPS,
	HERMES_A_CGROUP_PARTIAL,
	HERMES_A_CGROUP_ASKED,
	HERMES_A_CGROUP_GOT,
	HERMES_A_CGROUP_REFAULTS,
	HERMES_A_CGROUP_CPU_NS,
	HERMES_A_CGROUP_BACKOFF,
	HERMES_A_CGROUP_BACKOFF_MS,
	HERMES_A_CGROUP_SPLIT,

	__HERMES_A_CGROUP_MAX,
	HERMES_A_CGROUP_MAX = __HERMES_A_CGROUP_MAX - 1
};

/**
 * enum hermes_policy_attr - parameters of the controller and the refill
 * @HERMES_A_POLICY_UNSPEC: none
 * @HERMES_A_POLICY_PAD: padding
 * @HERMES_A_POLICY_ENABLED: u32, 0 or 1 (default): whether to reclaim
 * @HERMES_A_POLICY_GAP: u64, how far above the sum of the zones' high
 *	watermarks the controller's low watermark lies, without demand; up to
 *	1/4 of memory, default 1/64 of it, but not below 8 MiB
 * @HERMES_A_POLICY_HYSTERESIS: u64, from low to high watermark: how much more
 *	is freed than needed; up to 1/4 of memory, default 1/64 of it, but not
 *	below 8 MiB
 * @HERMES_A_POLICY_REACTION_MS: u32, 1 to 10000, default 200: the reserves'
 *	demand of so much time is added to the low watermark
 * @HERMES_A_POLICY_STEP: u64, most bytes asked for by one write of
 *	memory.reclaim; 64 KiB to 32 MiB, default 4 MiB
 * @HERMES_A_POLICY_RATE: u64, most bytes per second asked of one cgroup that
 *	has no rate of its own; 0: no limit; default 512 MiB
 * @HERMES_A_POLICY_CPU_PCT: u32, 1 to 100, default 25: the controller's budget
 *	in per cent of one CPU
 * @HERMES_A_POLICY_REFILL_CPU_PCT: u32, 1 to 100, default 50: the same for the
 *	refill of each client
 * @HERMES_A_POLICY_POLL_MS: u32, 10 to 10000, default 1000: longest time
 *	between two looks at free memory while there are best-effort cgroups.
 *	The next look comes before free memory could have fallen to the
 *	watermark at 1 GiB/s, or at the rate last seen if that is higher, but
 *	not before 10 ms.
 * @HERMES_A_POLICY_YIELD_PCT: u32, 0 to 100, default 10: a step that got less
 *	of what it asked for makes the cgroup back off
 * @HERMES_A_POLICY_REFAULT_PCT: u32, 0 to 1000, default 50: the same when it
 *	refaulted more, in per cent of what was got from it, beyond what it
 *	refaults when left alone
 * @HERMES_A_POLICY_PRESSURE_PCT: u32, 0 to 100, default 40: the same when its
 *	tasks stalled on memory for more of the time (PSI, some) than when left
 *	alone, in per cent of it. This and the
 *	one before count over 100 ms in which something was taken from it, and
 *	only while the kernel's own reclaim is not about to begin.
 * @HERMES_A_POLICY_BACKOFF_MS: u32, 1 to 60000, default 100: first back-off,
 *	doubled by every further one
 * @HERMES_A_POLICY_BACKOFF_MAX_MS: u32, 1 to 600000, default 5000: longest
 *	back-off; not below the first
 */
enum hermes_policy_attr {
	HERMES_A_POLICY_UNSPEC,
	HERMES_A_POLICY_PAD,
	HERMES_A_POLICY_ENABLED,
	HERMES_A_POLICY_GAP,
	HERMES_A_POLICY_HYSTERESIS,
	HERMES_A_POLICY_REACTION_MS,
	HERMES_A_POLICY_STEP,
	HERMES_A_POLICY_RATE,
	HERMES_A_POLICY_CPU_PCT,
	HERMES_A_POLICY_REFILL_CPU_PCT,
	HERMES_A_POLICY_POLL_MS,
	HERMES_A_POLICY_YIELD_PCT,
	HERMES_A_POLICY_REFAULT_PCT,
	HERMES_A_POLICY_PRESSURE_PCT,
	HERMES_A_POLICY_BACKOFF_MS,
	HERMES_A_POLICY_BACKOFF_MAX_MS,

	__HERMES_A_POLICY_MAX,
	HERMES_A_POLICY_MAX = __HERMES_A_POLICY_MAX - 1
};

/**
 * enum hermes_totals_attr - the whole module
 * @HERMES_A_TOTALS_UNSPEC: none
 * @HERMES_A_TOTALS_PAD: padding
 * @HERMES_A_TOTALS_VERSION: string, version of the module
 * @HERMES_A_TOTALS_ABI: u32, HERMES_ABI_VERSION of the module
 * @HERMES_A_TOTALS_CLIENTS: u32, open clients
 * @HERMES_A_TOTALS_BEST_EFFORT: u32, registered best-effort cgroups
 * @HERMES_A_TOTALS_LATENCY_CRITICAL: u32, registered latency-critical ones
 * @HERMES_A_TOTALS_MEMORY: u64, of the machine
 * @HERMES_A_TOTALS_FREE: u64, free now
 * @HERMES_A_TOTALS_KERNEL_HIGH: u64, sum of the zones' high watermarks
 * @HERMES_A_TOTALS_LOW: u64, below so much free memory the controller works
 * @HERMES_A_TOTALS_HIGH: u64, at so much it stops
 * @HERMES_A_TOTALS_DEMAND: u64, what the reserves consume, bytes per second,
 *	lately
 * @HERMES_A_TOTALS_RESERVED: u64, in all pools and ready batches
 * @HERMES_A_TOTALS_RESERVED_MAX: u64, module parameter total_max_bytes
 * @HERMES_A_TOTALS_MAPPED: u64, module pages mapped in all clients, as last
 *	seen
 * @HERMES_A_TOTALS_MAPPED_MAX: u64, module parameter total_mapped_max_bytes
 * @HERMES_A_TOTALS_WAKES: u64, times the controller found something to do
 * @HERMES_A_TOTALS_LOOKS: u64, times it looked
 * @HERMES_A_TOTALS_STEPS: u64, reclaim steps
 * @HERMES_A_TOTALS_ASKED: u64, bytes asked for
 * @HERMES_A_TOTALS_GOT: u64, bytes got
 * @HERMES_A_TOTALS_CPU_NS: u64, CPU time of the controller
 * @HERMES_A_TOTALS_THROTTLED: u64, times it paused as its CPU budget was used
 * @HERMES_A_TOTALS_REFILL_NS: u64, time of all refill, also of closed clients
 * @HERMES_A_TOTALS_MISSES: u64, misses of all clients, also of closed ones
 * @HERMES_A_TOTALS_EVENTS: u64, events made: numbered while somebody listens
 * @HERMES_A_TOTALS_EVENTS_LOST: u64, of these, not sent, as there was no memory
 *	or too many were waiting; not what a slow listener lost
 */
enum hermes_totals_attr {
	HERMES_A_TOTALS_UNSPEC,
	HERMES_A_TOTALS_PAD,
	HERMES_A_TOTALS_VERSION,
	HERMES_A_TOTALS_ABI,
	HERMES_A_TOTALS_CLIENTS,
	HERMES_A_TOTALS_BEST_EFFORT,
	HERMES_A_TOTALS_LATENCY_CRITICAL,
	HERMES_A_TOTALS_MEMORY,
	HERMES_A_TOTALS_FREE,
	HERMES_A_TOTALS_KERNEL_HIGH,
	HERMES_A_TOTALS_LOW,
	HERMES_A_TOTALS_HIGH,
	HERMES_A_TOTALS_DEMAND,
	HERMES_A_TOTALS_RESERVED,
	HERMES_A_TOTALS_RESERVED_MAX,
	HERMES_A_TOTALS_MAPPED,
	HERMES_A_TOTALS_MAPPED_MAX,
	HERMES_A_TOTALS_WAKES,
	HERMES_A_TOTALS_LOOKS,
	HERMES_A_TOTALS_STEPS,
	HERMES_A_TOTALS_ASKED,
	HERMES_A_TOTALS_GOT,
	HERMES_A_TOTALS_CPU_NS,
	HERMES_A_TOTALS_THROTTLED,
	HERMES_A_TOTALS_REFILL_NS,
	HERMES_A_TOTALS_MISSES,
	HERMES_A_TOTALS_EVENTS,
	HERMES_A_TOTALS_EVENTS_LOST,

	__HERMES_A_TOTALS_MAX,
	HERMES_A_TOTALS_MAX = __HERMES_A_TOTALS_MAX - 1
};

/**
 * enum hermes_trigger - why the controller acted
 * @HERMES_TRIGGER_WATERMARK: free memory, or the room below a memory limit that
 *	best-effort and latency-critical cgroups share, fell below the low
 *	watermark
 * @HERMES_TRIGGER_REFILL: a refill found no free page
 * @HERMES_TRIGGER_MISS: a client missed
 * @HERMES_TRIGGER_STALL: a task had to reclaim by itself (allocstall), or the
 *	kernel's own reclaim visited the reserves
 * @HERMES_TRIGGER_DRY_RUN: somebody asked what it would do
 */
enum hermes_trigger {
	HERMES_TRIGGER_WATERMARK = 1,
	HERMES_TRIGGER_REFILL,
	HERMES_TRIGGER_MISS,
	HERMES_TRIGGER_STALL,
	HERMES_TRIGGER_DRY_RUN,
};

/**
 * enum hermes_choice - why this victim, or why none
 * @HERMES_CHOICE_FILE: it has the most file cache, by weight
 * @HERMES_CHOICE_ANON: no candidate has file cache to give; it has the most
 *	anonymous memory, by weight, of those that allow it
 * @HERMES_CHOICE_NOBODY: no best-effort cgroup is registered
 * @HERMES_CHOICE_EMPTY: none has anything to give above its minimum
 * @HERMES_CHOICE_NO_SWAP: there is only anonymous memory, and no free swap
 * @HERMES_CHOICE_BACKOFF: those that have are all backing off
 * @HERMES_CHOICE_RATE: those that have are all at their rate limit
 * @HERMES_CHOICE_DISABLED: the policy says not to reclaim
 * @HERMES_CHOICE_ENOUGH: enough memory is free (dry run only)
 */
enum hermes_choice {
	HERMES_CHOICE_FILE = 1,
	HERMES_CHOICE_ANON,
	HERMES_CHOICE_NOBODY,
	HERMES_CHOICE_EMPTY,
	HERMES_CHOICE_NO_SWAP,
	HERMES_CHOICE_BACKOFF,
	HERMES_CHOICE_RATE,
	HERMES_CHOICE_DISABLED,
	HERMES_CHOICE_ENOUGH,
};

/**
 * enum hermes_decision_attr - one decision of the controller
 * @HERMES_A_DECISION_UNSPEC: none
 * @HERMES_A_DECISION_PAD: padding
 * @HERMES_A_DECISION_SEQ: u64, number, counted from 1; 0 in a dry run
 * @HERMES_A_DECISION_TIME: u64, when, CLOCK_MONOTONIC
 * @HERMES_A_DECISION_REPEATS: u32, how often the same was decided again
 *	after it, without a step (only decisions against a step are folded)
 * @HERMES_A_DECISION_TRIGGER: u32, enum hermes_trigger
 * @HERMES_A_DECISION_FREE: u64, free memory then
 * @HERMES_A_DECISION_LOW: u64, low watermark then
 * @HERMES_A_DECISION_HIGH: u64, high watermark then
 * @HERMES_A_DECISION_DEMAND: u64, demand of the reserves, bytes per second
 * @HERMES_A_DECISION_CHOICE: u32, enum hermes_choice
 * @HERMES_A_DECISION_CANDIDATES: u32, cgroups that were looked at
 * @HERMES_A_DECISION_CGROUP_ID: u64, the victim; absent if none, as what
 *	follows
 * @HERMES_A_DECISION_CGROUP_PATH: string, its path
 * @HERMES_A_DECISION_FILE: u64, file cache it had
 * @HERMES_A_DECISION_ANON: u64, anonymous memory it had
 * @HERMES_A_DECISION_ASKED: u64, bytes asked for
 * @HERMES_A_DECISION_GOT: u64, bytes got
 * @HERMES_A_DECISION_ERROR: s32, 0 or -errno of the write; -EAGAIN: partial
 * @HERMES_A_DECISION_WALL_NS: u64, how long the step took
 * @HERMES_A_DECISION_CPU_NS: u64, of this, CPU time
 * @HERMES_A_DECISION_REFAULTS: u64, bytes the victim refaulted since the
 *	step before on it
 * @HERMES_A_DECISION_PRESSURE_PCT: u32, its PSI (some, memory) since then
 * @HERMES_A_DECISION_BACKOFF: u32, enum hermes_backoff that followed
 * @HERMES_A_DECISION_WITHIN: string, path of the cgroup at whose memory limit
 *	it was short; absent: the machine was. FREE, LOW and HIGH are then of
 *	the room below that limit.
 */
enum hermes_decision_attr {
	HERMES_A_DECISION_UNSPEC,
	HERMES_A_DECISION_PAD,
	HERMES_A_DECISION_SEQ,
	HERMES_A_DECISION_TIME,
	HERMES_A_DECISION_REPEATS,
	HERMES_A_DECISION_TRIGGER,
	HERMES_A_DECISION_FREE,
	HERMES_A_DECISION_LOW,
	HERMES_A_DECISION_HIGH,
	HERMES_A_DECISION_DEMAND,
	HERMES_A_DECISION_CHOICE,
	HERMES_A_DECISION_CANDIDATES,
	HERMES_A_DECISION_CGROUP_ID,
	HERMES_A_DECISION_CGROUP_PATH,
	HERMES_A_DECISION_FILE,
	HERMES_A_DECISION_ANON,
	HERMES_A_DECISION_ASKED,
	HERMES_A_DECISION_GOT,
	HERMES_A_DECISION_ERROR,
	HERMES_A_DECISION_WALL_NS,
	HERMES_A_DECISION_CPU_NS,
	HERMES_A_DECISION_REFAULTS,
	HERMES_A_DECISION_PRESSURE_PCT,
	HERMES_A_DECISION_BACKOFF,
	HERMES_A_DECISION_WITHIN,

	__HERMES_A_DECISION_MAX,
	HERMES_A_DECISION_MAX = __HERMES_A_DECISION_MAX - 1
};

/**
 * enum hermes_event_type - what happened
 * @HERMES_EVENT_RESERVE_LOW: a client's ready memory fell below its low
 *	watermark and the refill could not catch up within the interval
 * @HERMES_EVENT_MISSES: a client missed, with the number since the last event
 * @HERMES_EVENT_STEP: the controller took a step
 * @HERMES_EVENT_CGROUP_GONE: a registered cgroup was removed
 *
 * The first two are sent at most ten times a second for each client.
 */
enum hermes_event_type {
	HERMES_EVENT_RESERVE_LOW = 1,
	HERMES_EVENT_MISSES,
	HERMES_EVENT_STEP,
	HERMES_EVENT_CGROUP_GONE,
};

/**
 * enum hermes_event_attr - an event
 * @HERMES_A_EVENT_UNSPEC: none
 * @HERMES_A_EVENT_PAD: padding
 * @HERMES_A_EVENT_SEQ: u64, number, counted from 1; a gap means lost events,
 *	as does ENOBUFS from recv()
 * @HERMES_A_EVENT_TIME: u64, when, CLOCK_MONOTONIC
 * @HERMES_A_EVENT_TYPE: u32, enum hermes_event_type
 * @HERMES_A_EVENT_CLIENT_ID: u32, of the first two types
 * @HERMES_A_EVENT_READY: u64, its ready memory
 * @HERMES_A_EVENT_TARGET: u64, its target
 * @HERMES_A_EVENT_MISSES: u64, misses since its last such event, of type MISSES
 * @HERMES_A_EVENT_CAUSE: u32, attribute number of the cause, of
 *	%HERMES_A_CLIENT_MISS_BURST to %HERMES_A_CLIENT_MISS_UNASKED
 * @HERMES_A_EVENT_CGROUP_ID: u64, of type CGROUP_GONE
 * @HERMES_A_EVENT_CGROUP_PATH: string, where it was in the cgroup2 mount
 * @HERMES_A_EVENT_DECISION: nested, enum hermes_decision_attr, of type STEP
 */
enum hermes_event_attr {
	HERMES_A_EVENT_UNSPEC,
	HERMES_A_EVENT_PAD,
	HERMES_A_EVENT_SEQ,
	HERMES_A_EVENT_TIME,
	HERMES_A_EVENT_TYPE,
	HERMES_A_EVENT_CLIENT_ID,
	HERMES_A_EVENT_READY,
	HERMES_A_EVENT_TARGET,
	HERMES_A_EVENT_MISSES,
	HERMES_A_EVENT_CAUSE,
	HERMES_A_EVENT_CGROUP_ID,
	HERMES_A_EVENT_CGROUP_PATH,
	HERMES_A_EVENT_DECISION,

	__HERMES_A_EVENT_MAX,
	HERMES_A_EVENT_MAX = __HERMES_A_EVENT_MAX - 1
};

#endif /* _UAPI_LINUX_HERMES_NETLINK_H */
