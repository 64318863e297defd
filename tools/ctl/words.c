// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "text.h"
#include "words.h"

#define DECISION(_name)	HERMES_A_DECISION_##_name

static bool same(const struct record *a, const struct record *b, unsigned int attr)
{
	return record_number(a, attr) == record_number(b, attr);
}

static bool belongs(const struct record *a, const struct record *b)
{
	return record_has(a, DECISION(CGROUP_ID)) == record_has(b, DECISION(CGROUP_ID)) &&
	       same(a, b, DECISION(CGROUP_ID)) && same(a, b, DECISION(CHOICE)) &&
	       same(a, b, DECISION(TRIGGER)) && same(a, b, DECISION(ERROR)) &&
	       same(a, b, DECISION(BACKOFF)) &&
	       !strcmp(record_text(a, DECISION(WITHIN)), record_text(b, DECISION(WITHIN)));
}

size_t story_next(struct story *story, const struct record_list *decisions, size_t from)
{
	size_t i;

	*story = (struct story){ 0 };
	for (i = from; i < decisions->n; i++) {
		const struct record *d = &decisions->records[i];

		if (i == from)
			story->first = d;
		else if (!belongs(story->first, d))
			break;
		story->last = d;
		story->count += 1 + record_number(d, DECISION(REPEATS));
		story->asked += record_number(d, DECISION(ASKED));
		story->got += record_number(d, DECISION(GOT));
		story->wall_ns += record_number(d, DECISION(WALL_NS));
		story->cpu_ns += record_number(d, DECISION(CPU_NS));
		story->refaults += record_number(d, DECISION(REFAULTS));
	}
	return i - from;
}

static void print_path(const struct record *d, unsigned int attr)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s", record_text(d, attr));
	text_clean(path);
	fputs(path, stdout);
}

void words_cause(const struct record *d)
{
	static const char *const triggers[] = {
		[HERMES_TRIGGER_WATERMARK] = "free memory fell below the low watermark",
		[HERMES_TRIGGER_REFILL] = "a refill found no free page",
		[HERMES_TRIGGER_MISS] = "a client missed",
		[HERMES_TRIGGER_STALL] = "the kernel's own reclaim was at work",
		[HERMES_TRIGGER_DRY_RUN] = "somebody asked",
	};
	uint64_t trigger = record_number(d, DECISION(TRIGGER));
	char free[UNITS_LEN], low[UNITS_LEN], high[UNITS_LEN], demand[UNITS_LEN];

	printf("%s (", trigger < sizeof(triggers) / sizeof(*triggers) && triggers[trigger] ?
	       triggers[trigger] : "of a reason that hermesctl does not know");
	if (record_has(d, DECISION(WITHIN))) {
		printf("below the memory limit of ");
		print_path(d, DECISION(WITHIN));
		printf(": ");
	}
	printf("%s free, watermarks %s to %s, demand %s)",
	       record_human(free, d, DECISION(FREE)), record_human(low, d, DECISION(LOW)),
	       record_human(high, d, DECISION(HIGH)), record_human(demand, d, DECISION(DEMAND)));
}

void words_choice(const struct record *d)
{
	static const char *const none[] = {
		[HERMES_CHOICE_NOBODY] = "no best-effort cgroup is registered (hermesctl auto)",
		[HERMES_CHOICE_EMPTY] = "none has anything to give above its minimum",
		[HERMES_CHOICE_NO_SWAP] = "there is only anonymous memory, and no free swap",
		[HERMES_CHOICE_BACKOFF] = "those that have are all backing off",
		[HERMES_CHOICE_RATE] = "those that have are all at their rate limit",
		[HERMES_CHOICE_ENOUGH] = "enough memory is free",
		[HERMES_CHOICE_DISABLED] = "the policy says so (policy set enabled=yes)",
	};
	uint64_t choice = record_number(d, DECISION(CHOICE));
	char file[UNITS_LEN], anon[UNITS_LEN];
	unsigned int candidates = (unsigned int)record_number(d, DECISION(CANDIDATES));

	if (choice != HERMES_CHOICE_FILE && choice != HERMES_CHOICE_ANON) {
		printf("Nobody: %s; candidates: %u.",
		       choice < sizeof(none) / sizeof(*none) && none[choice] ?
		       none[choice] : "of a reason that hermesctl does not know", candidates);
		return;
	}
	print_path(d, DECISION(CGROUP_PATH));
	if (choice == HERMES_CHOICE_FILE)
		printf(": it has the most file cache, by weight");
	else
		printf(": no file cache is left, and it has the most anonymous memory, by weight");
	printf(" (%s of files, %s anonymous; candidates: %u).",
	       record_human(file, d, DECISION(FILE)), record_human(anon, d, DECISION(ANON)),
	       candidates);
}

static void print_backoff(const struct record *d)
{
	static const char *const reasons[] = {
		[HERMES_BACKOFF_YIELD] = "the last steps got little",
		[HERMES_BACKOFF_REFAULT] = "it read back much of what was reclaimed",
		[HERMES_BACKOFF_PRESSURE] = "its tasks stalled on memory",
		[HERMES_BACKOFF_ERROR] = "the step failed",
	};
	uint64_t reason = record_number(d, DECISION(BACKOFF));

	if (!reason)
		return;
	printf(" Then it was left alone for a while: %s.",
	       reason < sizeof(reasons) / sizeof(*reasons) ? reasons[reason] : "unknown reason");
}

void words_outcome(const struct story *s)
{
	char asked[UNITS_LEN], got[UNITS_LEN], wall[UNITS_LEN], cpu[UNITS_LEN], back[UNITS_LEN];
	int64_t error = (int64_t)record_number(s->last, DECISION(ERROR));

	printf("Asked for %s, got %s in %s (CPU %s).",
	       units_human(asked, UNIT_BYTES, s->asked), units_human(got, UNIT_BYTES, s->got),
	       units_human(wall, UNIT_NS, s->wall_ns), units_human(cpu, UNIT_NS, s->cpu_ns));
	if (error && error != -EAGAIN)
		printf(" It failed: %s.", strerror((int)-error));
	if (s->refaults || record_number(s->last, DECISION(PRESSURE_PCT)))
		printf(" It read back %s, and its tasks stalled on memory %u%% of the time.",
		       units_human(back, UNIT_BYTES, s->refaults),
		       (unsigned int)record_number(s->last, DECISION(PRESSURE_PCT)));
	print_backoff(s->last);
}
