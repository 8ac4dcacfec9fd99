/* SPDX-License-Identifier: ISC */
/*
 * Transmit: frames are cut into slots, and responses are taken.
 *
 * The cutting follows what xen-netback of Linux does with a frame: Xen copies the first
 * 128 bytes, and each other slot is mapped, which costs more.  So a small frame is one
 * slot, and the headers of a larger one are a slot of 128 bytes.
 */
#include "drivers/netfront_internal.h"
#include "kernel/arch.h"
#include "kernel/clock.h"

#include <errno.h>
#include <string.h>

#define SMALL 512u			/* bytes; a frame up to this size is copied */
#define HEAD 128u			/* bytes that netback copies: all headers */
#define LATE (5 * NSEC_PER_MSEC)	/* limit of the delay of a done() */

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* ---- connection */

int tx_offer(struct netfront *n)
{
	int rc = frontend_ring(&n->fe, &n->tx.ring, 0, sizeof(struct netif_tx_request),
			       sizeof(struct netif_tx_response), "tx-ring-ref");

	if (!rc)
		rc = tx_share_pages(n);
	return rc ? rc : tx_share_lent(n);
}

void tx_start(struct netfront *n)
{
	struct tx *tx = &n->tx;

	tx->nfree = tx->nframes = 0;
	for (uint32_t i = 0; i < tx->nids; i++) {
		tx->slots[i] = (struct tx_slot){ .in_flight = false };
		tx->frames[i] = (struct tx_frame){ .slots = 0 };
		tx->ids[tx->nfree++] = tx->nids - 1 - i;
		tx->free_frames[tx->nframes++] = tx->nids - 1 - i;
	}
	tx->extras = 0;
	tx->sender_waits = tx->notify = tx->watched = tx->overdue = false;
}

void tx_stop(struct netfront *n)
{
	ring_fail(&n->tx.ring, -ENETDOWN);
}

/* ---- answers */

static bool frames_in_flight(const struct tx *tx)
{
	return tx->nframes < tx->nids;
}

static bool take_response(struct netfront *n, const struct netif_tx_response *rsp)
{
	struct tx *tx = &n->tx;
	struct tx_slot *slot = &tx->slots[rsp->id % SLOTS];
	struct tx_frame *frame;

	if (rsp->status == NETIF_RSP_NULL) {
		if (!tx->extras)
			return false;
		tx->extras--;
		return true;
	}
	if (rsp->id >= tx->nids || !slot->in_flight)
		return false;
	if (rsp->status != NETIF_RSP_OKAY)
		n->stats.tx_errors++;
	slot->in_flight = false;
	tx->ids[tx->nfree++] = rsp->id;
	if (slot->frame == SLOTS)
		return true;
	tx->lent[slot->page].uses--;
	frame = &tx->frames[slot->frame];
	if (--frame->slots == 0) {
		tx->free_frames[tx->nframes++] = slot->frame;
		frame->done(frame->arg);
	}
	return true;
}

void tx_take_responses(struct netfront *n)
{
	struct tx *tx = &n->tx;
	struct netif_tx_response rsp;
	int got;

	while ((got = ring_take(&tx->ring, &rsp)) > 0) {
		tx->overdue = false;
		if (!take_response(n, &rsp)) {
			frontend_fail(&n->fe, "protocol error: a transmit response to no request");
			ring_fail(&tx->ring, -EPROTO);
			return;
		}
	}
	if (got == -EPROTO)
		frontend_fail(&n->fe, "protocol error: transmit response index out of range");
}

static uint32_t free_slots(const struct tx *tx)
{
	return tx->ring.nslots - (tx->ring.produced - tx->ring.consumed);
}

/* Returns how many more responses it takes, at least, until there is this much room. */
static uint32_t missing(const struct tx *tx, const struct tx_room *need)
{
	uint32_t room = free_slots(tx);
	uint32_t slots = room < need->slots ? need->slots - room : 0;
	uint32_t ids = tx->nfree < need->ids ? need->ids - tx->nfree : 0;

	return slots > ids ? slots : ids;
}

bool tx_has_room(struct netfront *n)
{
	struct tx *tx = &n->tx;

	if (!tx->sender_waits || missing(tx, &tx->refused))
		return false;
	tx->sender_waits = false;
	return true;
}

/*
 * A response is worth an event only if a sender waits for its room.  Responses to copied
 * frames are taken when the next frame is sent or received.  A done() may be delayed, but
 * at most by LATE; after that an event is requested.
 */
bool tx_may_sleep(struct netfront *n)
{
	struct tx *tx = &n->tx;
	uint32_t answers = tx->ring.nslots;

	if (tx->ring.error)
		return true;
	if (frames_in_flight(tx) && !tx->watched)
		return false;
	if (tx->sender_waits)
		answers = missing(tx, &tx->refused);
	else if (tx->overdue && frames_in_flight(tx))
		answers = 1;
	return answers && !ring_rearm(&tx->ring, answers);
}

uint64_t tx_deadline(struct netfront *n)
{
	struct tx *tx = &n->tx;

	tx->watched = frames_in_flight(tx);
	return tx->watched && !tx->overdue ? clock_now() + LATE : NEVER;
}

void tx_late(struct netfront *n)
{
	n->tx.overdue = true;
	tx_take_responses(n);
}

/* ---- a frame */

/* A position in the pieces: a run of consecutive bytes, and the pieces behind it. */
struct cursor {
	const struct piece *next, *end;
	const char *at;
	size_t len;
};

/* Moves on to the next run.  Pieces that are consecutive in memory are one run. */
static void next_run(struct cursor *c)
{
	while (!c->len && c->next < c->end) {
		c->at = c->next->data;
		c->len = c->next->len;
		c->next++;
	}
	while (c->next < c->end && c->at + c->len == c->next->data) {
		c->len += c->next->len;
		c->next++;
	}
}

/* Copies the next bytes, at most room.  Returns how many. */
static size_t copy(struct cursor *c, char *to, size_t room)
{
	size_t done = 0, len;

	while (done < room) {
		if (!c->len)
			next_run(c);
		if (!c->len)
			break;
		len = min(c->len, room - done);
		memcpy(to + done, c->at, len);
		c->at += len;
		c->len -= len;
		done += len;
	}
	return done;
}

struct cut {
	struct netif_tx_request slots[DATA_SLOTS];
	uint32_t most, n;		/* slots that it may take, and takes */
	uint32_t in_place;		/* slots */
	size_t copied;			/* bytes */
};

static char *page_of(const struct tx *tx, const struct netif_tx_request *slot)
{
	return tx->pages + slot->id * PAGE_SIZE;
}

/* Adds a slot with a page of lent memory, or (-1) with the id's own page. */
static struct netif_tx_request *add(struct tx *tx, struct cut *cut, int64_t page,
				    uint16_t offset, uint16_t size)
{
	struct netif_tx_request *slot = &cut->slots[cut->n];
	uint16_t id = tx->ids[tx->nfree - 1 - cut->n];

	cut->n++;
	*slot = (struct netif_tx_request){
		.gref = page < 0 ? tx->refs[id] : tx->lent[page].ref, .offset = offset,
		.flags = NETTXF_more_data, .id = id, .size = size,
	};
	tx->slots[id].frame = page < 0 ? SLOTS : 0;
	tx->slots[id].page = page;
	return slot;
}

/* Copies the whole frame, page by page, which takes the fewest slots. */
static void gather(struct tx *tx, struct cut *cut, struct cursor *c, size_t len)
{
	*cut = (struct cut){ .most = cut->most, .copied = len };
	while (len) {
		size_t size = min(len, PAGE_SIZE);

		copy(c, page_of(tx, add(tx, cut, -1, 0, size)), size);
		len -= size;
	}
}

/*
 * Copies a run behind the bytes that were copied before, or into another page.  Returns
 * false if there are too many slots.
 */
static bool copy_run(struct tx *tx, struct cut *cut, struct cursor *c)
{
	struct netif_tx_request *slot = cut->n ? &cut->slots[cut->n - 1] : NULL;
	size_t len;

	if (!slot || tx->slots[slot->id].frame != SLOTS || slot->size == PAGE_SIZE) {
		if (cut->n == cut->most)
			return false;
		slot = add(tx, cut, -1, 0, 0);
	}
	len = copy(c, page_of(tx, slot) + slot->size, min(c->len, PAGE_SIZE - slot->size));
	slot->size += len;
	cut->copied += len;
	return true;
}

/* Adds the first page of a run in place.  Returns false if there are too many slots. */
static bool keep_run(struct tx *tx, struct cut *cut, struct cursor *c, int64_t page)
{
	uint16_t offset = (uintptr_t)c->at % PAGE_SIZE;
	size_t len = min(c->len, PAGE_SIZE - offset);

	if (cut->n == cut->most)
		return false;
	add(tx, cut, page, offset, len);
	cut->in_place++;
	c->at += len;
	c->len -= len;
	return true;
}

/* Whether the rest of the page is worth a slot of its own. */
static bool worth_a_slot(const struct cursor *c)
{
	return min(c->len, PAGE_SIZE - (uintptr_t)c->at % PAGE_SIZE) >= HEAD;
}

/* Returns false if it takes too many slots. */
static bool cut_in_place(struct tx *tx, struct cut *cut, struct cursor *c)
{
	*cut = (struct cut){ .most = cut->most };
	next_run(c);
	if (tx_lent_page(tx, c->at) < 0 || !worth_a_slot(c)) {
		add(tx, cut, -1, 0, HEAD);
		cut->copied = copy(c, page_of(tx, cut->slots), HEAD);
	}
	for (next_run(c); c->len; next_run(c)) {
		int64_t page = worth_a_slot(c) ? tx_lent_page(tx, c->at) : -1;

		if (!(page < 0 ? copy_run(tx, cut, c) : keep_run(tx, cut, c, page)))
			return false;
	}
	return true;
}

static void cut_frame(struct netfront *n, struct cut *cut, const struct piece *pieces,
		   size_t count, size_t len)
{
	struct cursor start = { .next = pieces, .end = pieces + count }, c = start;

	if (len > SMALL && n->sg && cut_in_place(&n->tx, cut, &c))
		return;
	gather(&n->tx, cut, &start, len);
}

/* In the order of the ring: first slot, extra, other slots. */
static void put_slots(struct tx *tx, struct cut *cut, size_t len, const struct offload *o)
{
	struct netif_extra_info extra = { .type = XEN_NETIF_EXTRA_TYPE_GSO };
	uint32_t extras = 0;

	cut->slots[0].size = len;
	if (o && o->csum_blank)
		cut->slots[0].flags |= NETTXF_csum_blank | NETTXF_data_validated;
	if (o && o->gso_type) {
		cut->slots[0].flags |= NETTXF_extra_info;
		extra.u.gso.size = o->gso_size;
		extra.u.gso.type = o->gso_type;
		_Static_assert(sizeof(extra) <= sizeof(cut->slots[0]), "it has a slot");
		ring_put(&tx->ring, 1, &(union {
			struct netif_extra_info extra;
			struct netif_tx_request slot;
		}){ .extra = extra });
		extras = 1;
	}
	cut->slots[cut->n - 1].flags &= ~NETTXF_more_data;
	for (uint32_t i = 0; i < cut->n; i++)
		ring_put(&tx->ring, i ? i + extras : 0, &cut->slots[i]);
	tx->extras += extras;
}

/* Marks the ids as in flight, and the frame, too, if it is in lent memory. */
static void commit(struct tx *tx, const struct cut *cut, void (*done)(void *), void *arg)
{
	uint16_t frame = SLOTS;

	if (cut->in_place) {
		frame = tx->free_frames[--tx->nframes];
		tx->frames[frame] = (struct tx_frame){ done, arg, cut->in_place };
	}
	for (uint32_t i = 0; i < cut->n; i++) {
		struct tx_slot *slot = &tx->slots[cut->slots[i].id];

		slot->in_flight = true;
		if (slot->frame == SLOTS)
			continue;
		slot->frame = frame;
		tx->lent[slot->page].uses++;
	}
	tx->nfree -= cut->n;
}

static int check_frame(const struct netfront *n, const struct offload *o, size_t len)
{
	if (len < HEADER)
		return -EINVAL;
	if (len > FRAME_MAX || (!n->sg && len > PAGE_SIZE))
		return -EMSGSIZE;
	if (!o)
		return 0;
	if (o->csum_blank && !n->info.csum_ipv4 && !n->info.csum_ipv6)
		return -EINVAL;
	switch (o->gso_type) {
	case XEN_NETIF_GSO_TYPE_NONE:
		return 0;
	case XEN_NETIF_GSO_TYPE_TCPV4:
		return n->info.gso_tcpv4 && o->csum_blank && o->gso_size ? 0 : -EINVAL;
	case XEN_NETIF_GSO_TYPE_TCPV6:
		return n->info.gso_tcpv6 && o->csum_blank && o->gso_size ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

/*
 * Begins a turn with as many slots as this frame could use, so that nothing can fail
 * later: at least those that it takes if all of it is copied.  *most is the number for
 * data.
 */
static int begin(struct netfront *n, size_t len, uint32_t extras, uint32_t *most)
{
	uint32_t ids = (len + PAGE_SIZE - 1) / PAGE_SIZE, slots;
	const struct tx_room need = { ids, ids + extras };
	struct tx *tx = &n->tx;

	tx_take_responses(n);
	while (!tx->ring.error && missing(tx, &need)) {
		tx->refused = need;
		tx->sender_waits = true;
		if (!ring_rearm(&tx->ring, missing(tx, &need))) {
			n->stats.tx_full++;
			return -EAGAIN;
		}
		tx_take_responses(n);
	}
	if (tx->ring.error)
		return -ENETDOWN;
	slots = min(free_slots(tx), LARGEST);
	*most = min(min(slots - extras, DATA_SLOTS), tx->nfree);
	return ring_try_begin(&tx->ring, slots);
}

int netfront_send(struct netfront *n, const struct piece *pieces, size_t count,
		  const struct offload *o, void (*done)(void *arg), void *arg)
{
	struct tx *tx = &n->tx;
	uint32_t slots, extras = o && o->gso_type;
	struct cut cut;
	size_t len = 0;
	int rc;

	for (size_t i = 0; i < count; i++)
		len = len + pieces[i].len < len ? SIZE_MAX : len + pieces[i].len;
	if (!n->connected)
		return -ENETDOWN;
	rc = check_frame(n, o, len);
	if (!rc)
		rc = begin(n, len, extras, &cut.most);
	if (rc)
		return rc;

	cut_frame(n, &cut, pieces, count, len);
	put_slots(tx, &cut, len, o);
	commit(tx, &cut, done, arg);
	slots = cut.n + extras;
	tx->notify |= ring_end(&tx->ring, slots);
	n->stats.tx_frames++;
	n->stats.tx_bytes += len;
	n->stats.tx_slots += slots;
	n->stats.tx_copied += cut.copied;
	if (!cut.in_place) {
		done(arg);
	} else if (!tx->watched) {
		wake(&n->work);
	}
	return 0;
}

void netfront_push(struct netfront *n)
{
	if (!n->tx.notify)
		return;
	n->tx.notify = false;
	n->stats.tx_notified++;
	evtchn_notify(&n->tx_event);
}
