/* SPDX-License-Identifier: ISC */
/* The memory from which frames are sent: each id's own page, and lent memory. */
#include "drivers/netfront_internal.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/gnttab.h"
#include "kernel/page.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define IDS_MIN (4 * LARGEST)
#define PAUSE (1 * NSEC_PER_SEC)		/* between checks of pages that a backend keeps */
/*
 * Xen counts in 8 bits how often a grant is mapped, and refuses if the highest bit is set
 * (GNTPIN_incr2oflow_mask() of its grant_table.c). Frames that share a page, such as
 * those of a popular file, would be lost.  A frame's own slots are counted afterwards.
 */
#define USES (127 - DATA_SLOTS)

/*
 * Lent memory may be read by one domain: that of the first backend that was connected,
 * for good, since it may still use what was sent.  For other backends data is copied.
 */
static struct {
	char *memory;
	size_t size;
	bool taken;
	domid_t peer;
} lent;

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

void netfront_lend(void *memory, size_t size)
{
	assert(!lent.memory && (uintptr_t)memory % PAGE_SIZE == 0 && size % PAGE_SIZE == 0);
	lent.memory = memory;
	lent.size = size;
}

static unsigned tx_unshare_pages(struct frontend *fe)
{
	struct tx *tx = &((struct netfront *)fe)->tx;
	unsigned kept = 0;

	for (uint32_t id = 0; id < tx->nids; id++) {
		char *page = tx->pages + id * PAGE_SIZE;

		if (tx->refs[id])
			kept += !gnttab_revoke_and_free(tx->refs[id], page);
		else
			page_free(page, 1);
	}
	tx->nids = 0;
	return kept;
}

/*
 * Frames in flight when a connection ended, and pages of them that the backend keeps
 * mapped.
 */
struct leftover {
	uint32_t nframes;
	struct tx_frame frames[SLOTS];
	size_t nrefs;
	grant_ref_t refs[];
};

static void finish_leftover(struct leftover *left)
{
	for (uint32_t i = 0; i < left->nframes; i++)
		left->frames[i].done(left->frames[i].arg);
	free(left);
}

/* A thread: bytes that the backend can still read, and send, must not change. */
static void watch_leftover(void *arg)
{
	struct leftover *left = arg;

	while (left->nrefs) {
		thread_sleep(clock_now() + PAUSE);
		for (size_t i = 0; i < left->nrefs;)
			if (gnttab_revoke(left->refs[i]) == 0)
				left->refs[i] = left->refs[--left->nrefs];
			else
				i++;
	}
	finish_leftover(left);
}

/*
 * Moves the frames without a response.  Without memory for `left`, frames of kept pages
 * are lost.
 */
static void keep_frames(struct tx *tx, struct leftover *left)
{
	for (uint32_t i = 0; i < tx->nids; i++) {
		if (tx->frames[i].slots)
			left->frames[left->nframes++] = tx->frames[i];
		tx->frames[i].slots = 0;
	}
}

/*
 * The backend has closed, or had the time to.  done() is called only now: until now the
 * backend could read lent memory, and send it behind the headers that it has.
 */
static unsigned tx_unshare_lent(struct frontend *fe)
{
	struct tx *tx = &((struct netfront *)fe)->tx;
	struct leftover *left;
	size_t nkept = 0;

	for (size_t i = 0; i < lent.size / PAGE_SIZE; i++)
		if (tx->lent[i].ref && gnttab_revoke(tx->lent[i].ref) == 0)
			tx->lent[i].ref = 0;
		else
			nkept += tx->lent[i].ref != 0;
	left = nkept ? calloc(1, sizeof(*left) + nkept * sizeof(*left->refs)) : NULL;
	for (size_t i = 0; i < lent.size / PAGE_SIZE; i++)
		if (tx->lent[i].ref && left)
			left->refs[left->nrefs++] = tx->lent[i].ref;
		else if (tx->lent[i].ref)
			gnttab_revoke_and_free(tx->lent[i].ref, NULL);
	free(tx->lent);
	tx->lent = NULL;
	if (left) {
		keep_frames(tx, left);
		if (!thread_start("net-kept", THREAD_KERNEL, STACK_KERNEL, watch_leftover, left,
				  NULL))
			frontend_log(fe, LOG_ERROR, "no memory for the thread that waits until "
				     "sent pages are unmapped");
	}
	for (uint32_t i = 0; i < tx->nids && !nkept; i++) {
		struct tx_frame frame = tx->frames[i];

		tx->frames[i].slots = 0;
		if (frame.slots)
			frame.done(frame.arg);
	}
	return nkept;
}

/* Grants lent memory.  Pages that cannot be granted are copied. */
int tx_share_lent(struct netfront *n)
{
	struct tx *tx = &n->tx;
	int ref;

	tx->lent = calloc(lent.size / PAGE_SIZE + 1, sizeof(*tx->lent));
	if (!tx->lent)
		return -ENOMEM;
	if (!lent.taken)
		lent.peer = n->fe.peer;
	lent.taken = true;
	n->info.no_lent = n->fe.peer != lent.peer;
	for (size_t i = 0; i < lent.size / PAGE_SIZE && !n->info.no_lent; i++) {
		ref = gnttab_grant(n->fe.peer, lent.memory + i * PAGE_SIZE, true);
		if (ref < 0)
			break;
		tx->lent[i].ref = ref;
	}
	return frontend_undo(&n->fe, tx_unshare_lent);
}

int tx_share_pages(struct netfront *n)
{
	struct tx *tx = &n->tx;
	struct page_stats memory;
	int ref = 0;

	page_stats(&memory);
	tx->nids = min(memory.total / 64, SLOTS);
	tx->nids = tx->nids < IDS_MIN ? IDS_MIN : tx->nids;
	tx->pages = page_alloc(tx->nids);
	if (!tx->pages) {
		tx->nids = 0;
		return -ENOMEM;
	}
	memset(tx->refs, 0, sizeof(tx->refs));
	for (uint32_t id = 0; id < tx->nids && ref >= 0; id++) {
		ref = gnttab_grant_zeroed(n->fe.peer, tx->pages + id * PAGE_SIZE, true);
		tx->refs[id] = ref < 0 ? 0 : ref;
	}
	if (ref < 0) {
		tx_unshare_pages(&n->fe);
		return ref;
	}
	return frontend_undo(&n->fe, tx_unshare_pages);
}

int64_t tx_lent_page(const struct tx *tx, const char *at)
{
	size_t offset = (uintptr_t)at - (uintptr_t)lent.memory, page = offset / PAGE_SIZE;

	return offset < lent.size && tx->lent[page].ref && tx->lent[page].uses < USES ?
	       (int64_t)page : -1;
}
