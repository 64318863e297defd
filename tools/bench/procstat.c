// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "procstat.h"

static const char *const vmstat_names[VMSTAT_NR] = {
	[VMSTAT_ALLOCSTALL]	= "allocstall",
	[VMSTAT_PGSCAN_DIRECT]	= "pgscan_direct",
	[VMSTAT_PGSTEAL_DIRECT]	= "pgsteal_direct",
	[VMSTAT_PGSCAN_KSWAPD]	= "pgscan_kswapd",
	[VMSTAT_PGSTEAL_KSWAPD]	= "pgsteal_kswapd",
	[VMSTAT_PSWPIN]		= "pswpin",
	[VMSTAT_PSWPOUT]	= "pswpout",
	[VMSTAT_PGMAJFAULT]	= "pgmajfault",
	[VMSTAT_OOM_KILL]	= "oom_kill",
};

/* Large enough for /proc/vmstat of every kernel so far (about 5 KiB). */
static char text[64 * 1024];

static void proc_path(char *path, size_t size, pid_t pid, const char *file)
{
	if (pid)
		snprintf(path, size, "/proc/%d/%s", (int)pid, file);
	else
		snprintf(path, size, "/proc/self/%s", file);
}

static void read_file(const char *path)
{
	size_t len = 0;
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(errno, "%s", path);
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	if (n < 0)
		die(errno, "%s", path);
	close(fd);
	text[len] = '\0';
}

/* The number after "name" and any of ": \t" at the start of a line of text[]; 0 if absent. */
static uint64_t field(const char *name)
{
	size_t len = strlen(name);
	const char *line = text;

	while (line) {
		if (!strncmp(line, name, len) && strchr(": \t", line[len]))
			return strtoull(line + len + strspn(line + len, ": \t"), NULL, 10);
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return 0;
}

static uint64_t sum_of_fields_starting(const char *prefix)
{
	size_t len = strlen(prefix);
	const char *line = text;
	uint64_t sum = 0;

	while (line) {
		if (!strncmp(line, prefix, len))
			sum += strtoull(line + strcspn(line, " "), NULL, 10);
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return sum;
}

static void read_faults(struct procstat *s, pid_t pid)
{
	unsigned long long minflt, majflt;
	char path[64];
	char *p;

	proc_path(path, sizeof(path), pid, "stat");
	read_file(path);
	/* The command name may hold anything, also spaces and parentheses: start after the last. */
	p = strrchr(text, ')');
	if (!p || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %llu %*u %llu",
			 &minflt, &majflt) != 2)
		die(0, "%s: unexpected content", path);
	s->minflt = minflt;
	s->majflt = majflt;
}

void procstat_read(struct procstat *s, pid_t pid)
{
	char path[64];
	int i;

	read_faults(s, pid);
	proc_path(path, sizeof(path), pid, "status");
	read_file(path);
	s->hwm_kib = field("VmHWM");
	s->rss_kib = field("VmRSS");
	s->swap_kib = field("VmSwap");
	read_file("/proc/meminfo");
	s->mem_free_kib = field("MemFree");
	read_file("/proc/vmstat");
	for (i = 0; i < VMSTAT_NR; i++)
		s->vmstat[i] = field(vmstat_names[i]);
	s->vmstat[VMSTAT_ALLOCSTALL] = sum_of_fields_starting("allocstall_");
}

void procstat_print_json(FILE *f, const struct procstat *before, const struct procstat *after)
{
	int i;

	fprintf(f, "\"process\": {\"minflt\": %llu, \"majflt\": %llu, ",
		(unsigned long long)(after->minflt - before->minflt),
		(unsigned long long)(after->majflt - before->majflt));
	fprintf(f, "\"vm_hwm_kib\": %llu, \"vm_rss_kib\": %llu, \"vm_swap_kib\": %llu},\n",
		(unsigned long long)after->hwm_kib, (unsigned long long)after->rss_kib,
		(unsigned long long)after->swap_kib);
	fprintf(f, "\"system\": {\"mem_free_kib_before\": %llu, \"mem_free_kib_after\": %llu",
		(unsigned long long)before->mem_free_kib, (unsigned long long)after->mem_free_kib);
	for (i = 0; i < VMSTAT_NR; i++)
		fprintf(f, ", \"%s\": %llu", vmstat_names[i],
			(unsigned long long)(after->vmstat[i] - before->vmstat[i]));
	fputc('}', f);
}

void procstat_print_table(FILE *f, const struct procstat *before, const struct procstat *after)
{
	int i;

	fprintf(f, "faults   minor %llu, major %llu; ",
		(unsigned long long)(after->minflt - before->minflt),
		(unsigned long long)(after->majflt - before->majflt));
	fprintf(f, "VmHWM %llu KiB, VmRSS %llu KiB, VmSwap %llu KiB\n",
		(unsigned long long)after->hwm_kib, (unsigned long long)after->rss_kib,
		(unsigned long long)after->swap_kib);
	fprintf(f, "system  ");
	for (i = 0; i < VMSTAT_NR; i++)
		fprintf(f, " %s %llu", vmstat_names[i],
			(unsigned long long)(after->vmstat[i] - before->vmstat[i]));
	fputc('\n', f);
}

bool proc_maps_contains(pid_t pid, const char *wanted)
{
	bool found = false;
	char path[64];
	char line[4096];
	FILE *f;

	proc_path(path, sizeof(path), pid, "maps");
	f = fopen(path, "re");
	if (!f)
		die(errno, "%s", path);
	while (!found && fgets(line, sizeof(line), f))
		found = strstr(line, wanted);
	fclose(f);
	return found;
}
