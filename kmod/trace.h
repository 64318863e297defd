/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints. Sizes are in pages; client is hermes_info.client_id.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM hermes

#if !defined(_HERMES_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _HERMES_TRACE_H

#include <linux/tracepoint.h>
#include "reclaim.h"

/* One run of the refill worker that mapped something or was cut short. */
TRACE_EVENT(hermes_refill,
	TP_PROTO(int client, unsigned long mapped, unsigned long ready,
		 unsigned long target, unsigned long consumed, int why),
	TP_ARGS(client, mapped, ready, target, consumed, why),
	TP_STRUCT__entry(
		__field(int, client)
		__field(unsigned long, mapped)
		__field(unsigned long, ready)
		__field(unsigned long, target)
		__field(unsigned long, consumed)
		__field(int, why)
	),
	TP_fast_assign(
		__entry->client = client;
		__entry->mapped = mapped;
		__entry->ready = ready;
		__entry->target = target;
		__entry->consumed = consumed;
		__entry->why = why;
	),
	TP_printk("client=%d mapped=%lu ready=%lu target=%lu consumed=%lu end=%s",
		  __entry->client, __entry->mapped, __entry->ready,
		  __entry->target, __entry->consumed,
		  __print_symbolic(__entry->why,
				   { 0, "full" }, { 1, "no-extent" },
				   { 2, "limited" }, { 3, "stopped" },
				   { 4, "interval" }, { 5, "cpu-budget" }))
);

/* HERMES_IOC_TAKE. */
TRACE_EVENT(hermes_take,
	TP_PROTO(int client, unsigned long addr, unsigned long asked,
		 unsigned long got),
	TP_ARGS(client, addr, asked, got),
	TP_STRUCT__entry(
		__field(int, client)
		__field(unsigned long, addr)
		__field(unsigned long, asked)
		__field(unsigned long, got)
	),
	TP_fast_assign(
		__entry->client = client;
		__entry->addr = addr;
		__entry->asked = asked;
		__entry->got = got;
	),
	TP_printk("client=%d addr=%lx asked=%lu got=%lu", __entry->client,
		  __entry->addr, __entry->asked, __entry->got)
);

/* HERMES_IOC_GIVE. */
TRACE_EVENT(hermes_give,
	TP_PROTO(int client, unsigned long addr, unsigned long asked,
		 unsigned long unmapped, unsigned long recycled),
	TP_ARGS(client, addr, asked, unmapped, recycled),
	TP_STRUCT__entry(
		__field(int, client)
		__field(unsigned long, addr)
		__field(unsigned long, asked)
		__field(unsigned long, unmapped)
		__field(unsigned long, recycled)
	),
	TP_fast_assign(
		__entry->client = client;
		__entry->addr = addr;
		__entry->asked = asked;
		__entry->unmapped = unmapped;
		__entry->recycled = recycled;
	),
	TP_printk("client=%d addr=%lx asked=%lu unmapped=%lu recycled=%lu",
		  __entry->client, __entry->addr, __entry->asked,
		  __entry->unmapped, __entry->recycled)
);

/* First touch of an arena page that was not ready. */
TRACE_EVENT(hermes_miss,
	TP_PROTO(int client, unsigned long addr),
	TP_ARGS(client, addr),
	TP_STRUCT__entry(
		__field(int, client)
		__field(unsigned long, addr)
	),
	TP_fast_assign(
		__entry->client = client;
		__entry->addr = addr;
	),
	TP_printk("client=%d addr=%lx", __entry->client, __entry->addr)
);

/* A step of the reclaim controller; sizes in bytes. */
TRACE_EVENT(hermes_reclaim,
	TP_PROTO(const struct hermes_decision *d),
	TP_ARGS(d),
	TP_STRUCT__entry(
		__field(u32, trigger)
		__field(u32, choice)
		__field(u64, cgroup)
		__field(u64, free)
		__field(u64, low)
		__field(u64, asked)
		__field(u64, got)
		__field(int, error)
		__field(u64, wall_ns)
		__field(u32, backoff)
	),
	TP_fast_assign(
		__entry->trigger = d->trigger;
		__entry->choice = d->choice;
		__entry->cgroup = d->id;
		__entry->free = d->free;
		__entry->low = d->low;
		__entry->asked = d->asked;
		__entry->got = d->got;
		__entry->error = d->error;
		__entry->wall_ns = d->wall_ns;
		__entry->backoff = d->backoff;
	),
	TP_printk("trigger=%s choice=%s cgroup=%llu free=%llu low=%llu asked=%llu got=%llu error=%d wall_ns=%llu backoff=%s",
		  __print_symbolic(__entry->trigger,
				   { HERMES_TRIGGER_WATERMARK, "watermark" },
				   { HERMES_TRIGGER_REFILL, "refill" },
				   { HERMES_TRIGGER_MISS, "miss" },
				   { HERMES_TRIGGER_STALL, "stall" }),
		  __print_symbolic(__entry->choice,
				   { HERMES_CHOICE_FILE, "file" },
				   { HERMES_CHOICE_ANON, "anon" }),
		  __entry->cgroup, __entry->free, __entry->low,
		  __entry->asked, __entry->got, __entry->error,
		  __entry->wall_ns,
		  __print_symbolic(__entry->backoff,
				   { HERMES_BACKOFF_NONE, "none" },
				   { HERMES_BACKOFF_YIELD, "yield" },
				   { HERMES_BACKOFF_REFAULT, "refault" },
				   { HERMES_BACKOFF_PRESSURE, "pressure" },
				   { HERMES_BACKOFF_ERROR, "error" }))
);

/* Memory left a reserve: client 0 is a pool. */
TRACE_EVENT(hermes_shrink,
	TP_PROTO(int client, unsigned long pages, int why),
	TP_ARGS(client, pages, why),
	TP_STRUCT__entry(
		__field(int, client)
		__field(unsigned long, pages)
		__field(int, why)
	),
	TP_fast_assign(
		__entry->client = client;
		__entry->pages = pages;
		__entry->why = why;
	),
	TP_printk("client=%d pages=%lu why=%s", __entry->client,
		  __entry->pages,
		  __print_symbolic(__entry->why,
				   { 0, "decay" }, { 1, "memcg-limit" },
				   { 2, "shrinker" }, { 3, "oom" }))
);

#endif /* _HERMES_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
