/* SPDX-License-Identifier: ISC */
/*
 * Received frames become pbufs, for lwIP.
 *
 * A large frame stays in the pages that the backend wrote, as long as vif_keep_limit() allows;
 * the pbufs refer to them.  Other frames are copied.
 */
#include "drivers/netfront.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "net/dhcp.h"
#include "net/filter.h"
#include "net/gso.h"
#include "net/netif_internal.h"
#include "net/rx_memory.h"
#include "net/tcp_filter.h"
#include "net/timers.h"

#include <lwip/pbuf.h>
#include <lwip/prot/ip6.h>

#include <assert.h>
#include <string.h>

#define SMALL 256			/* bytes: such frames are copied */
#define ETHERNET 14

struct rx_pbuf {
	struct pbuf_custom custom;	/* first */
	struct rx_page *page;		/* NULL: the bytes follow */
	size_t cost;
};
static size_t kept, kept_max = 256;
bool vif_replying;			/* packets sent now are replies to a received frame */

void vif_keep_limit(size_t pages)
{
	kept_max = pages;
}

static void free_rx_pbuf(struct pbuf *p)
{
	struct rx_pbuf *r = (struct rx_pbuf *)p;

	if (r->page) {
		netfront_free(r->page);
		kept--;
	}
	rx_memory_remove(r->cost);
	mem_free(r);
}

size_t vif_pbuf_size(const struct pbuf *p)
{
	const struct rx_pbuf *r = (const struct rx_pbuf *)p;

	return p->flags & PBUF_FLAG_IS_CUSTOM &&
	       r->custom.custom_free_function == free_rx_pbuf ? r->cost : 0;
}

/* If page is NULL, the data follows the struct in the same allocation. */
static struct pbuf *new_rx_pbuf(struct rx_page *page, size_t len)
{
	struct rx_pbuf *r = mem_malloc(sizeof(*r) + (page ? 0 : len));
	struct pbuf *p;

	if (!r)
		return NULL;
	r->page = page;
	r->cost = RX_MEMORY_PBUF + (page ? PAGE_SIZE : len);
	r->custom.custom_free_function = free_rx_pbuf;
	p = pbuf_alloced_custom(PBUF_RAW, len, PBUF_REF, &r->custom,
				page ? page->data : (void *)(r + 1), len);
	assert(p);
	kept += page != NULL;
	rx_memory_add(r->cost);
	return p;
}

static struct pbuf *copy(const struct rx_page *frame, size_t total)
{
	struct pbuf *p = new_rx_pbuf(NULL, total);
	uint8_t *to = p ? p->payload : NULL;

	if (!p)
		return NULL;
	for (; frame; to += frame->len, frame = frame->next)
		memcpy(to, frame->data, frame->len);
	net_counts.rx_copied++;
	return p;
}

/* Takes ownership of the pages: they belong to the pbuf, or are freed. */
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
		*link = new_rx_pbuf(frame, frame->len);
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

/* Cuts a frame behind its IP packet, as Linux does: NICs pad small frames. */
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

/* Multicast Listener Discovery has a hop-by-hop header in front of ICMPv6. */
static bool is_icmp6(const uint8_t *frame, size_t len)
{
	return frame[20] == IP6_NEXTH_ICMP6 ||
	       (frame[20] == IP6_NEXTH_HOPBYHOP && len > 54 && frame[54] == IP6_NEXTH_ICMP6);
}

/*
 * Whether a packet may be stored: by a socket, or for reassembly. DHCP's messages are not
 * counted as data, since they are needed for the address.
 */
static bool is_data(const struct gso *g, const uint8_t *frame, size_t len)
{
	if (g->tcp)
		return !g->version || g->payload;
	/* The protocol is behind extension headers. */
	if (!g->version && frame[12] == 0x86)
		return !is_icmp6(frame, len);
	return g->fragment || (g->version && !(frame[g->l4 + 2] == 0 && frame[g->l4 + 3] == 68));
}

void vif_receive(void *user, struct rx_page *frame, const struct offload *o)
{
	struct vif *l = user;
	struct netif *netif = &l->netif;
	uint16_t flags = netif->chksum_flags;
	size_t total = 0;
	struct pbuf *p;
	struct gso g;
	bool ip6;

	timers_catch_up();
	dhcp_run(clock_now());	/* the lease may have expired while the domain was paused */
	for (struct rx_page *page = frame; page; page = page->next)
		total += page->len;
	net_counts.rx_frames++;
	net_counts.rx_bytes += total;
	net_counts.rx_merged += o->gso_size != 0;
	p = NULL;
	rx_memory_make_room();
	if (total <= FRAME_MAX && filter_accepts(netif, l->config6.how != CONFIG_OFF, frame->data,
						  frame->len))
		p = to_pbuf(frame, cut_to_packet(frame, total));
	else
		netfront_free(frame);
	if (!p) {
		net_counts.rx_dropped++;
		return;
	}
	/*
	 * Flags of the frame do not apply to a datagram that is still to be reassembled.
	 */
	gso_parse(&g, p->payload, p->len, p->tot_len);
	if (rx_memory_exhausted() && is_data(&g, p->payload, p->len)) {
		pbuf_free(p);
		net_counts.rx_dropped++;
		return;
	}
	if ((o->csum_valid || o->csum_blank) && !g.fragment)
		netif->chksum_flags &= ~(NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP);
	ip6 = p->len >= 14 && ((const uint8_t *)p->payload)[12] == 0x86;
	vif_replying = true;
	if (netif->input(p, netif) != ERR_OK)
		pbuf_free(p);
	vif_replying = false;
	tcp_filter_done();
	netif->chksum_flags |= flags & (NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP);
	if (ip6)
		vif_check_path_mtu();
}

void vif_received(void *user)
{
	(void)user;
	net_push();
}
