/* SPDX-License-Identifier: ISC */
/*
 * The pages of a file in the cache, found by their index.
 *
 * A page is pinned (pins) while it is used.  Clean pages that are not pinned are idle
 * (fs/cache.h).  Dirty ones are marked in the tree, so that the next one is found quickly.
 */
#ifndef FS_PAGES_H
#define FS_PAGES_H

#include "fs/cache.h"
#include "fs/fs.h"
#include "fs/os.h"

#define PAGES_FAN 64

struct page {
	struct cached cached;
	struct fs_page page;		/* what lib/ sees */
	struct pages *pages;		/* NULL: the file does not have it any more */
	uint64_t index;
	unsigned pins;
	bool valid, reading;
	bool writing;
	uint8_t dirty;			/* bits, one a file-system block */
	uint8_t mapped;			/* blocks that have a place on the disk */
	uint8_t delayed;		/* blocks with delayed allocation: space is reserved for them */
};

struct pages_node {
	uint64_t dirty;			/* bits: slots with dirty pages below */
	unsigned used;
	void *slots[PAGES_FAN];
};

struct pages {
	void *root;			/* a page if height is 0 (index 0 only); NULL: none */
	unsigned height;
	uint64_t count, dirty;		/* pages */
	bool root_dirty;		/* if height is 0 */
	struct os_queue changed;	/* a page was read or written */
};

extern size_t pages_dirty;		/* of all files */

/* The page, held; NULL: it is not in memory. */
struct page *pages_find(struct pages *ps, uint64_t index);

/* The page, held, and made if it is not there: then it is not valid.  NULL: no memory. */
struct page *pages_get(struct pages *ps, uint64_t index);
void page_put(struct page *p);

/* The first page at or behind index, held; dirty: the first dirty one.  NULL: none. */
struct page *pages_next(struct pages *ps, uint64_t index, bool dirty);

/* Its dirty bits become these. */
void page_set_dirty(struct page *p, unsigned bits);

/* The file does not have this page any more; who holds it keeps its memory. */
void page_detach(struct page *p);

static inline struct page *page_of(struct fs_page *p)
{
	return (struct page *)((char *)p - offsetof(struct page, page));
}

#endif
