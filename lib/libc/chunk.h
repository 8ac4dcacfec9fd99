/* SPDX-License-Identifier: ISC */
/*
 * What newlib's malloc (_mallocr.c) has in memory: chunks, one behind the other from
 * __malloc_sbrk_base to the last one, `top`, which is free.
 *
 * A chunk is its size and the memory that malloc() has returned; the last 8 bytes of that lie
 * in the next chunk.  A free chunk is in a list, and the next chunk has its size.
 */
#ifndef LIB_LIBC_CHUNK_H
#define LIB_LIBC_CHUNK_H

#include <stddef.h>

#define IN_USE 1ul			/* in a chunk's size: the one before it is in use */
#define CHUNK_MIN 32ul
#define OVERHEAD sizeof(size_t)		/* of a chunk in use */

struct chunk {
	size_t before, size;		/* before: only if the chunk before is free */
	struct chunk *next, *prev;	/* only of a free chunk */
};

/* The first pair is not used; then a head of a list each, but the first has top. */
#define LISTS 128
struct pair {
	struct chunk *next, *prev;
};
extern struct pair __malloc_av_[1 + LISTS];

static inline struct chunk *at(const struct chunk *c, size_t offset)
{
	return (struct chunk *)((char *)c + offset);
}

static inline void *memory_of(const struct chunk *c)
{
	return (char *)c + offsetof(struct chunk, next);
}

static inline struct chunk *chunk_of(const void *memory)
{
	return (struct chunk *)((char *)memory - offsetof(struct chunk, next));
}

static inline size_t size_of(const struct chunk *c)
{
	return c->size & ~(size_t)3;
}

static inline struct chunk *last(void)	/* the free one at the heap's end */
{
	return __malloc_av_[1].next;
}

#endif
