// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Making the statistics file, and moving the table to it.
 *
 * A process makes it after its first slow allocation, a forked child after the
 * first one of its own: the table is wiped in the child, with it the state and
 * the way to the parent's file. No descriptor stays open. No failure has any
 * effect but that there is no file; it is reported only if the user has asked
 * for the file by name.
 */
#include <errno.h>
#include <hermes-u.h>
#include <string.h>
#include "conf.h"
#include "heap.h"
#include "large.h"
#include "os.h"
#include "os_file.h"
#include "pageheap.h"
#include "reserve.h"
#include "shm.h"
#include "text.h"

/* Of /proc/PID/stat. */
#define STAT_MAX	1024
#define STAT_STARTTIME	22

struct process {
	uint32_t pid;
	uint64_t start_time;
	char command[16];
};

/* The parent's file in a forked child, where it only takes address space. */
static void *mapping;
static size_t mapping_bytes;

/* Field 22, from the text after the command's name, which is fields 3 and on. */
static uint64_t parse_start_time(const char *text)
{
	uint64_t value = 0;
	int field;

	for (field = 3; field < STAT_STARTTIME && text; field++) {
		text = strchr(text, ' ');
		text = text ? text + 1 : NULL;
	}
	while (text && *text >= '0' && *text <= '9')
		value = value * 10 + (uint64_t)(*text++ - '0');
	return value;
}

/* False: there is no such process, or no /proc. */
static bool read_process(uint32_t pid, struct process *process)
{
	char path[40], stat[STAT_MAX], *open, *close;
	struct hu_text text = HU_TEXT(path);
	ssize_t len;

	*process = (struct process){ .pid = pid };
	hu_text_add(&text, "/proc/");
	hu_text_number(&text, pid);
	hu_text_add(&text, "/stat");
	len = hu_os_read_file(path, stat, sizeof(stat) - 1);
	if (len <= 0)
		return false;
	stat[len] = '\0';
	open = strchr(stat, '(');
	close = strrchr(stat, ')');
	if (!open || !close || close < open || !close[1])
		return false;
	*close = '\0';
	memcpy(process->command, open + 1,
	       hu_min(sizeof(process->command) - 1, (size_t)(close - open - 1)));
	process->start_time = parse_start_time(close + 2);
	return true;
}

/*
 * What the file at @path is: -ESTALE: of a program that has ended, perhaps by
 * execve(); -EBUSY: of another process; -EEXIST: no statistics file.
 */
static int inspect(const char *path, const struct process *me)
{
	struct process owner;
	struct hermes_u_shm header;
	ssize_t len = hu_os_read_file(path, &header, sizeof(header));

	/* Longer than its header, as it should be. */
	if (len != -EFBIG || header.magic != HERMES_U_SHM_MAGIC)
		return -EEXIST;
	if (header.pid == me->pid && header.start_time == me->start_time)
		return -ESTALE;
	if (read_process(header.pid, &owner) && owner.start_time == header.start_time)
		return -EBUSY;
	return -ESTALE;
}

static void write_header(struct hermes_u_shm *shm, size_t data_offset, size_t bytes,
			 const struct process *me)
{
	struct hermes_u_status status;
	struct hermes_u_shm_entry *entries = (struct hermes_u_shm_entry *)(shm + 1);
	unsigned int i, n = hu_table_entry(UINT32_MAX, NULL);

	hu_reserve_status(&status);
	*shm = (struct hermes_u_shm){
		.version = HERMES_U_SHM_VERSION,
		.header_bytes = sizeof(*shm),
		.file_bytes = bytes,
		.pid = me->pid,
		.backend = status.backend,
		.start_time = me->start_time,
		.created_ns = hu_os_realtime_ns(),
		.entries_offset = sizeof(*shm),
		.entries = n,
		.entry_bytes = sizeof(*entries),
		.data_offset = (uint32_t)data_offset,
		.shards = hu_table_shards(),
		.shard_bytes = sizeof(struct hu_shard),
	};
	memcpy(shm->command, me->command, sizeof(shm->command));
	strncpy(shm->library, hermes_u_version(), sizeof(shm->library) - 1);
	for (i = 0; i < n; i++)
		hu_table_entry(i, &entries[i]);
	/* Release: a reader who sees it sees all. Pairs with the reader's acquire. */
	__atomic_store_n(&shm->magic, HERMES_U_SHM_MAGIC, __ATOMIC_RELEASE);
}

static const char *reason_of(int error)
{
	switch (error) {
	case -ENODEV:
		return "not on a tmpfs";
	case -EPERM:
	case -EACCES:
		return "no permission";
	case -ENOENT:
	case -ENOTDIR:
		return "no such directory";
	case -EEXIST:
		return "the file exists";
	case -ENOSPC:
	case -ENOMEM:
	case -EFBIG:
		return "no space";
	case -ENAMETOOLONG:
		return "the path is too long";
	case -EROFS:
		return "read-only file system";
	}
	return "the file cannot be made";
}

/* The path of the file, in table->path; 0 or a negative errno. */
static int choose_path(struct hu_table *table, const struct process *me)
{
	bool mine = hu_conf.stats_file == HU_CONF_STATS_FILE_ON;
	const char *given = mine ? hu_conf.stats_path : HERMES_U_SHM_DIR, *slash;
	struct hu_text path = HU_TEXT(table->path);
	int ret;

	if (mine && !hu_os_is_dir(given)) {
		slash = strrchr(given, '/');
		hu_text_bytes(&path, given, slash == given ? 1 : (size_t)(slash - given));
		ret = hu_os_check_tmpfs(table->path, false);
		path.len = 0;
		hu_text_add(&path, given);
		return ret;
	}
	ret = hu_os_check_tmpfs(given, !mine);
	hu_text_add(&path, given);
	hu_text_add(&path, "/" HERMES_U_SHM_PREFIX);
	hu_text_number(&path, me->pid);
	hu_text_add(&path, ".");
	hu_text_number(&path, me->start_time);
	return ret;
}

static int make_file(struct hu_table *table)
{
	size_t header = hu_align_up(sizeof(struct hermes_u_shm) +
				    hu_table_entry(UINT32_MAX, NULL) *
				    sizeof(struct hermes_u_shm_entry), HU_PAGE);
	size_t bytes = header + hu_table_shards() * sizeof(struct hu_shard);
	struct process me;
	void *p;
	int ret;

	read_process(hu_os_pid(), &me);
	ret = choose_path(table, &me);
	if (ret)
		return ret;
	p = hu_os_create_shared(table->path, bytes, &ret);
	if (!p && ret == -EEXIST)
		ret = inspect(table->path, &me);
	if (!p && ret == -ESTALE) {
		hu_os_unlink(table->path);
		p = hu_os_create_shared(table->path, bytes, &ret);
	}
	if (!p)
		return ret;
	mapping = p;
	mapping_bytes = bytes;
	hu_table_share(table, (struct hu_shard *)((char *)p + header));
	write_header(p, header, bytes, &me);
	return 0;
}

static void complain(int error)
{
	/* Once; forked children have it set. */
	static bool complained;

	/* Programs that this one starts find its file in the way: as it should be. */
	if (error == -EBUSY)
		return;
	if (!complained && hu_conf.stats_file == HU_CONF_STATS_FILE_ON)
		hu_os_complain("stats_file is ignored: ", reason_of(error));
	complained = true;
}

/* Every gauge is stored again, now in the file. */
static void set_gauges(void)
{
	struct hu_pages_stats pages;

	hu_thread_heaps();
	hu_huge_bytes();
	hu_pages_get_stats(&pages);
}

/**
 * hu_shm_start() - decide whether this process has a statistics file, make it
 * @table: the table of this process
 *
 * Context: no lock held.
 */
HU_COLD void hu_shm_start(struct hu_table *table)
{
	int undecided = HU_FILE_UNDECIDED, ret;

	if (!hu_conf_is_read() ||
	    !atomic_compare_exchange_strong(&table->file_state, &undecided, HU_FILE_DECIDED))
		return;
	if (mapping) {
		hu_os_unmap(mapping, mapping_bytes);
		mapping = NULL;
	}
	if (hu_conf.stats_file == HU_CONF_STATS_FILE_OFF || hu_os_secure())
		return;
	ret = make_file(table);
	if (ret) {
		table->path[0] = '\0';
		complain(ret);
		return;
	}
	set_gauges();
}

/* At the end of the process. Counting goes on, in the mapping. */
void hu_shm_finish(void)
{
	struct hu_table *table = hu_table_get();

	if (table && table->path[0] &&
	    atomic_load_explicit(&table->shared, memory_order_relaxed))
		hu_os_unlink(table->path);
}
