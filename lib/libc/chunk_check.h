/* SPDX-License-Identifier: ISC */
/* Checks of one chunk of the heap, and of its place there. */
#ifndef LIB_LIBC_CHUNK_CHECK_H
#define LIB_LIBC_CHUNK_CHECK_H

#include "lib/libc/chunk.h"

#include <stdbool.h>
#include <stdint.h>

#define NO_BITS 14ul	/* never set in a size: alignment is 16, and mmap() is not used */
#define FENCE OVERHEAD	/* size of the chunk that ends the heap before a foreign sbrk() */

extern char *__malloc_sbrk_base;	/* -1: there is no heap yet */

static inline uintptr_t start(void)
{
	return (uintptr_t)__malloc_sbrk_base;
}

static inline bool aligned(const struct chunk *c)
{
	return !((uintptr_t)c & 15);
}

/* The size leads to another chunk, or to top. */
static inline bool sized(const struct chunk *c)
{
	return !(c->size & NO_BITS) && size_of(c) >= CHUNK_MIN &&
	       size_of(c) <= (uintptr_t)last() - (uintptr_t)c;
}

/* As sized(), or the chunk ends the heap. */
static inline bool sized_or_last(const struct chunk *c)
{
	return c == last() || (c->size & ~IN_USE) == FENCE || sized(c);
}

/* Whether c is consistent, and leads to a chunk that is. */
static inline bool link_valid(const struct chunk *c)
{
	return sized(c) && sized_or_last(at(c, size_of(c)));
}

static inline bool is_free(const struct chunk *c)
{
	return !(at(c, size_of(c))->size & IN_USE);
}

/* Whether c is a chunk in use, behind which is another chunk.  free() checks this of a block that it keeps. */
static inline bool in_use(const struct chunk *c)
{
	return aligned(c) && start() != UINTPTR_MAX && (uintptr_t)c >= start() && c < last() &&
	       link_valid(c) && !is_free(c);
}

#endif
