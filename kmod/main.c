// SPDX-License-Identifier: GPL-2.0-only
/*
 * Load and unload, module parameters.
 */
#include <linux/module.h>

#include "hermes.h"
#include "reclaim.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

unsigned long hermes_client_max_bytes;
module_param_named(client_max_bytes, hermes_client_max_bytes, ulong, 0644);
MODULE_PARM_DESC(client_max_bytes,
		 "Most bytes in the reserve of one client (default: 1/8 of memory, at most 1 GiB)");

unsigned long hermes_total_max_bytes;
module_param_named(total_max_bytes, hermes_total_max_bytes, ulong, 0644);
MODULE_PARM_DESC(total_max_bytes,
		 "Most bytes in the reserves of all clients together (default: 1/4 of memory)");

unsigned long hermes_client_mapped_max_bytes;
module_param_named(client_mapped_max_bytes, hermes_client_mapped_max_bytes,
		   ulong, 0644);
MODULE_PARM_DESC(client_mapped_max_bytes,
		 "Most bytes of unswappable memory that one client may have taken from its reserve; further memory is ordinary (default: 3/4 of memory)");

unsigned long hermes_total_mapped_max_bytes;
module_param_named(total_mapped_max_bytes, hermes_total_mapped_max_bytes,
		   ulong, 0644);
MODULE_PARM_DESC(total_mapped_max_bytes,
		 "The same for all clients together (default: 3/4 of memory)");

unsigned int hermes_max_clients = 4096;
module_param_named(max_clients, hermes_max_clients, uint, 0644);
MODULE_PARM_DESC(max_clients, "Most open clients (default 4096)");

unsigned int hermes_headroom_pct = 5;
module_param_named(headroom_pct, hermes_headroom_pct, uint, 0644);
MODULE_PARM_DESC(headroom_pct,
		 "Per cent of each memory.high and memory.max that a refill leaves free, at least 1 MiB, at most 64 MiB (default 5)");

unsigned int hermes_worker_nice = 5;
module_param_named(worker_nice, hermes_worker_nice, uint, 0644);
MODULE_PARM_DESC(worker_nice,
		 "Nice level at which a refill runs, 0 to 19 (default 5)");

struct workqueue_struct *hermes_wq;

static void hermes_default_limits(void)
{
	unsigned long ram = totalram_pages() << PAGE_SHIFT;

	if (!hermes_client_max_bytes)
		hermes_client_max_bytes = min(ram / 8, 1UL << 30);
	if (!hermes_total_max_bytes)
		hermes_total_max_bytes = ram / 4;
	if (!hermes_client_mapped_max_bytes)
		hermes_client_mapped_max_bytes = ram / 4 * 3;
	if (!hermes_total_mapped_max_bytes)
		hermes_total_mapped_max_bytes = ram / 4 * 3;
}

static int __init hermes_init(void)
{
	int ret;

	hermes_default_limits();
	/*
	 * Reclaim may count on the worker, see shrink.c. One client's refill
	 * may have to wait for a page or for mmap_lock: the others then go on.
	 */
	hermes_wq = alloc_workqueue("hermes", WQ_UNBOUND | WQ_MEM_RECLAIM |
				    WQ_SYSFS, 0);
	if (!hermes_wq)
		return -ENOMEM;
	ret = hermes_arena_init();
	if (ret)
		goto err_wq;
	ret = hermes_shrink_init();
	if (ret)
		goto err_arena;
	ret = hermes_reclaim_init();
	if (ret)
		goto err_shrink;
	/*
	 * The two that users reach come last. A user of either would outlive
	 * an init that fails after it; services wait for the device, so that
	 * is the very last.
	 */
	ret = hermes_netlink_init();
	if (ret)
		goto err_reclaim;
	ret = hermes_chardev_init();
	if (ret)
		goto err_netlink;
	return 0;

err_netlink:
	hermes_netlink_exit();
err_reclaim:
	hermes_reclaim_exit();
err_shrink:
	hermes_shrink_exit();
err_arena:
	hermes_arena_exit();
err_wq:
	destroy_workqueue(hermes_wq);
	return ret;
}

/* Runs only when no file is open, so no client, no pool and no VMA is left. */
static void __exit hermes_exit(void)
{
	hermes_netlink_exit();
	hermes_chardev_exit();
	hermes_reclaim_exit();
	hermes_client_exit();
	hermes_shrink_exit();
	hermes_arena_exit();
	destroy_workqueue(hermes_wq);
}

module_init(hermes_init);
module_exit(hermes_exit);

MODULE_DESCRIPTION("Hermes: reserves of ready memory for latency-critical services");
MODULE_AUTHOR("The Hermes developers");
MODULE_VERSION(HERMES_VERSION);
MODULE_LICENSE("GPL");
