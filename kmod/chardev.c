// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/hermes: open, ioctl dispatch, mmap dispatch, release.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>

#include "hermes.h"

/* A struct that starts with its size; see "Extensible structs" in the ABI. */
union hermes_arg {
	struct {
		u32 size;
		u32 flags;
	} head;
	struct hermes_info info;
	struct hermes_reserve reserve;
	struct hermes_take take;
	struct hermes_give give;
	struct hermes_stats stats;
};

/* Sizes of the structs in the first version of the ABI: the least we take. */
#define HERMES_INFO_SIZE_V1	sizeof(struct hermes_info)
#define HERMES_RESERVE_SIZE_V1	sizeof(struct hermes_reserve)
#define HERMES_TAKE_SIZE_V1	sizeof(struct hermes_take)
#define HERMES_GIVE_SIZE_V1	sizeof(struct hermes_give)
#define HERMES_STATS_SIZE_V1	sizeof(struct hermes_stats)
#define HERMES_ARG_SIZE_MAX	4096

static_assert(sizeof(struct hermes_info) == 56);
static_assert(sizeof(struct hermes_reserve) == 64);
static_assert(sizeof(struct hermes_take) == 40);
static_assert(sizeof(struct hermes_give) == 48);
static_assert(sizeof(struct hermes_stats) == 160);
static_assert(sizeof(struct hermes_control) == 256);
static_assert(offsetof(struct hermes_control, ready_cons) == 128);

static int hermes_copy_arg(union hermes_arg *arg, size_t ksize, size_t least,
			   void __user *user, u32 *usize)
{
	int ret;

	if (get_user(*usize, (u32 __user *)user))
		return -EFAULT;
	if (*usize < least || *usize > HERMES_ARG_SIZE_MAX)
		return -EINVAL;
	ret = copy_struct_from_user(arg, ksize, user, *usize);
	if (ret)
		return ret;
	/* The size may have changed between the two reads. */
	if (arg->head.size != *usize || arg->head.flags)
		return -EINVAL;
	return 0;
}

static int hermes_return_arg(const union hermes_arg *arg, size_t ksize,
			     void __user *user, u32 usize)
{
	return copy_to_user(user, arg, min_t(size_t, ksize, usize)) ? -EFAULT : 0;
}

static int hermes_info(struct hermes_client *c, struct hermes_info *info)
{
	if (info->reserved)
		return -EINVAL;
	info->abi_version = HERMES_ABI_VERSION;
	info->page_bytes = PAGE_SIZE;
	info->features = HERMES_FEATURE_MEMCG | HERMES_FEATURE_RECYCLE;
	info->control_bytes = hermes_ring_bytes();
	info->client_max_bytes = READ_ONCE(hermes_client_max_bytes);
	info->total_max_bytes = READ_ONCE(hermes_total_max_bytes);
	info->client_id = c->id;
	return 0;
}

/* One row for each request with a struct. */
static const struct hermes_request {
	size_t ksize;
	size_t least;
	bool any_mm;
	bool returns;
} hermes_requests[] = {
	[_IOC_NR(HERMES_IOC_INFO)] = {
		sizeof(struct hermes_info), HERMES_INFO_SIZE_V1, true, true },
	[_IOC_NR(HERMES_IOC_SET_RESERVE)] = {
		sizeof(struct hermes_reserve), HERMES_RESERVE_SIZE_V1,
		false, false },
	[_IOC_NR(HERMES_IOC_GET_RESERVE)] = {
		sizeof(struct hermes_reserve), HERMES_RESERVE_SIZE_V1,
		false, true },
	[_IOC_NR(HERMES_IOC_TAKE)] = {
		sizeof(struct hermes_take), HERMES_TAKE_SIZE_V1, false, true },
	[_IOC_NR(HERMES_IOC_GIVE)] = {
		sizeof(struct hermes_give), HERMES_GIVE_SIZE_V1, false, true },
	[_IOC_NR(HERMES_IOC_GET_STATS)] = {
		sizeof(struct hermes_stats), HERMES_STATS_SIZE_V1,
		false, true },
};

static int hermes_call(struct hermes_client *c, unsigned int cmd,
		       union hermes_arg *arg)
{
	switch (cmd) {
	case HERMES_IOC_INFO:
		return hermes_info(c, &arg->info);
	case HERMES_IOC_SET_RESERVE:
		return hermes_client_set_reserve(c, &arg->reserve);
	case HERMES_IOC_GET_RESERVE:
		return hermes_client_get_reserve(c, &arg->reserve);
	case HERMES_IOC_TAKE:
		return hermes_arena_take(c, &arg->take);
	case HERMES_IOC_GIVE:
		return hermes_arena_give(c, &arg->give);
	case HERMES_IOC_GET_STATS:
		hermes_client_get_stats(c, &arg->stats);
		return 0;
	}
	return -ENOTTY;
}

static long hermes_doorbell(struct hermes_client *c, unsigned long arg)
{
	if (arg)
		return -EINVAL;
	if (current->mm != c->mm)
		return -EPERM;
	atomic64_inc(&c->stat.doorbells);
	WRITE_ONCE(c->nid, numa_node_id());
	hermes_reserve_wake(c);
	return 0;
}

static long hermes_ioctl(struct file *file, unsigned int cmd, unsigned long ptr)
{
	struct hermes_client *c = file->private_data;
	void __user *user = (void __user *)ptr;
	const struct hermes_request *req;
	union hermes_arg arg;
	u32 usize;
	int ret;

	if (cmd == HERMES_IOC_DOORBELL)
		return hermes_doorbell(c, ptr);
	if (_IOC_TYPE(cmd) != HERMES_IOC_MAGIC || _IOC_SIZE(cmd) ||
	    _IOC_DIR(cmd) || _IOC_NR(cmd) >= ARRAY_SIZE(hermes_requests))
		return -ENOTTY;
	req = &hermes_requests[_IOC_NR(cmd)];
	if (!req->ksize)
		return -ENOTTY;
	if (!req->any_mm && current->mm != c->mm)
		return -EPERM;

	ret = hermes_copy_arg(&arg, req->ksize, req->least, user, &usize);
	if (ret)
		return ret;
	WRITE_ONCE(c->nid, numa_node_id());
	ret = hermes_call(c, cmd, &arg);
	if (ret || !req->returns)
		return ret;
	return hermes_return_arg(&arg, req->ksize, user, usize);
}

static int hermes_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct hermes_client *c = file->private_data;

	if (vma->vm_mm != c->mm)
		return -EPERM;
	if (vma->vm_pgoff == HERMES_MMAP_CONTROL >> PAGE_SHIFT)
		return hermes_ring_mmap(&c->ring, vma);
	if (vma->vm_pgoff == HERMES_MMAP_ARENA >> PAGE_SHIFT)
		return hermes_arena_mmap(c, vma);
	return -EINVAL;
}

static int hermes_open(struct inode *inode, struct file *file)
{
	struct hermes_client *c = hermes_client_create();

	if (IS_ERR(c))
		return PTR_ERR(c);
	file->private_data = c;
	return nonseekable_open(inode, file);
}

/*
 * The last reference to the file is gone. Every mapping holds one, so no VMA
 * of this client exists any more, in no address space.
 */
static int hermes_release(struct inode *inode, struct file *file)
{
	hermes_client_destroy(file->private_data);
	return 0;
}

static const struct file_operations hermes_fops = {
	.owner		= THIS_MODULE,
	.open		= hermes_open,
	.release	= hermes_release,
	.unlocked_ioctl	= hermes_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.mmap		= hermes_mmap,
};

static struct miscdevice hermes_misc = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "hermes",
	.fops	= &hermes_fops,
	.mode	= 0660,
};

int hermes_chardev_init(void)
{
	return misc_register(&hermes_misc);
}

void hermes_chardev_exit(void)
{
	misc_deregister(&hermes_misc);
}
