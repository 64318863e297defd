// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "client_memory.h"

void lock_client_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	mallopt(M_TOP_PAD, 16 << 20);
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		fprintf(stderr, "%s: memory not locked: %s\n", program_invocation_short_name,
			strerror(errno));
}
