// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>
#include <string.h>

#include "../bench/cli.h"
#include "attrs.h"

static const struct attr_words cgroup_types = {
	.names = {
		[HERMES_CGROUP_BEST_EFFORT] = "best-effort",
		[HERMES_CGROUP_LATENCY_CRITICAL] = "latency-critical",
	},
};

static const struct attr_words backoffs = {
	.names = {
		[HERMES_BACKOFF_NONE] = "none",
		[HERMES_BACKOFF_YIELD] = "yield",
		[HERMES_BACKOFF_REFAULT] = "refault",
		[HERMES_BACKOFF_PRESSURE] = "pressure",
		[HERMES_BACKOFF_ERROR] = "error",
	},
};

static const struct attr_words triggers = {
	.names = {
		[HERMES_TRIGGER_WATERMARK] = "watermark",
		[HERMES_TRIGGER_REFILL] = "refill",
		[HERMES_TRIGGER_MISS] = "miss",
		[HERMES_TRIGGER_STALL] = "stall",
		[HERMES_TRIGGER_DRY_RUN] = "dry-run",
	},
};

static const struct attr_words choices = {
	.names = {
		[HERMES_CHOICE_FILE] = "file",
		[HERMES_CHOICE_ANON] = "anon",
		[HERMES_CHOICE_NOBODY] = "nobody",
		[HERMES_CHOICE_EMPTY] = "empty",
		[HERMES_CHOICE_NO_SWAP] = "no-swap",
		[HERMES_CHOICE_BACKOFF] = "backoff",
		[HERMES_CHOICE_RATE] = "rate",
		[HERMES_CHOICE_DISABLED] = "disabled",
		[HERMES_CHOICE_ENOUGH] = "enough",
	},
};

static const struct attr_words event_types = {
	.names = {
		[HERMES_EVENT_RESERVE_LOW] = "reserve-low",
		[HERMES_EVENT_MISSES] = "misses",
		[HERMES_EVENT_STEP] = "step",
		[HERMES_EVENT_CGROUP_GONE] = "cgroup-gone",
	},
};

static const struct attr_words causes = {
	.names = {
		[HERMES_A_CLIENT_MISS_BURST] = "burst",
		[HERMES_A_CLIENT_MISS_REFILL] = "refill",
		[HERMES_A_CLIENT_MISS_MEMCG] = "memcg",
		[HERMES_A_CLIENT_MISS_MODULE] = "module",
		[HERMES_A_CLIENT_MISS_SHRINK] = "shrink",
		[HERMES_A_CLIENT_MISS_CPU] = "cpu",
		[HERMES_A_CLIENT_MISS_UNASKED] = "unasked",
	},
};

#define ATTR(_set, _id, _name, _type, _unit, _kind, _help, ...)				\
	[HERMES_A_##_set##_##_id] = { .name = (_name), .type = ATTR_##_type,		\
		.unit = UNIT_##_unit, .kind = KIND_##_kind, .help = (_help), ##__VA_ARGS__ }

static const struct attr client[] = {
	ATTR(CLIENT, ID, "id", U32, NONE, NAME, "number of the client"),
	ATTR(CLIENT, PID, "pid", U32, NONE, NAME, "process that opened the device"),
	ATTR(CLIENT, UID, "uid", U32, NONE, NAME, "its effective user"),
	ATTR(CLIENT, CGROUP_ID, "cgroup_id", U64, NONE, NAME, "memory cgroup charged"),
	ATTR(CLIENT, CGROUP_PATH, "cgroup_path", STRING, NONE, NAME, "path of this cgroup"),
	ATTR(CLIENT, MIN_BYTES, "min_bytes", U64, BYTES, GAUGE, "Least target of the reserve.",
	     .key = "min", .range = "up to max", .initial = "4M"),
	ATTR(CLIENT, MAX_BYTES, "max_bytes", U64, BYTES, GAUGE, "Largest target of the reserve.",
	     .key = "max", .range = "up to the module's maximum", .initial = "64M"),
	ATTR(CLIENT, BATCH_PAGES, "batch_pages", U32, NONE, GAUGE, "Pages in a batch.",
	     .key = "batch", .range = "1 to 512, a power of two", .initial = "16"),
	ATTR(CLIENT, LOW_PCT, "low_pct", U32, PERCENT, GAUGE,
	     "Share of the target below which refill starts.",
	     .key = "low", .range = "1% to 99%", .initial = "75%"),
	ATTR(CLIENT, HIGH_PCT, "high_pct", U32, PERCENT, GAUGE,
	     "Share of the target at which refill stops.",
	     .key = "high", .range = "above low, to 100%", .initial = "100%"),
	ATTR(CLIENT, FACTOR_PCT, "factor_pct", U32, FACTOR, GAUGE,
	     "Target in relation to the consumption of the last interval.",
	     .key = "factor", .range = "0 to 10", .initial = "2"),
	ATTR(CLIENT, INTERVAL_US, "interval_us", U32, US, GAUGE,
	     "Time over which consumption is measured.",
	     .key = "interval", .range = "500us to 1s", .initial = "2ms"),
	ATTR(CLIENT, DECAY_MS, "decay_ms", U32, MS, GAUGE,
	     "Time in which an idle reserve's surplus falls by half.",
	     .key = "decay", .range = "10ms to 3600s", .initial = "1s"),
	ATTR(CLIENT, TARGET, "target", U64, BYTES, GAUGE, "Present target of the reserve."),
	ATTR(CLIENT, READY, "ready", U64, BYTES, GAUGE, "Memory mapped and not yet taken."),
	ATTR(CLIENT, POOL, "pool", U64, BYTES, GAUGE,
	     "Zeroed memory, not mapped, shared by the clients of a memory cgroup."),
	ATTR(CLIENT, PUBLISHED, "published", U64, BYTES, COUNTER, "Memory made ready."),
	ATTR(CLIENT, CONSUMED, "consumed", U64, BYTES, COUNTER, "Ready memory taken by the user."),
	ATTR(CLIENT, RECLAIMED, "reclaimed", U64, BYTES, COUNTER,
	     "Ready memory taken back by the kernel."),
	ATTR(CLIENT, BATCHES, "batches", U64, NONE, COUNTER, "Batches taken by the user."),
	ATTR(CLIENT, TAKES, "takes", U64, NONE, COUNTER, "Calls for memory now."),
	ATTR(CLIENT, TAKEN, "taken", U64, BYTES, COUNTER, "Memory mapped by these calls."),
	ATTR(CLIENT, DOORBELLS, "doorbells", U64, NONE, COUNTER, "Calls to wake the refill."),
	ATTR(CLIENT, REFILLS, "refills", U64, NONE, COUNTER,
	     "Runs of the refill that mapped something."),
	ATTR(CLIENT, REFILL_NS, "refill_ns", U64, NS, COUNTER,
	     "Time of the refill with zeroing, an upper bound of its CPU time."),
	ATTR(CLIENT, THROTTLED, "throttled", U64, NONE, COUNTER,
	     "Runs of the refill cut short by its CPU budget."),
	ATTR(CLIENT, MISSES, "misses", U64, NONE, NAME,
	     "First writes to pages that were not ready."),
	ATTR(CLIENT, MISS_BURST, "miss_burst", U64, NONE, COUNTER,
	     "the reserve was used up faster than it is refilled",
	     .metric = "misses", .cause = "burst"),
	ATTR(CLIENT, MISS_REFILL, "miss_refill", U64, NONE, COUNTER,
	     "the last refill found no free page without reclaim",
	     .metric = "misses", .cause = "refill"),
	ATTR(CLIENT, MISS_MEMCG, "miss_memcg", U64, NONE, COUNTER,
	     "a memory.high or memory.max left no room",
	     .metric = "misses", .cause = "memcg"),
	ATTR(CLIENT, MISS_MODULE, "miss_module", U64, NONE, COUNTER,
	     "a maximum of the module or of the reserve",
	     .metric = "misses", .cause = "module"),
	ATTR(CLIENT, MISS_SHRINK, "miss_shrink", U64, NONE, COUNTER,
	     "the kernel had taken the reserve", .metric = "misses", .cause = "shrink"),
	ATTR(CLIENT, MISS_CPU, "miss_cpu", U64, NONE, COUNTER,
	     "the refill was out of its CPU budget", .metric = "misses", .cause = "cpu"),
	ATTR(CLIENT, MISS_UNASKED, "miss_unasked", U64, NONE, COUNTER,
	     "the user had asked for nothing there", .metric = "misses", .cause = "unasked"),
};

const struct attr_set client_attrs = { "client", client, ARRAY_SIZE(client) };

static const struct attr cgroup[] = {
	ATTR(CGROUP, FD, "fd", S32, NONE, NAME, "open directory of the cgroup"),
	ATTR(CGROUP, ID, "id", U64, NONE, NAME, "its number, inode of the directory"),
	ATTR(CGROUP, PATH, "path", STRING, NONE, NAME, "its path in the cgroup2 mount"),
	ATTR(CGROUP, TYPE, "type", U32, NONE, NAME, "what it is", .words = &cgroup_types),
	ATTR(CGROUP, WEIGHT, "weight", U32, NONE, GAUGE,
	     "Weight in the choice of whom to reclaim from.",
	     .key = "weight", .range = "1 to 10000", .initial = "100"),
	ATTR(CGROUP, MIN, "min", U64, BYTES, GAUGE, "Memory that is left to it.",
	     .key = "min", .range = "any size", .initial = "0"),
	ATTR(CGROUP, RATE, "rate", U64, RATE, GAUGE,
	     "Most that is asked of it in a second; 0: as the policy says.",
	     .key = "rate", .range = "any size", .initial = "0"),
	ATTR(CGROUP, ANON, "anon", U32, BOOL, GAUGE,
	     "Whether anonymous memory may be reclaimed (to swap).",
	     .key = "anon", .range = "yes or no", .initial = "no"),
	ATTR(CGROUP, UID, "uid", U32, NONE, NAME, "user who registered it"),
	ATTR(CGROUP, CURRENT, "current", U64, BYTES, GAUGE, "Memory charged to it."),
	ATTR(CGROUP, FILE, "file", U64, BYTES, GAUGE, "File cache on its LRU lists."),
	ATTR(CGROUP, ANON_BYTES, "anon_bytes", U64, BYTES, GAUGE,
	     "Anonymous memory on its LRU lists.", .metric = "anonymous"),
	ATTR(CGROUP, STEPS, "steps", U64, NONE, COUNTER, "Reclaim steps on it."),
	ATTR(CGROUP, PARTIAL, "partial", U64, NONE, COUNTER,
	     "Steps that got less than they asked for.", .metric = "partial_steps"),
	ATTR(CGROUP, ASKED, "asked", U64, BYTES, COUNTER, "Memory asked of it.",
	     .metric = "reclaim_asked"),
	ATTR(CGROUP, GOT, "got", U64, BYTES, COUNTER, "Memory got from it.",
	     .metric = "reclaim_got"),
	ATTR(CGROUP, REFAULTS, "refaults", U64, BYTES, COUNTER, "Memory that it read back."),
	ATTR(CGROUP, CPU_NS, "cpu_ns", U64, NS, COUNTER, "CPU time spent on it."),
	ATTR(CGROUP, BACKOFF, "backoff", U32, NONE, NAME,
	     "why it is or was last left alone", .words = &backoffs),
	ATTR(CGROUP, BACKOFF_MS, "backoff_ms", U32, MS, GAUGE,
	     "How long it is left alone from now on."),
	ATTR(CGROUP, SPLIT, "split", U32, NONE, GAUGE, "Latency-critical cgroups inside it."),
};

const struct attr_set cgroup_attrs = { "cgroup", cgroup, ARRAY_SIZE(cgroup) };

static const struct attr policy[] = {
	ATTR(POLICY, ENABLED, "enabled", U32, BOOL, GAUGE, "Whether to reclaim.",
	     .key = "enabled", .range = "yes or no", .initial = "yes"),
	ATTR(POLICY, GAP, "gap", U64, BYTES, GAUGE,
	     "From the kernel's high watermarks to the controller's low watermark.",
	     .key = "gap", .range = "up to 1/4 of memory",
	     .initial = "1/64 of memory, at least 8M"),
	ATTR(POLICY, HYSTERESIS, "hysteresis", U64, BYTES, GAUGE,
	     "From the controller's low to its high watermark.",
	     .key = "hysteresis", .range = "up to 1/4 of memory",
	     .initial = "1/64 of memory, at least 8M"),
	ATTR(POLICY, REACTION_MS, "reaction_ms", U32, MS, GAUGE,
	     "The demand of so much time is added to the low watermark.",
	     .key = "reaction", .range = "1ms to 10s", .initial = "200ms"),
	ATTR(POLICY, STEP, "step", U64, BYTES, GAUGE, "Most that one step asks for.",
	     .key = "step", .range = "64K to 32M", .initial = "4M"),
	ATTR(POLICY, RATE, "rate", U64, RATE, GAUGE,
	     "Most asked of a cgroup in a second; 0: no limit.",
	     .key = "rate", .range = "any size", .initial = "512M"),
	ATTR(POLICY, CPU_PCT, "cpu_pct", U32, PERCENT, GAUGE,
	     "The controller's budget, of one CPU.",
	     .key = "cpu", .range = "1% to 100%", .initial = "25%"),
	ATTR(POLICY, REFILL_CPU_PCT, "refill_cpu_pct", U32, PERCENT, GAUGE,
	     "Budget of the refill of each client, of one CPU.",
	     .key = "refill-cpu", .range = "1% to 100%", .initial = "50%"),
	ATTR(POLICY, POLL_MS, "poll_ms", U32, MS, GAUGE,
	     "Longest time between two looks at free memory.",
	     .key = "poll", .range = "10ms to 10s", .initial = "1s"),
	ATTR(POLICY, YIELD_PCT, "yield_pct", U32, PERCENT, GAUGE,
	     "A step that got less of what it asked for makes the cgroup back off.",
	     .key = "yield", .range = "0% to 100%", .initial = "10%"),
	ATTR(POLICY, REFAULT_PCT, "refault_pct", U32, PERCENT, GAUGE,
	     "The same when it read back more of what was got from it.",
	     .key = "refault", .range = "0% to 1000%", .initial = "50%"),
	ATTR(POLICY, PRESSURE_PCT, "pressure_pct", U32, PERCENT, GAUGE,
	     "The same when its tasks stalled on memory for more of the time.",
	     .key = "pressure", .range = "0% to 100%", .initial = "40%"),
	ATTR(POLICY, BACKOFF_MS, "backoff_ms", U32, MS, GAUGE,
	     "First back-off, doubled by every further one.",
	     .key = "backoff", .range = "1ms to 60s", .initial = "100ms"),
	ATTR(POLICY, BACKOFF_MAX_MS, "backoff_max_ms", U32, MS, GAUGE, "Longest back-off.",
	     .key = "backoff-max", .range = "1ms to 600s, not below backoff", .initial = "5s"),
};

const struct attr_set policy_attrs = { "policy", policy, ARRAY_SIZE(policy) };

static const struct attr totals[] = {
	ATTR(TOTALS, VERSION, "version", STRING, NONE, NAME, "version of the module"),
	ATTR(TOTALS, ABI, "abi", U32, NONE, NAME, "version of its ABI"),
	ATTR(TOTALS, CLIENTS, "clients", U32, NONE, GAUGE, "Open clients."),
	ATTR(TOTALS, BEST_EFFORT, "best_effort", U32, NONE, GAUGE,
	     "Registered best-effort cgroups.", .metric = "best_effort_cgroups"),
	ATTR(TOTALS, LATENCY_CRITICAL, "latency_critical", U32, NONE, GAUGE,
	     "Registered latency-critical cgroups.", .metric = "latency_critical_cgroups"),
	ATTR(TOTALS, MEMORY, "memory", U64, BYTES, GAUGE, "Memory of the machine."),
	ATTR(TOTALS, FREE, "free", U64, BYTES, GAUGE, "Free memory."),
	ATTR(TOTALS, KERNEL_HIGH, "kernel_high", U64, BYTES, GAUGE,
	     "Sum of the zones' high watermarks.", .metric = "kernel_high_watermark"),
	ATTR(TOTALS, LOW, "low", U64, BYTES, GAUGE,
	     "Below so much free memory the controller works.", .metric = "low_watermark"),
	ATTR(TOTALS, HIGH, "high", U64, BYTES, GAUGE, "At so much free memory it stops.",
	     .metric = "high_watermark"),
	ATTR(TOTALS, DEMAND, "demand", U64, RATE, GAUGE, "What the reserves consume, lately."),
	ATTR(TOTALS, RESERVED, "reserved", U64, BYTES, GAUGE, "In all pools and ready batches."),
	ATTR(TOTALS, RESERVED_MAX, "reserved_max", U64, BYTES, GAUGE, "Most of this."),
	ATTR(TOTALS, MAPPED, "mapped", U64, BYTES, GAUGE,
	     "Memory of the module mapped in all clients."),
	ATTR(TOTALS, MAPPED_MAX, "mapped_max", U64, BYTES, GAUGE, "Most of this."),
	ATTR(TOTALS, WAKES, "wakes", U64, NONE, COUNTER,
	     "Times the controller found something to do.", .metric = "controller_wakes"),
	ATTR(TOTALS, LOOKS, "looks", U64, NONE, COUNTER, "Times the controller looked.",
	     .metric = "controller_looks"),
	ATTR(TOTALS, STEPS, "steps", U64, NONE, COUNTER, "Reclaim steps.",
	     .metric = "reclaim_steps"),
	ATTR(TOTALS, ASKED, "asked", U64, BYTES, COUNTER, "Memory asked for.",
	     .metric = "reclaim_asked"),
	ATTR(TOTALS, GOT, "got", U64, BYTES, COUNTER, "Memory got.",
	     .metric = "reclaim_got"),
	ATTR(TOTALS, CPU_NS, "cpu_ns", U64, NS, COUNTER, "CPU time of the controller.",
	     .metric = "controller_cpu"),
	ATTR(TOTALS, THROTTLED, "throttled", U64, NONE, COUNTER,
	     "Times the controller paused as its CPU budget was used.",
	     .metric = "controller_throttled"),
	ATTR(TOTALS, REFILL_NS, "refill_ns", U64, NS, COUNTER,
	     "Time of all refill, also of closed clients."),
	ATTR(TOTALS, MISSES, "misses", U64, NONE, COUNTER,
	     "Misses of all clients, also of closed ones."),
	ATTR(TOTALS, EVENTS, "events", U64, NONE, COUNTER, "Events made."),
	ATTR(TOTALS, EVENTS_LOST, "events_lost", U64, NONE, COUNTER,
	     "Events not sent: no memory, or too many waiting.", .metric = "lost_events"),
};

const struct attr_set totals_attrs = { "totals", totals, ARRAY_SIZE(totals) };

static const struct attr decision[] = {
	ATTR(DECISION, SEQ, "seq", U64, NONE, NAME, "number"),
	ATTR(DECISION, TIME, "time", U64, NS, NAME, "when, CLOCK_MONOTONIC"),
	ATTR(DECISION, REPEATS, "repeats", U32, NONE, NAME, "how often it was decided again"),
	ATTR(DECISION, TRIGGER, "trigger", U32, NONE, NAME, "why the controller acted",
	     .words = &triggers),
	ATTR(DECISION, FREE, "free", U64, BYTES, NAME, "free memory then"),
	ATTR(DECISION, LOW, "low", U64, BYTES, NAME, "low watermark then"),
	ATTR(DECISION, HIGH, "high", U64, BYTES, NAME, "high watermark then"),
	ATTR(DECISION, DEMAND, "demand", U64, RATE, NAME, "demand of the reserves"),
	ATTR(DECISION, CHOICE, "choice", U32, NONE, NAME, "why this victim, or why none",
	     .words = &choices),
	ATTR(DECISION, CANDIDATES, "candidates", U32, NONE, NAME, "cgroups that were looked at"),
	ATTR(DECISION, CGROUP_ID, "cgroup_id", U64, NONE, NAME, "the victim"),
	ATTR(DECISION, CGROUP_PATH, "cgroup_path", STRING, NONE, NAME, "its path"),
	ATTR(DECISION, FILE, "file", U64, BYTES, NAME, "file cache it had"),
	ATTR(DECISION, ANON, "anon", U64, BYTES, NAME, "anonymous memory it had"),
	ATTR(DECISION, ASKED, "asked", U64, BYTES, NAME, "bytes asked for"),
	ATTR(DECISION, GOT, "got", U64, BYTES, NAME, "bytes got"),
	ATTR(DECISION, ERROR, "error", S32, NONE, NAME, "0 or -errno of the step"),
	ATTR(DECISION, WALL_NS, "wall_ns", U64, NS, NAME, "how long the step took"),
	ATTR(DECISION, CPU_NS, "cpu_ns", U64, NS, NAME, "of this, CPU time"),
	ATTR(DECISION, REFAULTS, "refaults", U64, BYTES, NAME,
	     "what the victim read back since the step before"),
	ATTR(DECISION, PRESSURE_PCT, "pressure_pct", U32, PERCENT, NAME,
	     "how long its tasks stalled on memory since then"),
	ATTR(DECISION, BACKOFF, "backoff", U32, NONE, NAME, "back-off that followed",
	     .words = &backoffs),
	ATTR(DECISION, WITHIN, "within", STRING, NONE, NAME,
	     "cgroup at whose memory limit it was short"),
};

const struct attr_set decision_attrs = { "decision", decision, ARRAY_SIZE(decision) };

static const struct attr event[] = {
	ATTR(EVENT, SEQ, "seq", U64, NONE, NAME, "number"),
	ATTR(EVENT, TIME, "time", U64, NS, NAME, "when, CLOCK_MONOTONIC"),
	ATTR(EVENT, TYPE, "type", U32, NONE, NAME, "what happened", .words = &event_types),
	ATTR(EVENT, CLIENT_ID, "client_id", U32, NONE, NAME, "the client"),
	ATTR(EVENT, READY, "ready", U64, BYTES, NAME, "its ready memory"),
	ATTR(EVENT, TARGET, "target", U64, BYTES, NAME, "its target"),
	ATTR(EVENT, MISSES, "misses", U64, NONE, NAME, "misses since its last such event"),
	ATTR(EVENT, CAUSE, "cause", U32, NONE, NAME, "their cause", .words = &causes),
	ATTR(EVENT, CGROUP_ID, "cgroup_id", U64, NONE, NAME, "the cgroup"),
	ATTR(EVENT, CGROUP_PATH, "cgroup_path", STRING, NONE, NAME, "where it was"),
	ATTR(EVENT, DECISION, "decision", DECISION, NONE, NAME, "the step"),
};

const struct attr_set event_attrs = { "event", event, ARRAY_SIZE(event) };

const struct attr_set *attrs_of(enum hermes_cmd cmd)
{
	static const struct attr_set *const sets[] = {
		[HERMES_CMD_CLIENT_GET] = &client_attrs,
		[HERMES_CMD_CLIENT_SET] = &client_attrs,
		[HERMES_CMD_CGROUP_ADD] = &cgroup_attrs,
		[HERMES_CMD_CGROUP_SET] = &cgroup_attrs,
		[HERMES_CMD_CGROUP_DEL] = &cgroup_attrs,
		[HERMES_CMD_CGROUP_GET] = &cgroup_attrs,
		[HERMES_CMD_POLICY_GET] = &policy_attrs,
		[HERMES_CMD_POLICY_SET] = &policy_attrs,
		[HERMES_CMD_TOTALS_GET] = &totals_attrs,
		[HERMES_CMD_DECISION_GET] = &decision_attrs,
		[HERMES_CMD_DRY_RUN] = &decision_attrs,
		[HERMES_CMD_EVENT] = &event_attrs,
	};

	return sets[cmd];
}

const struct attr *attr_find(const struct attr_set *set, unsigned int number)
{
	return number < set->n && set->attrs[number].name ? &set->attrs[number] : NULL;
}

unsigned int attr_by_key(const struct attr_set *set, const char *key)
{
	unsigned int i;

	for (i = 0; i < set->n; i++)
		if (set->attrs[i].key && !strcmp(set->attrs[i].key, key))
			return i;
	return 0;
}

const char *attr_word(const struct attr *attr, uint64_t value)
{
	const char *name = NULL;

	if (attr->words && value < ATTR_WORDS_MAX)
		name = attr->words->names[value];
	return name ? name : "unknown";
}
