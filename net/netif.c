/* SPDX-License-Identifier: ISC */
/*
 * Frames to pbufs and back.
 *
 * A pbuf that lwIP sends is only queued, with a reference of ours: lwIP takes a referenced
 * segment as busy and does not touch it (tcp_output_segment_busy()).  link_push() makes
 * frames of what is queued, joining segments where the backend takes large ones, and
 * gives references back when the backend has let go.
 */
#include "net/netif.h"

#include "drivers/netfront.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "net/answers.h"
#include "net/config.h"
#include "net/dhcp.h"
#include "net/filter.h"
#include "net/gso.h"
#include "net/ids.h"
#include "net/lwip/hooks.h"
#include "net/received.h"
#include "net/segment.h"
#include "net/sendbuf.h"
#include "net/solicit.h"
#include "net/timers.h"

#include <lwip/etharp.h>
#include <lwip/igmp.h>
#include <lwip/nd6.h>
#include <lwip/pbuf.h>
#include <lwip/priv/nd6_priv.h>
#include <lwip/priv/tcp_priv.h>
#include <netif/ethernet.h>

#include <xen/io/netif.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINKS_MAX 128			/* lwIP numbers 255, and looks for ever for one more */
#define JOINED_MAX 64			/* segments in a frame */
#define PIECES_MAX 128
#define SMALL 256			/* bytes: not worth keeping a page */
#define CONTROL 128			/* bytes: an acknowledgment is not refused so soon */
#define ETHERNET 14
#define IP6_LEAST 1280			/* RFC 8200, 5: the least MTU */

struct link *links;
struct net_stats net_counts;
struct waitq net_room;
void (*net_has_room)(void);

bool net_is_full(void)
{
	for (const struct link *l = links; l; l = l->next)
		if (l->refused && l->info.up)
			return true;
	return false;
}

/* ---- receive */

struct rx_pbuf {
	struct pbuf_custom custom;	/* first */
	struct rx_page *page;		/* NULL: the bytes follow */
	size_t cost;
};
static size_t kept, kept_max = 256;
static bool answering;			/* what is sent now answers a received frame */

void link_limit(size_t pages)
{
	kept_max = pages;
}

static void give_back(struct pbuf *p)
{
	struct rx_pbuf *r = (struct rx_pbuf *)p;

	if (r->page) {
		netfront_free(r->page);
		kept--;
	}
	received_remove(r->cost);
	mem_free(r);
}

size_t link_cost(const struct pbuf *p)
{
	const struct rx_pbuf *r = (const struct rx_pbuf *)p;

	return p->flags & PBUF_FLAG_IS_CUSTOM &&
	       r->custom.custom_free_function == give_back ? r->cost : 0;
}

/* page NULL: the bytes are in the same piece of memory, after this. */
static struct pbuf *make(struct rx_page *page, size_t len)
{
	struct rx_pbuf *r = mem_malloc(sizeof(*r) + (page ? 0 : len));
	struct pbuf *p;

	if (!r)
		return NULL;
	r->page = page;
	r->cost = RECEIVED_PBUF + (page ? PAGE_SIZE : len);
	r->custom.custom_free_function = give_back;
	p = pbuf_alloced_custom(PBUF_RAW, len, PBUF_REF, &r->custom,
				page ? page->data : (void *)(r + 1), len);
	assert(p);
	kept += page != NULL;
	received_add(r->cost);
	return p;
}

static struct pbuf *copy(const struct rx_page *frame, size_t total)
{
	struct pbuf *p = make(NULL, total);
	uint8_t *to = p ? p->payload : NULL;

	if (!p)
		return NULL;
	for (; frame; to += frame->len, frame = frame->next)
		memcpy(to, frame->data, frame->len);
	net_counts.rx_copied++;
	return p;
}

/* The pages are the pbuf's from now on, or given back. */
static struct pbuf *to_pbuf(struct rx_page *frame, size_t total)
{
	struct pbuf *first = NULL, **link = &first;
	size_t left = total;

	if (total <= SMALL || kept >= kept_max) {
		first = copy(frame, total);
		netfront_free(frame);
		return first;
	}
	while (frame) {
		struct rx_page *rest = frame->next;

		frame->next = NULL;
		*link = make(frame, frame->len);
		if (!*link) {
			frame->next = rest;
			netfront_free(frame);
			if (first)
				pbuf_free(first);
			return NULL;
		}
		(*link)->tot_len = left;
		left -= (*link)->len;
		link = &(*link)->next;
		frame = rest;
	}
	return first;
}

/*
 * What lwIP sends of TCP needs no sum where the backend makes it; but a segment that goes in
 * fragments does, as one does where the path of a connection or the link has become narrower.
 */
static bool narrow_path;		/* of some destination */

static void choose_sums(struct link *l, bool narrow)
{
	if (l->info.csum_ipv4 && l->info.csum_ipv6 && !l->narrowed && !narrow)
		l->netif.chksum_flags &= ~NETIF_CHECKSUM_GEN_TCP;
	else
		l->netif.chksum_flags |= NETIF_CHECKSUM_GEN_TCP;
}

/* A narrow path is only of concern to the connections of that destination. */
void net_choose_sums(const struct tcp_pcb *pcb)
{
	if (!narrow_path || !pcb)
		return;
	for (struct link *l = links; l; l = l->next)
		choose_sums(l, IP_IS_V6(&pcb->remote_ip) &&
			    nd6_get_destination_mtu(ip_2_ip6(&pcb->remote_ip), &l->netif) <
				    l->netif.mtu6);
}

/*
 * lwIP's fragments for a path of 48 bytes are empty, and without an end.  A "packet too big"
 * with less than the least does not reach it (net/icmp.c); other limits change with the link.
 */
static void check_path_mtu(void)
{
	uint16_t most = IP6_LEAST, least = UINT16_MAX;
	bool narrow = false;

	for (const struct link *l = links; l; l = l->next) {
		most = l->netif.mtu6 > most ? l->netif.mtu6 : most;
		least = l->netif.mtu6 < least ? l->netif.mtu6 : least;
	}
	for (unsigned i = 0; i < LWIP_ND6_NUM_DESTINATIONS; i++) {
		u16_t *mtu = &destination_cache[i].pmtu;

		if (*mtu)
			*mtu = *mtu < IP6_LEAST ? IP6_LEAST : *mtu > most ? most : *mtu;
		narrow |= *mtu && *mtu < least;
	}
	if (narrow != narrow_path) {
		narrow_path = narrow;
		for (struct link *l = links; l; l = l->next)
			choose_sums(l, false);
	}
}

/* Only the packet of a frame is kept, as on Linux: NICs fill what is small. */
static size_t cut_to_packet(struct rx_page *page, size_t total)
{
	const uint8_t *frame = page->data, *length = frame + ETHERNET;
	size_t end = ETHERNET, at = 0;

	if (frame[12] == 8 && frame[13] == 6)		/* ARP */
		return total;
	if (frame[12] == 8) {
		length += 2;
	} else {
		length += 4;
		end += 40;
	}
	end += length[0] << 8 | length[1];
	if (end >= total || end < ETHERNET + 20)
		return total;
	for (; at + page->len < end; page = page->next)
		at += page->len;
	page->len = end - at;
	netfront_free(page->next);
	page->next = NULL;
	return end;
}

/* Behind options that come first there may be Multicast Listener Discovery. */
static bool is_icmp6(const uint8_t *frame, size_t len)
{
	return frame[20] == IP6_NEXTH_ICMP6 ||
	       (frame[20] == IP6_NEXTH_HOPBYHOP && len > 54 && frame[54] == IP6_NEXTH_ICMP6);
}

/* What may stay with us: data for a socket or a reassembly, but for what DHCP needs. */
static bool is_data(const struct gso *g, const uint8_t *frame, size_t len)
{
	if (g->tcp)
		return !g->version || g->payload;
	/* It is behind extension headers. */
	if (!g->version && frame[12] == 0x86)
		return !is_icmp6(frame, len);
	return g->fragment || (g->version && !(frame[g->l4 + 2] == 0 && frame[g->l4 + 3] == 68));
}

static void receive(void *user, struct rx_page *frame, const struct offload *o)
{
	struct link *l = user;
	struct netif *netif = &l->netif;
	uint16_t flags = netif->chksum_flags;
	size_t total = 0;
	struct pbuf *p;
	struct gso g;
	bool ip6;

	timers_catch_up();
	dhcp_run(clock_now());		/* a lease may have ended while the domain was paused */
	for (struct rx_page *page = frame; page; page = page->next)
		total += page->len;
	net_counts.rx_frames++;
	net_counts.rx_bytes += total;
	net_counts.rx_merged += o->gso_size != 0;
	p = NULL;
	received_make_room();
	if (total <= FRAME_MAX && filter_accepts(netif, l->config6.how != CONFIG_OFF, frame->data,
						  frame->len))
		p = to_pbuf(frame, cut_to_packet(frame, total));
	else
		netfront_free(frame);
	if (!p) {
		net_counts.rx_dropped++;
		return;
	}
	/* What is said of a fragment is not said of the packet. */
	gso_parse(&g, p->payload, p->len, p->tot_len);
	if (received_exhausted() && is_data(&g, p->payload, p->len)) {
		pbuf_free(p);
		net_counts.rx_dropped++;
		return;
	}
	if ((o->csum_valid || o->csum_blank) && !g.fragment)
		netif->chksum_flags &= ~(NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP);
	ip6 = p->len >= 14 && ((const uint8_t *)p->payload)[12] == 0x86;
	answering = true;
	if (netif->input(p, netif) != ERR_OK)
		pbuf_free(p);
	answering = false;
	segment_done();
	netif->chksum_flags |= flags & (NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP);
	if (ip6)
		check_path_mtu();
}

static void received(void *user)
{
	(void)user;
	net_push();
}

/* ---- send */

static bool lent_to_us(const struct pbuf *p)	/* its bytes stay as they are */
{
	for (; p; p = p->next)
		if (p->type_internal & PBUF_TYPE_FLAG_DATA_VOLATILE &&
		    !(p->flags & PBUF_FLAG_IS_CUSTOM))
			return false;
	return true;
}

static void hold(const struct pbuf *p)
{
	for (; p; p = p->next)
		sendbuf_hold(p->payload, p->len);
}

static void let_go(struct pbuf *p)
{
	for (struct pbuf *q = p; q; q = q->next)
		sendbuf_release(q->payload, q->len);
	pbuf_free(p);
}

/* lwIP's linkoutput. */
static err_t enqueue(struct netif *netif, struct pbuf *p)
{
	struct link *l = (struct link *)netif;
	uint32_t queued = l->tail - l->head;

	if (!l->info.up)
		return ERR_IF;
	if (answering && !answer_allowed(p->payload, p->len, p->tot_len))
		return ERR_OK;
	if (queued >= (p->tot_len > CONTROL ? SEND_QUEUE / 2 : SEND_QUEUE)) {
		l->refused = true;
		net_counts.tx_refused++;
		return ERR_MEM;
	}
	if (lent_to_us(p))
		pbuf_ref(p);
	else if (!(p = pbuf_clone(PBUF_RAW, PBUF_RAM, p)))
		return ERR_MEM;
	ids_replace(p->payload, p->len);
	hold(p);
	l->queue[l->tail++ % SEND_QUEUE] = p;
	return ERR_OK;
}

struct joined {
	struct joined *next;		/* while unused */
	unsigned count;
	struct pbuf *segments[JOINED_MAX];
	uint8_t headers[GSO_HEADERS_MAX];
};
static struct joined *unused_joined;

static void joined_put(struct joined *t)
{
	t->next = unused_joined;
	unused_joined = t;
}

static void sent(void *arg)
{
	let_go(arg);
}

static void sent_joined(void *arg)
{
	struct joined *t = arg;

	for (unsigned i = 0; i < t->count; i++)
		let_go(t->segments[i]);
	joined_put(t);
}

/* A frame in the making. */
struct frame {
	struct piece pieces[PIECES_MAX];
	size_t count;
};

/* False: too many pieces, and none of these were added. */
static bool add(struct frame *f, const struct pbuf *p, size_t skip)
{
	size_t before = f->count;

	for (; p; p = p->next) {
		const uint8_t *data = (const uint8_t *)p->payload + (skip < p->len ? skip : p->len);
		size_t len = p->len - (skip < p->len ? skip : p->len);
		struct piece *last = f->count ? &f->pieces[f->count - 1] : NULL;

		skip -= p->len - len;
		if (!len)
			continue;
		if (last && (const uint8_t *)last->data + last->len == data) {
			last->len += len;
			continue;
		}
		if (f->count == PIECES_MAX) {
			/* What made the last of before longer is beyond what is sent of it. */
			f->count = before;
			return false;
		}
		f->pieces[f->count++] = (struct piece){ data, len };
	}
	return true;
}

static bool offers_checksum(const struct link *l, const struct gso *g)
{
	return g->version == 4 ? l->info.csum_ipv4 : g->version == 6 && l->info.csum_ipv6;
}

static bool offers_gso(const struct link *l, const struct gso *g)
{
	return g->tcp && offers_checksum(l, g) &&
	       (g->version == 4 ? l->info.gso_tcpv4 :
		g->version == 6 && l->info.gso_tcpv6);
}

/* The frame that begins with the queue's first: how many of the queue it takes. */
static unsigned join(struct link *l, struct joined *t, const struct gso *first,
		     struct gso_join *j, struct frame *f)
{
	struct pbuf *p = l->queue[l->head % SEND_QUEUE];
	unsigned n = 1;

	gso_begin(j, first, p->payload);
	f->pieces[0] = (struct piece){ t->headers, first->headers };
	f->count = 1;
	if (!add(f, p, first->headers))
		return 0;
	for (; n < JOINED_MAX && l->head + n != l->tail; n++) {
		struct piece end = f->pieces[f->count - 1];
		size_t count = f->count;
		struct gso_join was = *j;
		struct gso g;

		p = l->queue[(l->head + n) % SEND_QUEUE];
		gso_parse(&g, p->payload, p->len, p->tot_len);
		if (!gso_add(j, &g, p->payload))
			break;
		if (!add(f, p, g.headers)) {
			f->count = count;
			f->pieces[count - 1] = end;
			*j = was;
			break;
		}
	}
	return n;
}

static int send_joined(struct link *l, const struct gso *first, unsigned *taken)
{
	struct joined *t = unused_joined;
	struct offload o = {
		.csum_blank = true,
		.gso_type = first->version == 4 ? XEN_NETIF_GSO_TYPE_TCPV4
						: XEN_NETIF_GSO_TYPE_TCPV6,
		.gso_size = first->payload,
	};
	struct gso_join j;
	struct frame f;
	int err;

	*taken = 0;
	if (t)
		unused_joined = t->next;
	else if (!(t = malloc(sizeof(*t))))
		return 0;
	t->count = join(l, t, first, &j, &f);
	if (t->count < 2) {
		joined_put(t);
		return 0;
	}
	gso_headers(&j, t->headers);
	gso_blank_checksum(first, t->headers, j.payload);
	for (unsigned i = 0; i < t->count; i++)
		t->segments[i] = l->queue[(l->head + i) % SEND_QUEUE];
	*taken = t->count;
	err = netfront_send(l->device, f.pieces, f.count, &o, sent_joined, t);
	if (err)
		joined_put(t);
	else
		net_counts.tx_joined++;
	return err;
}

static int send_one(struct link *l, struct pbuf *p, const struct gso *g)
{
	struct offload o = { 0 };
	struct frame f = { .count = 0 };

	if (!add(&f, p, 0))
		return -EMSGSIZE;
	/* UDP's is lwIP's work: a datagram in fragments has one sum. */
	if (g->tcp && offers_checksum(l, g)) {
		gso_blank_checksum(g, p->payload, g->payload);
		o.csum_blank = true;
	}
	return netfront_send(l->device, f.pieces, f.count, &o, sent, p);
}

/* Packets with too many pieces become one of one piece. */
static int send_flat(struct link *l, struct pbuf *p, const struct gso *g)
{
	struct pbuf *flat = pbuf_clone(PBUF_RAW, PBUF_RAM, p);
	int err;

	if (!flat)
		return -ENOMEM;
	err = send_one(l, flat, g);
	if (err)
		pbuf_free(flat);
	else
		let_go(p);
	return err;
}

/* 0: the first of the queue, and those joined with it, are gone. */
static int send_first(struct link *l)
{
	struct pbuf *p = l->queue[l->head % SEND_QUEUE];
	unsigned taken = 0;
	struct gso g;
	size_t bytes = 0;
	int err = 0;

	gso_parse(&g, p->payload, p->len, p->tot_len);
	if (offers_gso(l, &g) && g.payload >= GSO_SMALLEST && l->tail - l->head > 1)
		err = send_joined(l, &g, &taken);
	if (!taken) {
		taken = 1;
		bytes = p->tot_len;
		err = send_one(l, p, &g);
		if (err == -EMSGSIZE)
			err = send_flat(l, p, &g);
	}
	if (err == -EAGAIN)
		return err;
	if (err) {
		net_counts.tx_errors++;
		for (unsigned i = 0; i < taken; i++)
			let_go(l->queue[(l->head + i) % SEND_QUEUE]);
	}
	l->head += taken;
	net_counts.tx_frames += !err;
	net_counts.tx_segments += taken;
	net_counts.tx_bytes += bytes;
	return 0;
}

/* lwIP stopped in the middle because we said the queue is full: it goes on at once. */
static void resume(void)
{
	for (struct tcp_pcb *pcb = tcp_active_pcbs, *next; pcb; pcb = next) {
		next = pcb->next;
		if (pcb->flags & (TF_NAGLEMEMERR | TF_ACK_NOW))
			tcp_output(pcb);
	}
}

void link_push(struct link *l)
{
	bool any = false;

	do {
		while (!l->full && l->head != l->tail) {
			if (send_first(l) == -EAGAIN)
				l->full = true;
			else
				any = true;
		}
		if (!l->refused || l->tail - l->head > SEND_QUEUE / 4)
			break;
		l->refused = false;
		resume();
		wake(&net_room);
		if (net_has_room)
			net_has_room();
	} while (l->head != l->tail && !l->full);
	if (any)
		netfront_push(l->device);
}

void link_forget(struct link *l, uint32_t address)
{
	uint32_t kept = l->head;

	for (uint32_t i = l->head; i != l->tail; i++) {
		struct pbuf *p = l->queue[i % SEND_QUEUE];
		uint8_t from[4] = { 0 };

		/* The Ethernet header's type, and the IPv4 header's source. */
		if (pbuf_get_at(p, 12) == 8 && pbuf_get_at(p, 13) == 0)
			pbuf_copy_partial(p, from, sizeof(from), 26);
		if (memcmp(from, &address, sizeof(from)) == 0)
			let_go(p);
		else
			l->queue[kept++ % SEND_QUEUE] = p;
	}
	l->tail = kept;
}

static void room(void *user)
{
	struct link *l = user;

	l->full = false;
	net_push();
}

bool link_lends(const struct tcp_pcb *pcb)
{
	const struct netif *netif = pcb->netif_idx != NETIF_NO_INDEX ?
				    netif_get_by_index(pcb->netif_idx) :
				    ip_route(&pcb->local_ip, &pcb->remote_ip);
	const struct link *l;

	for (l = links; l && &l->netif != netif; l = l->next)
		;
	/* What goes to an address of its own, lwIP gives back (LWIP_NETIF_LOOPBACK). */
	if (!l || !l->info.up || l->info.no_lent ||
	    ip_addr_cmp_zoneless(&pcb->remote_ip, &pcb->local_ip))
		return false;
	return true;
}

/* ---- the device itself */

void link_mtu(struct link *l)
{
	uint32_t mtu = l->info.mtu ? l->info.mtu : 1500;	/* not connected yet */

	mtu = mtu < 65521 ? mtu : 65521;
	if (l->dhcp_mtu && l->dhcp_mtu < mtu)
		mtu = l->dhcp_mtu;
	l->narrowed |= tcp_active_pcbs && mtu < l->netif.mtu;
	/* What a router has told stays (RFC 4861, 6.3.4). */
	if (l->netif.mtu6 == l->netif.mtu || mtu < l->netif.mtu6)
		l->netif.mtu6 = mtu;
	l->netif.mtu = mtu;
	choose_sums(l, false);
}

static void look(struct link *l)
{
	struct netif *netif = &l->netif;

	netfront_info(l->device, &l->info);
	memcpy(netif->hwaddr, l->info.mac, sizeof(l->info.mac));
	/* Without the backend's help lwIP computes what it sends; it checks what it is not told. */
	netif->chksum_flags = NETIF_CHECKSUM_ENABLE_ALL;
	link_mtu(l);
}

static void changed(void *user)
{
	struct link *l = user;

	if (!l->device)			/* link_open() will look */
		return;
	look(l);
	l->full = false;
	if (l->info.up && !netif_is_link_up(&l->netif)) {
		netif_set_link_up(&l->netif);
		config_link_up(l);
		resume();
	} else if (!l->info.up && netif_is_link_up(&l->netif)) {
		netif_set_link_down(&l->netif);
		l->netif.mtu6 = l->netif.mtu;
		config_link_down(l);
		while (l->head != l->tail)
			let_go(l->queue[l->head++ % SEND_QUEUE]);
	}
	net_push();
}

static const struct netfront_user user = {
	.receive = receive, .received = received, .room = room, .changed = changed,
};

static err_t set_up(struct netif *netif)
{
	struct link *l = netif->state;

	netif->name[0] = 'x';
	netif->name[1] = 'n';
	netif->output = route_output;
	netif->output_ip6 = solicit_output;
	netif->linkoutput = enqueue;
	netif->hwaddr_len = sizeof(l->info.mac);
	netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET |
		       NETIF_FLAG_IGMP | NETIF_FLAG_MLD6;
	return ERR_OK;
}

struct link *link_open(unsigned id)
{
	struct link *l, **end = &links;

	for (unsigned n = 0; *end; end = &(*end)->next)
		if (++n == LINKS_MAX) {
			log_error("vif%u: not used, as there are %u already", id, n);
			return NULL;
		}
	l = calloc(1, sizeof(*l));
	if (l)
		l->queue = calloc(SEND_QUEUE, sizeof(*l->queue));
	if (!l || !l->queue || !netif_add_noaddr(&l->netif, l, set_up, ethernet_input)) {
		if (l)
			free(l->queue);
		free(l);
		return NULL;
	}
	l->id = id;
	/* lwIP does not say that it had no memory for the first group, and asserts it later. */
	l->device = netif_igmp_data(&l->netif) ? netfront_open(id, &user, l) : NULL;
	if (!l->device) {
		netif_remove(&l->netif);
		free(l->queue);
		free(l);
		return NULL;
	}
	while (*end)
		end = &(*end)->next;
	*end = l;
	look(l);
	config_start(l);
	if (l->info.up) {
		netif_set_link_up(&l->netif);
		config_link_up(l);
	}
	return l;
}
