/* SPDX-License-Identifier: ISC */
/*
 * Lent memory is allocated in runs of pages. A page is free again when its connection has
 * released it and no queued packet refers to it: the acknowledgment may arrive before the
 * backend has released the frame.
 */
#include "net/sendbuf.h"

#include "drivers/netfront.h"
#include "kernel/arch.h"
#include "kernel/page.h"
#include "kernel/sched.h"
#include "net/netif.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LENT_SHARE 16			/* divisor: the part of memory that is lent */
#define LENT_MOST (16ul << 20)		/* bytes: maximum */
#define RUN_PAGES 16			/* of the first run */
#define SMALL 1024			/* bytes: copied by lwIP instead */
#define BOUNCE 16384

struct sendbuf_run {
	struct sendbuf_run *next;
	uint8_t *start;			/* NULL: these bytes are in lwIP's memory */
	size_t size, filled, acked;
};

#define OWNED 0x80000000u
static struct {
	uint8_t *start;
	size_t pages, used, next;
	/* for each page: OWNED, and the number of packets that refer to it */
	uint32_t *state;
} lent;

void sendbuf_init(size_t memory)
{
	size_t size = memory / LENT_SHARE < LENT_MOST ? memory / LENT_SHARE : LENT_MOST;
	size_t pages = size / PAGE_SIZE;

	if (lent.state)
		return;
	while (page_prepare_pages(pages))
		kernel_pause();
	lent.state = pages ? calloc(pages, sizeof(*lent.state)) : NULL;
	lent.start = lent.state ? page_alloc(pages) : NULL;
	if (!lent.start)
		return;
	for (size_t i = 0; i < pages; i++) {	/* no data of others may be in the pages */
		memset((char *)lent.start + i * PAGE_SIZE, 0, PAGE_SIZE);
		if (i % 64 == 63)
			kernel_pause();
	}
	lent.pages = pages;
	netfront_lend(lent.start, pages * PAGE_SIZE);
}

void sendbuf_usage(uint32_t *pages, uint32_t *used)
{
	*pages = lent.pages;
	*used = lent.used;
}

/* ---- pages */

static size_t number(const void *address)
{
	return ((uintptr_t)address - (uintptr_t)lent.start) / PAGE_SIZE;
}

static void page_owned(size_t page)
{
	assert(!lent.state[page]);
	lent.state[page] = OWNED;
	lent.used++;
}

static void disown(uint8_t *from, size_t size)
{
	for (size_t page = number(from), n = size / PAGE_SIZE; n; n--, page++) {
		assert(lent.state[page] & OWNED);
		lent.state[page] &= ~OWNED;
		lent.used -= !lent.state[page];
	}
}

/* Allocates at most n contiguous pages. Returns how many, and their first in *first. */
static size_t take(size_t n, size_t *first)
{
	size_t page = lent.next, tried, got = 0;

	if (lent.used == lent.pages)
		return 0;
	for (tried = 0; lent.state[page % lent.pages]; tried++, page++)
		if (tried == lent.pages)
			return 0;
	for (page %= lent.pages; got < n && page + got < lent.pages; got++) {
		if (lent.state[page + got])
			break;
		page_owned(page + got);
	}
	*first = page;
	lent.next = (page + got) % lent.pages;
	return got;
}

/* Returns the pages [*first, *last) that the bytes are in; false if they are not lent. */
static bool where(const void *data, size_t len, size_t *first, size_t *last)
{
	uintptr_t at = (uintptr_t)data - (uintptr_t)lent.start;

	if (at >= lent.pages * PAGE_SIZE || !len)
		return false;
	*first = at / PAGE_SIZE;
	*last = (at + len - 1) / PAGE_SIZE + 1;
	assert(*last <= lent.pages);
	return true;
}

void sendbuf_ref(const void *data, size_t len)
{
	size_t page, last;

	if (where(data, len, &page, &last))
		for (; page < last; page++) {
			assert(lent.state[page]);
			lent.state[page]++;
		}
}

void sendbuf_unref(const void *data, size_t len)
{
	size_t page, last;

	if (where(data, len, &page, &last))
		for (; page < last; page++) {
			assert(lent.state[page] & ~OWNED);
			lent.used -= !--lent.state[page];
		}
}

/* ---- runs */

static struct sendbuf_run *append(struct sendbuf *b, uint8_t *start, size_t size)
{
	struct sendbuf_run *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->start = start;
	r->size = size;
	*(b->last ? &b->last->next : &b->first) = r;
	return b->last = r;
}

static void drop_first(struct sendbuf *b)
{
	struct sendbuf_run *r = b->first;

	if (r->start) {
		size_t gone = r->acked & ~(PAGE_SIZE - 1);

		disown(r->start + gone, r->size - gone);
	}
	b->first = r->next;
	if (!b->first)
		b->last = NULL;
	free(r);
}

/*
 * Returns the last run if it has room for want bytes, or for enough to be useful;
 * otherwise NULL.
 */
static struct sendbuf_run *with_room(struct sendbuf *b, size_t want)
{
	struct sendbuf_run *r = b->last;
	size_t first, n;

	if (r && r->start) {
		size_t end = number(r->start) + r->size / PAGE_SIZE;

		while (r->size - r->filled < want && end < lent.pages && !lent.state[end]) {
			page_owned(end++);
			r->size += PAGE_SIZE;
			lent.next = end % lent.pages;
		}
		if (r->size - r->filled > SMALL || r->size - r->filled >= want)
			return r;
	}
	n = (want + PAGE_SIZE - 1) / PAGE_SIZE;
	n = take(n < RUN_PAGES ? n : RUN_PAGES, &first);
	if (!n)
		return NULL;
	r = append(b, lent.start + first * PAGE_SIZE, n * PAGE_SIZE);
	if (!r)
		disown(lent.start + first * PAGE_SIZE, n * PAGE_SIZE);
	return r;
}

void sendbuf_route(struct sendbuf *b, const struct tcp_pcb *pcb)
{
	b->no_lent = !vif_uses_lent_memory(pcb);
}

void *sendbuf_reserve(struct sendbuf *b, size_t want, size_t *got)
{
	struct sendbuf_run *r;

	assert(want);
	want = want < 65535 ? want : 65535;
	r = want > SMALL && !b->no_lent ? with_room(b, want) : NULL;
	b->bounced = !r;
	b->reserved = r;
	if (r) {
		*got = r->size - r->filled < want ? r->size - r->filled : want;
		return r->start + r->filled;
	}
	*got = want < BOUNCE ? want : BOUNCE;
	if (b->bounce_size < *got) {
		free(b->bounce);
		b->bounce = malloc(*got);
		b->bounce_size = b->bounce ? *got : 0;
	}
	return b->bounce;
}

/* The next bytes are in lwIP's memory. */
static bool elsewhere(struct sendbuf *b)
{
	return (b->last && !b->last->start) || append(b, NULL, 0);
}

err_t sendbuf_commit(struct sendbuf *b, struct tcp_pcb *pcb, size_t n, uint8_t flags)
{
	struct sendbuf_run *r = b->reserved;
	const uint8_t *data = b->bounced ? b->bounce : r->start + r->filled;
	bool copy = b->bounced || n <= SMALL;
	err_t err;

	assert(n <= 65535 && (b->bounced ? n <= b->bounce_size : n <= r->size - r->filled));
	if (copy && !elsewhere(b))
		return ERR_MEM;
	err = tcp_write(pcb, data, n, flags | (copy ? TCP_WRITE_FLAG_COPY : 0));
	if (err != ERR_OK)
		return err;
	(copy ? b->last : r)->filled += n;
	b->reserved = NULL;
	if (b->bounced) {
		free(b->bounce);
		b->bounce = NULL;
		b->bounce_size = 0;
	}
	return ERR_OK;
}

err_t sendbuf_refer(struct sendbuf *b, struct tcp_pcb *pcb, const void *from, size_t n,
		    uint8_t flags)
{
	err_t err = elsewhere(b) ? tcp_write(pcb, from, n, flags) : ERR_MEM;

	if (err == ERR_OK)
		b->last->filled += n;
	return err;
}

err_t sendbuf_write(struct sendbuf *b, struct tcp_pcb *pcb, const void *from, size_t len,
		    uint8_t flags, size_t *done)
{
	const uint8_t *at = from;
	size_t left = len, n;
	err_t err = ERR_OK;

	*done = 0;
	sendbuf_route(b, pcb);
	while (left && err == ERR_OK) {
		size_t room = tcp_sndbuf(pcb), want = left < room ? left : room;
		uint8_t more = flags;
		void *to;

		if (!want)
			return ERR_MEM;
		if (want <= SMALL) {	/* no bounce buffer is needed: the memory is ordinary */
			n = want;
			if (n < left)
				more |= TCP_WRITE_FLAG_MORE;
			err = elsewhere(b) ?
			      tcp_write(pcb, at, n, more | TCP_WRITE_FLAG_COPY) : ERR_MEM;
			if (err == ERR_OK)
				b->last->filled += n;
		} else {
			to = sendbuf_reserve(b, want, &n);
			if (!to)
				return ERR_MEM;
			memcpy(to, at, n);
			if (n < left)
				more |= TCP_WRITE_FLAG_MORE;
			err = sendbuf_commit(b, pcb, n, more);
		}
		if (err == ERR_OK) {
			at += n;
			left -= n;
			*done += n;
		}
	}
	return err;
}

/* Releases the oldest len bytes. */
static void drop(struct sendbuf *b, size_t len)
{
	while (b->first) {
		struct sendbuf_run *r = b->first;
		size_t left = r->filled - r->acked, n = len < left ? len : left;
		size_t gone = r->acked & ~(PAGE_SIZE - 1);

		if (n == left && r != b->reserved) {
			drop_first(b);
			len -= n;
			continue;
		}
		r->acked += n;
		if (r->start)
			disown(r->start + gone, (r->acked & ~(PAGE_SIZE - 1)) - gone);
		return;
	}
}

/*
 * lwIP reports only whole segments (tcp_free_acked_segments()), so nothing that it may
 * retransmit.
 */
void sendbuf_acked(struct sendbuf *b, size_t len)
{
	drop(b, len);
}

void sendbuf_free(struct sendbuf *b)
{
	while (b->first)
		drop_first(b);
	free(b->bounce);
	*b = (struct sendbuf){ 0 };
}
