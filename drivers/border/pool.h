/* SPDX-License-Identifier: ISC */
/*
 * Pages lent to one backend.
 *
 * A grant exposes a whole page, so nothing but pages of a pool is ever granted: data is
 * copied across the border, in or out, and judged on our side of it.  A page is granted
 * when it is first needed and stays so as long as the pool: the data path makes and
 * revokes no grant, and a backend may keep all of them mapped (xen/io/blkif.h,
 * feature-persistent; hence also last in, first out).  A page holds nothing but what this
 * backend wrote or was given.
 *
 * Kernel code only.
 */
#ifndef DRIVERS_BORDER_POOL_H
#define DRIVERS_BORDER_POOL_H

#include "drivers/border/shared.h"
#include "drivers/border/turn.h"

#include <xen/grant_table.h>

struct page {
	void __shared *data;		/* PAGE_SIZE bytes */
	grant_ref_t ref;
	struct page *next;		/* in a chain */
};

/* Zero is an empty one. */
struct pool {
	struct page *free;		/* granted, and nobody's */
	uint32_t nfree;
	uint32_t granted, max;
	uint32_t lent;			/* pages that somebody has */
	struct turns turns;		/* who waits in pool_get() */
	struct waitq returned;
	domid_t peer;
	int error;
};

/*
 * At most max pages for this domain.  min of them are granted at once, so that a chain of
 * so many is never refused for want of memory: 0 or -errno.
 */
int pool_init(struct pool *pool, domid_t peer, uint32_t min, uint32_t max);

/*
 * A chain of n pages, at least 1, all at once and in order of arrival: 0; -EMSGSIZE,
 * more than max; -ENOMEM, there will never be so many; or what pool_fail() was told.
 * pool_try_get() does not sleep: also -EAGAIN.
 */
int pool_get(struct pool *pool, uint32_t n, struct page **chain);
int pool_try_get(struct pool *pool, uint32_t n, struct page **chain);
void pool_put(struct pool *pool, struct page *chain);

/* No chain is given out any more, and who waits for one wakes. */
void pool_fail(struct pool *pool, int error);

/*
 * The end, after pool_fail(): sleeps until all pages are put back, and takes them from
 * the backend.  Those it keeps mapped are freed when it lets go: how many they are.
 */
uint32_t pool_end(struct pool *pool);

#endif
