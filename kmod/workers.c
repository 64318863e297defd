// SPDX-License-Identifier: GPL-2.0-only
/*
 * The threads that run the clients' refill.
 *
 * Not a workqueue: its threads run at nice 0, which a module cannot change,
 * and would preempt the service whose memory they prepare. Some threads for
 * all clients, as a refill may have to wait for a page: the others then go on.
 */
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>

#include "hermes.h"

#define HERMES_WORKERS_MIN	4U
#define HERMES_WORKERS_MAX	32U
#define HERMES_NICE_DEF		5

static int hermes_nice = HERMES_NICE_DEF;
module_param_named(worker_nice, hermes_nice, int, 0444);
MODULE_PARM_DESC(worker_nice,
		 "Nice level of the refill threads, 0 to 19 (default 5)");

static struct kthread_worker *hermes_workers[HERMES_WORKERS_MAX];
static unsigned int hermes_nr_workers;

/** hermes_worker() - the thread that runs a client's refill
 * @id: number of the client
 */
struct kthread_worker *hermes_worker(u32 id)
{
	return hermes_workers[id % hermes_nr_workers];
}

/** hermes_workers_exit() - end the threads; no client is left */
void hermes_workers_exit(void)
{
	while (hermes_nr_workers)
		kthread_destroy_worker(hermes_workers[--hermes_nr_workers]);
}

int hermes_workers_init(void)
{
	unsigned int want = clamp(num_online_cpus(), HERMES_WORKERS_MIN,
				  HERMES_WORKERS_MAX);
	struct kthread_worker *worker;

	while (hermes_nr_workers < want) {
		worker = kthread_run_worker(0, "hermes/%u", hermes_nr_workers);
		if (IS_ERR(worker)) {
			hermes_workers_exit();
			return PTR_ERR(worker);
		}
		set_user_nice(worker->task, clamp(hermes_nice, 0, MAX_NICE));
		hermes_workers[hermes_nr_workers++] = worker;
	}
	return 0;
}
