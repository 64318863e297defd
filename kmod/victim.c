// SPDX-License-Identifier: GPL-2.0-only
/*
 * One cgroup that is reclaimed from: its files, read and written.
 *
 * The files are those of the cgroup file system, so the module needs nothing
 * of the memory controller that is not exported, and the rights are those of
 * who opened them: the user who registers the cgroup, for memory.reclaim, at
 * that time. Whoever may reclaim from a cgroup may reclaim from all below it,
 * so the files of a descendant (split.c) may be opened by the kernel.
 */
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/memcontrol.h>
#include <linux/namei.h>
#include <linux/page_counter.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "hermes.h"
#include "victim.h"

/* memory.stat is under 3 KiB on all kernels so far. */
#define HERMES_STAT_BYTES	SZ_8K

/* Whether memory.reclaim understands "swappiness="; 6.9 and newer do. */
static bool hermes_swappiness;

/* Buffer of the file that is being read; guarded by hermes_cgroups_lock. */
static char hermes_stat_buf[HERMES_STAT_BYTES];

/*
 * A file of the cgroup's directory, and nothing that somebody has mounted over
 * it. The number tells a cgroup of that name that was removed and made anew.
 */
static int hermes_lookup(const struct path *dir, const char *name,
			 const struct cgroup *cgrp, struct path *path)
{
	struct dentry *parent;
	bool same;
	int ret;

	ret = vfs_path_lookup(dir->dentry, dir->mnt, name, LOOKUP_NO_XDEV, path);
	if (ret)
		return ret;
	parent = dget_parent(path->dentry);
	same = path->mnt == dir->mnt && parent->d_sb == dir->dentry->d_sb &&
	       d_inode(parent)->i_ino == cgroup_id(cgrp);
	dput(parent);
	if (same)
		return 0;
	path_put(path);
	return -ENODEV;
}

static struct file *hermes_open_at(const struct path *dir, const char *name,
				   const struct cgroup *cgrp, const char *file,
				   int flags)
{
	char *full = kasprintf(GFP_KERNEL, "%s%s%s", name, *name ? "/" : "",
			       file);
	struct path path;
	struct file *f;
	int ret;

	if (!full)
		return ERR_PTR(-ENOMEM);
	ret = hermes_lookup(dir, full, cgrp, &path);
	kfree(full);
	if (ret)
		return ERR_PTR(ret);
	f = dentry_open(&path, flags | O_LARGEFILE, current_cred());
	path_put(&path);
	if (IS_ERR(f))
		return f;
	/* dentry_open() leaves this to its caller. */
	ret = file_permission(f, flags == O_RDONLY ? MAY_READ : MAY_WRITE);
	if (ret) {
		fput(f);
		return ERR_PTR(ret);
	}
	return f;
}

static void hermes_victim_free(struct hermes_victim *v)
{
	if (v->reclaim)
		fput(v->reclaim);
	if (v->stat)
		fput(v->stat);
	if (v->pressure)
		fput(v->pressure);
	cgroup_put(v->cgrp);
	kfree(v);
}

static int hermes_victim_files(struct hermes_victim *v, const struct path *dir,
			       const char *name)
{
	struct file *f;

	f = hermes_open_at(dir, name, v->cgrp, "memory.reclaim", O_WRONLY);
	if (IS_ERR(f))
		return PTR_ERR(f);
	v->reclaim = f;
	f = hermes_open_at(dir, name, v->cgrp, "memory.stat", O_RDONLY);
	if (IS_ERR(f))
		return PTR_ERR(f);
	v->stat = f;
	f = hermes_open_at(dir, name, v->cgrp, "memory.pressure", O_RDONLY);
	v->pressure = IS_ERR(f) ? NULL : f;
	return 0;
}

/**
 * hermes_victim_open() - a cgroup's files
 * @dir: directory that @name is relative to
 * @name: of the cgroup; "" for @dir itself
 * @cgrp: the cgroup; the victim takes a reference of its own
 * @victim: out
 *
 * Context: Process context, with the rights that count.
 * Return: 0; -ENOENT it has no memory.reclaim; -EACCES that may not be
 *	written; -ENODEV it is another cgroup or gone; -EXDEV something is
 *	mounted over it; -ENOMEM.
 */
int hermes_victim_open(const struct path *dir, const char *name,
		       struct cgroup *cgrp, struct hermes_victim **victim)
{
	struct hermes_victim *v = kzalloc(sizeof(*v), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!v)
		return -ENOMEM;
	INIT_LIST_HEAD(&v->link);
	kref_init(&v->ref);
	cgroup_get(cgrp);
	v->cgrp = cgrp;
	ret = hermes_victim_files(v, dir, name);
	if (ret) {
		hermes_victim_free(v);
		return ret;
	}
	*victim = v;
	return 0;
}

void hermes_victim_get(struct hermes_victim *victim)
{
	kref_get(&victim->ref);
}

static void hermes_victim_release(struct kref *ref)
{
	hermes_victim_free(container_of(ref, struct hermes_victim, ref));
}

void hermes_victim_put(struct hermes_victim *victim)
{
	kref_put(&victim->ref, hermes_victim_release);
}

/* The file's text in hermes_stat_buf. */
static int hermes_read(struct file *f)
{
	loff_t pos = 0;
	ssize_t n;

	lockdep_assert_held(&hermes_cgroups_lock);
	n = kernel_read(f, hermes_stat_buf, sizeof(hermes_stat_buf) - 1, &pos);
	if (n < 0)
		return n;
	hermes_stat_buf[n] = '\0';
	return 0;
}

/* The number after @key; 0 where the kernel does not know it. */
static u64 hermes_number(const char *key)
{
	const char *at = strstr(hermes_stat_buf, key);
	u64 number = 0;

	while (at && at != hermes_stat_buf && at[-1] != '\n' && at[-1] != ' ')
		at = strstr(at + 1, key);
	if (at && sscanf(at + strlen(key), "%llu", &number) != 1)
		return 0;
	return number;
}

static u64 hermes_pages_number(const char *key)
{
	return hermes_number(key) << PAGE_SHIFT;
}

/**
 * hermes_victim_read() - what a cgroup holds and suffers
 * @victim: the victim
 * @s: out; what cannot be read stays
 *
 * Context: Process context, hermes_cgroups_lock held; may allocate.
 * Return: 0; -ENODEV the cgroup was removed; another error of the read.
 */
int hermes_victim_read(struct hermes_victim *victim, struct hermes_seen *s)
{
	int ret = hermes_read(victim->stat);

	if (ret)
		return ret;
	s->inactive_file = hermes_number("inactive_file ");
	s->file = s->inactive_file + hermes_number("active_file ");
	s->anon = hermes_number("inactive_anon ") +
		  hermes_number("active_anon ");
	/* 6.15 and newer tell the two apart. */
	s->steal_ours = strstr(hermes_stat_buf, "\npgsteal_proactive ");
	s->steal = hermes_pages_number(s->steal_ours ? "pgsteal_proactive " :
						       "pgsteal ");
	s->refault = hermes_pages_number("workingset_refault_file ") +
		     hermes_pages_number("workingset_refault_anon ");
	/* "some avg10=.. avg60=.. avg300=.. total=N"; without PSI it cannot be read */
	s->stalled_us = 0;
	if (victim->pressure && !hermes_read(victim->pressure))
		s->stalled_us = hermes_number("total=");
	return 0;
}

/**
 * hermes_victim_look() - see what a cgroup holds and suffers
 * @victim: the victim
 *
 * Context: Process context, hermes_cgroups_lock held; may allocate.
 * Return: as hermes_victim_read().
 */
int hermes_victim_look(struct hermes_victim *victim)
{
	int ret = hermes_victim_read(victim, &victim->seen);

	if (!ret)
		victim->seen_at = ktime_get_ns();
	return ret;
}

/** hermes_victim_current() - bytes charged to the cgroup now
 * @victim: the victim
 */
u64 hermes_victim_current(const struct hermes_victim *victim)
{
	struct cgroup_subsys_state *css;
	u64 pages = 0;

	rcu_read_lock();
	css = rcu_dereference(victim->cgrp->subsys[memory_cgrp_id]);
	if (css)
		pages = page_counter_read(&mem_cgroup_from_css(css)->memory);
	rcu_read_unlock();
	return pages << PAGE_SHIFT;
}

static int hermes_write(struct file *f, const char *text)
{
	loff_t pos = 0;
	ssize_t n = kernel_write(f, text, strlen(text), &pos);

	return n < 0 ? n : 0;
}

/**
 * hermes_victim_write() - one reclaim step
 * @pick: what from whom
 *
 * File cache alone, or anonymous memory as far as possible, where the kernel
 * can be told so; 6.1 cannot, and then chooses by itself.
 *
 * Context: Process context with no lock held; takes as long as the kernel
 *	needs to reclaim @pick->bytes.
 * Return: 0; -EAGAIN it got less; -ENODEV the cgroup was removed; another
 *	error of the write.
 */
int hermes_victim_write(const struct hermes_pick *pick)
{
	char text[48];

	if (READ_ONCE(hermes_swappiness))
		scnprintf(text, sizeof(text), "%llu swappiness=%d", pick->bytes,
			  pick->kind == HERMES_KIND_FILE ? 0 : 200);
	else
		scnprintf(text, sizeof(text), "%llu", pick->bytes);
	return hermes_write(pick->victim->reclaim, text);
}

/**
 * hermes_victim_probe() - find out what memory.reclaim understands
 * @victim: any
 *
 * Context: Process context, hermes_cgroups_lock held.
 */
void hermes_victim_probe(struct hermes_victim *victim)
{
	int ret = hermes_write(victim->reclaim, "0 swappiness=0");

	/* Another error, as of a cgroup that is being removed, says nothing. */
	if (!ret || ret == -EINVAL)
		WRITE_ONCE(hermes_swappiness, !ret);
}

/** hermes_can_choose_kind() - whether a step can be limited to file cache */
bool hermes_can_choose_kind(void)
{
	return READ_ONCE(hermes_swappiness);
}
