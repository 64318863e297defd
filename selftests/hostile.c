// SPDX-License-Identifier: GPL-2.0-only
/*
 * A client that writes nonsense into its control mapping harms its own reserve
 * at most: not the kernel, and no other client.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "hermes_util.h"

#define LEN		(MIB)
#define SCRIBBLE_MS	4000

FIXTURE(hostile)
{
	struct hermes_client c;
};

FIXTURE_SETUP(hostile)
{
	ASSERT_EQ(0, hermes_open(&self->c));
}

FIXTURE_TEARDOWN(hostile)
{
	hermes_close(&self->c);
}

/*
 * What a scribbler writes where; plausible words reach deeper. It goes on for
 * as long as @wanted says, if that is set, and SCRIBBLE_MS at least.
 */
struct scribbler {
	struct hermes_client *c;
	char *arena;
	pthread_t thread;
	uint64_t seed;
	const bool *wanted;
};

static bool is_wanted(const struct scribbler *s)
{
	return s->wanted && __atomic_load_n(s->wanted, __ATOMIC_RELAXED);
}

static uint64_t hostile_word(struct scribbler *s)
{
	uint64_t r = random_next(&s->seed);

	switch (r % 8) {
	case 0:
		return 0;
	case 1:
		return ~0ULL;
	case 2:
		return r << 32 | random_next(&s->seed);
	case 3:
		return (uintptr_t)s->arena + (r >> 8) % LEN;
	case 4:
		return (uintptr_t)s->arena + (r >> 8) % 256 * PAGE_BYTES;
	case 5:
		return ((uintptr_t)s->arena + (r >> 8) % 256 * PAGE_BYTES) | 16;
	case 6:
		return (uintptr_t)s->c->ctl;
	default:
		return (r >> 8) % 4096 * PAGE_BYTES;
	}
}

static void *scribble(void *arg)
{
	struct scribbler *s = arg;
	uint64_t *words = (uint64_t *)s->c->ctl;
	size_t count = s->c->info.control_bytes / sizeof(*words);
	uint64_t end = now_ms() + SCRIBBLE_MS;

	do {
		for (int i = 0; i < 4096; i++) {
			/* Half of them on the head and the fill ring. */
			size_t at = random_next(&s->seed) %
				    (i % 2 ? count : 1024);

			words[at] = hostile_word(s);
		}
		hermes_doorbell(s->c);
	} while (now_ms() < end || is_wanted(s));
	return NULL;
}

static void hostile_client(const bool *wanted)
{
	struct scribbler s[2];
	struct hermes_client c;
	char *arena;

	CHILD_CHECK(!hermes_open(&c));
	arena = hermes_arena(&c, LEN);
	CHILD_CHECK(!hermes_set_reserve(&c, LEN, LEN));
	CHILD_CHECK(!hermes_fill_add(&c, arena, LEN));
	for (int i = 0; i < 2; i++) {
		s[i] = (struct scribbler) { &c, arena, 0, i + 1, wanted };
		CHILD_CHECK(!pthread_create(&s[i].thread, NULL, scribble,
					    &s[i]));
	}
	for (int i = 0; i < 2; i++)
		CHILD_CHECK(!pthread_join(s[i].thread, NULL));
	/* The arena still is memory. */
	stamp_pages(arena, LEN, 1);
	CHILD_CHECK(has_stamps(arena, LEN, 1));
	_exit(0);
}

TEST_F(hostile, scribbling_beside_a_working_client)
{
	bool *wanted = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *arena = hermes_arena(&self->c, LEN);
	uint64_t batches = 0;
	int status;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, wanted);
	*wanted = true;
	pid = fork();
	if (!pid)
		hostile_client(wanted);
	ASSERT_EQ(0, hermes_set_reserve(&self->c, LEN, LEN));
	while (!waitpid(pid, &status, WNOHANG)) {
		uint64_t word;
		char *mem;
		size_t len;

		hermes_fill_add(&self->c, arena, LEN);
		word = hermes_pop_wait(&self->c);
		ASSERT_NE(0, word);
		mem = (char *)HERMES_READY_ADDR(word);
		len = HERMES_READY_PAGES(word) * PAGE_BYTES;
		ASSERT_GE(mem, arena);
		ASSERT_LE(mem + len, arena + LEN);
		ASSERT_TRUE(is_zero(mem, len));
		stamp_pages(mem, len, batches);
		ASSERT_TRUE(has_stamps(mem, len, batches));
		ASSERT_EQ(0, madvise(mem, len, MADV_DONTNEED));
		if (++batches > 16)
			__atomic_store_n(wanted, false, __ATOMIC_RELAXED);
	}
	EXPECT_EQ(0, status);
	EXPECT_GT(batches, 16);
}

/* The same, while the kernel takes batches back that the user tampers with. */
TEST_F(hostile, scribbling_while_the_reserve_shrinks)
{
	pid_t pid = fork();

	if (!pid) {
		struct hermes_client c;
		struct scribbler s;
		char *arena;

		CHILD_CHECK(!hermes_open(&c));
		arena = hermes_arena(&c, LEN);
		s = (struct scribbler) { &c, arena, 0, 3, NULL };
		CHILD_CHECK(!pthread_create(&s.thread, NULL, scribble, &s));
		for (uint64_t end = now_ms() + SCRIBBLE_MS; now_ms() < end;) {
			hermes_set_reserve(&c, LEN, LEN);
			hermes_fill_add(&c, arena, LEN);
			hermes_set_reserve(&c, 0, 0);
			hermes_give(&c, arena, LEN / 2, NULL, NULL);
			madvise(arena, LEN, MADV_DONTNEED);
		}
		CHILD_CHECK(!pthread_join(s.thread, NULL));
		_exit(0);
	}
	EXPECT_EQ(0, child_exit(pid));
}

/* Posts one extent and expects that the kernel refuses it. */
static void post_refused(struct __test_metadata *_metadata,
			 struct hermes_client *c, uint64_t addr, uint64_t len)
{
	struct hermes_stats before, after;
	uint64_t end = now_ms() + WAIT_MS;

	ASSERT_EQ(0, hermes_get_stats(c, &before));
	ASSERT_EQ(0, hermes_fill_add(c, (void *)addr, len));
	do {
		/* A refused extent does not stop the worker, so ring it. */
		hermes_doorbell(c);
		sleep_ms(2);
		ASSERT_EQ(0, hermes_get_stats(c, &after));
	} while (after.fill_errors == before.fill_errors && now_ms() < end);
	EXPECT_EQ(before.fill_errors + 1, after.fill_errors)
		TH_LOG("extent %#lx + %#lx", (long)addr, (long)len);
	EXPECT_EQ(before.published_bytes, after.published_bytes);
}

TEST_F(hostile, refused_extents)
{
	char *anon = mmap(NULL, LEN, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *arena = hermes_arena(&self->c, LEN);
	struct hermes_client other;
	char *foreign;
	uint64_t word;

	ASSERT_EQ(0, hermes_open(&other));
	foreign = hermes_arena(&other, LEN);
	ASSERT_NE(MAP_FAILED, foreign);
	ASSERT_EQ(0, hermes_set_reserve(&self->c, LEN, LEN));

	const struct {
		uint64_t addr, len;
	} bad[] = {
		{ 0, 0 },
		{ 0, LEN },
		{ (uintptr_t)arena, 0 },
		{ (uintptr_t)arena + 1, PAGE_BYTES },
		{ (uintptr_t)arena, PAGE_BYTES + 1 },
		{ (uintptr_t)arena, 1 },
		{ (uintptr_t)arena, -PAGE_BYTES },
		{ -PAGE_BYTES, PAGE_BYTES },
		{ -PAGE_BYTES, 2 * PAGE_BYTES },
		{ 0xffff888000000000, LEN },
		{ 0x800000000000, LEN },
		{ (uintptr_t)anon, LEN },
		{ (uintptr_t)foreign, LEN },
		{ (uintptr_t)self->c.ctl, PAGE_BYTES },
		{ (uintptr_t)hermes_open & ~(PAGE_BYTES - 1), PAGE_BYTES },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		post_refused(_metadata, &self->c, bad[i].addr, bad[i].len);
	EXPECT_TRUE(is_zero(anon, LEN));
	hermes_close(&other);

	/* The ring has not got stuck. */
	ASSERT_EQ(0, hermes_fill_add(&self->c, arena, LEN));
	word = hermes_pop_wait(&self->c);
	EXPECT_EQ((uintptr_t)arena, HERMES_READY_ADDR(word));
}

/* An extent that begins in an arena and goes on elsewhere. */
TEST_F(hostile, extent_over_the_end)
{
	char *arena = hermes_arena(&self->c, 2 * LEN);
	struct hermes_stats stats;
	size_t got = 0;

	ASSERT_NE(MAP_FAILED, arena);
	ASSERT_EQ(arena + LEN, mmap(arena + LEN, LEN, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
				    -1, 0));
	memset(arena + LEN, 1, LEN);
	ASSERT_EQ(0, hermes_set_reserve(&self->c, 2 * LEN, 2 * LEN));
	ASSERT_EQ(0, hermes_fill_add(&self->c, arena, 2 * LEN));
	while (got < LEN) {
		uint64_t word = hermes_pop_wait(&self->c);
		size_t len = HERMES_READY_PAGES(word) * PAGE_BYTES;

		ASSERT_EQ((uintptr_t)arena + got, HERMES_READY_ADDR(word));
		got += len;
	}
	/* The rest is refused, once. */
	ASSERT_TRUE(wait_until(!hermes_get_stats(&self->c, &stats) &&
			       stats.fill_errors));
	EXPECT_EQ(1, stats.fill_errors);
	EXPECT_EQ(0, hermes_pop(&self->c));
	EXPECT_EQ(LEN, got);
	EXPECT_TRUE(is_filled(arena + LEN, 1, LEN));
}

/* Extents over memory that is in use: skipped, never replaced. */
TEST_F(hostile, extents_over_present_pages)
{
	char *mem = hermes_ready_range(&self->c, LEN);

	ASSERT_NE(NULL, mem);
	stamp_pages(mem, LEN, 5);
	for (int i = 0; i < 20; i++)
		ASSERT_EQ(0, hermes_fill_add(&self->c, mem, LEN));
	for (int i = 0; i < 50; i++) {
		hermes_doorbell(&self->c);
		EXPECT_EQ(0, hermes_pop(&self->c));
		sleep_ms(2);
	}
	EXPECT_TRUE(has_stamps(mem, LEN, 5));
}

/* The same extents posted over and over: the counters wrap, nothing grows. */
TEST_F(hostile, counters_far_ahead)
{
	struct hermes_control *ctl = self->c.ctl;
	char *arena = hermes_arena(&self->c, LEN);
	uint64_t word = 0;

	ASSERT_NE(MAP_FAILED, arena);
	ctl->fill_prod = 0x80000000;
	ASSERT_EQ(0, hermes_doorbell(&self->c));
	ctl->ready_cons = 0x80000000;
	ASSERT_EQ(0, hermes_doorbell(&self->c));
	sleep_ms(100);

	/* A user that puts its cursors back is served again. */
	ctl->fill_prod = ctl->fill_cons;
	ctl->ready_cons = ctl->ready_prod;
	for (int i = 0; i < 10 && !word; i++) {
		hermes_fill_add(&self->c, arena, LEN);
		word = hermes_pop_wait(&self->c);
	}
	EXPECT_NE(0, word);
}

TEST_HARNESS_MAIN
