// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control mapping: ready ring and fill ring.
 *
 * It is shared with user space, so every word that the user may have written
 * is read once, checked, and used as a hint only; what counts is ring->slots.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "hermes.h"

/* One page for the head and one for the fill ring, then the ready ring. */
#define HERMES_FILL_OFFSET	PAGE_SIZE
#define HERMES_READY_OFFSET	(2 * PAGE_SIZE)
#define HERMES_READY_BYTES	(HERMES_READY_ENTRIES * sizeof(u64))
#define HERMES_CONTROL_PAGES \
	((HERMES_READY_OFFSET + HERMES_READY_BYTES) >> PAGE_SHIFT)

static_assert(sizeof(struct hermes_control) <= HERMES_FILL_OFFSET);
static_assert(HERMES_FILL_ENTRIES * sizeof(struct hermes_fill) <= PAGE_SIZE);

/** hermes_ring_bytes() - length of a control mapping, bytes */
size_t hermes_ring_bytes(void)
{
	return HERMES_CONTROL_PAGES << PAGE_SHIFT;
}

static void hermes_ring_free_pages(struct hermes_ring *ring)
{
	unsigned int i;

	for (i = 0; i < HERMES_CONTROL_PAGES; i++)
		if (ring->pages[i])
			__free_page(ring->pages[i]);
	kfree(ring->pages);
}

static int hermes_ring_alloc_pages(struct hermes_ring *ring)
{
	unsigned int i;

	ring->pages = kcalloc(HERMES_CONTROL_PAGES, sizeof(*ring->pages),
			      GFP_KERNEL_ACCOUNT);
	if (!ring->pages)
		return -ENOMEM;
	for (i = 0; i < HERMES_CONTROL_PAGES; i++) {
		ring->pages[i] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!ring->pages[i]) {
			hermes_ring_free_pages(ring);
			return -ENOMEM;
		}
	}
	return 0;
}

int hermes_ring_init(struct hermes_ring *ring)
{
	struct hermes_control *ctl;
	int ret = hermes_ring_alloc_pages(ring);

	if (ret)
		return ret;
	ring->slots = kvcalloc(HERMES_READY_ENTRIES, sizeof(*ring->slots),
			       GFP_KERNEL_ACCOUNT);
	if (!ring->slots)
		goto err_pages;
	ctl = vmap(ring->pages, HERMES_CONTROL_PAGES, VM_MAP, PAGE_KERNEL);
	if (!ctl)
		goto err_slots;
	ring->control = ctl;
	ring->fill = (void *)ctl + HERMES_FILL_OFFSET;
	ring->ready = (void *)ctl + HERMES_READY_OFFSET;

	ctl->abi_version = HERMES_ABI_VERSION;
	ctl->ready_entries = HERMES_READY_ENTRIES;
	ctl->ready_offset = HERMES_READY_OFFSET;
	ctl->fill_entries = HERMES_FILL_ENTRIES;
	ctl->fill_offset = HERMES_FILL_OFFSET;
	ctl->flags = HERMES_CONTROL_NEED_DOORBELL;
	return 0;

err_slots:
	kvfree(ring->slots);
err_pages:
	hermes_ring_free_pages(ring);
	return -ENOMEM;
}

void hermes_ring_destroy(struct hermes_ring *ring)
{
	vunmap(ring->control);
	kvfree(ring->slots);
	hermes_ring_free_pages(ring);
}

/**
 * hermes_ring_mmap() - map the control mapping
 * @ring: the client's ring
 * @vma: a new mapping of the client's own address space
 *
 * Not inherited by fork: two consumers of one ring would take the same batch
 * in two address spaces.
 *
 * Context: mmap_lock held for writing.
 * Return: 0; -EINVAL not MAP_SHARED or not exactly control_bytes long.
 */
int hermes_ring_mmap(struct hermes_ring *ring, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED) || vma->vm_flags & VM_EXEC ||
	    vma_pages(vma) != HERMES_CONTROL_PAGES)
		return -EINVAL;
	vm_flags_set(vma, VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP);
	return vm_map_pages(vma, ring->pages, HERMES_CONTROL_PAGES);
}

static bool hermes_ring_load_fill(struct hermes_client *c)
{
	struct hermes_ring *ring = &c->ring;
	struct hermes_control *ctl = ring->control;
	/* Pairs with the user's release store of fill_prod. */
	u32 prod = smp_load_acquire(&ctl->fill_prod);
	struct hermes_fill *f;
	u64 addr, len;

	while (ring->fill_cons != prod) {
		if (prod - ring->fill_cons > HERMES_FILL_ENTRIES) {
			/* Nonsense; start over from where the user says. */
			atomic64_inc(&c->stat.fill_errors);
			ring->fill_cons = prod;
			WRITE_ONCE(ctl->fill_cons, prod);
			return false;
		}
		f = &ring->fill[ring->fill_cons % HERMES_FILL_ENTRIES];
		addr = READ_ONCE(f->addr);
		len = READ_ONCE(f->len);
		if (len && !((addr | len) & ~PAGE_MASK) && addr < TASK_SIZE_MAX &&
		    len <= TASK_SIZE_MAX - addr) {
			ring->cur_addr = addr;
			ring->cur_end = addr + len;
			return true;
		}
		atomic64_inc(&c->stat.fill_errors);
		ring->fill_cons++;
		/* Pairs with the user's acquire load of fill_cons. */
		smp_store_release(&ctl->fill_cons, ring->fill_cons);
	}
	return false;
}

/** hermes_ring_has_fill() - whether the user has posted more extents
 * @c: the client; the worker only
 */
bool hermes_ring_has_fill(struct hermes_client *c)
{
	return READ_ONCE(c->ring.control->fill_prod) != c->ring.fill_cons;
}

/**
 * hermes_ring_next_fill() - where the next batch goes
 * @c: the client
 * @addr: out: address
 * @nr: in: pages wanted; out: pages that the extent has room for
 *
 * Context: The client's worker only.
 * Return: false when the user has posted nothing more.
 */
bool hermes_ring_next_fill(struct hermes_client *c, unsigned long *addr,
			   unsigned int *nr)
{
	struct hermes_ring *ring = &c->ring;

	if (ring->cur_addr == ring->cur_end && !hermes_ring_load_fill(c))
		return false;
	*addr = ring->cur_addr;
	*nr = min_t(unsigned long, *nr,
		    (ring->cur_end - ring->cur_addr) >> PAGE_SHIFT);
	return true;
}

/**
 * hermes_ring_fill_done() - pages of the present extent are dealt with
 * @c: the client
 * @nr: pages; all that is left of the extent if more than that
 *
 * Context: The client's worker only, after the batch was published.
 */
void hermes_ring_fill_done(struct hermes_client *c, unsigned int nr)
{
	struct hermes_ring *ring = &c->ring;
	unsigned long left = ring->cur_end - ring->cur_addr;

	ring->cur_addr += min(left, (unsigned long)nr << PAGE_SHIFT);
	if (ring->cur_addr != ring->cur_end)
		return;
	ring->fill_cons++;
	/*
	 * Pairs with the user's acquire load of fill_cons: who sees the
	 * extent consumed also sees all of its batches published.
	 */
	smp_store_release(&ring->control->fill_cons, ring->fill_cons);
}

/**
 * hermes_ring_has_room() - whether one more batch can be published
 * @c: the client; its lock is held
 *
 * Never over a word that the user may be looking at: it would take a new batch
 * for an old one. A user that looks at none for long, or says nonsense, gets
 * nothing more.
 */
bool hermes_ring_has_room(struct hermes_client *c)
{
	struct hermes_ring *ring = &c->ring;

	lockdep_assert_held(&c->lock);
	return ring->prod - ring->tail < HERMES_READY_ENTRIES &&
	       ring->prod - READ_ONCE(ring->control->ready_cons) <
	       HERMES_READY_ENTRIES;
}

/**
 * hermes_ring_publish() - hand a mapped batch to the user
 * @c: the client
 * @addr: where it is mapped
 * @nr: pages
 * @pgoff: page offset of @addr
 *
 * Context: client->lock held, hermes_ring_has_room() true.
 */
void hermes_ring_publish(struct hermes_client *c, unsigned long addr,
			 unsigned int nr, pgoff_t pgoff)
{
	struct hermes_ring *ring = &c->ring;
	u32 i = ring->prod % HERMES_READY_ENTRIES;
	u64 word = addr | nr;

	lockdep_assert_held(&c->lock);
	ring->slots[i].word = word;
	ring->slots[i].pgoff = pgoff;
	c->ready_pages += nr;
	atomic64_add(nr, &c->stat.published);
	WRITE_ONCE(ring->ready[i], word);
	ring->prod++;
	/* Pairs with the user's acquire load of ready_prod. */
	smp_store_release(&ring->control->ready_prod, ring->prod);
}

/*
 * Batches before the tail are cold memory to the user: what was taken back is
 * unmapped when the tail passes it, and not before.
 */
static void hermes_ring_set_tail(struct hermes_ring *ring, u32 tail)
{
	if (tail == ring->tail)
		return;
	ring->tail = tail;
	/* Pairs with the user's acquire load of ready_tail. */
	smp_store_release(&ring->control->ready_tail, tail);
}

static void hermes_ring_consumed(struct hermes_client *c, unsigned long nr,
				 u32 batches)
{
	if (!nr)
		return;
	c->ready_pages -= nr;
	hermes_total_uncharge(nr);
	atomic64_add(nr, &c->stat.consumed);
	atomic64_add(batches, &c->stat.batches);
	atomic_long_add(nr, &c->demand);
}

/**
 * hermes_ring_scan() - notice what the user has taken
 * @c: the client; its lock is held
 *
 * A word that is not what was stored is gone, whatever it is now.
 *
 * Return: pages newly seen taken.
 */
unsigned long hermes_ring_scan(struct hermes_client *c)
{
	struct hermes_ring *ring = &c->ring;
	unsigned long taken = 0;
	struct hermes_slot *s;
	u32 tail, i;

	lockdep_assert_held(&c->lock);
	for (tail = ring->tail; tail != ring->prod; tail++) {
		i = tail % HERMES_READY_ENTRIES;
		s = &ring->slots[i];
		if (READ_ONCE(ring->ready[i]) == s->word)
			break;
		taken += HERMES_READY_PAGES(s->word);
	}
	hermes_ring_consumed(c, taken, tail - ring->tail);
	hermes_ring_set_tail(ring, tail);
	return taken;
}

/**
 * hermes_ring_reclaim() - take ready batches back, oldest first
 * @c: the client
 * @nr: pages to get back at least, if there are so many
 *
 * The exchange of the word decides who owns the batch. Only the client's own
 * mapping of it goes: a forked child may have older pages, with data, at the
 * same place.
 *
 * Context: mmap_lock held for reading, then client->lock; may sleep, never
 *	allocates.
 * Return: pages taken back; they go straight to the page allocator.
 */
unsigned long hermes_ring_reclaim(struct hermes_client *c, unsigned long nr)
{
	struct hermes_ring *ring = &c->ring;
	unsigned long got = 0;
	struct hermes_slot *s;
	unsigned int pages;
	u32 i;

	lockdep_assert_held(&c->mm->mmap_lock);
	lockdep_assert_held(&c->lock);
	hermes_ring_scan(c);
	while (got < nr && ring->tail != ring->prod) {
		i = ring->tail % HERMES_READY_ENTRIES;
		s = &ring->slots[i];
		pages = HERMES_READY_PAGES(s->word);
		/* Full barrier; pairs with the user's exchange of the word. */
		if (cmpxchg(&ring->ready[i], s->word, 0) != s->word) {
			hermes_ring_consumed(c, pages, 1);
		} else {
			hermes_arena_unmap(c, HERMES_READY_ADDR(s->word), pages,
					   s->pgoff);
			c->ready_pages -= pages;
			got += pages;
		}
		/* One by one: the user may be waiting for the next batch. */
		hermes_ring_set_tail(ring, ring->tail + 1);
	}
	hermes_total_uncharge(got);
	atomic64_add(got, &c->stat.reclaimed);
	return got;
}

/**
 * hermes_ring_overlaps() - whether a range meets a batch not taken yet
 * @c: the client
 * @addr: start
 * @len: bytes
 *
 * Context: Process context, takes client->lock.
 */
bool hermes_ring_overlaps(struct hermes_client *c, u64 addr, u64 len)
{
	struct hermes_ring *ring = &c->ring;
	bool overlaps = false;
	u64 word, start;
	u32 n;

	mutex_lock(&c->lock);
	hermes_ring_scan(c);
	for (n = ring->tail; n != ring->prod && !overlaps; n++) {
		word = ring->slots[n % HERMES_READY_ENTRIES].word;
		if (READ_ONCE(ring->ready[n % HERMES_READY_ENTRIES]) != word)
			continue;
		start = HERMES_READY_ADDR(word);
		overlaps = start < addr + len &&
			   addr < start + (HERMES_READY_PAGES(word) << PAGE_SHIFT);
	}
	mutex_unlock(&c->lock);
	return overlaps;
}

/** hermes_ring_report() - show target, watermark and level to the user
 * @c: the client; the worker, or before it first runs
 */
void hermes_ring_report(struct hermes_client *c)
{
	struct hermes_control *ctl = c->ring.control;

	WRITE_ONCE(ctl->target_bytes, (u64)c->target << PAGE_SHIFT);
	WRITE_ONCE(ctl->low_bytes, (u64)hermes_low_pages(c) << PAGE_SHIFT);
	WRITE_ONCE(ctl->ready_bytes, (u64)c->ready_pages << PAGE_SHIFT);
}
