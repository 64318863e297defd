// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reserve is charged to the client's memory cgroup, stays below every
 * limit of it and of its ancestors, and makes room when the service grows.
 *
 * The service is a child in the cgroup; the test itself stays outside and
 * looks on.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "hermes_util.h"

/* Charges are batched per CPU, and some memory is the process' own. */
#define SLACK		((long)(3 * MIB))
#define LIMIT		((long)(40 * MIB))
#define RESERVE		(16 * MIB)

struct service {
	struct gate go, done;
	pid_t pid;
	char cgroup[CG_PATH_MAX];
};

static int service_init(struct service *s)
{
	return gate_init(&s->go) ?: gate_init(&s->done);
}

/* Child: enter the cgroup and open the device. */
static void service_open(struct service *s, struct hermes_client *c)
{
	CHILD_CHECK(!cg_enter(s->cgroup));
	CHILD_CHECK(!hermes_open(c));
}

/* Child: tell that a step is done, wait for the next. */
static void service_step(struct service *s)
{
	gate_open(&s->done);
	CHILD_CHECK(gate_wait(&s->go));
}

static long service_current(struct service *s)
{
	return cg_read_long(s->cgroup, "memory.current");
}

/* Ask for a reserve over a fresh arena, more than a limit may allow. */
static char *post_reserve(struct hermes_client *c, size_t len)
{
	char *arena = hermes_arena(c, len);

	CHILD_CHECK(arena != MAP_FAILED);
	CHILD_CHECK(!hermes_set_reserve(c, len, len));
	CHILD_CHECK(!hermes_fill_add(c, arena, len));
	return arena;
}

/* Wait until the refill has reached a size or a limit, and has come to rest. */
static void settle(struct hermes_client *c, uint64_t bytes)
{
	struct hermes_stats stats;

	CHILD_CHECK(wait_until(!hermes_get_stats(c, &stats) &&
			       (stats.ready_bytes >= bytes ||
				stats.limit_memcg)));
	CHILD_CHECK(!hermes_wait_asleep(c));
}

FIXTURE(charge)
{
	struct service s;
};

FIXTURE_SETUP(charge)
{
	ASSERT_EQ(0, service_init(&self->s));
	ASSERT_EQ(0, cg_create(self->s.cgroup, NULL, "charge"));
}

FIXTURE_TEARDOWN(charge)
{
	if (self->s.pid > 0)
		kill(self->s.pid, SIGKILL);
	cg_remove(self->s.cgroup);
}

static void charge_service(struct service *s)
{
	struct hermes_client c;
	char *arena;

	service_open(s, &c);
	CHILD_CHECK(!hermes_set_reserve(&c, 0, 0));
	service_step(s);

	arena = post_reserve(&c, RESERVE);
	CHILD_CHECK(!hermes_wait_ready(&c, RESERVE));
	service_step(s);

	/* Taken memory stays charged, and nothing is added for it. */
	CHILD_CHECK(!hermes_set_reserve(&c, 0, RESERVE));
	for (size_t got = 0; got < RESERVE / 2; ) {
		uint64_t word = hermes_pop(&c);

		CHILD_CHECK(word);
		got += HERMES_READY_PAGES(word) * PAGE_BYTES;
	}
	CHILD_CHECK(!hermes_set_reserve(&c, 0, 0));
	CHILD_CHECK(!hermes_wait_reserve_below(&c, 0));
	service_step(s);

	CHILD_CHECK(!munmap(arena, RESERVE));
	service_step(s);
	_exit(0);
}

#define EXPECT_WITHIN(low, high, got) do {			\
	long got_ = (got);					\
								\
	EXPECT_GE(got_, (low) - SLACK);				\
	EXPECT_LE(got_, (high) + SLACK);			\
} while (0)

TEST_F(charge, rises_and_falls)
{
	long base;

	self->s.pid = fork();
	if (!self->s.pid)
		charge_service(&self->s);

	ASSERT_TRUE(gate_wait(&self->s.done));
	base = service_current(&self->s);
	gate_open(&self->s.go);

	/* Ready memory, and behind it a pool of up to a quarter of that. */
	ASSERT_TRUE(gate_wait(&self->s.done));
	EXPECT_WITHIN(base + (long)RESERVE, base + (long)RESERVE / 4 * 5,
		      service_current(&self->s));
	gate_open(&self->s.go);

	ASSERT_TRUE(gate_wait(&self->s.done));
	EXPECT_WITHIN(base + (long)RESERVE / 2, base + (long)RESERVE / 2,
		      service_current(&self->s));
	gate_open(&self->s.go);

	ASSERT_TRUE(gate_wait(&self->s.done));
	EXPECT_WITHIN(base, base, service_current(&self->s));
	gate_open(&self->s.go);

	EXPECT_EQ(0, child_exit(self->s.pid));
	self->s.pid = 0;
	EXPECT_TRUE(wait_until(service_current(&self->s) <= SLACK));
}

/* A cgroup too small for any reserve: everything works, only slower. */
static void tiny_service(struct service *s)
{
	struct hermes_client c;
	struct hermes_stats stats;
	char *arena;

	service_open(s, &c);
	arena = post_reserve(&c, RESERVE);
	settle(&c, RESERVE);
	CHILD_CHECK(!hermes_get_stats(&c, &stats));
	CHILD_CHECK(stats.ready_bytes + stats.pool_bytes <= 4 * MIB);
	CHILD_CHECK(stats.limit_memcg);
	stamp_pages(arena + RESERVE / 2, MIB, 1);
	CHILD_CHECK(has_stamps(arena + RESERVE / 2, MIB, 1));
	CHILD_CHECK(!hermes_take(&c, arena + RESERVE / 4, 16 * PAGE_BYTES,
				 NULL));
	_exit(0);
}

TEST_F(charge, tiny_limit)
{
	ASSERT_EQ(0, cg_write_long(self->s.cgroup, "memory.max", 5 * MIB));
	self->s.pid = fork();
	if (!self->s.pid)
		tiny_service(&self->s);
	EXPECT_EQ(0, child_exit(self->s.pid));
	self->s.pid = 0;
	EXPECT_EQ(0, cg_read_key(self->s.cgroup, "memory.events", "oom_kill"));
}

FIXTURE(limit)
{
	struct service s;
	char parent[CG_PATH_MAX];
	const char *limited;
};

FIXTURE_VARIANT(limit)
{
	const char *file;
	const char *event;
	bool of_ancestor;
};

FIXTURE_VARIANT_ADD(limit, max)
{
	.file = "memory.max",
	.event = "max",
};

FIXTURE_VARIANT_ADD(limit, high)
{
	.file = "memory.high",
	.event = "high",
};

FIXTURE_VARIANT_ADD(limit, max_of_ancestor)
{
	.file = "memory.max",
	.event = "max",
	.of_ancestor = true,
};

FIXTURE_VARIANT_ADD(limit, high_of_ancestor)
{
	.file = "memory.high",
	.event = "high",
	.of_ancestor = true,
};

FIXTURE_SETUP(limit)
{
	ASSERT_EQ(0, service_init(&self->s));
	ASSERT_EQ(0, cg_create(self->parent, NULL, "limit"));
	ASSERT_EQ(0, cg_create(self->s.cgroup, self->parent, "service"));
	self->limited = variant->of_ancestor ? self->parent : self->s.cgroup;
	ASSERT_EQ(0, cg_write_long(self->limited, variant->file, LIMIT));
}

FIXTURE_TEARDOWN(limit)
{
	if (self->s.pid > 0)
		kill(self->s.pid, SIGKILL);
	cg_remove(self->s.cgroup);
	cg_remove(self->parent);
}

static long limit_events(const char *cgroup, const char *event)
{
	return cg_read_key(cgroup, "memory.events", event);
}

/*
 * Consume with pauses, touching what is ready, until the reserve has met the
 * limit and nothing comes any more.
 */
static void consuming_service(struct service *s)
{
	uint64_t end = now_ms() + WAIT_MS;
	struct hermes_client c;
	struct hermes_stats stats;
	char *arena;

	service_open(s, &c);
	arena = hermes_arena(&c, 2 * LIMIT);
	CHILD_CHECK(arena != MAP_FAILED);
	CHILD_CHECK(!hermes_set_reserve(&c, RESERVE / 2, RESERVE));
	CHILD_CHECK(!hermes_fill_add(&c, arena, 2 * LIMIT));
	for (int dry = 0; dry < 300; ) {
		uint64_t word = hermes_pop(&c);

		if (word) {
			stamp_pages((void *)HERMES_READY_ADDR(word),
				    HERMES_READY_PAGES(word) * PAGE_BYTES, 1);
			dry = 0;
			end = now_ms() + WAIT_MS;
			continue;
		}
		if (c.ctl->flags & HERMES_CONTROL_NEED_DOORBELL)
			CHILD_CHECK(!hermes_doorbell(&c));
		CHILD_CHECK(!hermes_get_stats(&c, &stats));
		dry += !!stats.limit_memcg;
		CHILD_CHECK(dry || now_ms() < end);
		sleep_ms(2);
	}
	/* The reserve used what there was, and did not stop at the first MiB. */
	CHILD_CHECK(stats.consumed_bytes > (uint64_t)LIMIT / 2);
	service_step(s);
	_exit(0);
}

TEST_F(limit, reserve_stays_below)
{
	self->s.pid = fork();
	if (!self->s.pid)
		consuming_service(&self->s);
	ASSERT_TRUE(gate_wait(&self->s.done));
	EXPECT_LT(cg_read_long(self->limited, "memory.current"), LIMIT);
	EXPECT_EQ(0, limit_events(self->limited, variant->event));
	EXPECT_EQ(0, limit_events(self->limited, "oom"));
	EXPECT_EQ(0, limit_events(self->parent, "oom_kill"));
	gate_open(&self->s.go);
	EXPECT_EQ(0, child_exit(self->s.pid));
	self->s.pid = 0;
}

/* An idle reserve up to the limit, then the service needs the memory itself. */
static void growing_service(struct service *s)
{
	const size_t len = LIMIT / 8 * 6;
	struct hermes_client c;
	struct hermes_stats stats;
	char *mem;

	service_open(s, &c);
	post_reserve(&c, 2 * LIMIT);
	settle(&c, 2 * LIMIT);
	CHILD_CHECK(!hermes_get_stats(&c, &stats));
	/* Else there is nothing to give way. */
	CHILD_CHECK(stats.ready_bytes + stats.pool_bytes >
		    (uint64_t)LIMIT / 2);
	service_step(s);

	mem = mmap(NULL, len, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHILD_CHECK(mem != MAP_FAILED);
	CHILD_CHECK(!madvise(mem, len, MADV_NOHUGEPAGE));
	stamp_pages(mem, len, 7);
	CHILD_CHECK(has_stamps(mem, len, 7));
	CHILD_CHECK(!hermes_get_stats(&c, &stats));
	CHILD_CHECK(stats.ready_bytes + stats.pool_bytes < LIMIT - len);
	service_step(s);
	_exit(0);
}

TEST_F(limit, reserve_makes_room)
{
	/* Nothing else can give way. */
	cg_write(self->parent, "memory.swap.max", "0");
	self->s.pid = fork();
	if (!self->s.pid)
		growing_service(&self->s);
	ASSERT_TRUE(gate_wait(&self->s.done));
	EXPECT_LT(cg_read_long(self->limited, "memory.current"), LIMIT);
	EXPECT_EQ(0, limit_events(self->limited, variant->event));
	gate_open(&self->s.go);

	ASSERT_TRUE(gate_wait(&self->s.done));
	EXPECT_EQ(0, limit_events(self->parent, "oom_kill"));
	EXPECT_EQ(0, limit_events(self->limited, "oom"));
	TH_LOG("the service grew with %ld \"%s\" events",
	       limit_events(self->limited, variant->event), variant->event);
	gate_open(&self->s.go);
	EXPECT_EQ(0, child_exit(self->s.pid));
	self->s.pid = 0;
}

static void *map_and_unmap(void *arg)
{
	const size_t len = 16 * PAGE_BYTES;
	char *mem;

	while (!__atomic_load_n((bool *)arg, __ATOMIC_RELAXED)) {
		mem = mmap(NULL, len, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHILD_CHECK(mem != MAP_FAILED);
		CHILD_CHECK(!munmap(mem, len));
	}
	return NULL;
}

/* The same while the address space is locked most of the time. */
static void growing_busy_service(struct service *s)
{
	bool stop = false;
	pthread_t thread;

	CHILD_CHECK(!pthread_create(&thread, NULL, map_and_unmap, &stop));
	growing_service(s);
}

TEST_F(limit, reserve_makes_room_beside_mmap)
{
	cg_write(self->parent, "memory.swap.max", "0");
	self->s.pid = fork();
	if (!self->s.pid)
		growing_busy_service(&self->s);
	ASSERT_TRUE(gate_wait(&self->s.done));
	gate_open(&self->s.go);
	ASSERT_TRUE(gate_wait(&self->s.done));
	EXPECT_EQ(0, limit_events(self->parent, "oom_kill"));
	gate_open(&self->s.go);
	EXPECT_EQ(0, child_exit(self->s.pid));
	self->s.pid = 0;
}

/* A limit that closes in on a reserve that is there already. */
static void shrinking_service(struct service *s)
{
	struct hermes_client c;

	service_open(s, &c);
	post_reserve(&c, LIMIT / 8 * 6);
	settle(&c, LIMIT / 8 * 6);
	service_step(s);
	service_step(s);
	_exit(0);
}

TEST_F(limit, limit_is_lowered)
{
	self->s.pid = fork();
	if (!self->s.pid)
		shrinking_service(&self->s);
	ASSERT_TRUE(gate_wait(&self->s.done));
	EXPECT_GT(cg_read_long(self->limited, "memory.current"), LIMIT / 2);
	ASSERT_EQ(0, cg_write_long(self->limited, variant->file, LIMIT / 4));
	gate_open(&self->s.go);
	ASSERT_TRUE(gate_wait(&self->s.done));
	EXPECT_LE(cg_read_long(self->limited, "memory.current"),
		  LIMIT / 4 + SLACK);
	EXPECT_EQ(0, limit_events(self->parent, "oom_kill"));
	gate_open(&self->s.go);
	EXPECT_EQ(0, child_exit(self->s.pid));
	self->s.pid = 0;
}

TEST_HARNESS_MAIN
