/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All differences between kernel versions, and nothing else; included before
 * every file by Kbuild. No other file of the module looks at a version.
 */
#ifndef _HERMES_COMPAT_H
#define _HERMES_COMPAT_H

#include <linux/version.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/list_lru.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <net/genetlink.h>

/* 6.17: pfn_t went away. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#include <linux/pfn_t.h>
#define HERMES_HAVE_PFN_T
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "hermes needs Linux 6.1 or newer"
#endif
#if !defined(CONFIG_MEMCG) || !defined(CONFIG_MMU)
#error "hermes needs a kernel with CONFIG_MEMCG and CONFIG_MMU"
#endif

/* 6.3: vma->vm_flags became read-only, changed through helpers. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}
#endif

/*
 * Pages that are present, at most @nr, without faulting any in; the caller
 * holds mmap_lock. Not the _fast_only() form: 6.12 was seen to
 * refuse pages that have no address_space. 6.5: the last argument went away.
 */
static inline long hermes_get_present_pages(unsigned long addr,
					    unsigned long nr,
					    struct page **pages)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
	return get_user_pages(addr, nr, FOLL_NOFAULT, pages, NULL);
#else
	return get_user_pages(addr, nr, FOLL_NOFAULT, pages);
#endif
}

/*
 * 6.2: the RSS counters became per-CPU. Before, a task kept what it added to
 * its own address space until its next page fault, so get_mm_counter() did not
 * see what TAKE mapped; this hands it over, as sync_mm_rss() would.
 */
static inline void hermes_sync_rss(void)
{
#if defined(SPLIT_RSS_COUNTING)
	int i;

	for (i = 0; i < NR_MM_COUNTERS; i++) {
		if (current->rss_stat.count[i]) {
			atomic_long_add(current->rss_stat.count[i],
					&current->mm->rss_stat.count[i]);
			current->rss_stat.count[i] = 0;
		}
	}
#endif
}

/* 6.8: list_lru_add() takes node and memcg, the old form is .._obj(). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
static inline bool list_lru_add_obj(struct list_lru *lru,
				    struct list_head *item)
{
	return list_lru_add(lru, item);
}

static inline bool list_lru_del_obj(struct list_lru *lru,
				    struct list_head *item)
{
	return list_lru_del(lru, item);
}
#endif

/*
 * Unmap a range of one VMA, mmap_lock held. 6.3: zap_page_range() became
 * zap_page_range_single(); 7.0 (seen in 7.2): zap_vma_range().
 */
static inline void hermes_zap(struct vm_area_struct *vma, unsigned long addr,
			      unsigned long len)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	zap_page_range(vma, addr, len);
#elif LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
	zap_page_range_single(vma, addr, len, NULL);
#else
	zap_vma_range(vma, addr, len);
#endif
}

/* Map the kernel's page of zeroes, as for an anonymous read fault. */
static inline vm_fault_t hermes_insert_zero(struct vm_fault *vmf)
{
	unsigned long pfn = page_to_pfn(ZERO_PAGE(vmf->address));

#ifdef HERMES_HAVE_PFN_T
	return vmf_insert_mixed(vmf->vma, vmf->address, pfn_to_pfn_t(pfn));
#else
	return vmf_insert_mixed(vmf->vma, vmf->address, pfn);
#endif
}

/* 6.10: page_mapcount() started to go away. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
static inline int hermes_page_mapcount(struct page *page)
{
	return page_mapcount(page);
}
#else
static inline int hermes_page_mapcount(struct page *page)
{
	return folio_mapcount(page_folio(page));
}
#endif

/* 6.13: hrtimer_init() and the assignment of .function became one call. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*fn)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
}
#endif

/* Attributes of a dump's request. 6.6: they moved into a genl_info. */
static inline struct nlattr **hermes_dump_attrs(struct netlink_callback *cb)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	return genl_dumpit_info(cb)->attrs;
#else
	return genl_dumpit_info(cb)->info.attrs;
#endif
}

/* 6.1 exports vfs_path_lookup() without declaring it to modules. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
int vfs_path_lookup(struct dentry *dentry, struct vfsmount *mnt,
		    const char *name, unsigned int flags, struct path *path);
#endif

/* 6.7: shrinkers are allocated by the kernel; this gives 6.1 the same form. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
static inline struct shrinker *hermes_shrinker_alloc(unsigned int flags)
{
	struct shrinker *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (s)
		s->flags = flags;
	return s;
}

static inline int hermes_shrinker_register(struct shrinker *s)
{
	return register_shrinker(s, "hermes-reserve");
}

static inline void hermes_shrinker_unregister(struct shrinker *s)
{
	unregister_shrinker(s);
}

static inline void hermes_shrinker_free(struct shrinker *s)
{
	kfree(s);
}
#else
static inline struct shrinker *hermes_shrinker_alloc(unsigned int flags)
{
	return shrinker_alloc(flags, "hermes-reserve");
}

static inline int hermes_shrinker_register(struct shrinker *s)
{
	shrinker_register(s);
	return 0;
}

/* Registered or not, shrinker_free() does both. */
static inline void hermes_shrinker_unregister(struct shrinker *s)
{
}

static inline void hermes_shrinker_free(struct shrinker *s)
{
	shrinker_free(s);
}
#endif

#endif /* _HERMES_COMPAT_H */
