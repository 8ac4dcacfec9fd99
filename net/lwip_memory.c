/* SPDX-License-Identifier: ISC */
/*
 * Memory for lwIP, which allocates and frees a few small blocks for each segment. Freed
 * blocks are kept in lists by size, so that most calls take a few instructions. Blocks
 * that were not needed for some time are returned to the heap, which they would keep from
 * shrinking.
 */
#include "net/lwip_memory.h"

#include "net/lwip/arch/cc.h"

#include <stddef.h>
#include <string.h>

#define STEP 64				/* bytes: block sizes are multiples of it */
#define SIZES 5				/* number of block sizes */
#define KEPT_MOST 512			/* unused blocks of each size */

/* In front of each block. */
struct head {
	union {
		struct head *next;	/* in the list of unused blocks */
		size_t size;		/* index of the size; SIZES: allocated by malloc() */
	};
	size_t align;
};

static struct {
	struct head *first;
	unsigned n, least;		/* least: the minimum of n since net_memory_tick() */
} unused[SIZES];

static void release(size_t size, unsigned n)
{
	while (n--) {
		struct head *h = unused[size].first;

		unused[size].first = h->next;
		unused[size].n--;
		free(h);
	}
	unused[size].least = unused[size].n;
}

bool net_memory_unused(void)
{
	for (size_t size = 0; size < SIZES; size++)
		if (unused[size].n)
			return true;
	return false;
}

void net_memory_tick(void)
{
	for (size_t size = 0; size < SIZES; size++)
		release(size, unused[size].least);
}

static void *malloc_or_release(size_t len)
{
	void *p = malloc(len);

	for (size_t size = 0; !p && size < SIZES; size++) {
		release(size, unused[size].n);
		p = malloc(len);
	}
	return p;
}

void *net_malloc(size_t len)
{
	size_t size = len ? (len - 1) / STEP : 0;
	struct head *h;

	if (size < SIZES && unused[size].first) {
		h = unused[size].first;
		unused[size].first = h->next;
		if (--unused[size].n < unused[size].least)
			unused[size].least = unused[size].n;
	} else {
		size = size < SIZES ? size : SIZES;
		h = malloc_or_release(sizeof(*h) + (size < SIZES ? (size + 1) * STEP : len));
		if (!h)
			return NULL;
	}
	h->size = size;
	return h + 1;
}

void *net_calloc(size_t n, size_t len)
{
	void *p = n && len > SIZE_MAX / n ? NULL : net_malloc(n * len);

	return p ? memset(p, 0, n * len) : NULL;
}

void net_free(void *p)
{
	struct head *h = p;
	size_t size;

	if (!h--)
		return;
	size = h->size;
	if (size == SIZES || unused[size].n == KEPT_MOST) {
		free(h);
		return;
	}
	h->next = unused[size].first;
	unused[size].first = h;
	unused[size].n++;
}
