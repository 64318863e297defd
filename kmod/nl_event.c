// SPDX-License-Identifier: GPL-2.0-only
/*
 * Generic netlink: events.
 *
 * DOC: What a listener may rely on
 *
 * Only what is made while somebody listens is made at all, and numbered; it is
 * numbered and queued under one lock and sent by one thread, so it arrives in
 * the order of the numbers, and a listener that sees two that do not follow
 * each other has lost what is between. Sending never waits: a listener that
 * does not read fast enough loses events, hears of it by ENOBUFS from recv(),
 * and harms nobody else.
 *
 * Who makes an event neither sleeps nor reclaims, as it is the refill or the
 * controller, which run when memory is short; and it does not send, as that
 * takes the longer the more listeners there are, and anybody may listen. The
 * thread that sends is nice, so that it does not preempt a service either.
 */
#include <linux/gfp.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>
#include <net/net_namespace.h>

#include "netlink.h"

#define HERMES_GFP_EVENT	(GFP_NOWAIT | __GFP_NOWARN)

/* Attributes of 64 bits or less in any event, but for those of a decision. */
#define HERMES_EVENT_FIELDS	HERMES_A_EVENT_MAX

/* Events that wait for the thread; when it is that much behind they are lost. */
#define HERMES_EVENTS_QUEUED	1024
#define HERMES_EVENTS_NICE	10

/* Guards all that follows; no other lock is taken inside it. */
static DEFINE_SPINLOCK(hermes_event_lock);
static struct sk_buff_head hermes_event_queue;
static bool hermes_events_on;
static u64 hermes_events_made;
static u64 hermes_events_lost;

static void hermes_event_work(struct kthread_work *work);
static DEFINE_KTHREAD_WORK(hermes_event_sender, hermes_event_work);
static struct kthread_worker *hermes_event_worker;

static bool hermes_event_wanted(void)
{
	return READ_ONCE(hermes_events_on) &&
	       genl_has_listeners(&hermes_genl_family, &init_net, 0) > 0;
}

static int hermes_event_head(struct sk_buff *skb, enum hermes_event_type type)
{
	if (nla_put_u64_64bit(skb, HERMES_A_EVENT_SEQ, hermes_events_made,
			      HERMES_NL_PAD) ||
	    nla_put_u64_64bit(skb, HERMES_A_EVENT_TIME, ktime_get_ns(),
			      HERMES_NL_PAD))
		return -EMSGSIZE;
	return nla_put_u32(skb, HERMES_A_EVENT_TYPE, type);
}

static struct sk_buff *hermes_event_build(enum hermes_event_type type,
					  size_t bytes, hermes_nl_fill fill,
					  const void *object)
{
	struct sk_buff *skb = genlmsg_new(bytes, HERMES_GFP_EVENT);
	void *head;

	if (!skb)
		return NULL;
	head = genlmsg_put(skb, 0, 0, &hermes_genl_family, 0, HERMES_CMD_EVENT);
	if (WARN_ON_ONCE(!head || hermes_event_head(skb, type) ||
			 fill(skb, object))) {
		nlmsg_free(skb);
		return NULL;
	}
	genlmsg_end(skb, head);
	return skb;
}

/*
 * -ESRCH: it reached nobody. Either the listeners have gone meanwhile, or none
 * had room for it; these hear of it themselves.
 */
static void hermes_event_post(struct sk_buff *skb)
{
	int ret = genlmsg_multicast(&hermes_genl_family, skb, 0, 0,
				    HERMES_GFP_EVENT);

	if (!ret || ret == -ESRCH)
		return;
	spin_lock(&hermes_event_lock);
	hermes_events_lost++;
	spin_unlock(&hermes_event_lock);
}

static struct sk_buff *hermes_event_next(void)
{
	struct sk_buff *skb;

	spin_lock(&hermes_event_lock);
	skb = __skb_dequeue(&hermes_event_queue);
	spin_unlock(&hermes_event_lock);
	return skb;
}

static void hermes_event_work(struct kthread_work *work)
{
	struct sk_buff *skb;

	while ((skb = hermes_event_next())) {
		hermes_event_post(skb);
		cond_resched();
	}
}

static void hermes_event_enqueue(enum hermes_event_type type, size_t bytes,
				 hermes_nl_fill fill, const void *object)
{
	struct sk_buff *skb = NULL;

	lockdep_assert_held(&hermes_event_lock);
	hermes_events_made++;
	if (skb_queue_len(&hermes_event_queue) < HERMES_EVENTS_QUEUED)
		skb = hermes_event_build(type, bytes, fill, object);
	if (!skb) {
		hermes_events_lost++;
		return;
	}
	__skb_queue_tail(&hermes_event_queue, skb);
	kthread_queue_work(hermes_event_worker, &hermes_event_sender);
}

static void hermes_event_send(enum hermes_event_type type, size_t bytes,
			      hermes_nl_fill fill, const void *object)
{
	if (!hermes_event_wanted())
		return;
	bytes += HERMES_NL_BYTES(HERMES_EVENT_FIELDS);
	spin_lock(&hermes_event_lock);
	/* Once more: the family may have gone meanwhile. */
	if (hermes_event_wanted())
		hermes_event_enqueue(type, bytes, fill, object);
	spin_unlock(&hermes_event_lock);
}

static int hermes_event_fill_step(struct sk_buff *skb, const void *object)
{
	struct nlattr *nest = nla_nest_start(skb, HERMES_A_EVENT_DECISION);
	int ret;

	if (!nest)
		return -EMSGSIZE;
	ret = hermes_nl_decision_fill(skb, object);
	if (ret)
		return ret;
	nla_nest_end(skb, nest);
	return 0;
}

/**
 * hermes_event_step() - the controller took a step
 * @decision: which
 *
 * Context: Process context, may hold locks; does not sleep.
 */
void hermes_event_step(const struct hermes_decision *decision)
{
	hermes_event_send(HERMES_EVENT_STEP,
			  nla_total_size(0) + hermes_nl_decision_bytes(),
			  hermes_event_fill_step, decision);
}

struct hermes_gone_event {
	u64 id;
	const char *path;
};

static int hermes_event_fill_gone(struct sk_buff *skb, const void *object)
{
	const struct hermes_gone_event *event = object;
	int ret;

	ret = nla_put_u64_64bit(skb, HERMES_A_EVENT_CGROUP_ID, event->id,
				HERMES_NL_PAD);
	if (ret)
		return ret;
	return nla_put_string(skb, HERMES_A_EVENT_CGROUP_PATH, event->path);
}

/**
 * hermes_event_cgroup_gone() - a registered cgroup was removed
 * @id: its number
 * @path: where it was
 *
 * Context: Process context, may hold locks; does not sleep.
 */
void hermes_event_cgroup_gone(u64 id, const char *path)
{
	struct hermes_gone_event event = { id, path };

	hermes_event_send(HERMES_EVENT_CGROUP_GONE,
			  nla_total_size(strlen(path) + 1),
			  hermes_event_fill_gone, &event);
}

struct hermes_client_event {
	enum hermes_event_type type;
	u32 id;
	u64 ready;
	u64 target;
	u64 misses;
	u32 cause;
};

static int hermes_event_fill_client(struct sk_buff *skb, const void *object)
{
	const struct hermes_client_event *event = object;

	if (nla_put_u32(skb, HERMES_A_EVENT_CLIENT_ID, event->id) ||
	    nla_put_u64_64bit(skb, HERMES_A_EVENT_READY, event->ready,
			      HERMES_NL_PAD) ||
	    nla_put_u64_64bit(skb, HERMES_A_EVENT_TARGET, event->target,
			      HERMES_NL_PAD))
		return -EMSGSIZE;
	if (event->type == HERMES_EVENT_MISSES &&
	    nla_put_u64_64bit(skb, HERMES_A_EVENT_MISSES, event->misses,
			      HERMES_NL_PAD))
		return -EMSGSIZE;
	return nla_put_u32(skb, HERMES_A_EVENT_CAUSE, event->cause);
}

/**
 * hermes_event_client() - something happened to a client
 * @id: the client's
 * @type: HERMES_EVENT_RESERVE_LOW or HERMES_EVENT_MISSES
 * @ready: its ready memory, bytes
 * @target: its target, bytes
 * @misses: since its last such event; of HERMES_EVENT_MISSES only
 * @cause: of the misses, or what one would be due to now; attribute number
 *
 * The caller limits how often.
 *
 * Context: Process context, may hold locks; does not sleep.
 */
void hermes_event_client(u32 id, enum hermes_event_type type, u64 ready,
			 u64 target, u64 misses, u32 cause)
{
	struct hermes_client_event event = {
		.type = type,
		.id = id,
		.ready = ready,
		.target = target,
		.misses = misses,
		.cause = cause,
	};

	hermes_event_send(type, 0, hermes_event_fill_client, &event);
}

/**
 * hermes_event_counts() - events so far
 * @made: with a listener; the number of the last one
 * @lost: of these, not sent, as memory was short or the queue full; not what a
 *	listener lost that had no room for it
 */
void hermes_event_counts(u64 *made, u64 *lost)
{
	spin_lock(&hermes_event_lock);
	*made = hermes_events_made;
	*lost = hermes_events_lost;
	spin_unlock(&hermes_event_lock);
}

/**
 * hermes_nl_events_init() - what sending needs
 *
 * Return: 0 or what creating a thread fails with.
 */
int hermes_nl_events_init(void)
{
	struct kthread_worker *worker;

	__skb_queue_head_init(&hermes_event_queue);
	worker = kthread_create_worker(0, "hermes/events");
	if (IS_ERR(worker))
		return PTR_ERR(worker);
	set_user_nice(worker->task, HERMES_EVENTS_NICE);
	/* Later kernels do not start it by themselves. */
	wake_up_process(worker->task);
	hermes_event_worker = worker;
	return 0;
}

/** hermes_nl_events_start() - the family exists, events are sent */
void hermes_nl_events_start(void)
{
	spin_lock(&hermes_event_lock);
	WRITE_ONCE(hermes_events_on, true);
	spin_unlock(&hermes_event_lock);
}

/**
 * hermes_nl_events_stop() - those that were made have been sent, none follows
 *
 * To be called before the family goes: the number of its group may then become
 * that of another family's.
 */
void hermes_nl_events_stop(void)
{
	spin_lock(&hermes_event_lock);
	WRITE_ONCE(hermes_events_on, false);
	spin_unlock(&hermes_event_lock);
	/* Runs first what is queued. */
	kthread_destroy_worker(hermes_event_worker);
}
