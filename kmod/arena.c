// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arenas: private mappings of the device, and the pages in them.
 *
 * The kernel keeps no record of arenas or of the pages mapped in them: the
 * VMA is the record. Partial munmap, mremap, mprotect and fork need no code.
 *
 * DOC: Two kinds of pages in one mapping
 *
 * *Ready pages* are inserted by hermes_arena_map(): pool pages, writable at
 * once. The VMA is private, so its vm_page_prot has no write bit, and must not
 * get one: swap-in, migration and NUMA faults of the copies made after a fork
 * build their PTEs from it and would map pages writable that are still shared.
 * So a local copy of the VMA with a writable vm_page_prot is passed to
 * vm_insert_pages(). mmap_lock excludes fork and mprotect meanwhile.
 *
 * *Fault pages*: on a write fault of a private file mapping the kernel
 * allocates and charges an anonymous page before it calls our handler and
 * copies into it what the handler returns. We return a page of zeroes, so a
 * page that was not ready becomes an ordinary anonymous page: on the LRU,
 * swappable, movable, charged, bounded like any. A read fault maps the
 * kernel's page of zeroes, as it does for anonymous memory.
 */
#include <linux/highmem.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>

#include "hermes.h"
#include "trace.h"

/* The core locks the page that it copies from: several, so CPUs do not meet. */
#define HERMES_ZERO_PAGES	16U

static struct page *hermes_zero[HERMES_ZERO_PAGES];

/* A file offset has 63 bits. */
#define HERMES_PGOFF_MAX	(1UL << (62 - PAGE_SHIFT))

static vm_fault_t hermes_arena_fault(struct vm_fault *vmf)
{
	struct hermes_client *c = vmf->vma->vm_file->private_data;

	/* A core dump must not fill the holes of an arena: no page there. */
	if (current->flags & PF_DUMPCORE)
		return VM_FAULT_SIGBUS;
	if (!(vmf->flags & FAULT_FLAG_WRITE))
		return hermes_insert_zero(vmf);
	if (vmf->vma->vm_mm == c->mm) {
		atomic64_inc(&c->stat.miss[READ_ONCE(c->miss_cause)]);
		atomic_long_inc(&c->demand);
		trace_hermes_miss(c->id, vmf->address);
		hermes_reserve_nudge(c);
	}
	vmf->page = hermes_zero[raw_smp_processor_id() % HERMES_ZERO_PAGES];
	get_page(vmf->page);
	return 0;
}

/*
 * Maps nothing around. It is there because kernels with per-VMA locks (6.4)
 * handle the faults of a file mapping without mmap_lock only if it exists.
 */
static vm_fault_t hermes_arena_map_pages(struct vm_fault *vmf, pgoff_t start,
					 pgoff_t end)
{
	return 0;
}

/*
 * The address space is going away (exit or exec): let the worker give back
 * what the reserve still holds. The file, and so the client, may live on in a
 * forked child or behind a passed file descriptor.
 */
static void hermes_arena_close(struct vm_area_struct *vma)
{
	struct hermes_client *c = vma->vm_file->private_data;

	if (vma->vm_mm == c->mm && !atomic_read(&c->mm->mm_users))
		hermes_reserve_wake(c);
}

/* A mapping with a name is always part of a core dump. */
static const char *hermes_arena_name(struct vm_area_struct *vma)
{
	return "[hermes]";
}

static const struct vm_operations_struct hermes_arena_vm_ops = {
	.close	= hermes_arena_close,
	.fault	= hermes_arena_fault,
	.map_pages = hermes_arena_map_pages,
	.name	= hermes_arena_name,
};

/**
 * hermes_arena_mmap() - a new arena
 * @c: the client
 * @vma: private mapping in the client's address space
 *
 * Context: mmap_lock held for writing.
 * Return: 0; -EINVAL for MAP_SHARED; -ENOSPC when the client has used up its
 *	page offsets (4 EiB of arenas over its life).
 */
int hermes_arena_mmap(struct hermes_client *c, struct vm_area_struct *vma)
{
	pgoff_t end = c->pgoff_next + vma_pages(vma);

	/* VM_MAYSHARE: VM_SHARED is missing when the file is read-only. */
	if (vma->vm_flags & (VM_SHARED | VM_MAYSHARE))
		return -EINVAL;
	if (end > HERMES_PGOFF_MAX)
		return -ENOSPC;
	vma->vm_pgoff = c->pgoff_next;
	c->pgoff_next = end;
	vm_flags_set(vma, VM_MIXEDMAP | VM_DONTEXPAND);
	vma->vm_ops = &hermes_arena_vm_ops;
	return 0;
}

static struct vm_area_struct *hermes_arena_lookup(struct hermes_client *c,
						  unsigned long addr)
{
	struct vm_area_struct *vma;

	lockdep_assert_held(&c->mm->mmap_lock);
	vma = vma_lookup(c->mm, addr);
	if (!vma || vma->vm_ops != &hermes_arena_vm_ops ||
	    vma->vm_file->private_data != c)
		return NULL;
	return vma;
}

static unsigned int hermes_arena_insert(struct vm_area_struct *vma,
					unsigned long addr,
					struct page **pages, unsigned int nr,
					int *err)
{
	struct vm_area_struct writable;
	unsigned long left = nr;

	if (vma->vm_flags & VM_WRITE) {
		memcpy(&writable, vma, sizeof(writable));
		writable.vm_page_prot =
			vm_get_page_prot(vma->vm_flags | VM_SHARED);
		vma = &writable;
	}
	*err = vm_insert_pages(vma, addr, pages, &left);
	return nr - left;
}

/**
 * hermes_arena_map() - map pages at one place of an arena
 * @c: the client; its address space is held (mm_users)
 * @addr: where
 * @pages: zeroed pages; the reference of each page mapped goes to the mapping
 * @nr: number of @pages
 * @mapped: out: pages mapped, the first of @pages, from @addr on
 * @pgoff: out: page offset of @addr
 *
 * Context: Process context, takes mmap_lock for reading, may allocate page
 *	tables, charged to the active memcg.
 * Return: 0; -EFAULT not in an arena; -EBUSY a page is present already at
 *	@addr + *@mapped; -ENOMEM no page table. Fewer than @nr pages are
 *	mapped with 0 where the arena mapping ends.
 */
int hermes_arena_map(struct hermes_client *c, unsigned long addr,
		     struct page **pages, unsigned int nr,
		     unsigned int *mapped, pgoff_t *pgoff)
{
	struct vm_area_struct *vma;
	unsigned int i;
	int ret = -EFAULT;

	*mapped = 0;
	mmap_read_lock(c->mm);
	vma = hermes_arena_lookup(c, addr);
	if (vma) {
		nr = min_t(unsigned long, nr,
			   (vma->vm_end - addr) >> PAGE_SHIFT);
		*pgoff = linear_page_index(vma, addr);
		*mapped = hermes_arena_insert(vma, addr, pages, nr, &ret);
	}
	mmap_read_unlock(c->mm);
	for (i = 0; i < *mapped; i++)
		put_page(pages[i]);
	return ret;
}

/**
 * hermes_arena_unmap() - unmap a batch, in the client's address space only
 * @c: the client
 * @addr: where it was mapped
 * @nr: pages
 * @pgoff: page offset that @addr had
 *
 * Nothing happens if the arena was unmapped or moved meanwhile.
 *
 * Context: mmap_lock held for reading; does not allocate.
 */
void hermes_arena_unmap(struct hermes_client *c, unsigned long addr,
			unsigned int nr, pgoff_t pgoff)
{
	struct vm_area_struct *vma = hermes_arena_lookup(c, addr);

	if (vma && linear_page_index(vma, addr) == pgoff)
		hermes_zap(vma, addr, min((unsigned long)nr << PAGE_SHIFT,
					  vma->vm_end - addr));
}

/* The range that an ioctl names: one arena mapping, whole pages, bounded. */
static int hermes_arena_check(struct hermes_client *c, u64 addr, u64 len)
{
	struct vm_area_struct *vma;
	int ret = 0;

	if (!len || (addr | len) & ~PAGE_MASK || addr + len < addr ||
	    len > HERMES_BATCH_PAGES_MAX << PAGE_SHIFT)
		return -EINVAL;
	if (addr + len > TASK_SIZE_MAX)
		return -EFAULT;
	mmap_read_lock(c->mm);
	vma = hermes_arena_lookup(c, addr);
	if (!vma || addr + len > vma->vm_end)
		ret = -EFAULT;
	mmap_read_unlock(c->mm);
	return ret;
}

static unsigned int hermes_take_chunk(struct hermes_client *c,
				      struct hermes_pool *pool,
				      unsigned long addr, unsigned int want,
				      bool *more)
{
	struct page *pages[HERMES_BULK];
	unsigned int nr, mapped;
	pgoff_t pgoff;
	int ret;

	nr = hermes_pool_take(pool, numa_node_id(), pages, want);
	if (nr < want)
		nr += hermes_pool_alloc(c, pool, pages + nr, want - nr, 0);
	if (!nr)
		return 0;
	ret = hermes_arena_map(c, addr, pages, nr, &mapped, &pgoff);
	hermes_sync_rss();
	hermes_total_uncharge(mapped);
	if (mapped < nr)
		hermes_pool_return(pool, pages + mapped, nr - mapped);
	if (ret == -EBUSY)
		mapped++;
	else if (ret)
		return mapped;
	*more = nr == want || ret == -EBUSY;
	return mapped;
}

/**
 * hermes_arena_take() - HERMES_IOC_TAKE
 * @c: the client of the calling process
 * @take: in and out, see the ABI
 *
 * Context: Process context; does not reclaim.
 * Return: 0, -EINVAL, -EFAULT.
 */
int hermes_arena_take(struct hermes_client *c, struct hermes_take *take)
{
	struct hermes_pool *pool;
	unsigned long done = 0, nr;
	bool more = true;
	int ret;

	if (take->reserved)
		return -EINVAL;
	ret = hermes_arena_check(c, take->addr, take->len);
	if (ret)
		return ret;
	nr = take->len >> PAGE_SHIFT;
	pool = hermes_pool_get(c);
	if (!hermes_mapped_allowed(c))
		more = false;
	while (done < nr && more) {
		more = false;
		done += hermes_take_chunk(c, pool,
					  take->addr + (done << PAGE_SHIFT),
					  min_t(unsigned long, nr - done,
						HERMES_BULK), &more);
		cond_resched();
	}
	hermes_pool_put(pool);
	take->mapped = (u64)done << PAGE_SHIFT;
	atomic64_inc(&c->stat.takes);
	atomic64_add(done, &c->stat.take_pages);
	if (done < nr)
		atomic64_inc(&c->stat.take_dry);
	atomic_long_add(done, &c->demand);
	trace_hermes_take(c->id, take->addr, nr, done);
	hermes_reserve_nudge(c);
	return 0;
}

/*
 * Whether this page is mapped nowhere but in the address space that gives it
 * back. Holds as long as mmap_lock is held: only fork maps it a second time.
 */
static bool hermes_page_exclusive(struct page *page)
{
	return !PageAnon(page) && !PageCompound(page) && !page->mapping &&
	       !is_zero_pfn(page_to_pfn(page)) &&
	       hermes_page_mapcount(page) == 1;
}

/*
 * Pins what is present in [addr, addr + nr pages), as far as it is exclusive.
 * Returns how many pages from @addr on are either absent, NULL in @pages, or
 * may be unmapped.
 */
static unsigned int hermes_give_pin(unsigned long addr, struct page **pages,
				    unsigned int nr)
{
	unsigned int i = 0, j;
	long got;

	while (i < nr) {
		got = hermes_get_present_pages(addr + ((unsigned long)i << PAGE_SHIFT),
					       nr - i, pages + i);
		if (got == -EFAULT) {
			pages[i++] = NULL;
			continue;
		}
		if (got <= 0)
			return i;
		for (j = i; j < i + got; j++)
			if (!hermes_page_exclusive(pages[j]))
				break;
		if (j < i + got) {
			nr = j;
			for (; j < i + got; j++)
				put_page(pages[j]);
			break;
		}
		i += got;
	}
	return nr;
}

/* Unmaps the runs of pages that are pinned; returns their number. */
static unsigned int hermes_give_zap(struct vm_area_struct *vma,
				    unsigned long addr, struct page **pages,
				    unsigned int nr)
{
	unsigned int i, j, n = 0;

	for (i = 0; i < nr; i = j) {
		for (j = i; j < nr && !pages[j] == !pages[i]; j++)
			;
		if (!pages[i])
			continue;
		hermes_zap(vma, addr + ((unsigned long)i << PAGE_SHIFT),
			   (unsigned long)(j - i) << PAGE_SHIFT);
		memmove(pages + n, pages + i, (j - i) * sizeof(*pages));
		n += j - i;
	}
	return n;
}

/* Returns pages dealt with; fewer than @nr: the next one is not exclusive. */
static unsigned int hermes_give_chunk(struct hermes_client *c,
				      struct hermes_pool *pool,
				      unsigned long addr, unsigned int nr,
				      unsigned int *recycled)
{
	struct page *pages[HERMES_BULK];
	struct vm_area_struct *vma;
	unsigned int n = 0, end = 0;

	mmap_read_lock(c->mm);
	vma = hermes_arena_lookup(c, addr);
	/* Without VM_READ present pages would look absent. */
	if (vma && vma->vm_flags & VM_READ &&
	    addr + ((unsigned long)nr << PAGE_SHIFT) <= vma->vm_end) {
		end = hermes_give_pin(addr, pages, nr);
		n = hermes_give_zap(vma, addr, pages, end);
	}
	mmap_read_unlock(c->mm);
	atomic64_add(n, &c->stat.give_pages);
	*recycled += hermes_pool_recycle(c, pool, pages, n);
	return end;
}

/**
 * hermes_arena_give() - HERMES_IOC_GIVE
 * @c: the client of the calling process
 * @give: in and out, see the ABI
 *
 * Context: Process context.
 * Return: 0, -EINVAL, -EFAULT, -EBUSY.
 */
int hermes_arena_give(struct hermes_client *c, struct hermes_give *give)
{
	unsigned int recycled = 0, nr, done = 0, n, want;
	struct hermes_pool *pool;
	int ret;

	if (give->reserved)
		return -EINVAL;
	ret = hermes_arena_check(c, give->addr, give->len);
	if (ret)
		return ret;
	if (hermes_ring_overlaps(c, give->addr, give->len))
		return -EBUSY;
	nr = give->len >> PAGE_SHIFT;
	pool = hermes_pool_get(c);
	while (done < nr) {
		want = min(nr - done, HERMES_BULK);
		n = hermes_give_chunk(c, pool,
				      give->addr + ((u64)done << PAGE_SHIFT),
				      want, &recycled);
		done += n;
		if (n < want)
			break;
		cond_resched();
	}
	hermes_pool_put(pool);
	give->unmapped = (u64)done << PAGE_SHIFT;
	give->recycled = (u64)recycled << PAGE_SHIFT;
	atomic64_inc(&c->stat.gives);
	atomic64_add(recycled, &c->stat.recycle_pages);
	trace_hermes_give(c->id, give->addr, nr, done, recycled);
	return 0;
}

int hermes_arena_init(void)
{
	unsigned int i;

	for (i = 0; i < HERMES_ZERO_PAGES; i++) {
		hermes_zero[i] = alloc_page(GFP_HIGHUSER | __GFP_ZERO);
		if (!hermes_zero[i]) {
			hermes_arena_exit();
			return -ENOMEM;
		}
	}
	return 0;
}

void hermes_arena_exit(void)
{
	unsigned int i;

	for (i = 0; i < HERMES_ZERO_PAGES; i++)
		if (hermes_zero[i])
			put_page(hermes_zero[i]);
}
