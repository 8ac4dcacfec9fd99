/* SPDX-License-Identifier: ISC */
/* Grant table, version 1: letting one other domain at one of our pages, and the reverse. */
#ifndef KERNEL_GNTTAB_H
#define KERNEL_GNTTAB_H

#include "kernel/hypercall.h"

#include <stdbool.h>

/* 0 or -errno; whoever may be the first to need grants.  Before it all say -ENOSPC. */
int gnttab_init(void);

/* The ref, or -ENOSPC.  The table grows as far as Xen lets it. */
int gnttab_grant(domid_t to, const void *page, bool readonly);

/* Take access back.  -EBUSY: the peer still has the page mapped. */
int gnttab_revoke(grant_ref_t ref);

/*
 * Take access back and free the page (of page_alloc()), now or - if the peer keeps
 * it mapped - whenever it lets go.  A page a stranger can still write is never reused.
 * NULL: nothing is freed but the ref.
 */
void gnttab_revoke_and_free(grant_ref_t ref, void *page);

/*
 * Map n pages another domain granted us, in a row: 0, -ENOMEM, or -EACCES when any
 * of them cannot be mapped (then none is).
 */
struct gnttab_map {
	void *addr;
	unsigned n;
	grant_handle_t *handles;
};
int gnttab_map(struct gnttab_map *map, domid_t from, const grant_ref_t *refs, unsigned n,
	       bool readonly);
void gnttab_unmap(struct gnttab_map *map);

struct gnttab_stats {
	unsigned frames, max_frames, used, free, quarantined, mapped;
};
void gnttab_stats(struct gnttab_stats *stats);

#endif
