// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ABI from a 32-bit process: the same structs, the same requests. Without
 * libc, so that it builds where only the 64-bit one is installed.
 */
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/types.h>

#include <linux/hermes.h>

#define NR_EXIT		1
#define NR_WRITE	4
#define NR_OPEN		5
#define NR_IOCTL	54
#define NR_MMAP2	192

#define LEN		(16 * 4096)
#define PROT_RW		(0x1 | 0x2)
#define ERR_NOENT	(-2)
#define ERR_FAULT	(-14)
#define ERR_INVAL	(-22)

static long call(long nr, long a, long b, long c, long d, long e, long f)
{
	long extra[2] = { nr, f };
	long ret;

	/* The sixth argument goes into %ebp, which the compiler may need. */
	asm volatile("push %%ebp\n\t"
		     "mov 4(%%eax), %%ebp\n\t"
		     "mov (%%eax), %%eax\n\t"
		     "int $0x80\n\t"
		     "pop %%ebp"
		     : "=a" (ret)
		     : "a" (extra), "b" (a), "c" (b), "d" (c), "S" (d), "D" (e)
		     : "memory");
	return ret;
}

static void print(const char *s)
{
	long len = 0;

	while (s[len])
		len++;
	call(NR_WRITE, 1, (long)s, len, 0, 0, 0);
}

static void quit(int status)
{
	call(NR_EXIT, status, 0, 0, 0, 0, 0);
	__builtin_unreachable();
}

/* The compiler calls it to clear structs. */
void *memset(void *to, int byte, __SIZE_TYPE__ len);
void *memset(void *to, int byte, __SIZE_TYPE__ len)
{
	volatile char *p = to;

	while (len--)
		*p++ = byte;
	return to;
}

static int tests;
static int failures;

static void check(int ok, const char *what)
{
	char number[] = "00 ";

	tests++;
	failures += !ok;
	number[0] += tests / 10;
	number[1] += tests % 10;
	print(ok ? "ok " : "not ok ");
	print(number);
	print(what);
	print("\n");
}

static long ioctl(long fd, unsigned long request, void *arg)
{
	return call(NR_IOCTL, fd, request, (long)arg, 0, 0, 0);
}

static void test_info(long fd, struct hermes_info *info)
{
	info->size = sizeof(*info);
	check(!ioctl(fd, HERMES_IOC_INFO, info) &&
	      info->abi_version == HERMES_ABI_VERSION &&
	      info->page_bytes == 4096, "info");
}

static void test_reserve(long fd)
{
	struct hermes_reserve r = { .size = sizeof(r) };

	check(!ioctl(fd, HERMES_IOC_GET_RESERVE, &r), "get_reserve");
	r.min_bytes = LEN;
	r.max_bytes = LEN;
	check(!ioctl(fd, HERMES_IOC_SET_RESERVE, &r), "set_reserve");
	r.reserved[1] = 1;
	check(ioctl(fd, HERMES_IOC_SET_RESERVE, &r) == ERR_INVAL,
	      "set_reserve_reserved");
}

static void test_arena(long fd)
{
	long mem = call(NR_MMAP2, 0, LEN, PROT_RW, MAP_PRIVATE, fd,
			HERMES_MMAP_ARENA >> 12);
	struct hermes_take take = { .size = sizeof(take), .len = LEN };
	struct hermes_give give = { .size = sizeof(give), .len = LEN };
	struct hermes_stats stats = { .size = sizeof(stats) };
	volatile int *word = (volatile int *)mem;

	check((unsigned long)mem < 0xfffff000UL, "mmap_arena");
	if ((unsigned long)mem >= 0xfffff000UL)
		return;
	take.addr = (unsigned long)mem;
	check(!ioctl(fd, HERMES_IOC_TAKE, &take) && take.mapped == LEN, "take");
	check(*word == 0, "zero");
	*word = 42;
	give.addr = (unsigned long)mem;
	check(!ioctl(fd, HERMES_IOC_GIVE, &give) && give.unmapped == LEN,
	      "give");
	check(*word == 0, "zero_again");
	check(!ioctl(fd, HERMES_IOC_DOORBELL, (void *)0), "doorbell");
	check(!ioctl(fd, HERMES_IOC_GET_STATS, &stats) && stats.takes == 1 &&
	      stats.give_bytes == LEN, "stats");
	/* The upper half of a 64-bit address is not ignored. */
	take.addr |= 1ULL << 32;
	check(ioctl(fd, HERMES_IOC_TAKE, &take) == ERR_FAULT, "high_address");
}

void _start(void);
void _start(void)
{
	long fd = call(NR_OPEN, (long)"/dev/hermes", O_RDWR, 0, 0, 0, 0);
	struct hermes_info info = { 0 };
	long ctl;

	print("TAP version 13\n");
	if (fd == ERR_NOENT) {
		print("1..0 # SKIP /dev/hermes is not there\n");
		quit(4);
	}
	check(fd >= 0, "open");
	test_info(fd, &info);
	ctl = call(NR_MMAP2, 0, info.control_bytes, PROT_RW, MAP_SHARED, fd, 0);
	check((unsigned long)ctl < 0xfffff000UL &&
	      ((struct hermes_control *)ctl)->abi_version == HERMES_ABI_VERSION,
	      "mmap_control");
	test_reserve(fd);
	test_arena(fd);
	print("1..14\n");
	if (tests != 14)
		print("# some tests did not run\n");
	quit(failures || tests != 14);
}
