/* SPDX-License-Identifier: ISC */
/*
 * The cache's memory.
 *
 * Data that was read from a disk is kept while there is memory for it: pages of files
 * (fs/pages.h) and blocks of metadata (fs/buf.h).  Clean objects that are not in use are in one
 * list, in order of its last use.  It is freed from there when memory is short.
 */
#ifndef FS_CACHE_H
#define FS_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first member of an object that the cache may free. */
struct cached {
	struct cached *newer, *older;	/* in the list; NULL: it is not */
	size_t size;			/* bytes that its memory takes */
	void (*drop)(struct cached *c);	/* forget and free it; must not sleep */
};

struct cache_stats {
	size_t bytes;			/* of everything, also of what is in use or dirty */
	size_t idle;			/* of what is in the list */
};
extern struct cache_stats cache_stats;

/* Adds the object, which is clean and unused, to the end of the LRU list; removes it from there. */
void cache_idle(struct cached *c);
void cache_busy(struct cached *c);

/* Memory for such objects, if necessary that of others; NULL: there is none. */
void *cache_alloc(size_t size);
void cache_free(void *p, size_t size);
void *cache_page_alloc(void);
void cache_page_free(void *page);

/*
 * An operation that changes metadata can neither wait for memory in its middle nor be undone.
 * So pages are kept that only such operations get, for anything up to a page.  They are there
 * while a file system is mounted (cache_mounted()) and has changed; cache_reserve() fills them
 * up: false: it cannot.  The _sure() forms take them while an operation is under way.
 */
void cache_mounted(void);
void cache_unmounted(void);
bool cache_reserve(void);
void cache_operation(int by);		/* one more (1), or one less (-1) is under way */
void *cache_alloc_sure(size_t size);
void *cache_page_alloc_sure(void);

/* Free at least so many bytes, if there are so many; how many. */
size_t cache_reclaim(size_t bytes);

/* Whether so many bytes can be had now, if necessary of what is idle. */
bool cache_has(size_t bytes);

/* Limits of dirty data and of dirty metadata of all file systems, in bytes. */
size_t cache_dirty_limit(void);

#endif
