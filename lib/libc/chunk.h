/* SPDX-License-Identifier: ISC */
/*
 * The memory layout of newlib's malloc (_mallocr.c): contiguous chunks from
 * __malloc_sbrk_base to the last one, `top`, which is free.
 *
 * A chunk is its size and the memory that malloc() returned, whose last 8 bytes are in
 * the next chunk's `before`. A free chunk is in a list, and the next chunk stores its
 * size.
 */
#ifndef LIB_LIBC_CHUNK_H
#define LIB_LIBC_CHUNK_H

#include <stddef.h>

#define IN_USE 1ul			/* flag in a chunk's size: the previous chunk is in use */
#define CHUNK_MIN 32ul
#define OVERHEAD sizeof(size_t)		/* of a chunk in use */

struct chunk {
	size_t before, size;		/* before: size of the previous chunk, if it is free */
	struct chunk *next, *prev;	/* only in a free chunk */
};

/* Heads of lists. The first pair is not used, except that its first word is top. */
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

static inline struct chunk *last(void)	/* top, the free chunk at the end of the heap */
{
	return __malloc_av_[1].next;
}

#endif
