// SPDX-License-Identifier: LGPL-2.1-or-later
/* The page that a forked child does not inherit. */
#include "mark.h"
#include "os.h"
#include "os_file.h"

struct hu_mark *_Atomic hu_mark;

/**
 * hu_mark_set() - mark this process
 *
 * Return: false where the kernel (before 4.14) cannot empty a page in a
 * child. Context: hu_grow_lock held.
 */
bool hu_mark_set(void)
{
	struct hu_mark *page = hu_mark;

	if (!page) {
		page = hu_os_map(HU_PAGE);
		if (!page)
			return false;
		if (!hu_os_wipe_on_fork(page, HU_PAGE)) {
			hu_os_unmap(page, HU_PAGE);
			return false;
		}
	}
	page->pid = hu_os_pid();
	page->alive = 1;
	hu_mark = page;
	return true;
}
