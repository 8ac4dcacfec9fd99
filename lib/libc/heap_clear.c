/* SPDX-License-Identifier: ISC */
#include "lib/libc/chunk.h"
#include "lib/libc/heap.h"

#include "kernel/page.h"

#include <stdint.h>
#include <string.h>

extern char *__malloc_sbrk_base;	/* -1: there is no heap yet */

/* A heap that a foreign sbrk() has ended, or that is damaged, is cleared as far as it leads. */
void heap_clear(void)
{
	struct chunk *c = (struct chunk *)__malloc_sbrk_base, *next;

	if ((uintptr_t)c == UINTPTR_MAX)
		return;
	for (; c < last() && size_of(c) >= CHUNK_MIN; c = next) {
		next = at(c, size_of(c));
		if (next <= last() && !(next->size & IN_USE))
			memset(c + 1, 0, size_of(c) - sizeof(*c));
	}
	if (c == last())
		memset(&c->next, 0, (char *)page_brk(0) - (char *)&c->next);
}
