/* SPDX-License-Identifier: ISC */
#include "lib/libc/chunk.h"
#include "lib/libc/heap.h"

#include <stdint.h>
#include <string.h>

extern char *__malloc_sbrk_base;	/* -1: there is no heap yet */

/*
 * The lists also have what lies before memory of the application's own sbrk(), which is not malloc's
 * to clear, and may lie behind top.
 */
void heap_clear(void)
{
	if ((uintptr_t)__malloc_sbrk_base == UINTPTR_MAX)
		return;
	heap_give_back();
	for (unsigned i = 1; i < LISTS; i++) {
		struct chunk *end = chunk_of(&__malloc_av_[1 + i]);

		for (struct chunk *c = end->prev; c != end; c = c->prev)
			memset(c + 1, 0, size_of(c) - sizeof(*c));
	}
	memset(&last()->next, 0, size_of(last()) - OVERHEAD * 2);
}
