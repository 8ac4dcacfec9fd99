/* SPDX-License-Identifier: ISC */
/*
 * Receive.
 *
 * A response is in the slot of its request.  This is how the page of an extra is found,
 * which has no id: Linux, FreeBSD and QEMU know no other way.
 *
 * A page is checked when it is revoked.  Then it is passed to the user, or posted again
 * without being cleared, since its contents came from this backend.
 */
#include "drivers/netfront_internal.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/gnttab.h"
#include "kernel/hold.h"
#include "kernel/page.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 64u			/* slots between two refills, unless hold_is_long() */
#define LEAST 32u			/* posted slots: a frame of 64 KiB needs them */
#define SPARE 64u			/* free pages kept for the next frames */
#define PAUSE (100 * NSEC_PER_MSEC)
#define PAGES_MAX 18u			/* of one frame; the largest needs 17 */

static uint32_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

static struct rx_buffer *buffer(struct rx_page *page)
{
	return (struct rx_buffer *)page;
}

static void push(struct rx_page **list, struct rx_page *page)
{
	page->next = *list;
	*list = page;
}

static struct rx_page *pop(struct rx_page **list)
{
	struct rx_page *page = *list;

	*list = page->next;
	return page;
}

/* ---- pages */

static void put_free(struct rx *rx, struct rx_page *page)
{
	push(&rx->free, page);
	rx->nfree++;
}

/* Frees the page of a buffer. */
static void make_blank(struct rx *rx, struct rx_page *page)
{
	page_free(buffer(page)->memory, 1);
	buffer(page)->memory = NULL;
	buffer(page)->stale = false;
	push(&rx->blank, page);
}

static bool add_blanks(struct netfront *n)
{
	struct rx_chunk *chunk = calloc(1, sizeof(*chunk));

	if (!chunk)
		return false;
	chunk->next = n->rx.chunks;
	n->rx.chunks = chunk;
	for (size_t i = 0; i < sizeof(chunk->buffers) / sizeof(*chunk->buffers); i++) {
		chunk->buffers[i].page.device = n;
		push(&n->rx.blank, &chunk->buffers[i].page);
	}
	return true;
}

/* Adds a free page, zeroed, since the backend will see it. */
static bool add_page(struct netfront *n)
{
	struct rx *rx = &n->rx;
	uint8_t *memory;

	if (!rx->blank && !add_blanks(n))
		return false;
	memory = page_alloc(1);
	if (!memory)
		return false;
	memset(memory, 0, PAGE_SIZE);
	buffer(rx->blank)->memory = memory;
	put_free(rx, pop(&rx->blank));
	return true;
}

/* Pages in the ring, or granted and to be posted. */
static uint32_t at_backend(const struct rx *rx)
{
	return rx->ring.produced - rx->ring.consumed + rx->ngranted;
}

/* Makes sure that there are pages to post, or at least enough to continue. */
static bool can_replace(struct netfront *n)
{
	struct rx *rx = &n->rx;

	while (at_backend(rx) + rx->nfree < rx->nslots)
		if (!add_page(n))
			return at_backend(rx) + rx->nfree >= min(LEAST, rx->nslots);
	return true;
}

/*
 * Revokes a page.  Returns false if the backend has it mapped: then the page is not used
 * any more.
 */
static bool revoke(struct rx *rx, struct rx_page *page)
{
	struct rx_buffer *b = buffer(page);
	grant_ref_t ref = b->ref;

	b->ref = 0;
	if (gnttab_revoke(ref) == 0)
		return true;
	gnttab_revoke_and_free(ref, b->memory);
	b->memory = NULL;
	push(&rx->blank, page);
	return false;
}

/* Returns a page to post, with its grant, or NULL. */
static struct rx_page *next_to_post(struct netfront *n)
{
	struct rx *rx = &n->rx;
	struct rx_page *page;
	int ref;

	if (rx->granted) {
		rx->ngranted--;
		return pop(&rx->granted);
	}
	if (!rx->free && !add_page(n))
		return NULL;
	ref = gnttab_grant(n->fe.peer, buffer(rx->free)->memory, false);
	if (ref < 0)
		return NULL;
	page = pop(&rx->free);
	rx->nfree--;
	buffer(page)->ref = ref;
	return page;
}

static void refill(struct netfront *n)
{
	struct rx *rx = &n->rx;
	uint32_t room = rx->nslots - (rx->ring.produced - rx->ring.consumed), done;
	struct rx_page *page;

	if (!room || rx->ring.error || ring_try_begin(&rx->ring, room))
		return;
	for (done = 0; done < room && (page = next_to_post(n)); done++) {
		uint32_t at = (rx->ring.produced + done) % SLOTS;
		struct netif_rx_request req = { .id = at, .gref = buffer(page)->ref };

		rx->posted[at] = page;
		ring_put(&rx->ring, done, &req);
	}
	if (ring_end(&rx->ring, done)) {
		n->stats.rx_notified++;
		evtchn_notify(n->split ? &n->rx_event : &n->tx_event);
	}
}

void netfront_free(struct rx_page *pages)
{
	while (pages) {
		struct rx_page *page = pages;
		struct rx *rx = &page->device->rx;

		pages = page->next;
		assert(buffer(page)->held);
		buffer(page)->held = false;
		rx->held--;
		if (buffer(page)->stale || rx->nfree >= SPARE)
			make_blank(rx, page);
		else
			put_free(rx, page);
	}
}

/* ---- frames */

static void reset_frame(struct rx *rx)
{
	rx->first = NULL;
	rx->last = &rx->first;
	rx->offload = (struct offload){ 0 };
	rx->len = rx->pages = rx->slots_seen = 0;
	rx->more = rx->extra = rx->bad = false;
}

static void drop(struct rx *rx)
{
	while (rx->first)
		put_free(rx, pop(&rx->first));
}

static void mark_held(struct rx *rx)
{
	for (struct rx_page *p = rx->first; p; p = p->next)
		buffer(p)->held = true;
	rx->held += rx->pages;
}

/* Handles a complete frame. */
static void finish(struct netfront *n)
{
	struct rx *rx = &n->rx;
	struct rx_page *first = rx->first;
	struct offload offload = rx->offload;

	if (rx->bad || rx->len < HEADER) {
		n->stats.rx_errors++;
		drop(rx);
	} else if (!n->open || rx->held + rx->pages > rx->max_held || !can_replace(n)) {
		n->stats.rx_dropped++;
		drop(rx);
	} else {
		n->stats.rx_frames++;
		n->stats.rx_bytes += rx->len;
		mark_held(rx);
		reset_frame(rx);
		n->user->receive(n->arg, first, &offload);
		return;
	}
	reset_frame(rx);
}

/* The page was not used: it stays granted, and is posted again. */
static void repost(struct rx *rx, struct rx_page *page)
{
	push(&rx->granted, page);
	rx->ngranted++;
}

/* Handles a struct netif_extra_info in place of a response. */
static void take_extra(struct netfront *n, const struct netif_extra_info *extra)
{
	struct rx *rx = &n->rx;

	rx->extra = extra->flags & XEN_NETIF_EXTRA_FLAG_MORE;
	switch (extra->type) {
	case XEN_NETIF_EXTRA_TYPE_GSO:
		rx->offload.gso_type = extra->u.gso.type;
		rx->offload.gso_size = extra->u.gso.size;
		if (!extra->u.gso.size || (extra->u.gso.type != XEN_NETIF_GSO_TYPE_TCPV4 &&
					   extra->u.gso.type != XEN_NETIF_GSO_TYPE_TCPV6))
			rx->bad = true;
		break;
	case XEN_NETIF_EXTRA_TYPE_HASH:
		break;
	default:
		rx->bad = true;
	}
}

/* Why the connection must end, or NULL. */
static const char *take_data(struct netfront *n, const struct netif_rx_response *rsp,
			     struct rx_page *page)
{
	struct rx *rx = &n->rx;
	uint32_t len = rsp->status < 0 ? 0 : rsp->status;

	rx->more = rsp->flags & NETRXF_more_data;
	rx->extra = rsp->flags & NETRXF_extra_info;
	if (rsp->flags & NETRXF_csum_blank)
		rx->offload.csum_blank = rx->offload.csum_valid = true;
	if (rsp->flags & NETRXF_data_validated)
		rx->offload.csum_valid = true;
	if (rsp->status < 0 || rsp->offset + len > PAGE_SIZE || rx->pages == PAGES_MAX ||
	    rx->len + len > FRAME_MAX || rsp->flags & NETRXF_gso_prefix)
		rx->bad = true;
	if (rx->bad || !len) {
		repost(rx, page);
		return NULL;
	}
	/*
	 * As xen-netfront of Linux: otherwise a backend could take all memory in this
	 * way.
	 */
	if (!revoke(rx, page))
		return "protocol error: a received page is still mapped";
	page->data = buffer(page)->memory + rsp->offset;
	page->len = len;
	page->next = NULL;
	*rx->last = page;
	rx->last = &page->next;
	rx->len += len;
	rx->pages++;
	return NULL;
}

/* Why the connection must end, or NULL. */
static const char *take(struct netfront *n, uint32_t at, const struct netif_rx_response *rsp)
{
	struct rx *rx = &n->rx;
	struct rx_page *page = rx->posted[at];
	struct netif_extra_info extra;
	const char *why = NULL;

	_Static_assert(sizeof(extra) == sizeof(*rsp), "they share the slots");
	rx->posted[at] = NULL;
	n->stats.rx_slots++;
	if (rx->extra) {
		memcpy(&extra, rsp, sizeof(extra));
		take_extra(n, &extra);
		repost(rx, page);
	} else {
		if (rsp->id != at) {
			repost(rx, page);
			return "protocol error: a receive response to no request";
		}
		why = take_data(n, rsp, page);
	}
	if (why)
		return why;
	if (!rx->more && !rx->extra)
		finish(n);
	else if (++rx->slots_seen == SLOTS)
		return "protocol error: a frame of too many slots";
	return NULL;
}

bool rx_poll(struct netfront *n)
{
	struct rx *rx = &n->rx;
	struct netif_rx_response rsp;
	const char *why;
	uint32_t i, at;
	int got = 1;

	for (i = 0; i < BATCH && !hold_is_long(); i++) {
		at = rx->ring.consumed % SLOTS;
		got = ring_take(&rx->ring, &rsp);
		if (got <= 0)
			break;
		why = take(n, at, &rsp);
		if (why) {
			frontend_fail(&n->fe, why);
			ring_fail(&rx->ring, -EPROTO);
			return false;
		}
	}
	if (got == -EPROTO)
		frontend_fail(&n->fe, "protocol error: receive response index out of range");
	refill(n);
	return got > 0;
}

static bool enough(const struct rx *rx)
{
	return rx->ring.produced - rx->ring.consumed >= LEAST;
}

/* Without memory or grants the refill is tried again later. */
uint64_t rx_deadline(struct netfront *n)
{
	return enough(&n->rx) || n->rx.ring.error ? NEVER : clock_now() + PAUSE;
}

bool rx_may_sleep(struct netfront *n)
{
	return n->rx.ring.error || !ring_rearm(&n->rx.ring, 1);
}

/* ---- connection */

static unsigned rx_unshare(struct frontend *fe)
{
	struct rx *rx = &((struct netfront *)fe)->rx;
	unsigned kept = 0;

	for (uint32_t i = 0; i < SLOTS; i++) {
		if (rx->posted[i])
			push(&rx->granted, rx->posted[i]);
		rx->posted[i] = NULL;
	}
	while (rx->granted) {
		struct rx_page *page = pop(&rx->granted);

		if (revoke(rx, page))
			put_free(rx, page);
		else
			kept++;
	}
	drop(rx);
	while (rx->free)
		make_blank(rx, pop(&rx->free));
	rx->ngranted = rx->nfree = 0;
	for (struct rx_chunk *c = rx->chunks; c; c = c->next)
		for (size_t i = 0; i < sizeof(c->buffers) / sizeof(*c->buffers); i++)
			c->buffers[i].stale = c->buffers[i].held;
	reset_frame(rx);
	return kept;
}

int rx_offer(struct netfront *n)
{
	struct rx *rx = &n->rx;
	struct page_stats memory;
	int rc;

	page_stats(&memory);
	rx->nslots = min(memory.total / 32, SLOTS);
	rx->nslots = rx->nslots < LEAST ? LEAST : rx->nslots;
	rx->max_held = min(memory.total / 4, UINT32_MAX);
	reset_frame(rx);
	rc = frontend_ring(&n->fe, &rx->ring, 0, sizeof(struct netif_rx_request),
			   sizeof(struct netif_rx_response), "rx-ring-ref");
	return rc ? rc : frontend_undo(&n->fe, rx_unshare);
}

int rx_start(struct netfront *n)
{
	refill(n);
	return enough(&n->rx) ? 0 : -ENOMEM;
}

void rx_stop(struct netfront *n)
{
	ring_fail(&n->rx.ring, -ENETDOWN);
}
