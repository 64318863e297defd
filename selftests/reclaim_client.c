// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the reserves and the controller tell each other: misses and refills
 * wake it, misses are counted by cause, and the refill's CPU time is accounted
 * and bounded.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "hermes_pressure.h"

#define BEST_EFFORT	HERMES_CGROUP_BEST_EFFORT
#define MIN_FREE	"/proc/sys/vm/min_free_kbytes"
#define RESERVE_RATIO	"/proc/sys/vm/lowmem_reserve_ratio"
#define CAUSES		(HERMES_A_CLIENT_MISS_UNASKED - \
			 HERMES_A_CLIENT_MISS_BURST + 1)
#define PAGES		16
/* What a budget saves up, in time of it. */
#define CPU_BURST_MS	200

static uint64_t client_count(struct hermes_nl *nl, struct hermes_client *c,
			     uint16_t attr)
{
	struct nl_attrs client;

	return nl_client_get(nl, c->info.client_id, &client) ?
		       ~0ULL : nl_u64(&client, attr);
}

/* Whether misses of that cause are there, and all causes make up the whole. */
static bool missed_for(struct hermes_nl *nl, struct hermes_client *c,
		       uint16_t attr, uint64_t least)
{
	struct nl_attrs client;
	uint64_t sum = 0;

	if (nl_client_get(nl, c->info.client_id, &client))
		return false;
	for (int i = 0; i < CAUSES; i++)
		sum += nl_u64(&client, HERMES_A_CLIENT_MISS_BURST + i);
	if (sum != nl_u64(&client, HERMES_A_CLIENT_MISSES)) {
		fprintf(stderr, "# %lu misses, but %lu by cause\n",
			(long)nl_u64(&client, HERMES_A_CLIENT_MISSES),
			(long)sum);
		return false;
	}
	if (nl_u64(&client, attr) >= least)
		return true;
	for (int i = 0; i < CAUSES; i++)
		fprintf(stderr, "# cause %d: %lu misses\n", i,
			(long)nl_u64(&client, HERMES_A_CLIENT_MISS_BURST + i));
	return false;
}

static void touch(char *mem, int pages)
{
	for (int i = 0; i < pages; i++)
		*(volatile char *)(mem + i * PAGE_BYTES) = 1;
}

FIXTURE(demand)
{
	struct stage s;
	struct job a;
	struct hermes_client c;
	long min_free;
	char ratio[64];
};

FIXTURE_SETUP(demand)
{
	memset(self, 0, sizeof(*self));
	if (!have_scratch())
		SKIP(_exit(255), "no disk at /scratch");
	self->min_free = read_long(MIN_FREE);
	ASSERT_LT(0, self->min_free);
	ASSERT_LT(0, read_text(RESERVE_RATIO, self->ratio, sizeof(self->ratio)));
	ASSERT_EQ(0, stage_open(&self->s));
	ASSERT_EQ(0, job_create(&self->a, NULL, "a"));
	ASSERT_EQ(0, hermes_open(&self->c));
}

FIXTURE_TEARDOWN(demand)
{
	write_long(MIN_FREE, self->min_free);
	write_text(RESERVE_RATIO, self->ratio);
	stage_release(&self->s);
	hermes_close(&self->c);
	job_destroy(&self->a);
	stage_close(&self->s);
}

static bool triggered(struct stage *s, uint32_t trigger)
{
	stage_look(s);
	for (int i = 0; i < s->nr; i++)
		if (s->log[i].trigger == trigger)
			return true;
	return false;
}

/* Between the watermarks nothing happens by itself, but when a client misses. */
TEST_F(demand, miss_wakes)
{
	struct stage *s = &self->s;
	char *arena;

	ASSERT_EQ(0, job_cache(&self->a, 48 * MIB, 1));
	ASSERT_EQ(0, stage_add(s, &self->a, BEST_EFFORT, NULL));
	arena = hermes_arena(&self->c, 4 * MIB);
	ASSERT_NE(MAP_FAILED, arena);
	ASSERT_EQ(0, stage_press(s, -16 * (long)MIB, 32 * MIB));
	sleep_ms(200);
	EXPECT_EQ(0, stage_look(s));
	for (int i = 0; i < 64; i++) {
		touch(arena + i * PAGES * PAGE_BYTES, PAGES);
		sleep_ms(5);
	}
	EXPECT_TRUE(wait_until(triggered(s, HERMES_TRIGGER_MISS)))
		stage_show(s);
	EXPECT_TRUE(wait_until(stage_at_high(s)))
		stage_show(s);
	EXPECT_TRUE(stage_took_from(s, &self->a));
}

/*
 * Asks for a reserve again and again. What cannot be had from a is tried and
 * decided anew each time, not folded: each decision shows why it was taken.
 */
static bool refill_triggers(struct stage *s, struct hermes_client *c,
			    size_t len)
{
	hermes_set_reserve(c, 0, 0);
	hermes_set_reserve(c, len, len);
	hermes_doorbell(c);
	return triggered(s, HERMES_TRIGGER_REFILL);
}

/*
 * A refill that finds no page: the kernel's own low watermark is raised above
 * what is free, but not the one that everybody else waits at.
 */
TEST_F(demand, refill_wakes)
{
	const struct nl_cgroup_conf anon = { .anon = 1 };
	struct stage *s = &self->s;
	const size_t len = 16 * MIB;
	const size_t room = 32 * len;
	char *arena = hermes_arena(&self->c, room);
	long kb;

	ASSERT_NE(MAP_FAILED, arena);
	ASSERT_EQ(0, cg_write(self->a.cgroup, "memory.swap.max", "0"));
	ASSERT_EQ(0, job_anon(&self->a, 32 * MIB));
	ASSERT_EQ(0, stage_add(s, &self->a, BEST_EFFORT, &anon));
	ASSERT_EQ(0, stage_set(s, HERMES_A_POLICY_BACKOFF_MS, 1));
	ASSERT_EQ(0, stage_set(s, HERMES_A_POLICY_BACKOFF_MAX_MS, 10));
	ASSERT_EQ(0, stage_set(s, HERMES_A_POLICY_STEP, 64 * 1024));
	/* The timer looks seldom. */
	ASSERT_EQ(0, stage_set(s, HERMES_A_POLICY_POLL_MS, 10000));
	ASSERT_EQ(0, stage_press(s, -16 * (long)MIB, 0));
	/* Other zones than the large one are for others, as on a large machine. */
	ASSERT_EQ(0, write_text(RESERVE_RATIO, "1 256 32 0 0"));
	kb = meminfo_kb("MemFree") * 100 / 112;
	ASSERT_EQ(0, write_long(MIN_FREE, kb));
	ASSERT_EQ(0, hermes_set_reserve(&self->c, len, len));
	/* What is ready is given up each time, and with it the extent. */
	ASSERT_EQ(0, hermes_fill_add(&self->c, arena, room));
	EXPECT_TRUE(wait_until(refill_triggers(s, &self->c, len)))
		stage_show(s);
	ASSERT_EQ(0, write_long(MIN_FREE, self->min_free));
	EXPECT_EQ(0, hermes_wait_ready(&self->c, len));
}

FIXTURE(cause)
{
	struct hermes_nl nl;
	struct hermes_client c;
	char cgroup[CG_PATH_MAX];
	uint64_t refill_pct;
	long total_max;
};

FIXTURE_SETUP(cause)
{
	memset(self, 0, sizeof(*self));
	self->total_max = module_param_get("total_max_bytes");
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, nl_policy_get(&self->nl, HERMES_A_POLICY_REFILL_CPU_PCT,
				   &self->refill_pct));
	ASSERT_EQ(0, cg_create(self->cgroup, NULL, "cause"));
	ASSERT_EQ(0, hermes_open(&self->c));
}

FIXTURE_TEARDOWN(cause)
{
	EXPECT_EQ(0, nl_policy_set(&self->nl, HERMES_A_POLICY_REFILL_CPU_PCT,
				   self->refill_pct));
	EXPECT_EQ(0, module_param_set("total_max_bytes", self->total_max));
	hermes_close(&self->c);
	nl_close(&self->nl);
	cg_leave();
	cg_remove(self->cgroup);
}

/* An arena with a reserve of @len of it, which has come to rest. */
static char *at_rest(struct hermes_client *c, size_t len, size_t arena_len)
{
	char *arena = hermes_arena(c, arena_len);
	struct hermes_stats stats;

	if (arena == MAP_FAILED || hermes_set_reserve(c, len, len) ||
	    hermes_fill_add(c, arena, arena_len) ||
	    !wait_until(!hermes_get_stats(c, &stats) &&
			(stats.ready_bytes >= len || stats.limit_memcg ||
			 stats.limit_module)))
		return NULL;
	/* The worker runs at least once more. */
	return hermes_doorbell(c) || hermes_wait_asleep(c) ? NULL : arena;
}

TEST_F(cause, unasked)
{
	char *arena = hermes_arena(&self->c, MIB);

	ASSERT_NE(MAP_FAILED, arena);
	touch(arena, PAGES);
	EXPECT_TRUE(missed_for(&self->nl, &self->c,
			       HERMES_A_CLIENT_MISS_UNASKED, PAGES));
	EXPECT_EQ(PAGES, client_count(&self->nl, &self->c,
				      HERMES_A_CLIENT_MISSES));
}

TEST_F(cause, burst)
{
	char *arena = at_rest(&self->c, MIB, 16 * MIB);

	ASSERT_NE(NULL, arena);
	touch(arena + 12 * MIB, PAGES);
	EXPECT_TRUE(missed_for(&self->nl, &self->c, HERMES_A_CLIENT_MISS_BURST,
			       PAGES));
}

TEST_F(cause, maximum_of_reserve)
{
	char *arena = at_rest(&self->c, 0, 16 * MIB);

	ASSERT_NE(NULL, arena);
	/* From the first run of the worker on. */
	EXPECT_TRUE(wait_until((touch(arena, 1), arena += PAGE_BYTES,
				client_count(&self->nl, &self->c,
					     HERMES_A_CLIENT_MISS_MODULE))));
}

TEST_F(cause, maximum_of_module)
{
	char *arena;

	ASSERT_EQ(0, module_param_set("total_max_bytes", 4 * MIB));
	arena = at_rest(&self->c, 16 * MIB, 16 * MIB);
	ASSERT_NE(NULL, arena);
	touch(arena + 12 * MIB, PAGES);
	EXPECT_TRUE(missed_for(&self->nl, &self->c, HERMES_A_CLIENT_MISS_MODULE,
			       PAGES));
}

/* The test itself enters the cgroup: what it had is charged elsewhere. */
TEST_F(cause, limit_of_cgroup)
{
	static struct hermes_nl events;
	struct hermes_stats stats;
	struct nl_attrs e;
	char *arena;

	ASSERT_EQ(0, nl_open(&events));
	ASSERT_EQ(0, nl_subscribe(&events));
	ASSERT_EQ(0, cg_write_long(self->cgroup, "memory.max", 16 * MIB));
	ASSERT_EQ(0, cg_enter(self->cgroup));
	hermes_close(&self->c);
	ASSERT_EQ(0, hermes_open(&self->c));
	arena = at_rest(&self->c, 32 * MIB, 32 * MIB);
	ASSERT_NE(NULL, arena);
	ASSERT_EQ(0, hermes_get_stats(&self->c, &stats));
	ASSERT_GT(stats.limit_memcg, 0);
	/* The refill cannot bring it over the low watermark, and says so. */
	ASSERT_EQ(0, nl_event_of(&events, HERMES_EVENT_RESERVE_LOW, &e));
	EXPECT_EQ(self->c.info.client_id,
		  nl_u32(&e, HERMES_A_EVENT_CLIENT_ID));
	/* At first it has no memory to fill, then no time; one may be all. */
	EXPECT_LE(HERMES_A_CLIENT_MISS_BURST, nl_u32(&e, HERMES_A_EVENT_CAUSE));
	EXPECT_GE(HERMES_A_CLIENT_MISS_UNASKED,
		  nl_u32(&e, HERMES_A_EVENT_CAUSE));
	EXPECT_LT(nl_u64(&e, HERMES_A_EVENT_READY), stats.target_bytes);
	nl_close(&events);
	touch(arena + 30 * MIB, PAGES);
	EXPECT_TRUE(missed_for(&self->nl, &self->c, HERMES_A_CLIENT_MISS_MEMCG,
			       1));
}

TEST_F(cause, shrinker)
{
	struct hermes_stats stats;
	char *arena;

	ASSERT_EQ(0, cg_enter(self->cgroup));
	hermes_close(&self->c);
	ASSERT_EQ(0, hermes_open(&self->c));
	arena = at_rest(&self->c, 16 * MIB, 16 * MIB);
	ASSERT_NE(NULL, arena);
	/* Idle after a second: then reclaim of its cgroup takes it. */
	ASSERT_TRUE(wait_until(cg_write_long(self->cgroup, "memory.reclaim",
					     16 * MIB) < 1 &&
			       !hermes_get_stats(&self->c, &stats) &&
			       !stats.ready_bytes));
	touch(arena, 1);
	EXPECT_TRUE(missed_for(&self->nl, &self->c, HERMES_A_CLIENT_MISS_SHRINK,
			       1));
}

/* Takes what is ready as it comes, for some time; returns how long, ms. */
static uint64_t consume(struct hermes_client *c, uint64_t ms)
{
	const size_t len = 64 * MIB;
	uint64_t start = now_ms();
	char *arena = NULL;

	do {
		uint64_t word = hermes_pop(c);

		if (word)
			touch((char *)HERMES_READY_ADDR(word),
			      HERMES_READY_PAGES(word));
		else if (c->ctl->flags & HERMES_CONTROL_NEED_DOORBELL)
			hermes_doorbell(c);
		if (c->ctl->fill_prod != c->ctl->fill_cons)
			continue;
		if (arena)
			munmap(arena, len);
		arena = hermes_arena(c, len);
		hermes_fill_add(c, arena, len);
	} while (now_ms() - start < ms);
	touch(arena + len - PAGES * PAGE_BYTES, PAGES);
	return now_ms() - start;
}

TEST_F(cause, refill_cpu_is_bounded)
{
	uint64_t ns, total, ms, most;

	ASSERT_EQ(0, nl_policy_set(&self->nl, HERMES_A_POLICY_REFILL_CPU_PCT,
				   1));
	ASSERT_EQ(0, hermes_set_reserve(&self->c, 16 * MIB, 16 * MIB));
	total = nl_total(&self->nl, HERMES_A_TOTALS_REFILL_NS);
	ns = client_count(&self->nl, &self->c, HERMES_A_CLIENT_REFILL_NS);
	ms = consume(&self->c, 4000);
	ns = client_count(&self->nl, &self->c, HERMES_A_CLIENT_REFILL_NS) - ns;
	total = nl_total(&self->nl, HERMES_A_TOTALS_REFILL_NS) - total;
	/* What was granted at 50 % before, and the run that used it up. */
	most = (CPU_BURST_MS / 2 + ms / 100 + 100) * 1000000;
	TH_LOG("%lu us of refill in %lu ms", (long)ns / 1000, (long)ms);
	EXPECT_GT(ns, 0);
	EXPECT_LE(ns, most);
	EXPECT_GE(total, ns);
	EXPECT_GT(client_count(&self->nl, &self->c, HERMES_A_CLIENT_THROTTLED),
		  0);
	EXPECT_TRUE(missed_for(&self->nl, &self->c, HERMES_A_CLIENT_MISS_CPU,
			       1));
}

/* However little CPU time there is, the reserve is filled in the end. */
TEST_F(cause, throttled_refill_goes_on)
{
	const size_t len = 32 * MIB;
	char *arena = hermes_arena(&self->c, len);

	ASSERT_NE(MAP_FAILED, arena);
	ASSERT_EQ(0, nl_policy_set(&self->nl, HERMES_A_POLICY_REFILL_CPU_PCT,
				   2));
	ASSERT_EQ(0, hermes_set_reserve(&self->c, len, len));
	ASSERT_EQ(0, hermes_fill_add(&self->c, arena, len));
	EXPECT_EQ(0, hermes_wait_ready(&self->c, len));
	EXPECT_GT(client_count(&self->nl, &self->c, HERMES_A_CLIENT_THROTTLED),
		  0);
}

/* Pages that are given back are zeroed by the worker: on the same budget. */
TEST_F(cause, zeroing_is_bounded)
{
	const size_t len = MIB;
	uint64_t start, ns, ms, given = 0;
	char *mem = hermes_ready_range(&self->c, len);

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, hermes_set_reserve(&self->c, 32 * MIB, 32 * MIB));
	ASSERT_EQ(0, nl_policy_set(&self->nl, HERMES_A_POLICY_REFILL_CPU_PCT,
				   1));
	ns = client_count(&self->nl, &self->c, HERMES_A_CLIENT_REFILL_NS);
	start = now_ms();
	do {
		uint64_t mapped = 0, recycled = 0;

		ASSERT_EQ(0, hermes_give(&self->c, mem, len, NULL, &recycled));
		given += recycled;
		hermes_take(&self->c, mem, len, &mapped);
		touch(mem, mapped / PAGE_BYTES);
	} while (now_ms() - start < 4000);
	ms = now_ms() - start;
	ns = client_count(&self->nl, &self->c, HERMES_A_CLIENT_REFILL_NS) - ns;
	TH_LOG("%lu us of refill in %lu ms, %lu MiB given back", (long)ns / 1000,
	       (long)ms, (long)(given / MIB));
	EXPECT_LE(ns, (CPU_BURST_MS / 2 + ms / 100 + 100) * 1000000);
}

TEST_HARNESS_MAIN
