// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registered cgroups: best-effort ones that may be reclaimed from, and
 * latency-critical ones that are left alone.
 *
 * A registration holds the cgroup and its open files, not the tool that made
 * it: it ends when it is deleted, when the cgroup is removed, or with the
 * module. A removed cgroup is noticed when somebody looks, or a step fails, or
 * within a second: nobody is told of it.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kernfs.h>
#include <linux/magic.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "hermes.h"
#include "victim.h"

/* Registrations, and what was last seen of their victims. */
DEFINE_MUTEX(hermes_cgroups_lock);
/* In the order of their ids. */
LIST_HEAD(hermes_registrations);

static void hermes_cgroups_watch(struct work_struct *work);
/* Runs while there are registrations. */
static DECLARE_DELAYED_WORK(hermes_cgroups_watching, hermes_cgroups_watch);

/** hermes_cgroup_path() - a cgroup's path in its file system
 * @cgrp: the cgroup
 * @path: out, HERMES_PATH_MAX bytes; longer ones are cut
 */
void hermes_cgroup_path(struct cgroup *cgrp, char *path)
{
	if (kernfs_path_from_node(cgrp->kn, NULL, path, HERMES_PATH_MAX) < 0)
		strscpy(path, "?", HERMES_PATH_MAX);
}

void hermes_cgroup_get(struct hermes_registration *reg)
{
	kref_get(&reg->ref);
}

static void hermes_cgroup_free(struct kref *ref)
{
	struct hermes_registration *reg =
		container_of(ref, struct hermes_registration, ref);

	hermes_split_drop(reg);
	if (reg->own)
		hermes_victim_put(reg->own);
	if (reg->dir)
		fput(reg->dir);
	if (reg->cgrp)
		cgroup_put(reg->cgrp);
	kfree(reg);
}

void hermes_cgroup_put(struct hermes_registration *reg)
{
	kref_put(&reg->ref, hermes_cgroup_free);
}

static void hermes_cgroup_unlink(struct hermes_registration *reg)
{
	list_del_init(&reg->link);
	if (!reg->own)
		hermes_split_stale();
	hermes_cgroup_put(reg);
}

/** hermes_cgroups_prune() - end the registrations of removed cgroups
 *
 * Context: Process context, hermes_cgroups_lock held.
 */
void hermes_cgroups_prune(void)
{
	struct hermes_registration *reg, *next;
	char path[HERMES_PATH_MAX];

	lockdep_assert_held(&hermes_cgroups_lock);
	list_for_each_entry_safe(reg, next, &hermes_registrations, link) {
		if (reg->cgrp->self.flags & CSS_ONLINE)
			continue;
		hermes_cgroup_path(reg->cgrp, path);
		hermes_event_cgroup_gone(cgroup_id(reg->cgrp), path);
		hermes_cgroup_unlink(reg);
	}
}

static void hermes_cgroups_watch(struct work_struct *work)
{
	bool any;

	mutex_lock(&hermes_cgroups_lock);
	hermes_cgroups_prune();
	any = !list_empty(&hermes_registrations);
	mutex_unlock(&hermes_cgroups_lock);
	if (any)
		schedule_delayed_work(&hermes_cgroups_watching, HZ);
}

static struct hermes_registration *hermes_cgroup_find(u64 id)
{
	struct hermes_registration *reg;

	list_for_each_entry(reg, &hermes_registrations, link)
		if (cgroup_id(reg->cgrp) == id)
			return reg;
	return NULL;
}

/* The directory and the cgroup that descriptor @fd of the caller stands for. */
static int hermes_cgroup_resolve(int fd, struct file **dir,
				 struct cgroup **cgrp,
				 struct netlink_ext_ack *extack)
{
	*dir = fget(fd);
	if (!*dir) {
		NL_SET_ERR_MSG(extack,
			       "no open file: open the cgroup's directory for reading");
		return -EBADF;
	}
	*cgrp = cgroup_get_from_fd(fd);
	if (IS_ERR(*cgrp))
		goto err_file;
	/* Another thread may have put another file there between the two. */
	if (file_inode(*dir)->i_sb->s_magic == CGROUP2_SUPER_MAGIC &&
	    file_inode(*dir)->i_ino == cgroup_id(*cgrp))
		return 0;
	cgroup_put(*cgrp);
err_file:
	fput(*dir);
	NL_SET_ERR_MSG(extack, "not a directory of a cgroup2 file system");
	return -EBADR;
}

/**
 * hermes_cgroup_id_of_fd() - which cgroup a descriptor stands for
 * @fd: open directory of the caller
 * @id: out
 * @extack: for a message
 *
 * Return: 0, -EBADF or -EBADR.
 */
int hermes_cgroup_id_of_fd(int fd, u64 *id, struct netlink_ext_ack *extack)
{
	struct cgroup *cgrp;
	struct file *dir;
	int ret = hermes_cgroup_resolve(fd, &dir, &cgrp, extack);

	if (ret)
		return ret;
	*id = cgroup_id(cgrp);
	cgroup_put(cgrp);
	fput(dir);
	return 0;
}

/* Whether it has memory of its own, to be reclaimed from or left alone. */
static int hermes_cgroup_check(struct cgroup *cgrp,
			       struct netlink_ext_ack *extack)
{
	if (!cgroup_parent(cgrp)) {
		NL_SET_ERR_MSG(extack, "the root: register what is below it");
		return -EOPNOTSUPP;
	}
	if (!rcu_access_pointer(cgrp->subsys[memory_cgrp_id])) {
		NL_SET_ERR_MSG(extack,
			       "no memory.reclaim: enable memory in its parent's cgroup.subtree_control");
		return -EOPNOTSUPP;
	}
	return 0;
}

static int hermes_cgroup_open(struct hermes_registration *reg,
			      struct netlink_ext_ack *extack)
{
	int ret = hermes_victim_open(&reg->dir->f_path, "", reg->cgrp,
				     &reg->own);

	switch (ret) {
	case -ENOENT:
		NL_SET_ERR_MSG(extack,
			       "no memory.reclaim: enable memory in its parent's cgroup.subtree_control");
		return -EOPNOTSUPP;
	case -EACCES:
	case -EPERM:
		NL_SET_ERR_MSG(extack,
			       "you may not write its memory.reclaim");
		return -EACCES;
	case -ENODEV:
	case -EXDEV:
		NL_SET_ERR_MSG(extack,
			       "the cgroup was removed, or something is mounted over its files");
		return -EBADR;
	case 0:
		list_add(&reg->own->link, &reg->victims);
		return 0;
	}
	return ret;
}

static struct hermes_registration *
hermes_cgroup_create(int fd, const struct hermes_cgroup_conf *conf,
		     const struct hermes_actor *who)
{
	struct hermes_registration *reg = kzalloc(sizeof(*reg),
						  GFP_KERNEL_ACCOUNT);
	struct cgroup *cgrp;
	struct file *dir;
	int ret;

	if (!reg)
		return ERR_PTR(-ENOMEM);
	kref_init(&reg->ref);
	INIT_LIST_HEAD(&reg->link);
	INIT_LIST_HEAD(&reg->victims);
	reg->conf = *conf;
	reg->uid = who->uid;
	ret = hermes_cgroup_resolve(fd, &dir, &cgrp, who->extack);
	if (ret)
		goto err;
	reg->dir = dir;
	reg->cgrp = cgrp;
	ret = hermes_cgroup_check(cgrp, who->extack);
	if (!ret && conf->type == HERMES_CGROUP_BEST_EFFORT)
		ret = hermes_cgroup_open(reg, who->extack);
	if (!ret)
		return reg;
err:
	hermes_cgroup_put(reg);
	return ERR_PTR(ret);
}

static int hermes_cgroup_room(const struct hermes_actor *who)
{
	struct hermes_registration *reg;
	unsigned int all = 0, own = 0;

	list_for_each_entry(reg, &hermes_registrations, link) {
		all++;
		own += uid_eq(reg->uid, who->uid);
	}
	if (who->admin ? all < HERMES_CGROUPS_MAX :
			 all < HERMES_CGROUPS_USERS_MAX &&
			 own < HERMES_CGROUPS_USER_MAX)
		return 0;
	NL_SET_ERR_MSG(who->extack,
		       "too many cgroups are registered: register a common parent instead");
	return -EUSERS;
}

static void hermes_cgroup_insert(struct hermes_registration *reg)
{
	struct hermes_registration *next;

	list_for_each_entry(next, &hermes_registrations, link)
		if (cgroup_id(next->cgrp) > cgroup_id(reg->cgrp))
			break;
	list_add_tail(&reg->link, &next->link);
	if (!reg->own)
		hermes_split_stale();
}

/* First look, so that nobody has to wait for the first decision. */
static void hermes_cgroup_begin(struct hermes_registration *reg)
{
	if (!reg->own)
		return;
	hermes_victim_probe(reg->own);
	if (hermes_victim_look(reg->own))
		return;
	reg->refault_base = reg->own->seen.refault;
}

/**
 * hermes_cgroup_add() - register a cgroup
 * @fd: its directory, a descriptor of the caller
 * @conf: how; ranges were checked
 * @who: the caller
 *
 * Context: Process context of who asks: memory.reclaim is opened with the
 *	caller's rights.
 * Return: 0; -EBADF, -EBADR, -EEXIST, -EACCES, -EOPNOTSUPP, -EUSERS, -ENOMEM
 *	as HERMES_CMD_CGROUP_ADD documents.
 */
int hermes_cgroup_add(int fd, const struct hermes_cgroup_conf *conf,
		      const struct hermes_actor *who)
{
	struct hermes_registration *reg = hermes_cgroup_create(fd, conf, who);
	int ret;

	if (IS_ERR(reg))
		return PTR_ERR(reg);
	mutex_lock(&hermes_cgroups_lock);
	hermes_cgroups_prune();
	if (hermes_cgroup_find(cgroup_id(reg->cgrp))) {
		NL_SET_ERR_MSG(who->extack,
			       "registered already: change or delete that registration");
		ret = -EEXIST;
	} else {
		ret = hermes_cgroup_room(who);
	}
	if (!ret) {
		hermes_cgroup_insert(reg);
		hermes_cgroup_begin(reg);
	}
	mutex_unlock(&hermes_cgroups_lock);
	if (ret) {
		hermes_cgroup_put(reg);
		return ret;
	}
	schedule_delayed_work(&hermes_cgroups_watching, HZ);
	hermes_reclaim_changed();
	return 0;
}

/* The registration, if @who may change it. */
static int hermes_cgroup_claim(u64 id, const struct hermes_actor *who,
			       struct hermes_registration **reg)
{
	hermes_cgroups_prune();
	*reg = hermes_cgroup_find(id);
	if (!*reg) {
		NL_SET_ERR_MSG(who->extack,
			       "that cgroup is not registered");
		return -ENOENT;
	}
	if (!who->admin && !uid_eq((*reg)->uid, who->uid)) {
		NL_SET_ERR_MSG(who->extack,
			       "another user registered it: CAP_SYS_ADMIN is needed");
		return -EPERM;
	}
	return 0;
}

static void hermes_cgroup_apply(struct hermes_cgroup_conf *to,
				const struct hermes_cgroup_conf *from,
				unsigned long fields)
{
	if (fields & BIT(HERMES_A_CGROUP_WEIGHT))
		to->weight = from->weight;
	if (fields & BIT(HERMES_A_CGROUP_MIN))
		to->min = from->min;
	if (fields & BIT(HERMES_A_CGROUP_RATE))
		to->rate = from->rate;
	if (fields & BIT(HERMES_A_CGROUP_ANON))
		to->anon = from->anon;
}

/**
 * hermes_cgroup_set() - change a registration
 * @id: of the cgroup
 * @conf: new values
 * @fields: which of them: BIT(HERMES_A_CGROUP_...)
 * @who: the caller
 *
 * Return: 0; -ENOENT; -EPERM another user's; -EINVAL it is latency-critical
 *	and has no such parameters.
 */
int hermes_cgroup_set(u64 id, const struct hermes_cgroup_conf *conf,
		      unsigned long fields, const struct hermes_actor *who)
{
	struct hermes_registration *reg;
	int ret;

	mutex_lock(&hermes_cgroups_lock);
	ret = hermes_cgroup_claim(id, who, &reg);
	if (!ret && fields &&
	    reg->conf.type == HERMES_CGROUP_LATENCY_CRITICAL) {
		NL_SET_ERR_MSG(who->extack,
			       "a latency-critical cgroup has no parameters");
		ret = -EINVAL;
	}
	if (!ret)
		hermes_cgroup_apply(&reg->conf, conf, fields);
	mutex_unlock(&hermes_cgroups_lock);
	if (!ret)
		hermes_reclaim_changed();
	return ret;
}

/**
 * hermes_cgroup_del() - end a registration
 * @id: of the cgroup
 * @who: the caller
 *
 * A step that is under way is not waited for.
 *
 * Return: 0, -ENOENT, -EPERM.
 */
int hermes_cgroup_del(u64 id, const struct hermes_actor *who)
{
	struct hermes_registration *reg;
	int ret;

	mutex_lock(&hermes_cgroups_lock);
	ret = hermes_cgroup_claim(id, who, &reg);
	if (!ret)
		hermes_cgroup_unlink(reg);
	mutex_unlock(&hermes_cgroups_lock);
	if (!ret)
		hermes_reclaim_changed();
	return ret;
}

static void hermes_cgroup_show_rest(struct hermes_registration *reg,
				    struct hermes_cgroup_info *info)
{
	u64 now = ktime_get_ns(), until = 0;
	struct hermes_victim *v;
	int kind;

	list_for_each_entry(v, &reg->victims, link) {
		for (kind = 0; kind < HERMES_KINDS; kind++) {
			if (v->rest[kind].until <= until)
				continue;
			until = v->rest[kind].until;
			info->backoff = v->rest[kind].why;
		}
	}
	info->backoff_ms = until > now ? div_u64(until - now, NSEC_PER_MSEC) : 0;
}

static void hermes_cgroup_show(struct hermes_registration *reg,
			       struct hermes_cgroup_info *info)
{
	struct hermes_seen seen;

	memset(info, 0, sizeof(*info));
	info->id = cgroup_id(reg->cgrp);
	hermes_cgroup_path(reg->cgrp, info->path);
	info->conf = reg->conf;
	info->uid = reg->uid;
	info->steps = reg->steps;
	info->partial = reg->partial;
	info->asked = reg->asked;
	info->got = reg->got;
	info->cpu_ns = reg->cpu_ns;
	info->split = reg->split;
	if (!reg->own)
		return;
	/* Not into the victim: a reader must not move the judge's window. */
	if (hermes_victim_read(reg->own, &seen))
		seen = reg->own->seen;
	info->current_bytes = hermes_victim_current(reg->own);
	info->file = seen.file;
	info->anon = seen.anon;
	info->refaults = hermes_since(seen.refault, reg->refault_base);
	hermes_cgroup_show_rest(reg, info);
}

/**
 * hermes_cgroup_info() - the next registration
 * @after: id of the one before, 0 at first
 * @info: out
 *
 * Context: Process context; reads the cgroup's files.
 * Return: false when there is none.
 */
bool hermes_cgroup_info(u64 after, struct hermes_cgroup_info *info)
{
	struct hermes_registration *reg;
	bool found = false;

	mutex_lock(&hermes_cgroups_lock);
	hermes_cgroups_prune();
	list_for_each_entry(reg, &hermes_registrations, link) {
		if (cgroup_id(reg->cgrp) <= after)
			continue;
		hermes_cgroup_show(reg, info);
		found = true;
		break;
	}
	mutex_unlock(&hermes_cgroups_lock);
	return found;
}

void hermes_cgroups_count(u32 *best_effort, u32 *latency_critical)
{
	struct hermes_registration *reg;

	*best_effort = 0;
	*latency_critical = 0;
	mutex_lock(&hermes_cgroups_lock);
	hermes_cgroups_prune();
	list_for_each_entry(reg, &hermes_registrations, link)
		if (reg->own)
			++*best_effort;
		else
			++*latency_critical;
	mutex_unlock(&hermes_cgroups_lock);
}

/** hermes_cgroups_exit() - end all registrations; the controller has stopped */
void hermes_cgroups_exit(void)
{
	struct hermes_registration *reg, *next;

	cancel_delayed_work_sync(&hermes_cgroups_watching);
	mutex_lock(&hermes_cgroups_lock);
	list_for_each_entry_safe(reg, next, &hermes_registrations, link)
		hermes_cgroup_unlink(reg);
	mutex_unlock(&hermes_cgroups_lock);
}
