// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * How much memory is left: of the machine (MemAvailable) and of the memory
 * cgroups that the process is in, of both versions.
 *
 * A page populated ahead of use, at a limit, would make the kernel reclaim or
 * kill for memory that nobody has asked for yet; so the populate backend looks
 * here first. File cache that was not used lately counts as free: it is what
 * the kernel drops first.
 *
 * Only the background thread calls these: it has a table of files of its own
 * and keeps the files open.
 */
#include <string.h>
#include "headroom.h"
#include "os.h"

/* Cgroups looked at, from the process' own upwards. */
#define LEVELS_MAX	6
#define PATH_BYTES	512
#define TEXT_BYTES	4096
/* The figures are read anew after so long. */
#define FRESH_NS	20000000

struct level {
	int usage, max, high, stat;
};

/* How the versions of the memory controller name things. */
struct version {
	const char *mounts[3];		/* where it may be mounted */
	const char *usage, *max, *high, *idle_cache;
};

static const struct version v1 = {
	{ "/sys/fs/cgroup/memory", NULL },
	"memory.usage_in_bytes", "memory.limit_in_bytes", NULL, "total_inactive_file ",
};

static const struct version v2 = {
	{ "/sys/fs/cgroup", "/sys/fs/cgroup/unified", NULL },
	"memory.current", "memory.max", "memory.high", "inactive_file ",
};

static int meminfo = -1;
static struct level levels[LEVELS_MAX];
static unsigned int nr_levels;
static const char *idle_cache;
static bool huge_pages;
static uint64_t read_at;		/* ns, of the figures; 0: none */
static char text[TEXT_BYTES];

static const char *digits(const char *p, uint64_t *out)
{
	for (*out = 0; *p >= '0' && *p <= '9'; p++)
		*out = *out < UINT64_MAX / 16 ? *out * 10 + (uint64_t)(*p - '0') : *out;
	return p;
}

/* The number after @key in @text; false: it has none. */
static bool number_after(const char *key, uint64_t *out)
{
	const char *p = text, *end;

	while (p && strncmp(p, key, strlen(key))) {
		p = strchr(p, '\n');
		p = p ? p + 1 : NULL;
	}
	if (!p)
		return false;
	p += strlen(key);
	p += strspn(p, " \t");
	end = digits(p, out);
	return end != p;
}

/* A file of one number; "max" and what cannot be read are no limit. */
static uint64_t read_number(int fd, uint64_t otherwise)
{
	uint64_t value;

	if (!hu_os_read(fd, text, sizeof(text)) || digits(text, &value) == text)
		return otherwise;
	return value;
}

static int open_in(const char *dir, const char *name)
{
	char path[PATH_BYTES + 32];
	size_t len = strlen(dir);

	if (!name || len + strlen(name) + 2 > sizeof(path))
		return -1;
	memcpy(path, dir, len);
	path[len] = '/';
	memcpy(path + len + 1, name, strlen(name) + 1);
	return hu_os_open(path);
}

static void close_level(const struct level *l)
{
	const int fds[] = { l->usage, l->max, l->high, l->stat };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			hu_os_close(fds[i]);
}

/* Opens one cgroup's files; a level that has no limit need not be kept. */
static void open_level(const struct version *v, const char *dir)
{
	struct level *l = &levels[nr_levels];

	l->usage = open_in(dir, v->usage);
	l->max = open_in(dir, v->max);
	l->high = open_in(dir, v->high);
	l->stat = open_in(dir, "memory.stat");
	if (l->usage >= 0 && l->max >= 0)
		nr_levels++;
	else
		close_level(l);
}

/* The cgroup @path (as in /proc/self/cgroup) below @mount, and its parents. */
static void open_levels(const struct version *v, const char *mount, const char *path)
{
	char dir[PATH_BYTES];
	size_t root = strlen(mount), len;

	len = root + strcspn(path, "\n");
	if (len >= sizeof(dir))
		return;
	memcpy(dir, mount, root);
	memcpy(dir + root, path, len - root);
	while (nr_levels < LEVELS_MAX) {
		while (len > root && dir[len - 1] == '/')
			len--;
		dir[len] = '\0';
		open_level(v, dir);
		if (len == root)
			return;
		while (len > root && dir[len - 1] != '/')
			len--;
	}
}

static void open_version(const struct version *v, const char *path)
{
	size_t i;

	for (i = 0; v->mounts[i] && !nr_levels; i++)
		open_levels(v, v->mounts[i], path);
	idle_cache = v->idle_cache;
}

/* Lines "0::/path" (version 2) and "N:CONTROLLERS:/path". */
static void open_cgroups(void)
{
	char list[TEXT_BYTES];
	int fd = hu_os_open("/proc/self/cgroup");
	size_t len = hu_os_read(fd, list, sizeof(list));
	const char *line, *path;

	if (fd >= 0)
		hu_os_close(fd);
	for (line = list; line < list + len && !nr_levels; line += strcspn(line, "\n") + 1) {
		path = strchr(line, ':');
		if (!path)
			return;
		if (!strncmp(path, ":memory:", 8))
			open_version(&v1, path + 8);
		else if (!strncmp(line, "0::", 3))
			open_version(&v2, line + 3);
	}
}

/* hu_headroom_open() - called once, first, by the background thread */
void hu_headroom_open(void)
{
	int fd;

	/* In a forked child these are the parent's. */
	meminfo = -1;
	nr_levels = 0;
	huge_pages = false;
	read_at = 0;
	/* Where the table of files would be the program's, none is opened. */
	if (!hu_os_own_files())
		return;
	meminfo = hu_os_open("/proc/meminfo");
	open_cgroups();
	fd = hu_os_open("/sys/kernel/mm/transparent_hugepage/enabled");
	huge_pages = hu_os_read(fd, text, sizeof(text)) && !strstr(text, "[never]");
	if (fd >= 0)
		hu_os_close(fd);
}

static size_t level_room(const struct level *l)
{
	uint64_t max = read_number(l->max, UINT64_MAX), high = read_number(l->high, UINT64_MAX);
	uint64_t used, cache = 0;

	max = hu_min(max, high);
	/* "No limit" of version 1 is a number, too. */
	if (max >= (uint64_t)1 << 60)
		return SIZE_MAX;
	used = read_number(l->usage, max);
	if (hu_os_read(l->stat, text, sizeof(text)))
		number_after(idle_cache, &cache);
	used -= hu_min(used, cache);
	return max - hu_min(max, used);
}

static size_t measure(void)
{
	size_t room = 0;
	uint64_t kib;
	unsigned int i;

	if (hu_os_read(meminfo, text, sizeof(text)) && number_after("MemAvailable:", &kib))
		room = (size_t)kib * KIB;
	for (i = 0; i < nr_levels && room; i++)
		room = hu_min(room, level_room(&levels[i]));
	return room;
}

/**
 * hu_headroom() - bytes that can be had without anybody's reclaim
 *
 * A snapshot, not older than 20 ms. 0 also when it cannot be known.
 */
size_t hu_headroom(void)
{
	static size_t room;
	uint64_t now = hu_os_clock_ns();

	if (!read_at || now - read_at > FRESH_NS) {
		room = measure();
		read_at = now;
	}
	return room;
}

/* Whether the kernel makes huge pages where a program asks for them. */
bool hu_headroom_huge_pages(void)
{
	return huge_pages;
}
