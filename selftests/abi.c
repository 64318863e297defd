// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every request of /dev/hermes with bad input: the documented errno, and
 * nothing changed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "hermes_util.h"

#define LEN		(64 * PAGE_BYTES)
#define DIRT		0x5a
#define SIZE_MAX_STRUCT	4096

_Static_assert(sizeof(struct hermes_info) == 56, "ABI");
_Static_assert(sizeof(struct hermes_reserve) == 64, "ABI");
_Static_assert(sizeof(struct hermes_take) == 40, "ABI");
_Static_assert(sizeof(struct hermes_give) == 48, "ABI");
_Static_assert(sizeof(struct hermes_stats) == 160, "ABI");
_Static_assert(sizeof(struct hermes_fill) == 16, "ABI");
_Static_assert(sizeof(struct hermes_control) == 256, "ABI");
_Static_assert(offsetof(struct hermes_control, ready_cons) == 128, "ABI");

/* A struct with room for what a future version would append. */
union request {
	struct {
		__u32 size;
		__u32 flags;
	};
	struct hermes_info info;
	struct hermes_reserve reserve;
	struct hermes_take take;
	struct hermes_give give;
	struct hermes_stats stats;
	unsigned char bytes[2 * SIZE_MAX_STRUCT];
};

FIXTURE(abi)
{
	struct hermes_client c;
	struct hermes_reserve reserve;
	char *mem;
	union request r;
};

FIXTURE_SETUP(abi)
{
	ASSERT_EQ(0, hermes_open(&self->c));
	self->mem = hermes_ready_range(&self->c, LEN);
	ASSERT_NE(NULL, self->mem);
	memset(self->mem, DIRT, LEN);
	ASSERT_EQ(0, hermes_set_reserve(&self->c, MIB, 2 * MIB));
	ASSERT_EQ(0, hermes_get_reserve(&self->c, &self->reserve));
}

/* Whatever was refused, the reserve's sizes and the memory are as before. */
FIXTURE_TEARDOWN(abi)
{
	struct hermes_reserve now;

	if (self->c.ctl && self->mem) {
		EXPECT_EQ(0, hermes_get_reserve(&self->c, &now));
		EXPECT_EQ(0, memcmp(&now, &self->reserve, sizeof(now)));
		EXPECT_TRUE(is_filled(self->mem, DIRT, LEN));
	}
	hermes_close(&self->c);
}

/* The requests with a struct, its size and how to make it valid. */
struct request_type {
	const char *name;
	unsigned long cmd;
	__u32 size;
	size_t reserved_offset;
};

static const struct request_type types[] = {
	{ "INFO", HERMES_IOC_INFO, sizeof(struct hermes_info),
	  offsetof(struct hermes_info, reserved) },
	{ "SET_RESERVE", HERMES_IOC_SET_RESERVE, sizeof(struct hermes_reserve),
	  offsetof(struct hermes_reserve, reserved) },
	{ "GET_RESERVE", HERMES_IOC_GET_RESERVE, sizeof(struct hermes_reserve),
	  offsetof(struct hermes_reserve, reserved) },
	{ "TAKE", HERMES_IOC_TAKE, sizeof(struct hermes_take),
	  offsetof(struct hermes_take, reserved) },
	{ "GIVE", HERMES_IOC_GIVE, sizeof(struct hermes_give),
	  offsetof(struct hermes_give, reserved) },
	{ "GET_STATS", HERMES_IOC_GET_STATS, sizeof(struct hermes_stats), 0 },
	{ NULL, 0, 0, 0 },
};

/*
 * A valid argument that changes nothing: the present sizes, pages that are
 * present (take), or pages that were never touched (give).
 */
static void make_valid(union request *r, const struct request_type *type,
		       const struct hermes_reserve *reserve, char *mem,
		       char *untouched)
{
	memset(r, 0, sizeof(*r));
	if (type->cmd == HERMES_IOC_SET_RESERVE)
		r->reserve = *reserve;
	if (type->cmd == HERMES_IOC_TAKE) {
		r->take.addr = (uintptr_t)mem;
		r->take.len = PAGE_BYTES;
	}
	if (type->cmd == HERMES_IOC_GIVE) {
		r->give.addr = (uintptr_t)untouched;
		r->give.len = PAGE_BYTES;
	}
	r->size = type->size;
}

/* One expectation, naming the request. */
#define EXPECT_IOCTL(want, type, arg) do {				\
	const struct request_type *type_ = (type);			\
	int got_ = hermes_ioctl(self->c.fd, type_->cmd, arg);		\
									\
	EXPECT_EQ(want, got_) TH_LOG("%s", type_->name);		\
} while (0)

TEST_F(abi, valid_is_accepted)
{
	char *untouched = hermes_arena(&self->c, LEN);

	for (const struct request_type *t = types; t->name; t++) {
		make_valid(&self->r, t, &self->reserve, self->mem, untouched);
		EXPECT_IOCTL(0, t, &self->r);
	}
}

TEST_F(abi, size)
{
	char *untouched = hermes_arena(&self->c, LEN);
	static const __u32 bad[] = { 0, 1, 4, 7, SIZE_MAX_STRUCT + 1,
				     0x80000000, 0xffffffff };

	for (const struct request_type *t = types; t->name; t++) {
		for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
			make_valid(&self->r, t, &self->reserve, self->mem,
				   untouched);
			self->r.size = bad[i];
			EXPECT_IOCTL(-EINVAL, t, &self->r);
		}
	}
}

/* What a newer user may send: all right as long as it is zero. */
TEST_F(abi, tail)
{
	char *untouched = hermes_arena(&self->c, LEN);

	for (const struct request_type *t = types; t->name; t++) {
		make_valid(&self->r, t, &self->reserve, self->mem, untouched);
		self->r.size = t->size + 8;
		EXPECT_IOCTL(0, t, &self->r);

		make_valid(&self->r, t, &self->reserve, self->mem, untouched);
		self->r.size = SIZE_MAX_STRUCT;
		EXPECT_IOCTL(0, t, &self->r);

		for (size_t at = t->size; at < SIZE_MAX_STRUCT; at += 1021) {
			make_valid(&self->r, t, &self->reserve, self->mem,
				   untouched);
			self->r.size = SIZE_MAX_STRUCT;
			self->r.bytes[at] = 1;
			EXPECT_IOCTL(-E2BIG, t, &self->r);
		}
	}
}

/* The kernel writes nothing behind the size that the user stated. */
TEST_F(abi, nothing_written_behind)
{
	char *untouched = hermes_arena(&self->c, LEN);

	for (const struct request_type *t = types; t->name; t++) {
		make_valid(&self->r, t, &self->reserve, self->mem, untouched);
		memset(self->r.bytes + t->size, DIRT,
		       sizeof(self->r) - t->size);
		EXPECT_IOCTL(0, t, &self->r);
		EXPECT_TRUE(is_filled(self->r.bytes + t->size, DIRT,
				      sizeof(self->r) - t->size))
			TH_LOG("%s", t->name);
		EXPECT_EQ(t->size, self->r.size);
	}
}

TEST_F(abi, flags_and_reserved)
{
	char *untouched = hermes_arena(&self->c, LEN);

	for (const struct request_type *t = types; t->name; t++) {
		for (int bit = 0; bit < 32; bit++) {
			make_valid(&self->r, t, &self->reserve, self->mem,
				   untouched);
			self->r.flags = 1U << bit;
			EXPECT_IOCTL(-EINVAL, t, &self->r);
		}
		if (!t->reserved_offset)
			continue;
		for (size_t i = t->reserved_offset; i < t->size; i++) {
			make_valid(&self->r, t, &self->reserve, self->mem,
				   untouched);
			self->r.bytes[i] = 1;
			EXPECT_IOCTL(-EINVAL, t, &self->r);
		}
	}
}

TEST_F(abi, pointer)
{
	char *edge = mmap(NULL, 2 * PAGE_BYTES, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *untouched = hermes_arena(&self->c, LEN);

	ASSERT_NE(MAP_FAILED, edge);
	ASSERT_EQ(0, munmap(edge + PAGE_BYTES, PAGE_BYTES));
	for (const struct request_type *t = types; t->name; t++) {
		char *cut = edge + PAGE_BYTES - t->size + 8;

		EXPECT_IOCTL(-EFAULT, t, NULL);
		EXPECT_IOCTL(-EFAULT, t, (void *)8);
		EXPECT_IOCTL(-EFAULT, t, (void *)~0UL);
		EXPECT_IOCTL(-EFAULT, t, (void *)0xffff888000000000UL);

		/* The last 8 bytes are not there. */
		make_valid(&self->r, t, &self->reserve, self->mem, untouched);
		memcpy(cut, &self->r, t->size - 8);
		EXPECT_IOCTL(-EFAULT, t, cut);
	}
}

/* A result that cannot be delivered: the argument is not writable. */
TEST_F(abi, argument_not_writable)
{
	union request *page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *untouched = hermes_arena(&self->c, LEN);

	ASSERT_NE(MAP_FAILED, page);
	for (const struct request_type *t = types; t->name; t++) {
		if (t->cmd == HERMES_IOC_SET_RESERVE)
			continue;
		ASSERT_EQ(0, mprotect(page, sizeof(*page),
				      PROT_READ | PROT_WRITE));
		make_valid(page, t, &self->reserve, self->mem, untouched);
		ASSERT_EQ(0, mprotect(page, sizeof(*page), PROT_READ));
		EXPECT_IOCTL(-EFAULT, t, page);
	}
}

TEST_F(abi, unknown_requests)
{
	for (unsigned int nr = 0; nr < 256; nr++) {
		if (nr >= 1 && nr <= 7)
			continue;
		EXPECT_EQ(-ENOTTY, hermes_ioctl(self->c.fd,
						_IO(HERMES_IOC_MAGIC, nr),
						&self->r));
	}
	/* The same numbers with another magic, and with a size in them. */
	EXPECT_EQ(-ENOTTY, hermes_ioctl(self->c.fd, _IO('h', 1), &self->r));
	EXPECT_EQ(-ENOTTY,
		  hermes_ioctl(self->c.fd,
			       _IOWR(HERMES_IOC_MAGIC, 1, struct hermes_info),
			       &self->r));
}

TEST_F(abi, doorbell)
{
	EXPECT_EQ(0, hermes_ioctl(self->c.fd, HERMES_IOC_DOORBELL, NULL));
	EXPECT_EQ(-EINVAL, hermes_ioctl(self->c.fd, HERMES_IOC_DOORBELL,
					&self->r));
}

TEST_F(abi, info)
{
	long limit = module_param_get("client_max_bytes");

	EXPECT_EQ(HERMES_ABI_VERSION, self->c.info.abi_version);
	EXPECT_EQ(PAGE_BYTES, self->c.info.page_bytes);
	EXPECT_EQ((uint64_t)limit, self->c.info.client_max_bytes);
	EXPECT_EQ(HERMES_ABI_VERSION, self->c.ctl->abi_version);
	EXPECT_EQ(0, self->c.ready_entries & (self->c.ready_entries - 1));
	EXPECT_EQ(0, self->c.fill_entries & (self->c.fill_entries - 1));
	EXPECT_LE(self->c.ctl->ready_offset + 8ULL * self->c.ready_entries,
		  self->c.info.control_bytes);
	EXPECT_LE(self->c.ctl->fill_offset + 16ULL * self->c.fill_entries,
		  self->c.info.control_bytes);
}

/* One value of struct hermes_reserve out of its range at a time. */
TEST_F(abi, reserve_values)
{
#define BAD(field, value, want) \
	{ offsetof(struct hermes_reserve, field), value, want }
	const uint64_t most = self->c.info.client_max_bytes;
	const struct {
		size_t offset;
		uint64_t value;
		int want;
	} bad[] = {
		BAD(min_bytes, 1, -EINVAL),
		BAD(min_bytes, MIB + 1, -EINVAL),
		BAD(min_bytes, 2 * MIB + PAGE_BYTES, -EINVAL),
		BAD(min_bytes, 1ULL << 63, -EINVAL),
		BAD(max_bytes, 2 * MIB + 1, -EINVAL),
		BAD(max_bytes, MIB - PAGE_BYTES, -EINVAL),
		BAD(max_bytes, 0, -EINVAL),
		BAD(max_bytes, most / PAGE_BYTES * PAGE_BYTES + PAGE_BYTES,
		    -EDQUOT),
		BAD(max_bytes, -PAGE_BYTES, -EDQUOT),
		BAD(batch_pages, 0, -EINVAL),
		BAD(batch_pages, 3, -EINVAL),
		BAD(batch_pages, 2 * HERMES_BATCH_PAGES_MAX, -EINVAL),
		BAD(batch_pages, 0x80000000, -EINVAL),
		BAD(low_pct, 0, -EINVAL),
		BAD(low_pct, 100, -EINVAL),
		BAD(low_pct, ~0U, -EINVAL),
		BAD(high_pct, 0, -EINVAL),
		BAD(high_pct, 50, -EINVAL),
		BAD(high_pct, 101, -EINVAL),
		BAD(factor_pct, 1001, -EINVAL),
		BAD(factor_pct, ~0U, -EINVAL),
		BAD(interval_us, 0, -EINVAL),
		BAD(interval_us, 499, -EINVAL),
		BAD(interval_us, 1000001, -EINVAL),
		BAD(decay_ms, 0, -EINVAL),
		BAD(decay_ms, 9, -EINVAL),
		BAD(decay_ms, 3600001, -EINVAL),
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct hermes_reserve r = self->reserve, now;
		/* The sizes in bytes come first and are wider. */
		bool wide = bad[i].offset <
			    offsetof(struct hermes_reserve, batch_pages);

		memcpy((char *)&r + bad[i].offset, &bad[i].value,
		       wide ? sizeof(r.min_bytes) : sizeof(r.batch_pages));
		EXPECT_EQ(bad[i].want,
			  hermes_ioctl(self->c.fd, HERMES_IOC_SET_RESERVE, &r))
			TH_LOG("offset %zu = %#llx", bad[i].offset,
			       (unsigned long long)bad[i].value);
		ASSERT_EQ(0, hermes_get_reserve(&self->c, &now));
		EXPECT_EQ(0, memcmp(&now, &self->reserve, sizeof(now)));
	}
}

TEST_F(abi, reserve_round_trip)
{
	struct hermes_reserve r = self->reserve, now;

	r.min_bytes = 3 * PAGE_BYTES;
	r.max_bytes = 5 * PAGE_BYTES;
	r.batch_pages = 1;
	r.low_pct = 1;
	r.high_pct = 100;
	r.factor_pct = 1000;
	r.interval_us = 500;
	r.decay_ms = 10;
	ASSERT_EQ(0, hermes_ioctl(self->c.fd, HERMES_IOC_SET_RESERVE, &r));
	ASSERT_EQ(0, hermes_get_reserve(&self->c, &now));
	EXPECT_EQ(0, memcmp(&now, &r, sizeof(r)));

	r.min_bytes = 0;
	r.max_bytes = 0;
	r.batch_pages = HERMES_BATCH_PAGES_MAX;
	r.low_pct = 99;
	r.factor_pct = 0;
	r.interval_us = 1000000;
	r.decay_ms = 3600000;
	ASSERT_EQ(0, hermes_ioctl(self->c.fd, HERMES_IOC_SET_RESERVE, &r));
	ASSERT_EQ(0, hermes_get_reserve(&self->c, &now));
	EXPECT_EQ(0, memcmp(&now, &r, sizeof(r)));
	self->reserve = r;
}

TEST_F(abi, ranges)
{
	char *anon = mmap(NULL, LEN, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *edge = hermes_arena(&self->c, 2 * LEN);
	struct hermes_client other;
	char *foreign;

	memset(anon, DIRT, LEN);
	ASSERT_EQ(0, munmap(edge + LEN, LEN));
	ASSERT_EQ(0, hermes_open(&other));
	foreign = hermes_ready_range(&other, LEN);
	ASSERT_NE(NULL, foreign);
	memset(foreign, DIRT, LEN);

	const struct {
		void *addr;
		size_t len;
		int want;
	} bad[] = {
		{ self->mem, 0, -EINVAL },
		{ self->mem, 1, -EINVAL },
		{ self->mem, PAGE_BYTES + 1, -EINVAL },
		{ self->mem + 1, PAGE_BYTES, -EINVAL },
		{ self->mem + 8, PAGE_BYTES - 8, -EINVAL },
		{ self->mem, (HERMES_BATCH_PAGES_MAX + 1) * PAGE_BYTES,
		  -EINVAL },
		{ self->mem, -PAGE_BYTES, -EINVAL },
		{ (void *)-PAGE_BYTES, 2 * PAGE_BYTES, -EINVAL },
		{ (void *)-PAGE_BYTES, PAGE_BYTES, -EINVAL },
		{ NULL, PAGE_BYTES, -EFAULT },
		{ (void *)0xffff888000000000UL, PAGE_BYTES, -EFAULT },
		{ anon, PAGE_BYTES, -EFAULT },
		{ foreign, PAGE_BYTES, -EFAULT },
		{ self->c.ctl, PAGE_BYTES, -EFAULT },
		{ edge + LEN - PAGE_BYTES, 2 * PAGE_BYTES, -EFAULT },
		{ edge + LEN, PAGE_BYTES, -EFAULT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int take = hermes_take(&self->c, bad[i].addr, bad[i].len, NULL);
		int give = hermes_give(&self->c, bad[i].addr, bad[i].len, NULL,
				       NULL);

		/* Which error an address outside user space gives is open. */
		if ((uintptr_t)bad[i].addr >> 47 && bad[i].want &&
		    (take == -EFAULT || take == -EINVAL) && take == give)
			continue;
		EXPECT_EQ(bad[i].want, take) TH_LOG("take %zu", i);
		EXPECT_EQ(bad[i].want, give) TH_LOG("give %zu", i);
	}
	EXPECT_TRUE(is_filled(anon, DIRT, LEN));
	EXPECT_TRUE(is_filled(foreign, DIRT, LEN));
	hermes_close(&other);
}

/* A batch that was published and not taken belongs to the kernel. */
TEST_F(abi, give_of_what_was_not_taken)
{
	const size_t len = HERMES_BATCH_PAGES_DEF * PAGE_BYTES;
	char *arena = hermes_arena(&self->c, 2 * len);

	ASSERT_EQ(0, hermes_fill_add(&self->c, arena, len));
	ASSERT_EQ(0, hermes_wait_ready(&self->c, len));
	EXPECT_EQ(-EBUSY, hermes_give(&self->c, arena, PAGE_BYTES, NULL, NULL));
	EXPECT_EQ(-EBUSY, hermes_give(&self->c, arena + len - PAGE_BYTES,
				      2 * PAGE_BYTES, NULL, NULL));
	EXPECT_EQ(0, hermes_give(&self->c, arena + len, len, NULL, NULL));
	EXPECT_EQ((uintptr_t)arena,
		  HERMES_READY_ADDR(hermes_pop_wait(&self->c)));
	EXPECT_EQ(0, hermes_give(&self->c, arena, len, NULL, NULL));
}

/* Everything but INFO is for the address space that opened the device. */
static void check_eperm(int fd, const struct hermes_reserve *reserve, char *mem)
{
	union request r;

	for (const struct request_type *t = types; t->name; t++) {
		make_valid(&r, t, reserve, mem, mem);
		CHILD_CHECK(hermes_ioctl(fd, t->cmd, &r) ==
			    (t->cmd == HERMES_IOC_INFO ? 0 : -EPERM));
	}
	CHILD_CHECK(hermes_ioctl(fd, HERMES_IOC_DOORBELL, NULL) == -EPERM);
	CHILD_CHECK(mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE,
			 fd, HERMES_MMAP_ARENA) == MAP_FAILED);
	CHILD_CHECK(errno == EPERM);
	CHILD_CHECK(mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
			 fd, HERMES_MMAP_CONTROL) == MAP_FAILED);
	CHILD_CHECK(errno == EPERM);
}

TEST_F(abi, not_after_fork)
{
	pid_t pid = fork();

	if (!pid) {
		check_eperm(self->c.fd, &self->reserve, self->mem);
		_exit(0);
	}
	EXPECT_EQ(0, child_exit(pid));
}

TEST_F(abi, not_with_a_passed_descriptor)
{
	int sock[2];
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sock));
	pid = fork();
	if (!pid) {
		int fd;

		close(self->c.fd);
		fd = fd_receive(sock[1]);
		CHILD_CHECK(fd >= 0);
		check_eperm(fd, &self->reserve, self->mem);
		_exit(0);
	}
	ASSERT_EQ(0, fd_send(sock[0], self->c.fd));
	EXPECT_EQ(0, child_exit(pid));
	close(sock[0]);
	close(sock[1]);
}

/* File operations that the device does not have. */
TEST_F(abi, other_file_operations)
{
	char byte = 0;

	EXPECT_EQ(-1, read(self->c.fd, &byte, 1));
	EXPECT_EQ(-1, write(self->c.fd, &byte, 1));
	EXPECT_EQ(-1, ftruncate(self->c.fd, PAGE_BYTES));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE_BYTES, PROT_READ, MAP_PRIVATE,
				   self->c.fd, HERMES_MMAP_ARENA / 2));
	EXPECT_EQ(EINVAL, errno);
}

TEST_HARNESS_MAIN
