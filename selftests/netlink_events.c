// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family: events, in order and without gaps for who reads
 * them; who does not learns that some were lost, and harms nobody.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "hermes_nl.h"
#include "hermes_util.h"

#ifndef SO_RCVBUFFORCE
#define SO_RCVBUFFORCE	33
#endif

#define PAGES		40
/* Of a listener that loses nothing, and of one that loses much. */
#define WIDE		(16 << 20)
#define NARROW		1
/* Steps that a listener waits for. */
#define STEPS		100
/* What the best-effort job has to give, and what it is asked for at a time. */
#define CACHE		(48 * MIB)
#define STEP		(64 << 10)
#define SCRATCH		"/scratch"

static int set_buffer(struct hermes_nl *nl, int bytes)
{
	return setsockopt(nl->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes,
			  sizeof(bytes)) ? -errno : 0;
}

/* First writes to pages of an arena where nothing is ready. */
static int miss_pages(struct hermes_client *c, size_t pages)
{
	char *arena = hermes_arena(c, pages * PAGE_BYTES);

	if (arena == MAP_FAILED)
		return -errno;
	stamp_pages(arena, pages * PAGE_BYTES, 1);
	return munmap(arena, pages * PAGE_BYTES) ? -errno : 0;
}

FIXTURE(events)
{
	struct hermes_nl nl;
	struct hermes_nl events;
	struct hermes_client c;
};

FIXTURE_SETUP(events)
{
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, nl_open(&self->events));
	ASSERT_EQ(0, set_buffer(&self->events, WIDE));
	ASSERT_EQ(0, nl_subscribe(&self->events));
	ASSERT_EQ(0, hermes_open(&self->c));
}

FIXTURE_TEARDOWN(events)
{
	hermes_close(&self->c);
	nl_close(&self->events);
	nl_close(&self->nl);
}

TEST_F(events, misses)
{
	uint64_t misses = 0, before = now_ms() * 1000000;
	uint32_t id = self->c.info.client_id;
	struct nl_attrs e;

	/* At most ten are told a second: the rest with the next. */
	while (misses < 10 * PAGES) {
		ASSERT_EQ(0, miss_pages(&self->c, PAGES));
		ASSERT_EQ(0, nl_event_of(&self->events, HERMES_EVENT_MISSES,
					 &e));
		ASSERT_TRUE(nl_has(&e, HERMES_A_EVENT_SEQ, 8));
		ASSERT_TRUE(nl_has(&e, HERMES_A_EVENT_READY, 8));
		ASSERT_TRUE(nl_has(&e, HERMES_A_EVENT_TARGET, 8));
		EXPECT_LE(before, nl_u64(&e, HERMES_A_EVENT_TIME));
		EXPECT_EQ(id, nl_u32(&e, HERMES_A_EVENT_CLIENT_ID));
		EXPECT_EQ(HERMES_A_CLIENT_MISS_UNASKED,
			  nl_u32(&e, HERMES_A_EVENT_CAUSE));
		EXPECT_LT(0, nl_u64(&e, HERMES_A_EVENT_MISSES));
		EXPECT_FALSE(e.at[HERMES_A_EVENT_DECISION]);
		EXPECT_FALSE(e.at[HERMES_A_EVENT_CGROUP_ID]);
		misses += nl_u64(&e, HERMES_A_EVENT_MISSES);
		sleep_ms(100);
	}
	ASSERT_EQ(0, nl_client_get(&self->nl, id, &e));
	EXPECT_LE(misses, nl_u64(&e, HERMES_A_CLIENT_MISSES));
}

/* None are made while nobody listens. */
TEST_F(events, numbers_without_gaps)
{
	uint64_t made, seq = 0;
	struct nl_attrs e;

	for (int i = 0; i < 5; i++) {
		ASSERT_EQ(0, miss_pages(&self->c, PAGES));
		ASSERT_EQ(0, nl_event(&self->events, &e, WAIT_MS));
		if (seq)
			EXPECT_EQ(seq + 1, nl_u64(&e, HERMES_A_EVENT_SEQ));
		seq = nl_u64(&e, HERMES_A_EVENT_SEQ);
		sleep_ms(120);
	}
	/* Those that the last misses are told with, too. */
	while (!nl_event(&self->events, &e, 300))
		;
	nl_close(&self->events);
	made = nl_total(&self->nl, HERMES_A_TOTALS_EVENTS);
	EXPECT_LE(seq, made);
	ASSERT_EQ(0, miss_pages(&self->c, PAGES));
	ASSERT_EQ(0, hermes_wait_asleep(&self->c));
	EXPECT_EQ(made, nl_total(&self->nl, HERMES_A_TOTALS_EVENTS));
	EXPECT_EQ(0, nl_total(&self->nl, HERMES_A_TOTALS_EVENTS_LOST));
}

/* What a job of another cgroup holds, so that little is free. */
static void hold_memory(long leave_kb)
{
	long kb = meminfo_kb("MemFree") - leave_kb;

	if (kb > 0)
		CHILD_CHECK(mmap(NULL, kb << 10, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
				 -1, 0) != MAP_FAILED);
}

/* In small writes: a kernel with large folios would give all in a few steps. */
static void fill_cache(const char *cgroup)
{
	static char block[PAGE_BYTES];
	int fd;

	CHILD_CHECK(!cg_enter(cgroup));
	fd = open(SCRATCH "/netlink_events", O_CREAT | O_TRUNC | O_RDWR, 0600);
	CHILD_CHECK(fd >= 0);
	for (size_t i = 0; i < CACHE; i += sizeof(block))
		CHILD_CHECK(write(fd, block, sizeof(block)) == sizeof(block));
	CHILD_CHECK(!fsync(fd));
	CHILD_CHECK(!unlink(SCRATCH "/netlink_events"));
}

static void job(const char *cgroup, struct gate *ready, struct gate *end)
{
	fill_cache(cgroup);
	gate_open(ready);
	CHILD_CHECK(gate_wait(end));
	_exit(0);
}

static void hog(long leave_kb, struct gate *ready, struct gate *end)
{
	hold_memory(leave_kb);
	gate_open(ready);
	CHILD_CHECK(gate_wait(end));
	_exit(0);
}

FIXTURE(steps)
{
	struct hermes_nl nl;
	struct hermes_nl events;
	struct gate ready, end;
	char cgroup[CG_PATH_MAX];
	pid_t job, hog;
};

static const struct {
	uint16_t attr;
	uint64_t value;
} eager[] = {
	{ HERMES_A_POLICY_STEP, STEP },
	{ HERMES_A_POLICY_RATE, 0 },
	{ HERMES_A_POLICY_CPU_PCT, 100 },
	{ HERMES_A_POLICY_YIELD_PCT, 0 },
	{ HERMES_A_POLICY_REFAULT_PCT, 1000 },
	{ HERMES_A_POLICY_PRESSURE_PCT, 100 },
	{ HERMES_A_POLICY_POLL_MS, 10 },
};

static uint64_t usual[ARRAY_SIZE(eager)];
static uint64_t usual_gap;

FIXTURE_SETUP(steps)
{
	if (access(SCRATCH, W_OK))
		SKIP(_exit(255), "no disk at " SCRATCH);
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, nl_open(&self->events));
	ASSERT_EQ(0, set_buffer(&self->events, WIDE));
	ASSERT_EQ(0, nl_subscribe(&self->events));
	ASSERT_EQ(0, gate_init(&self->ready));
	ASSERT_EQ(0, gate_init(&self->end));
	ASSERT_EQ(0, cg_create(self->cgroup, NULL, "events"));
	for (size_t i = 0; i < ARRAY_SIZE(eager); i++) {
		ASSERT_EQ(0, nl_policy_get(&self->nl, eager[i].attr,
					   &usual[i]));
		ASSERT_EQ(0, nl_policy_set(&self->nl, eager[i].attr,
					   eager[i].value));
	}
	ASSERT_EQ(0, nl_policy_get(&self->nl, HERMES_A_POLICY_GAP, &usual_gap));
	self->job = fork();
	if (!self->job)
		job(self->cgroup, &self->ready, &self->end);
	ASSERT_TRUE(gate_wait(&self->ready));
	self->hog = fork();
	if (!self->hog)
		hog(180 << 10, &self->ready, &self->end);
	ASSERT_TRUE(gate_wait(&self->ready));
	ASSERT_EQ(0, nl_cgroup_add(&self->nl, self->cgroup,
				   HERMES_CGROUP_BEST_EFFORT, NULL));
}

FIXTURE_TEARDOWN(steps)
{
	gate_open(&self->end);
	gate_open(&self->end);
	EXPECT_EQ(0, child_exit(self->job));
	EXPECT_EQ(0, child_exit(self->hog));
	EXPECT_EQ(0, nl_policy_set(&self->nl, HERMES_A_POLICY_GAP, usual_gap));
	for (size_t i = 0; i < ARRAY_SIZE(eager); i++)
		EXPECT_EQ(0, nl_policy_set(&self->nl, eager[i].attr, usual[i]));
	cg_remove(self->cgroup);
	nl_close(&self->events);
	nl_close(&self->nl);
}

/* The controller wants more free memory than there is. */
static int want_memory(struct hermes_nl *nl)
{
	return nl_policy_set(nl, HERMES_A_POLICY_GAP,
			     nl_total(nl, HERMES_A_TOTALS_MEMORY) / 4);
}

/* Listen to that many steps; each event is the one after the one before. */
static int listen_to(struct hermes_nl *nl, const char *cgroup, int steps,
		     struct nl_decision *d)
{
	uint64_t seq = 0, id = nl_cgroup_id(cgroup);
	struct nl_attrs e, inner;
	int err;

	while (steps) {
		err = nl_event(nl, &e, WAIT_MS);
		if (err) {
			fprintf(stderr, "# %d steps are missing, file cache %llu, free %llu\n",
				steps, (unsigned long long)d->file,
				(unsigned long long)d->free);
			return err;
		}
		if (seq && nl_u64(&e, HERMES_A_EVENT_SEQ) != seq + 1)
			return -EPROTO;
		seq = nl_u64(&e, HERMES_A_EVENT_SEQ);
		if (nl_u32(&e, HERMES_A_EVENT_TYPE) != HERMES_EVENT_STEP)
			continue;
		nl_nested(&e, HERMES_A_EVENT_DECISION, &inner);
		nl_decision_parse(&inner, d);
		if (d->id != id || !d->seq || !d->trigger || !d->candidates ||
		    d->asked < STEP || strcmp(d->path, strrchr(cgroup, '/')))
			return -EBADMSG;
		steps--;
	}
	return 0;
}

/* The event of a step tells what is remembered of it as a decision. */
TEST_F(steps, in_order)
{
	static struct nl_decision all[256];
	struct nl_decision d = {};
	int nr, i;

	ASSERT_EQ(0, want_memory(&self->nl));
	ASSERT_EQ(0, listen_to(&self->events, self->cgroup, STEPS, &d));
	ASSERT_EQ(0, nl_policy_set(&self->nl, HERMES_A_POLICY_ENABLED, 0));
	nr = nl_decisions(&self->nl, all, ARRAY_SIZE(all));
	ASSERT_EQ(0, nl_policy_set(&self->nl, HERMES_A_POLICY_ENABLED, 1));
	ASSERT_LE(1, nr);
	for (i = 1; i < nr; i++)
		EXPECT_EQ(all[i - 1].seq + 1, all[i].seq);
	/* It may have been followed by 256 others already. */
	for (i = 0; i < nr && all[i].seq != d.seq; i++)
		;
	EXPECT_TRUE(i < nr ? !memcmp(&all[i], &d, sizeof(d)) :
			     d.seq < all[0].seq);
	EXPECT_LE(STEPS, nl_total(&self->nl, HERMES_A_TOTALS_STEPS));
}

/*
 * Reads what there is: how many, and how often it was told that some were
 * lost. Returns the number of the last one.
 */
static uint64_t read_all(struct hermes_nl *nl, unsigned int *told,
			 unsigned int *read)
{
	uint64_t seq = 0;

	struct nl_attrs e;
	int err;

	*told = 0;
	*read = 0;
	while ((err = nl_event(nl, &e, 0)) != -ETIMEDOUT) {
		*told += err == -ENOBUFS;
		*read += !err;
		seq = err ? seq : nl_u64(&e, HERMES_A_EVENT_SEQ);
	}
	return seq;
}

TEST_F(steps, slow_listener)
{
	static struct hermes_nl slow;
	unsigned int told, read;
	struct hermes_client c;
	struct nl_decision d = {};
	struct nl_attrs e;
	uint64_t seq;
	int err;

	ASSERT_EQ(0, nl_open(&slow));
	ASSERT_EQ(0, set_buffer(&slow, NARROW));
	ASSERT_EQ(0, nl_subscribe(&slow));
	ASSERT_EQ(0, want_memory(&self->nl));
	/* The one that reads gets all, though the other never reads. */
	ASSERT_EQ(0, listen_to(&self->events, self->cgroup, STEPS, &d));
	/* The module goes on serving. */
	ASSERT_EQ(0, hermes_open(&c));
	EXPECT_EQ(0, miss_pages(&c, PAGES));
	EXPECT_EQ(0, nl_total(&self->nl, HERMES_A_TOTALS_EVENTS_LOST));

	seq = read_all(&slow, &told, &read);
	EXPECT_LT(0, told);
	EXPECT_LT(0, read);
	EXPECT_GT(STEPS, read);
	/* From now on it reads: it goes on, after a gap. */
	ASSERT_EQ(0, set_buffer(&slow, WIDE));
	sleep_ms(120);
	EXPECT_EQ(0, miss_pages(&c, PAGES));
	/* It may have overflowed once more meanwhile. */
	while ((err = nl_event(&slow, &e, WAIT_MS)) == -ENOBUFS)
		;
	ASSERT_EQ(0, err);
	EXPECT_LT(seq + 1, nl_u64(&e, HERMES_A_EVENT_SEQ));
	hermes_close(&c);
	nl_close(&slow);
}

TEST_HARNESS_MAIN
