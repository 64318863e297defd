// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's trace buffer: one instance of its own, so that nobody else's
 * tracing is disturbed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "hermes_trace.h"
#include "hermes_util.h"

#define TRACEFS		"/sys/kernel/tracing"
#define INSTANCE	TRACEFS "/instances/hermes-test"

/**
 * trace_start() - make an empty trace buffer
 *
 * Return: 0 or a negative errno.
 */
int trace_start(void)
{
	if (access(TRACEFS "/instances", F_OK) &&
	    mount("none", TRACEFS, "tracefs", 0, NULL))
		return -errno;
	rmdir(INSTANCE);
	if (mkdir(INSTANCE, 0700))
		return -errno;
	return write_text(INSTANCE "/tracing_on", "1");
}

void trace_stop(void)
{
	rmdir(INSTANCE);
}

/**
 * trace_event() - switch events on or off
 * @event: "system/event", or a whole "system"
 * @on: which
 *
 * Return: 0 or a negative errno.
 */
int trace_event(const char *event, bool on)
{
	char path[256];

	snprintf(path, sizeof(path), INSTANCE "/events/%s/enable", event);
	return write_text(path, on ? "1" : "0");
}

int trace_clear(void)
{
	int fd = open(INSTANCE "/trace", O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static long count_lines(const char *a, const char *b)
{
	FILE *file = fopen(INSTANCE "/trace", "re");
	char line[1024];
	long count = 0;

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file))
		if (line[0] != '#' && strstr(line, a) && strstr(line, b))
			count++;
	fclose(file);
	return count;
}

/* Lines of the trace that contain a text; -1 when it cannot be read. */
long trace_count(const char *text)
{
	return count_lines(text, "");
}

/* Whether a line of the trace contains both texts. */
bool trace_find(const char *a, const char *b)
{
	return count_lines(a, b) > 0;
}
