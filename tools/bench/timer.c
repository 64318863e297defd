// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "timer.h"

#define CLOCKSOURCE	"/sys/devices/system/clocksource/clocksource0/current_clocksource"
#define CALIBRATION_NS	50000000
#define NR_SAMPLES	1001

/* The kernel watches the counter for us: it keeps time by it only while it is steady. */
static bool kernel_trusts_tsc(void)
{
	char name[16] = "";
	ssize_t n;
	int fd;

	fd = open(CLOCKSOURCE, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, name, sizeof(name) - 1);
	close(fd);
	return n > 0 && !strncmp(name, "tsc", 3);
}

void clock_sleep_until(int64_t ns)
{
	struct timespec ts = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

int timer_init(struct timer *t, enum timer_kind kind)
{
	int64_t start_ns, start, end_ns, end;

	t->tsc = false;
	t->ns_per_tick = 1;
#if !defined(__x86_64__)
	return kind == TIMER_TSC ? -1 : 0;
#endif
	if (kind == TIMER_CLOCK || (kind == TIMER_AUTO && !kernel_trusts_tsc()))
		return 0;
	t->tsc = true;
	start_ns = clock_ns();
	start = timer_read(t);
	do {
		end_ns = clock_ns();
		end = timer_read(t);
	} while (end_ns - start_ns < CALIBRATION_NS);
	t->ns_per_tick = (double)(end_ns - start_ns) / (double)(end - start);
	return 0;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

double timer_overhead_ns(const struct timer *t)
{
	static int64_t samples[NR_SAMPLES];
	int64_t start;
	int i;

	for (i = 0; i < NR_SAMPLES; i++) {
		start = timer_read(t);
		samples[i] = timer_read(t) - start;
	}
	qsort(samples, NR_SAMPLES, sizeof(samples[0]), compare);
	return (double)samples[NR_SAMPLES / 2] * t->ns_per_tick;
}
