// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ready memory is zero when it arrives, whoever used the page before.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "hermes_util.h"

#define LEN		(4 * MIB)
#define TAKE_BYTES	(64 * PAGE_BYTES)
#define DIRT		0xa5

FIXTURE(zero)
{
	struct hermes_client c;
};

FIXTURE_SETUP(zero)
{
	ASSERT_EQ(0, hermes_open(&self->c));
}

FIXTURE_TEARDOWN(zero)
{
	hermes_close(&self->c);
}

TEST_F(zero, fresh)
{
	char *mem = hermes_ready_range(&self->c, LEN);

	ASSERT_NE(NULL, mem);
	ASSERT_TRUE(is_zero(mem, LEN));
}

TEST_F(zero, recycled_by_give_and_take)
{
	char *mem = hermes_ready_range(&self->c, TAKE_BYTES);
	uint64_t mapped, unmapped, recycled;

	ASSERT_NE(NULL, mem);
	for (int round = 0; round < 32; round++) {
		memset(mem, DIRT, TAKE_BYTES);
		ASSERT_EQ(0, hermes_give(&self->c, mem, TAKE_BYTES, &unmapped,
					 &recycled));
		ASSERT_EQ(TAKE_BYTES, unmapped);
		ASSERT_LE(recycled, unmapped);
		ASSERT_EQ(0, hermes_take(&self->c, mem, TAKE_BYTES, &mapped));
		ASSERT_TRUE(is_zero(mem, TAKE_BYTES));
		/* There is plenty of memory. */
		ASSERT_EQ(TAKE_BYTES, mapped);
	}
}

/*
 * In a cgroup without room for the reserve that was asked for, the pool can
 * only fill with recycled pages: all that arrives then has been dirty before.
 */
static void recycle_in_full_cgroup(const char *cgroup)
{
	uint64_t recycled, recycled_all = 0, arrived = 0, word;
	struct hermes_client c;
	char *mem;

	CHILD_CHECK(!cg_enter(cgroup));
	CHILD_CHECK(!hermes_open(&c));
	mem = hermes_ready_range(&c, TAKE_BYTES);
	CHILD_CHECK(mem);
	CHILD_CHECK(!hermes_starve(&c, cgroup));
	for (int round = 0; round < 200; round++) {
		memset(mem, DIRT, TAKE_BYTES);
		CHILD_CHECK(!hermes_give(&c, mem, TAKE_BYTES, NULL, &recycled));
		/* It stops at pages that memset() had to fault in. */
		CHILD_CHECK(!madvise(mem, TAKE_BYTES, MADV_DONTNEED));
		recycled_all += recycled;
		CHILD_CHECK(!hermes_take(&c, mem, TAKE_BYTES, NULL));
		CHILD_CHECK(is_zero(mem, TAKE_BYTES));
		word = hermes_pop(&c);
		if (!word)
			continue;
		CHILD_CHECK(is_zero((void *)HERMES_READY_ADDR(word),
				    HERMES_READY_PAGES(word) * PAGE_BYTES));
		arrived++;
	}
	CHILD_CHECK(recycled_all > TAKE_BYTES);
	CHILD_CHECK(arrived);
	_exit(0);
}

TEST_F(zero, recycled_in_a_full_cgroup)
{
	char cgroup[CG_PATH_MAX];
	pid_t pid;

	ASSERT_EQ(0, cg_create(cgroup, NULL, "zero"));
	pid = fork();
	if (!pid)
		recycle_in_full_cgroup(cgroup);
	EXPECT_EQ(0, child_exit(pid));
	cg_remove(cgroup);
}

TEST_F(zero, given_back_reads_zero_without_take)
{
	char *mem = hermes_ready_range(&self->c, TAKE_BYTES);

	ASSERT_NE(NULL, mem);
	memset(mem, DIRT, TAKE_BYTES);
	ASSERT_EQ(0, hermes_give(&self->c, mem, TAKE_BYTES, NULL, NULL));
	ASSERT_TRUE(is_zero(mem, TAKE_BYTES));
	memset(mem, 1, TAKE_BYTES);
	ASSERT_TRUE(is_filled(mem, 1, TAKE_BYTES));
}

/* The other side of the same guarantee: what is there must not be cleared. */
TEST_F(zero, take_keeps_present_pages)
{
	char *mem = hermes_ready_range(&self->c, TAKE_BYTES);
	uint64_t mapped;

	ASSERT_NE(NULL, mem);
	memset(mem, DIRT, TAKE_BYTES);
	ASSERT_EQ(0, hermes_take(&self->c, mem, TAKE_BYTES, &mapped));
	EXPECT_EQ(TAKE_BYTES, mapped);
	EXPECT_TRUE(is_filled(mem, DIRT, TAKE_BYTES));
}

TEST_F(zero, after_dontneed)
{
	char *mem = hermes_ready_range(&self->c, LEN);

	ASSERT_NE(NULL, mem);
	memset(mem, DIRT, LEN);
	ASSERT_EQ(0, madvise(mem, LEN, MADV_DONTNEED));
	ASSERT_TRUE(is_zero(mem, LEN));
}

TEST_F(zero, after_munmap)
{
	for (int round = 0; round < 4; round++) {
		char *mem = hermes_ready_range(&self->c, LEN);

		ASSERT_NE(NULL, mem);
		ASSERT_TRUE(is_zero(mem, LEN));
		memset(mem, DIRT, LEN);
		ASSERT_EQ(0, munmap(mem, LEN));
	}
}

TEST_F(zero, after_exit_of_another_client)
{
	for (int round = 0; round < 3; round++) {
		pid_t pid = fork();
		char *mem;

		if (!pid) {
			struct hermes_client other;

			CHILD_CHECK(!hermes_open(&other));
			mem = hermes_ready_range(&other, 2 * LEN);
			CHILD_CHECK(mem);
			CHILD_CHECK(is_zero(mem, 2 * LEN));
			memset(mem, DIRT, 2 * LEN);
			_exit(0);
		}
		ASSERT_EQ(0, child_exit(pid));

		mem = hermes_ready_range(&self->c, 2 * LEN);
		ASSERT_NE(NULL, mem);
		ASSERT_TRUE(is_zero(mem, 2 * LEN));
		ASSERT_EQ(0, munmap(mem, 2 * LEN));
	}
}

/* A pool serves all clients of a memory cgroup: one's dirt, another's page. */
TEST_F(zero, from_a_living_client_of_the_same_pool)
{
	char *mem = hermes_ready_range(&self->c, TAKE_BYTES);
	struct gate given, checked;
	pid_t pid;

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, gate_init(&given));
	ASSERT_EQ(0, gate_init(&checked));
	pid = fork();
	if (!pid) {
		struct hermes_client other;

		CHILD_CHECK(!hermes_open(&other));
		mem = hermes_ready_range(&other, TAKE_BYTES);
		CHILD_CHECK(mem);
		for (int round = 0; round < 16; round++) {
			memset(mem, DIRT, TAKE_BYTES);
			CHILD_CHECK(!hermes_give(&other, mem, TAKE_BYTES, NULL,
						 NULL));
			gate_open(&given);
			CHILD_CHECK(gate_wait(&checked));
		}
		_exit(0);
	}
	for (int round = 0; round < 16; round++) {
		ASSERT_TRUE(gate_wait(&given));
		/* Untouched since fork or given back: nobody else's page. */
		ASSERT_EQ(0, madvise(mem, TAKE_BYTES, MADV_DONTNEED));
		ASSERT_EQ(0, hermes_take(&self->c, mem, TAKE_BYTES, NULL));
		ASSERT_TRUE(is_zero(mem, TAKE_BYTES));
		memset(mem, DIRT + 1, TAKE_BYTES);
		gate_open(&checked);
	}
	EXPECT_EQ(0, child_exit(pid));
}

/* Random operations against a model: what each chunk must read as. */
#define CHUNKS		32
#define CHUNK_BYTES	(HERMES_BATCH_PAGES_DEF * PAGE_BYTES)

struct model {
	struct hermes_client *c;
	uint64_t seed;
	char *mem;
	uint8_t byte[CHUNKS];
	/* Pages in the fill or ready ring, which are not ours to touch. */
	unsigned int posted[CHUNKS];
	unsigned long arrived;
};

/* Whatever arrives is zero, and ours again. */
static bool model_pop(struct model *m)
{
	uint64_t word = hermes_pop(m->c);
	char *mem = (char *)HERMES_READY_ADDR(word);
	size_t pages = HERMES_READY_PAGES(word);
	unsigned int i;

	if (!word)
		return true;
	i = (mem - m->mem) / CHUNK_BYTES;
	if (i >= CHUNKS || m->posted[i] < pages)
		return false;
	m->posted[i] -= pages;
	m->arrived++;
	return is_zero(mem, pages * PAGE_BYTES);
}

static bool model_clear(struct model *m, unsigned int i, size_t from)
{
	m->byte[i] = 0;
	return !madvise(m->mem + i * CHUNK_BYTES + from, CHUNK_BYTES - from,
			MADV_DONTNEED);
}

static bool model_step(struct model *m)
{
	unsigned int i = random_next(&m->seed) % CHUNKS;
	char *mem = m->mem + i * CHUNK_BYTES;
	uint64_t unmapped;

	if (m->posted[i])
		return model_pop(m);
	if (!is_filled(mem, m->byte[i], CHUNK_BYTES))
		return false;
	switch (random_next(&m->seed) % 6) {
	case 0:
	case 1:
		m->byte[i] = random_next(&m->seed);
		memset(mem, m->byte[i], CHUNK_BYTES);
		return true;
	case 2:
		return !hermes_take(m->c, mem, CHUNK_BYTES, NULL);
	case 3:
		return !hermes_give(m->c, mem, CHUNK_BYTES, &unmapped, NULL) &&
		       model_clear(m, i, unmapped);
	case 4:
		return model_clear(m, i, 0);
	default:
		if (!model_clear(m, i, 0))
			return false;
		if (!hermes_fill_add(m->c, mem, CHUNK_BYTES))
			m->posted[i] = HERMES_BATCH_PAGES_DEF;
		return true;
	}
}

TEST_F(zero, random_operations)
{
	struct model m = { .c = &self->c, .seed = 0x6865726d6573 };

	m.mem = hermes_arena(&self->c, CHUNKS * CHUNK_BYTES);
	ASSERT_NE(MAP_FAILED, m.mem);
	ASSERT_EQ(0, hermes_set_reserve(&self->c, MIB, 2 * MIB));
	for (int step = 0; step < 5000; step++) {
		if (!(step % 512))
			sleep_ms(5);
		ASSERT_TRUE(model_step(&m)) {
			TH_LOG("step %d", step);
		}
	}
	EXPECT_GT(m.arrived, 0);
}

TEST_HARNESS_MAIN
