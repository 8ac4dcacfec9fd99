/* SPDX-License-Identifier: ISC */
/* Over 500 lines: both directions share the connection and the ways to misbehave. */
#include "tests/host/netback.h"
#include "tests/host/host.h"

#define FRONT "/local/domain/5/device/vif/0"
#define BACK "/local/domain/0/backend/vif/5/0"
#include "tests/host/backend.h"

#include <xen/io/netif.h>

#define PEER peer_domid
#define SLOTS 256
#define HEADER 14
#define HEAD 128			/* bytes that Linux copies: they must contain the headers */

struct netback netback;

static struct netif_tx_back_ring tx;
static struct netif_rx_back_ring rx;
static grant_ref_t ring_refs[2];
static evtchn_port_t tx_port, rx_port;
static bool mad, split;
static bool tx_awake, rx_awake, owes_tx, owes_rx;

/* Slots that were taken and have no response yet, in order. */
static struct held {
	struct netif_tx_request req;
	unsigned extras;
	uint8_t *page;
	uint64_t sum;			/* of its bytes when it was taken */
} held[SLOTS];
static unsigned nheld;

/* The frame for the guest: its responses, some of which are published already. */
static struct answer {
	union {
		struct netif_rx_response rsp;
		struct netif_extra_info extra;
	};
	bool is_extra;
	const uint8_t *data;
} plan[SLOTS];
static unsigned planned, pushed;
static bool in_extras;			/* for ever */

/* A received page that it has still mapped after the response. */
static grant_ref_t kept[64];
static unsigned nkept;

void netback_carrier(bool up)
{
	say("carrier", up ? "1" : "0");
}

/* ---- connection */

static void *map(grant_ref_t ref, bool write)
{
	void *page = host_map(PEER, ref, write);

	if (!page)
		host_fail("netback: may not map grant %u", ref);
	netback.mapped++;
	return page;
}

static void unmap(grant_ref_t ref, bool write)
{
	host_unmap(PEER, ref, write);
	netback.mapped--;
}

static evtchn_port_t bind(const char *key)
{
	evtchn_port_t port = host_connect(PEER, front(key));

	if (!port)
		host_fail("netback: no %s", key);
	return port;
}

static void connect(void)
{
	struct netif_tx_sring *tx_ring;
	struct netif_rx_sring *rx_ring;

	ring_refs[0] = front("tx-ring-ref");
	ring_refs[1] = front("rx-ring-ref");
	tx_ring = map(ring_refs[0], true);
	rx_ring = map(ring_refs[1], true);
	BACK_RING_ATTACH(&tx, tx_ring, 0, PAGE_SIZE);
	BACK_RING_ATTACH(&rx, rx_ring, 0, PAGE_SIZE);
	/* As connect_data_rings() of xen-netback: what it finds there is what holds. */
	split = front("event-channel-tx") > 0;
	if (split != netback.split || split == (front("event-channel") > 0))
		host_fail("netback: event channels of another connection");
	if (front("multi-queue-num-queues") >= 0 || front("queue-0/tx-ring-ref") >= 0)
		host_fail("netback: queues of another connection");
	tx_port = bind(split ? "event-channel-tx" : "event-channel");
	rx_port = split ? bind("event-channel-rx") : tx_port;
	if (front("request-rx-copy") != 1 || front("feature-rx-notify") != 1)
		host_fail("netback: old manners");
	tx_awake = rx_awake = true;
	owes_tx = owes_rx = mad = false;
	nheld = planned = pushed = 0;
	in_extras = false;
	netback.unanswered = 0;
	netback.connections++;
	netback.connected = true;
	set_state(XenbusStateConnected);
}

static void unmap_slots(void)
{
	while (nheld)
		unmap(held[--nheld].req.gref, false);
	netback.unanswered = 0;
}

void netback_let_go(void)
{
	while (nkept)
		unmap(kept[--nkept], true);
	if (netback.connected)
		return;
	unmap_slots();
	for (int i = 0; i < 2; i++)
		if (ring_refs[i])
			unmap(ring_refs[i], true);
	ring_refs[0] = ring_refs[1] = 0;
}

static void disconnect(void)
{
	if (!netback.connected)
		return;
	host_close(tx_port);
	if (split)
		host_close(rx_port);
	netback.connected = false;
	if (!netback.keeps)
		netback_let_go();
}

static void end_input(void)
{
	netback.input = NULL;
	mad = true;
	netback_detach();
}

/* A guest that has lost xenstore may have taken its rings back in the meantime. */
static void offered(void)
{
	if (store.ended)
		set_state(XenbusStateClosing);
	else
		connect();
}

/* As frontend_changed() of Linux's xenbus.c, for the state Connected. */
static bool follow(void)
{
	static const char *before;
	const char *value = store_read(FRONT "/state");
	long now = front("state");

	if (value == before || !attached || netback.slow_to_close)
		return false;
	before = value;
	if (now == XenbusStateInitialising && state == XenbusStateClosed)
		set_state(XenbusStateInitWait);
	else if (now == XenbusStateConnected && state == XenbusStateInitWait)
		offered();
	else if (now == XenbusStateClosing) {
		disconnect();
		set_state(XenbusStateClosing);
	} else if (now == XenbusStateClosed) {
		disconnect();
		set_state(XenbusStateClosed);
		if (strcmp(store_read(BACK "/online"), "0") == 0)
			gone();
		else if (netback.input)		/* the rest of it has no receiver */
			end_input();
	}
	return true;
}

/* ---- from the guest */

static uint64_t sum(const uint8_t *p, size_t len)
{
	uint64_t hash = 14695981039346656037ull;

	while (len--)
		hash = (hash ^ *p++) * 1099511628211ull;
	return hash;
}

static void next_request(RING_IDX prod, void *to)
{
	if (tx.req_cons == prod)
		host_fail("netback: half a frame was published");
	memcpy(to, RING_GET_REQUEST(&tx, tx.req_cons), sizeof(struct netif_tx_request));
	tx.req_cons++;
	netback.slots++;
}

static unsigned take_extras(RING_IDX prod, struct netback_frame *frame)
{
	union {
		struct netif_extra_info extra;
		struct netif_tx_request req;
	} u;
	unsigned n = 0;

	do {
		next_request(prod, &u.req);
		n++;
		if (u.extra.type != XEN_NETIF_EXTRA_TYPE_GSO || frame->gso_size)
			host_fail("netback: extra of type %u", u.extra.type);
		if (!u.extra.u.gso.size || u.extra.u.gso.type < XEN_NETIF_GSO_TYPE_TCPV4 ||
		    u.extra.u.gso.type > XEN_NETIF_GSO_TYPE_TCPV6)
			host_fail("netback: GSO type %u, size %u", u.extra.u.gso.type,
				  u.extra.u.gso.size);
		frame->gso_type = u.extra.u.gso.type;
		frame->gso_size = u.extra.u.gso.size;
	} while (u.extra.flags & XEN_NETIF_EXTRA_FLAG_MORE);
	return n;
}

static bool in_flight(uint16_t id, unsigned upto)
{
	for (unsigned i = 0; i < upto; i++)
		if (held[i].req.id == id)
			return true;
	return false;
}

/* Xen's limit of mappings of a grant. */
static void count_uses(grant_ref_t ref)
{
	unsigned n = 0;

	for (unsigned i = 0; i < nheld; i++)
		n += held[i].req.gref == ref;
	if (n >= 128)
		host_fail("netback: grant %u is mapped %u times", ref, n);
}

static size_t take_slot(struct held *h, size_t size, uint8_t *to)
{
	if (!size)
		host_fail("netback: a slot of no bytes");
	if (h->req.offset + size > PAGE_SIZE)
		host_fail("netback: a slot across a page, %u + %zu", h->req.offset, size);
	count_uses(h->req.gref);
	if (host_map(PEER, h->req.gref, true))
		host_fail("netback: could write to what is sent");
	h->page = map(h->req.gref, false);
	h->req.size = size;
	h->sum = sum(h->page + h->req.offset, size);
	memcpy(to, h->page + h->req.offset, size);
	if (in_flight(h->req.id, h - held))
		host_fail("netback: id %u twice", h->req.id);
	return size;
}

static void take_frame(RING_IDX prod)
{
	static uint8_t data[1 << 16];
	struct netback_frame frame = { .data = data };
	unsigned first = nheld, n = 1;
	size_t total, left;

	held[first] = (struct held){ .extras = 0 };
	next_request(prod, &held[first].req);
	if (held[first].req.flags & NETTXF_extra_info)
		held[first].extras = take_extras(prod, &frame);
	frame.csum_blank = held[first].req.flags & NETTXF_csum_blank;
	left = total = held[first].req.size;
	while (held[first + n - 1].req.flags & NETTXF_more_data) {
		if (n == XEN_NETIF_NR_SLOTS_MIN)
			host_fail("netback: more slots than every backend takes");
		held[first + n] = (struct held){ .extras = 0 };
		next_request(prod, &held[first + n].req);
		if (held[first + n].req.size > left)
			host_fail("netback: slots of more bytes than the frame");
		left -= held[first + n].req.size;
		n++;
	}
	if (n > 1 && left < HEAD)
		host_fail("netback: headers are not in the first slot, which has %zu", left);
	if (total < HEADER)
		host_fail("netback: a frame of %zu bytes", total);
	if ((n > 1 && netback.no_sg) || (frame.gso_size && !frame.csum_blank))
		host_fail("netback: what it cannot do");
	frame.len = take_slot(&held[first], left, data);
	for (unsigned i = 1; i < n; i++)
		frame.len += take_slot(&held[first + i], held[first + i].req.size,
				       data + frame.len);
	nheld += n;
	netback.unanswered = nheld;
	netback.frames++;
	netback.most_slots = n > netback.most_slots ? n : netback.most_slots;
	if (netback.got)
		netback.got(&frame);
}

static void take(void)
{
	RING_IDX prod = __atomic_load_n(&tx.sring->req_prod, __ATOMIC_SEQ_CST);
	int more;

	if (RING_REQUEST_PROD_OVERFLOW(&tx, prod))
		host_fail("netback: the frontend's index");
	while (tx.req_cons != prod)
		take_frame(prod);
	RING_FINAL_CHECK_FOR_REQUESTS(&tx, more);
	tx_awake = more;
}

static void put_answer(uint16_t id, int status)
{
	*RING_GET_RESPONSE(&tx, tx.rsp_prod_pvt) = (struct netif_tx_response){
		.id = id, .status = status,
	};
	tx.rsp_prod_pvt++;
}

static void push_answers(void)
{
	int notify;

	RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&tx, notify);
	owes_tx |= notify;
}

static void answer_one(void)
{
	unsigned i = host_below(nheld);
	struct held h = held[i];
	int status = netback.fails && host_chance(3) ? -1 - (int)host_below(2) : NETIF_RSP_OKAY;

	if (h.sum != sum(h.page + h.req.offset, h.req.size))
		host_fail("netback: a frame changed before it was answered");
	unmap(h.req.gref, false);
	memmove(&held[i], &held[i + 1], (--nheld - i) * sizeof(*held));
	netback.unanswered = nheld;
	if (netback.lie && netback.lie <= NETLIE_TX_INDEX)
		mad = true;
	switch (netback.lie) {
	case NETLIE_ID:
		put_answer(h.req.id ^ (host_chance(2) ? 1u << 8 << host_below(8) : 0x8000),
			   status);
		break;
	case NETLIE_TWICE:
		put_answer(h.req.id, status);
		/* A response must be outstanding, or the index would be invalid. */
		put_answer(h.req.id, status);
		break;
	case NETLIE_NULL:
		if (h.extras)		/* these exist */
			put_answer(0, NETIF_RSP_NULL);
		put_answer(h.req.id, NETIF_RSP_NULL);
		break;
	case NETLIE_TX_INDEX:
		put_answer(h.req.id, status);
		tx.rsp_prod_pvt += SLOTS + host_below(1 << 30);
		break;
	default:
		put_answer(h.req.id, status);
		while (h.extras--)
			put_answer(host_random(), NETIF_RSP_NULL);
	}
	push_answers();
}

/* ---- to the guest */

static struct answer *add(uint16_t offset, size_t len, const uint8_t *data)
{
	struct answer *a = &plan[planned++];

	*a = (struct answer){ .data = data };
	a->rsp.offset = offset;
	a->rsp.flags = NETRXF_more_data;
	a->rsp.status = len;
	return a;
}

static void add_extra(struct netif_extra_info extra, bool more)
{
	struct answer *a = &plan[planned++];

	extra.flags = more ? XEN_NETIF_EXTRA_FLAG_MORE : 0;
	*a = (struct answer){ .is_extra = true };
	a->extra = extra;
}

static void plan_extras(const struct netback_frame *f)
{
	if (netback.crumbs && host_chance(2))
		add_extra((struct netif_extra_info){ .type = XEN_NETIF_EXTRA_TYPE_HASH },
			  f->gso_size || f->flaw == FLAW_EXTRA);
	if (f->flaw == FLAW_EXTRA)
		add_extra((struct netif_extra_info){
			.type = host_chance(2) ? 0 : XEN_NETIF_EXTRA_TYPE_MAX },
			f->gso_size);
	if (f->gso_size)
		add_extra((struct netif_extra_info){
			.type = XEN_NETIF_EXTRA_TYPE_GSO,
			.u.gso.size = f->flaw == FLAW_GSO_SIZE ? 0 : f->gso_size,
			.u.gso.type = f->flaw == FLAW_GSO_TYPE ? 3 : f->gso_type }, false);
}

static void spoil(const struct netback_frame *f)
{
	struct answer *a;

	do
		a = &plan[host_below(planned)];
	while (a->is_extra);
	switch (f->flaw) {
	case FLAW_LENGTH:
		a->rsp.status = PAGE_SIZE - a->rsp.offset + 1 + host_below(20000);
		a->data = NULL;
		break;
	case FLAW_OFFSET:
		a->rsp.offset = PAGE_SIZE - a->rsp.status + 1 + host_below(30000);
		a->data = NULL;
		break;
	case FLAW_STATUS:
		a->rsp.status = -1 - (int)host_below(3);
		a->data = NULL;
		break;
	case FLAW_PREFIX:
		a->rsp.flags |= NETRXF_gso_prefix;
		break;
	default:
		break;
	}
}

/* As Linux does, or in small pieces. */
static void plan_frame(const struct netback_frame *f)
{
	size_t left = f->len, len, offset;
	unsigned slots = f->flaw == FLAW_SLOTS ? 25 : f->flaw == FLAW_LONG ? 17 :
			 XEN_NETIF_NR_SLOTS_MIN;
	struct answer *first = NULL, *last = NULL;
	const uint8_t *data = f->data;

	planned = pushed = 0;
	for (; slots && (left || !first || f->flaw == FLAW_SLOTS || f->flaw == FLAW_LONG);
	     slots--) {
		size_t least = slots == 1 ? left : left - (slots - 1) * PAGE_SIZE;

		if (left <= (slots - 1) * PAGE_SIZE)
			least = 0;
		len = left < PAGE_SIZE ? left : PAGE_SIZE;
		offset = 0;
		if (netback.crumbs) {
			len = least + host_below(len - least + 1);
			offset = host_below(PAGE_SIZE - len + 1);
		}
		if (f->flaw == FLAW_SLOTS || f->flaw == FLAW_LONG) {
			len = f->flaw == FLAW_SLOTS ? 10 : PAGE_SIZE;
			data = NULL;
			left = len;
			offset = 0;
		}
		last = add(offset, len, data);
		left -= len;
		if (data)
			data += len;
		if (first)
			continue;
		first = last;
		first->rsp.flags |= (f->csum_blank ? NETRXF_csum_blank : 0) |
				    (f->csum_valid ? NETRXF_data_validated : 0);
		plan_extras(f);
		if (planned > 1)
			first->rsp.flags |= NETRXF_extra_info;
	}
	last->rsp.flags &= ~NETRXF_more_data;
	spoil(f);
}

/* Violates the protocol as requested.  Returns false if no violation of this kind is. */
static bool plan_lie(void)
{
	planned = pushed = 0;
	switch (netback.lie) {
	case NETLIE_RX_ID:
		add(0, 60, NULL)->rsp.flags = 0;
		break;
	case NETLIE_ENDLESS:
		add(0, host_below(3), NULL);
		break;
	case NETLIE_EXTRAS:
		if (!in_extras)
			add(0, 60, NULL)->rsp.flags = NETRXF_extra_info;
		in_extras = true;
		for (unsigned i = 0; i < 40; i++)
			add_extra((struct netif_extra_info){
				.type = 1 + host_below(6) }, true);
		break;
	default:
		return false;
	}
	return true;
}

static unsigned posted(void)
{
	netback.posted = __atomic_load_n(&rx.sring->req_prod, __ATOMIC_SEQ_CST) - rx.req_cons;
	if (netback.posted > SLOTS && !mad)	/* a backend that lied has a wrong count */
		host_fail("netback: the frontend's index of the receive ring");
	return netback.posted;
}

/* Returns whether there are slots for the whole frame; otherwise requests an event. */
static bool fits(void)
{
	while (posted() < planned - pushed) {
		rx.sring->req_event = rx.sring->req_prod + 1;
		xen_mb();
		if (posted() < planned - pushed)
			return false;
	}
	return true;
}

static void push_one(void)
{
	struct answer a = plan[pushed++];
	struct netif_rx_request req;
	uint8_t *page;

	RING_COPY_REQUEST(&rx, rx.req_cons, &req);
	rx.req_cons++;
	if (!a.is_extra) {
		page = map(req.gref, true);
		if (a.data && a.rsp.status > 0)
			memcpy(page + a.rsp.offset, a.data, a.rsp.status);
		if (netback.keeps_rx && nkept < HOST_COUNT(kept) && host_chance(10))
			kept[nkept++] = req.gref;
		else
			unmap(req.gref, true);
		a.rsp.id = req.id;
		if (netback.lie == NETLIE_RX_ID)
			a.rsp.id ^= 1u << host_below(16);
	}
	memcpy(RING_GET_RESPONSE(&rx, rx.rsp_prod_pvt), &a.rsp, sizeof(a.rsp));
	rx.rsp_prod_pvt++;
}

/* Some of the frame; with crumbs not always all at once. */
static void push(void)
{
	int notify;

	do
		push_one();
	while (pushed < planned && !(netback.crumbs && host_chance(4)));
	if (netback.lie == NETLIE_RX_INDEX)
		rx.rsp_prod_pvt += SLOTS + host_below(1 << 30);
	if (netback.lie > NETLIE_TX_INDEX && netback.lie != NETLIE_ENDLESS &&
	    netback.lie != NETLIE_EXTRAS)
		mad = true;
	netback.delivered += pushed == planned;
	RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&rx, notify);
	owes_rx |= notify;
}

static bool deliver(void)
{
	struct netback_frame frame = { .flaw = FLAW_NONE };

	if (pushed == planned && !plan_lie()) {
		if (!netback.next || !netback.next(&frame))
			return false;
		plan_frame(&frame);
	}
	if (!rx_awake)
		return false;
	rx_awake = fits();
	if (rx_awake)
		push();
	return true;
}

/* ---- a step of the backend */

/* From here on the contents of the rings are invalid, until there are new ones. */
static void scribble(void)
{
	uint8_t *page = host_chance(2) ? (uint8_t *)tx.sring : (uint8_t *)rx.sring;
	uint32_t value = host_random();
	struct netif_rx_request req;

	mad = true;
	if (host_chance(2)) {
		memcpy(page + 8, &value, 1 + host_below(4));		/* rsp_prod */
	} else if (host_chance(2)) {
		memcpy(page + host_below(PAGE_SIZE - 3), &value, 4);
	} else {
		memcpy(&req, (uint8_t *)rx.sring + 64 + host_below(SLOTS) * 8, sizeof(req));
		page = host_map(PEER, req.gref, true);
		if (page) {
			memcpy(page + host_below(PAGE_SIZE - 3), &value, 4);
			host_unmap(PEER, req.gref, true);
		}
	}
	host_notify(host_chance(2) ? tx_port : rx_port);
}

/* Actions that the fuzzer's input selects; the connection ends with the input. */
static bool follow_input(void)
{
	unsigned what = netback.input(), i;
	struct netif_rx_response *rsp;

	if (what == UINT32_MAX) {
		end_input();
		return true;
	}
	switch (what % 8) {
	case 0:
		if (!mad)
			take();
		break;
	case 1:				/* as it should be */
		if (nheld && !mad)
			answer_one();
		break;
	case 2:
		mad = true;
		put_answer(netback.input() | what / 8 % 4 << 8, (int8_t)netback.input());
		push_answers();
		break;
	case 3 ... 5:			/* responses of any content to posted slots */
		for (i = 0; i <= what / 8 && posted(); i++) {
			rsp = RING_GET_RESPONSE(&rx, rx.rsp_prod_pvt);
			*rsp = (struct netif_rx_response){
				.id = rx.req_cons++ % SLOTS,
				.flags = netback.input() & 31,
				.offset = netback.input() * (what & 64 ? 17 : 0),
				.status = (int8_t)netback.input() * (what & 128 ? 40 : 1),
			};
			rx.rsp_prod_pvt++;
		}
		RING_PUSH_RESPONSES(&rx);
		break;
	case 6:
		mad = true;
		if (what & 8)
			rx.rsp_prod_pvt += netback.input();
		else
			tx.rsp_prod_pvt += netback.input();
		RING_PUSH_RESPONSES(&rx);
		RING_PUSH_RESPONSES(&tx);
		break;
	case 7:
		host_notify(tx_port);
		host_notify(rx_port);
	}
	return true;
}

static void hear(void)
{
	if (host_rung(tx_port)) {
		netback.tx_events++;
		tx_awake = true;
		rx_awake |= !split;
	}
	if (split && host_rung(rx_port)) {
		netback.rx_events++;
		rx_awake = true;
	}
}

static bool may_answer(void)
{
	if (!nheld || netback.silent || (netback.holds && !netback.allowance))
		return false;
	netback.allowance -= netback.holds;
	return true;
}

static bool ring(void)
{
	bool any = (owes_tx || owes_rx) && host_chance(2);

	if (any && owes_tx)
		host_notify(tx_port);
	if (any && owes_rx)
		host_notify(rx_port);
	if (any)
		owes_tx = owes_rx = false;
	return any;
}

static bool work(void)
{
	hear();
	if (ring())
		return true;
	if (netback.input)
		return follow_input();
	if (netback.scribbles) {
		if (host_chance(2))
			return false;
		scribble();
		return true;
	}
	if (mad)
		return owes_tx || owes_rx;
	posted();
	if (host_chance(3) && deliver())
		return true;
	if ((!tx_awake || host_chance(2)) && may_answer()) {
		answer_one();
		return true;
	}
	if (tx_awake) {
		take();
		return true;
	}
	return deliver() || owes_tx || owes_rx;
}

static bool act(void *arg)
{
	(void)arg;
	return follow() || (netback.connected && work());
}

void netback_shift(uint32_t by)
{
	tx.sring->req_prod += by;
	tx.sring->rsp_prod += by;
	tx.sring->req_event += by;
	tx.sring->rsp_event += by;
	rx.sring->req_prod += by;
	rx.sring->rsp_prod += by;
	rx.sring->req_event += by;
	rx.sring->rsp_event += by;
	tx.req_cons += by;
	tx.rsp_prod_pvt += by;
	rx.req_cons += by;
	rx.rsp_prod_pvt += by;
}

/* ---- the toolstack */

void netback_attach(void)
{
	static bool acts;

	if (!acts)
		host_actor("netback", act, NULL);
	acts = true;
	peer_domid = netback.domid;
	say("online", "1");
	say("feature-rx-copy", netback.rx_copy ? netback.rx_copy : "1");
	say("carrier", netback.carrier);
	say("mtu", netback.mtu);
	say("feature-sg", netback.no_sg ? "0" : "1");
	say("feature-no-csum-offload", netback.no_csum4 ? "1" : NULL);
	say("feature-ipv6-csum-offload", netback.no_csum6 ? NULL : "1");
	say("feature-gso-tcpv4", netback.no_gso4 ? NULL : "1");
	say("feature-gso-tcpv6", netback.no_gso6 ? NULL : "1");
	say("feature-split-event-channels", netback.split ? "1" : NULL);
	store_write(FRONT "/mac", netback.mac ? netback.mac : NETBACK_MAC);
	if (netback.front_mtu)
		store_write(FRONT "/mtu", netback.front_mtu);
	attach();
}

void netback_detach(void)
{
	say("online", "0");
	set_state(XenbusStateClosing);
}

bool netback_detached(void)
{
	return !attached;
}

void netback_vanish(void)
{
	disconnect();
	gone();
}

void netback_restart(void)
{
	disconnect();
	set_state(XenbusStateClosing);
}
