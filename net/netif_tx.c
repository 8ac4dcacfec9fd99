/* SPDX-License-Identifier: ISC */
/*
 * Packets that lwIP sends become frames.
 *
 * vif_enqueue() queues a pbuf and takes a reference to it; lwIP treats a referenced
 * segment as busy and does not modify it (tcp_output_segment_busy()). vif_push() makes
 * frames of the queued packets and joins TCP segments if the backend accepts large ones.
 * The references are dropped when the backend has released the frame.
 */
#include "drivers/netfront.h"
#include "net/gso.h"
#include "net/ip_id.h"
#include "net/netif_internal.h"
#include "net/reply_limit.h"
#include "net/sendbuf.h"

#include <lwip/pbuf.h>
#include <lwip/priv/tcp_priv.h>

#include <xen/io/netif.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define JOINED_MAX 64			/* segments of a frame */
#define PIECES_MAX 128
#define CONTROL 128	/* bytes: longer packets are refused at half of the queue */

struct waitq net_room;
void (*net_has_room)(void);

bool net_is_full(void)
{
	for (const struct vif *l = vifs; l; l = l->next)
		if (l->refused && l->info.up)
			return true;
	return false;
}

static bool is_stable(const struct pbuf *p)	/* the data does not change */
{
	for (; p; p = p->next)
		if (p->type_internal & PBUF_TYPE_FLAG_DATA_VOLATILE &&
		    !(p->flags & PBUF_FLAG_IS_CUSTOM))
			return false;
	return true;
}

static void reference(const struct pbuf *p)
{
	for (; p; p = p->next)
		sendbuf_ref(p->payload, p->len);
}

static void unreference(struct pbuf *p)
{
	for (struct pbuf *q = p; q; q = q->next)
		sendbuf_unref(q->payload, q->len);
	pbuf_free(p);
}

/* lwIP's linkoutput. */
err_t vif_enqueue(struct netif *netif, struct pbuf *p)
{
	struct vif *l = (struct vif *)netif;
	uint32_t queued = l->tail - l->head;

	if (!l->info.up)
		return ERR_IF;
	if (vif_replying && !reply_allowed(p->payload, p->len, p->tot_len))
		return ERR_OK;
	if (queued >= (p->tot_len > CONTROL ? SEND_QUEUE / 2 : SEND_QUEUE)) {
		l->refused = true;
		net_counts.tx_refused++;
		return ERR_MEM;
	}
	if (is_stable(p))
		pbuf_ref(p);
	else if (!(p = pbuf_clone(PBUF_RAW, PBUF_RAM, p)))
		return ERR_MEM;
	ip_id_replace(p->payload, p->len);
	reference(p);
	l->queue[l->tail++ % SEND_QUEUE] = p;
	return ERR_OK;
}

struct joined {
	struct joined *next;		/* in the list of unused ones */
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
	unreference(arg);
}

static void sent_joined(void *arg)
{
	struct joined *t = arg;

	for (unsigned i = 0; i < t->count; i++)
		unreference(t->segments[i]);
	joined_put(t);
}

/* A frame that is being assembled. */
struct frame {
	struct piece pieces[PIECES_MAX];
	size_t count;
};

/* Returns false, without adding anything, if there would be too many pieces. */
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
			/*
			 * The piece before may have become longer; the caller restores
			 * it.
			 */
			f->count = before;
			return false;
		}
		f->pieces[f->count++] = (struct piece){ data, len };
	}
	return true;
}

static bool offers_checksum(const struct vif *l, const struct gso *g)
{
	return g->version == 4 ? l->info.csum_ipv4 : g->version == 6 && l->info.csum_ipv6;
}

static bool offers_gso(const struct vif *l, const struct gso *g)
{
	return g->tcp && offers_checksum(l, g) &&
	       (g->version == 4 ? l->info.gso_tcpv4 :
		g->version == 6 && l->info.gso_tcpv6);
}

/* Assembles a frame from the head of the queue. Returns the number of packets in it. */
static unsigned join(struct vif *l, struct joined *t, const struct gso *first,
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

static int send_joined(struct vif *l, const struct gso *first, unsigned *taken)
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

static int send_one(struct vif *l, struct pbuf *p, const struct gso *g)
{
	struct offload o = { 0 };
	struct frame f = { .count = 0 };

	if (!add(&f, p, 0))
		return -EMSGSIZE;
	/* lwIP computes UDP's checksum: a datagram has one for all its fragments. */
	if (g->tcp && offers_checksum(l, g)) {
		gso_blank_checksum(g, p->payload, g->payload);
		o.csum_blank = true;
	}
	return netfront_send(l->device, f.pieces, f.count, &o, sent, p);
}

/* Copies a packet of too many pieces into one piece. */
static int send_flat(struct vif *l, struct pbuf *p, const struct gso *g)
{
	struct pbuf *flat = pbuf_clone(PBUF_RAW, PBUF_RAM, p);
	int err;

	if (!flat)
		return -ENOMEM;
	err = send_one(l, flat, g);
	if (err)
		pbuf_free(flat);
	else
		unreference(p);
	return err;
}

/* Returns 0 if the head of the queue, and packets joined with it, have left the queue. */
static int send_first(struct vif *l)
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
			unreference(l->queue[(l->head + i) % SEND_QUEUE]);
	}
	l->head += taken;
	net_counts.tx_frames += !err;
	net_counts.tx_segments += taken;
	net_counts.tx_bytes += bytes;
	return 0;
}

/* lwIP stopped sending these connections when the queue was full. */
void vif_resume(void)
{
	for (struct tcp_pcb *pcb = tcp_active_pcbs, *next; pcb; pcb = next) {
		next = pcb->next;
		if (pcb->flags & (TF_NAGLEMEMERR | TF_ACK_NOW))
			tcp_output(pcb);
	}
}

void vif_push(struct vif *l)
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
		vif_resume();
		wake(&net_room);
		if (net_has_room)
			net_has_room();
	} while (l->head != l->tail && !l->full);
	if (any)
		netfront_push(l->device);
}

void vif_forget(struct vif *l, uint32_t address)
{
	uint32_t kept = l->head;

	for (uint32_t i = l->head; i != l->tail; i++) {
		struct pbuf *p = l->queue[i % SEND_QUEUE];
		uint8_t from[4] = { 0 };

		/* EtherType IPv4, and the source address. */
		if (pbuf_get_at(p, 12) == 8 && pbuf_get_at(p, 13) == 0)
			pbuf_copy_partial(p, from, sizeof(from), 26);
		if (memcmp(from, &address, sizeof(from)) == 0)
			unreference(p);
		else
			l->queue[kept++ % SEND_QUEUE] = p;
	}
	l->tail = kept;
}

void vif_room(void *user)
{
	struct vif *l = user;

	l->full = false;
	net_push();
}

bool vif_uses_lent_memory(const struct tcp_pcb *pcb)
{
	const struct netif *netif = pcb->netif_idx != NETIF_NO_INDEX ?
				    netif_get_by_index(pcb->netif_idx) :
				    ip_route(&pcb->local_ip, &pcb->remote_ip);
	const struct vif *l;

	for (l = vifs; l && &l->netif != netif; l = l->next)
		;
	/* lwIP loops packets to its own addresses back (LWIP_NETIF_LOOPBACK). */
	if (!l || !l->info.up || l->info.no_lent ||
	    ip_addr_cmp_zoneless(&pcb->remote_ip, &pcb->local_ip))
		return false;
	return true;
}

void vif_clear_queue(struct vif *l)
{
	while (l->head != l->tail)
		unreference(l->queue[l->head++ % SEND_QUEUE]);
}
