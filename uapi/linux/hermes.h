/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Hermes: reserves of ready memory for latency-critical services.
 *
 * DOC: /dev/hermes
 *
 * One open file is one *client*: one reserve of one address space, the one
 * of the process that called open(). Every call from another address space
 * (after fork, exec, or with a file descriptor that was passed on) fails with
 * EPERM, except %HERMES_IOC_INFO; such a process opens the device itself.
 *
 * A client's life::
 *
 *	fd = open("/dev/hermes", O_RDWR | O_CLOEXEC);
 *	ioctl(fd, HERMES_IOC_INFO, &info);		version and geometry
 *	ctl = mmap(NULL, info.control_bytes, PROT_READ | PROT_WRITE,
 *		   MAP_SHARED, fd, HERMES_MMAP_CONTROL);
 *	ioctl(fd, HERMES_IOC_SET_RESERVE, &reserve);	sizes, optional
 *	arena = mmap(NULL, len, PROT_READ | PROT_WRITE,
 *		     MAP_PRIVATE | MAP_NORESERVE, fd, HERMES_MMAP_ARENA);
 *
 * The *arena* is address space; any number of arenas may be mapped. The user
 * says in the *fill ring* which parts of it shall be made ready, in which
 * order; a kernel worker maps zeroed pages there, ahead of use and batch by
 * batch, and publishes every batch in the *ready ring*. Taking a ready batch
 * is one atomic exchange in shared memory, without a system call, and
 * touching it causes no page fault.
 *
 * Arena memory that was never made ready still works: its first touch is an
 * ordinary page fault that yields an ordinary anonymous page. Nothing that
 * Hermes refuses (a limit, no memory, module maximum) therefore makes an
 * access fail; it only makes it slower.
 *
 * Pages made ready are charged to the memory cgroup of the client. They are
 * not swapped and not migrated, and count as RssFile. Refill stops, and the
 * reserve shrinks, before it could push that cgroup or any ancestor over its
 * memory.high or memory.max.
 *
 * What differs from anonymous memory: MAP_SHARED arenas are refused (EINVAL);
 * MADV_FREE, MADV_WIPEONFORK, growing by mremap() and MREMAP_DONTUNMAP fail
 * with EINVAL or EFAULT; transparent huge pages are not used.
 *
 * fork: the child gets every arena copy-on-write, but neither the control
 * mapping (it is not inherited) nor the reserve.
 *
 * Extensible structs: every argument struct starts with its size in bytes.
 * A newer user with an older kernel works as long as all that the kernel
 * does not know is zero (else E2BIG); a kernel fills in only what fits. New
 * fields are only appended; fields named reserved must be zero (else EINVAL).
 * All structs are the same for 32-bit and 64-bit user space.
 *
 * Errors common to all ioctls: ENOTTY unknown request; EFAULT bad pointer;
 * EINVAL size too small or above 4096, reserved field or unknown flag set;
 * E2BIG unknown trailing bytes that are not zero; EPERM not the address space
 * that opened the device. On every error nothing has been changed, but for one
 * case: EFAULT because the struct became unwritable during the call.
 *
 * Errors of open(): EMFILE as many clients as the module parameter max_clients
 * are open; EOPNOTSUPP the kernel was told not to charge kernel memory to
 * cgroups (cgroup.memory=nokmem); ENOMEM.
 */
#ifndef _UAPI_LINUX_HERMES_H
#define _UAPI_LINUX_HERMES_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Grows when something is added; a change that breaks users never happens. */
#define HERMES_ABI_VERSION	1

/* Offsets for mmap() on /dev/hermes. */
#define HERMES_MMAP_CONTROL	0ULL		/* MAP_SHARED, control_bytes long */
#define HERMES_MMAP_ARENA	0x100000000ULL	/* MAP_PRIVATE, any length */

/* Pages of one batch: limits of hermes_reserve.batch_pages. */
#define HERMES_BATCH_PAGES_MAX	512
#define HERMES_BATCH_PAGES_DEF	16

/**
 * struct hermes_info - version, features and geometry
 * @size: in: sizeof(struct hermes_info)
 * @flags: in: must be 0
 * @abi_version: out: %HERMES_ABI_VERSION of the module
 * @page_bytes: out: size of a page
 * @features: out: bits %HERMES_FEATURE_*
 * @control_bytes: out: length of the control mapping, bytes
 * @client_max_bytes: out: most bytes that the module holds in the reserve of
 *	one client (module parameter)
 * @total_max_bytes: out: the same for all clients together
 * @client_id: out: this client's number in tracepoints and netlink
 * @reserved: must be 0
 */
struct hermes_info {
	__u32 size;
	__u32 flags;
	__u32 abi_version;
	__u32 page_bytes;
	__u64 features;
	__u64 control_bytes;
	__u64 client_max_bytes;
	__u64 total_max_bytes;
	__u32 client_id;
	__u32 reserved;
};

/* The charge of ready pages follows the client's memory cgroup. */
#define HERMES_FEATURE_MEMCG		(1ULL << 0)
/* HERMES_IOC_GIVE recycles pages into the pool. */
#define HERMES_FEATURE_RECYCLE		(1ULL << 1)

/**
 * struct hermes_reserve - the size of a reserve
 * @size: in: sizeof(struct hermes_reserve)
 * @flags: must be 0
 * @min_bytes: the reserve's target never falls below it while the client is
 *	active; an idle reserve decays to it. Multiple of the page size.
 * @max_bytes: the target never rises above it; 0 is allowed and switches the
 *	reserve off. At most hermes_info.client_max_bytes. Multiple of the
 *	page size, not below @min_bytes. The target is what shall be ready;
 *	up to a quarter of it more is kept in the pool.
 * @batch_pages: pages in one batch, a power of two, 1 to
 *	%HERMES_BATCH_PAGES_MAX
 * @low_pct: low watermark, per cent of the target, 1 to 99: refill starts
 *	when the ready memory falls below it
 * @high_pct: high watermark, per cent of the target, above @low_pct, at most
 *	100: refill stops when the ready memory reaches it
 * @factor_pct: target = consumption of the last interval x factor / 100,
 *	0 to 1000 (paper: 200)
 * @interval_us: length of an interval, microseconds, 500 to 1000000
 *	(paper: 2000)
 * @decay_ms: time in which an idle reserve's surplus over @min_bytes falls
 *	by half, milliseconds, 10 to 3600000
 * @reserved: must be 0
 *
 * Errors of HERMES_IOC_SET_RESERVE besides the common ones: EINVAL a value
 * out of its range; EDQUOT @max_bytes above hermes_info.client_max_bytes.
 */
struct hermes_reserve {
	__u32 size;
	__u32 flags;
	__u64 min_bytes;
	__u64 max_bytes;
	__u32 batch_pages;
	__u32 low_pct;
	__u32 high_pct;
	__u32 factor_pct;
	__u32 interval_us;
	__u32 decay_ms;
	__u64 reserved[2];
};

/**
 * struct hermes_take - map pool pages now
 * @size: in: sizeof(struct hermes_take)
 * @flags: in: must be 0
 * @addr: in: page-aligned address in an arena of this client
 * @len: in: bytes, multiple of the page size, at least one page, at most
 *	%HERMES_BATCH_PAGES_MAX pages
 * @mapped: out: bytes made ready, from @addr on; 0 when the pool is dry and
 *	no page is free at once (then touching the range faults, as ever)
 * @reserved: must be 0
 *
 * Pages that are present already count as mapped and keep their content.
 * May sleep. The pages never wait for reclaim; a page table, one for 2 MiB, may
 * have to, as in any page fault. Errors: EINVAL unaligned, empty, too
 * long or overflowing range; EFAULT the range is not wholly in one arena
 * mapping of this client.
 */
struct hermes_take {
	__u32 size;
	__u32 flags;
	__u64 addr;
	__u64 len;
	__u64 mapped;
	__u64 reserved;
};

/**
 * struct hermes_give - give memory back
 * @size: in: sizeof(struct hermes_give)
 * @flags: in: must be 0
 * @addr: in: page-aligned address in an arena of this client
 * @len: in: bytes, multiple of the page size, at least one page, at most
 *	%HERMES_BATCH_PAGES_MAX pages
 * @unmapped: out: bytes unmapped, from @addr on
 * @recycled: out: bytes of these that went to the pool (to be zeroed again),
 *	the rest went to the page allocator
 * @reserved: must be 0
 *
 * The content is lost, the next touch reads zero. The call stops, with a
 * short @unmapped, at the first page that is not the client's alone (an
 * anonymous page, or one shared with a forked child), and does nothing where
 * the mapping is not readable: for the rest use madvise(MADV_DONTNEED). Pages
 * that are absent count as unmapped. Errors as for struct hermes_take, and
 * EBUSY the range meets a batch of the ready ring that was not taken.
 */
struct hermes_give {
	__u32 size;
	__u32 flags;
	__u64 addr;
	__u64 len;
	__u64 unmapped;
	__u64 recycled;
	__u64 reserved;
};

/**
 * struct hermes_stats - what happened to one client so far
 * @size: in: sizeof(struct hermes_stats)
 * @flags: in: must be 0
 * @target_bytes: the reserve's present target
 * @ready_bytes: mapped and published, not yet taken
 * @pool_bytes: zeroed, not mapped; shared by the clients of a memory cgroup
 * @published_bytes: ever published in the ready ring
 * @consumed_bytes: of these, taken by the user
 * @reclaimed_bytes: of these, taken back by the kernel (decay, pressure)
 * @takes: calls of %HERMES_IOC_TAKE
 * @take_bytes: mapped by them
 * @take_dry: calls that got less than they asked for
 * @gives: calls of %HERMES_IOC_GIVE
 * @give_bytes: unmapped by them
 * @recycle_bytes: of these, went to the pool
 * @doorbells: calls of %HERMES_IOC_DOORBELL
 * @faults: first writes to arena pages that were not ready
 * @refills: runs of the refill worker that mapped at least one batch
 * @limit_memcg: refills cut short by a memory.high or memory.max
 * @limit_module: refills cut short by a module parameter
 * @limit_nomem: refills cut short because no page was free
 * @fill_errors: fill ring entries that were refused
 */
struct hermes_stats {
	__u32 size;
	__u32 flags;
	__u64 target_bytes;
	__u64 ready_bytes;
	__u64 pool_bytes;
	__u64 published_bytes;
	__u64 consumed_bytes;
	__u64 reclaimed_bytes;
	__u64 takes;
	__u64 take_bytes;
	__u64 take_dry;
	__u64 gives;
	__u64 give_bytes;
	__u64 recycle_bytes;
	__u64 doorbells;
	__u64 faults;
	__u64 refills;
	__u64 limit_memcg;
	__u64 limit_module;
	__u64 limit_nomem;
	__u64 fill_errors;
};

/*
 * The requests carry no size, so that a struct may grow under one number.
 *
 * HERMES_IOC_DOORBELL takes no argument (must be 0, else EINVAL): wakes the
 * refill worker. Call it after taking a batch when
 * %HERMES_CONTROL_NEED_DOORBELL is set and the ready memory is below
 * hermes_control.low_bytes, or after a fill entry was added while the flag is
 * set. Does not sleep for long and never waits for the refill.
 */
#define HERMES_IOC_MAGIC	0xE5
#define HERMES_IOC_INFO		_IO(HERMES_IOC_MAGIC, 1)
#define HERMES_IOC_SET_RESERVE	_IO(HERMES_IOC_MAGIC, 2)
#define HERMES_IOC_GET_RESERVE	_IO(HERMES_IOC_MAGIC, 3)
#define HERMES_IOC_TAKE		_IO(HERMES_IOC_MAGIC, 4)
#define HERMES_IOC_GIVE		_IO(HERMES_IOC_MAGIC, 5)
#define HERMES_IOC_DOORBELL	_IO(HERMES_IOC_MAGIC, 6)
#define HERMES_IOC_GET_STATS	_IO(HERMES_IOC_MAGIC, 7)

/*
 * DOC: The control mapping
 *
 * struct hermes_control, then at @fill_offset the fill ring and at
 * @ready_offset the ready ring. It is shared memory: the kernel never trusts
 * what a user wrote into it (it keeps its own copy of all that it published),
 * and a user who scribbles harms only its own reserve.
 *
 * Ready ring: an array of @ready_entries words. A word is 0 (nothing) or one
 * batch: its page-aligned address plus its number of pages, 1 to 4095, in
 * the low 12 bits. The kernel stores batch n into word n % ready_entries,
 * then @ready_prod = n + 1 (release). A user takes batch n with an atomic
 * exchange of the word with 0 and owns the batch if it got something else
 * than 0. Both sides claim a word only by an atomic operation on it, so a
 * batch has exactly one owner.
 *
 * The kernel takes batches back, too, oldest first. All batches before
 * @ready_tail are gone, and unmapped if they were taken back: start at
 * @ready_tail (acquire) if that is further. A word that is 0 at or after it
 * is a batch that is being unmapped: wait, or do without; whoever goes on must
 * not use that batch's memory before @ready_tail has passed it.
 *
 * The user stores in @ready_cons where it will look next, before it looks: the
 * kernel publishes batch n only while n - ready_cons is below ready_entries,
 * so that no word is replaced under the user's hands.
 * Batches appear in the order of the fill ring, so consecutive ones are
 * adjacent as long as a fill extent lasts.
 *
 * Fill ring: an array of @fill_entries extents written by the user. The user
 * stores extent n into n % fill_entries, then @fill_prod = n + 1 (release);
 * the kernel consumes it, as slowly as the reserve's target demands, and then
 * stores @fill_cons = n + 1 (release). The user may add while
 * fill_prod - fill_cons < fill_entries. An extent must lie in one arena
 * mapping of the client and be page-aligned, else what does not is skipped and
 * counted in hermes_stats.fill_errors. Pages of it that are present already
 * are skipped, never replaced: a shorter batch is published before them.
 * All counters are 32 bits wide and wrap.
 *
 * Between its exchange of a word, or its store of fill_prod, and its load of
 * @flags the user needs a full barrier (a sequentially consistent exchange is
 * one): the worker sets %HERMES_CONTROL_NEED_DOORBELL, then looks once more.
 */

/**
 * struct hermes_fill - an extent of an arena that shall be made ready
 * @addr: page-aligned address
 * @len: bytes, multiple of the page size
 */
struct hermes_fill {
	__u64 addr;
	__u64 len;
};

/**
 * struct hermes_control - head of the control mapping
 * @abi_version: kernel: %HERMES_ABI_VERSION
 * @ready_entries: kernel: words in the ready ring, a power of two
 * @ready_offset: kernel: byte offset of the ready ring in the mapping
 * @fill_entries: kernel: extents in the fill ring, a power of two
 * @fill_offset: kernel: byte offset of the fill ring in the mapping
 * @flags: kernel: bits %HERMES_CONTROL_*
 * @ready_prod: kernel: batches published so far
 * @fill_cons: kernel: extents consumed so far
 * @target_bytes: kernel: the reserve's present target
 * @low_bytes: kernel: low watermark, bytes
 * @ready_bytes: kernel: published and not yet seen taken, updated by the
 *	worker; a hint
 * @ready_tail: kernel: batches before this one are gone
 * @kernel_pad: kernel: 0
 * @kernel_reserved: kernel: 0
 * @ready_cons: user: the batch that it will look at next
 * @fill_prod: user: extents added so far
 * @user_reserved: user: must be 0
 */
struct hermes_control {
	/* written by the kernel */
	__u32 abi_version;
	__u32 ready_entries;
	__u32 ready_offset;
	__u32 fill_entries;
	__u32 fill_offset;
	__u32 flags;
	__u32 ready_prod;
	__u32 fill_cons;
	__u64 target_bytes;
	__u64 low_bytes;
	__u64 ready_bytes;
	__u32 ready_tail;
	__u32 kernel_pad;
	__u64 kernel_reserved[8];
	/* written by the user, cache lines of its own */
	__u32 ready_cons;
	__u32 fill_prod;
	__u64 user_reserved[15];
};

/* The refill worker sleeps: ring the doorbell when below the low watermark. */
#define HERMES_CONTROL_NEED_DOORBELL	(1U << 0)
/*
 * The client's address space or the module is going away: the reserve is not
 * refilled any more, memory taken stays valid.
 */
#define HERMES_CONTROL_DEAD		(1U << 1)

/* A word of the ready ring. */
#define HERMES_READY_PAGES(word)	((word) & 0xfffULL)
#define HERMES_READY_ADDR(word)		((word) & ~0xfffULL)

#endif /* _UAPI_LINUX_HERMES_H */
