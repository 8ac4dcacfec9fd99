/* SPDX-License-Identifier: ISC */
/*
 * Pages granted to one backend.
 *
 * A grant shows a whole page, so only pages of a pool are granted: data is copied in or
 * out, and checked afterwards.  A page is granted when it is first needed, and stays
 * granted: the data path neither grants nor revokes, and a backend may keep all pages
 * mapped (xen/io/blkif.h, feature-persistent; hence also last in, first out). A page
 * contains only zeroes, and what this backend wrote or was given.
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

/* A zeroed one is empty. */
struct pool {
	struct page *free;		/* granted and free */
	uint32_t nfree;
	uint32_t granted, max;
	uint32_t lent;			/* pages in use */
	struct turns turns;		/* threads that wait in pool_get() */
	struct waitq returned;
	domid_t peer;
	int error;
};

/*
 * Makes a pool of at most max pages for this domain.  min of them are granted at once, so
 * that a chain of this length never fails for lack of memory.  Returns 0 or -errno.  Does
 * not sleep.
 */
int pool_init(struct pool *pool, domid_t peer, uint32_t min, uint32_t max);

/*
 * Takes a chain of n pages, at least 1, all at once and in order of arrival.  Returns 0;
 * -EMSGSIZE for more than max; -ENOMEM if there can never be so many; or the error of
 * pool_fail(). pool_get() sleeps.  pool_try_get() does not sleep, and may return -EAGAIN.
 */
int pool_get(struct pool *pool, uint32_t n, struct page **chain);
int pool_try_get(struct pool *pool, uint32_t n, struct page **chain);
void pool_put(struct pool *pool, struct page *chain);

/* Fails all later calls with this error, and wakes waiting threads. */
void pool_fail(struct pool *pool, int error);

/*
 * Ends a pool, after pool_fail(). Sleeps until all pages are put back, and revokes them.
 * Pages that the backend keeps mapped are freed when it unmaps them.  Returns their
 * number.
 */
uint32_t pool_end(struct pool *pool);

#endif
