/* SPDX-License-Identifier: ISC */
/*
 * The grant table, version 1 (xen/grant_table.h): grants pages to another domain, and
 * maps pages that another domain granted.  Kernel code only; only gnttab_map() sleeps.
 */
#ifndef KERNEL_GNTTAB_H
#define KERNEL_GNTTAB_H

#include "kernel/hypercall.h"

#include <stdbool.h>

/*
 * Part of kernel_attach(): maps the frames of the table that is in use.  At boot there are none; in
 * a restored domain they are new and empty, at the same addresses.  Returns 0 or -errno.
 */
int gnttab_attach(void);

/*
 * For a suspend: gnttab_detach() shows the guest's own pages instead of the table's frames and of
 * the pages that gnttab_map() mapped.  gnttab_map_again() maps the latter again; those that cannot
 * be mapped, and all in a restored domain, are `lost`: there are zeroes instead.
 */
void gnttab_detach(void);
void gnttab_map_again(bool restored);

/*
 * Sets up the table.  Called before the first use of grants; further calls return 0.
 * Returns 0 or -errno.  Until then all functions return -ENOSPC.
 */
int gnttab_init(void);

/*
 * Grants a page to a domain.  Returns the ref, or -ENOSPC if the table is full and Xen does not
 * let it grow, or if the frame number has more than 32 bits.
 */
int gnttab_grant(domid_t to, const void *page, bool readonly);

/* The same for a page of page_alloc(), which is zeroed before, since a grant shows all of it. */
int gnttab_grant_zeroed(domid_t to, void *page, bool readonly);

/* Revokes a grant.  Returns 0, or -EBUSY if the peer still has the page mapped. */
int gnttab_revoke(grant_ref_t ref);

/*
 * Revokes a grant and frees its page (of page_alloc(); NULL: only the ref).  Returns true if
 * this is done.  Returns false if the peer still has the page mapped: ref and page are freed
 * when it has unmapped the page, which is checked from time to time.  So a page that the peer
 * can write is never used again.
 */
bool gnttab_revoke_and_free(grant_ref_t ref, void *page);

/*
 * Maps n granted pages of another domain at consecutive addresses.  Returns 0, -ENOMEM,
 * or -EACCES if one of them cannot be mapped (then none is). Sleeps while the peer pages
 * one in.
 */
struct gnttab_map {
	void *addr;
	unsigned n;
	grant_handle_t *handles;
	grant_ref_t *refs;
	domid_t from;
	bool readonly;
	bool detached;			/* in a suspend, or once */
	bool lost;			/* its pages are the guest's own now */
	struct gnttab_map *next;	/* of all */
};
int gnttab_map(struct gnttab_map *map, domid_t from, const grant_ref_t *refs, unsigned n,
	       bool readonly);
void gnttab_unmap(struct gnttab_map *map);

struct gnttab_stats {
	unsigned frames, max_frames;	/* of the table, 4 KiB each: now, and Xen's limit */
	unsigned used, free;		/* refs */
	unsigned quarantined;		/* refs that were revoked and are still mapped by the peer */
	unsigned mapped;		/* pages of other domains */
};
void gnttab_stats(struct gnttab_stats *stats);

#endif
