/* SPDX-License-Identifier: ISC */
#include "net/nd6_solicit.h"

#include "kernel/clock.h"

#include <lwip/ethip6.h>
#include <lwip/icmp6.h>
#include <lwip/inet_chksum.h>
#include <lwip/ip6.h>
#include <lwip/nd6.h>
#include <lwip/netif.h>
#include <lwip/priv/nd6_priv.h>
#include <lwip/prot/nd6.h>

#include <string.h>

#define HOP_LIMIT 255			/* RFC 4861, 4.3 */
#define OPTION 8			/* bytes: source link-layer address option */

const struct nd6_neighbor_cache_entry *nd6_solicit_next_hop(const ip6_addr_t *to)
{
	const struct nd6_destination_cache_entry *d = destination_cache;
	const struct nd6_neighbor_cache_entry *n;

	while (!ip6_addr_eq(&d->destination_addr, to))
		if (++d == destination_cache + LWIP_ND6_NUM_DESTINATIONS)
			return NULL;
	n = &neighbor_cache[d->cached_neighbor_idx];
	if (n->state == ND6_NO_ENTRY || !ip6_addr_eq(&n->next_hop_address, &d->next_hop_addr))
		return NULL;
	return n;
}

static bool has_source(struct netif *netif, const ip6_addr_t *target)
{
	for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		if (ip6_addr_isvalid(netif_ip6_addr_state(netif, i)) &&
		    ip6_addr_net_eq(target, netif_ip6_addr(netif, i)))
			return true;
	return false;
}

/* Returns a source address; the link-local one is the first. */
static const ip6_addr_t *any_source(struct netif *netif)
{
	for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		if (ip6_addr_isvalid(netif_ip6_addr_state(netif, i)))
			return netif_ip6_addr(netif, i);
	return NULL;
}

/* RFC 4861, 7.2.2: to the solicited-node group, or in state PROBE to the neighbour. */
static void solicit(const struct nd6_neighbor_cache_entry *n)
{
	const ip6_addr_t *target = &n->next_hop_address, *from = any_source(n->netif);
	struct lladdr_option *option;
	struct ns_header *h;
	struct pbuf *p;
	ip6_addr_t to;

	p = from ? pbuf_alloc(PBUF_IP, sizeof(*h) + OPTION, PBUF_RAM) : NULL;
	if (!p)
		return;
	h = p->payload;
	memset(h, 0, sizeof(*h) + OPTION);
	h->type = ICMP6_TYPE_NS;
	ip6_addr_copy_to_packed(h->target_address, *target);
	option = (struct lladdr_option *)(h + 1);
	option->type = ND6_OPTION_TYPE_SOURCE_LLADDR;
	option->length = 1;
	memcpy(option->addr, n->netif->hwaddr, n->netif->hwaddr_len);
	to = *target;
	if (n->state != ND6_PROBE) {
		ip6_addr_set_solicitednode(&to, target->addr[3]);
		ip6_addr_assign_zone(&to, IP6_MULTICAST, n->netif);
	}
	if (n->netif->chksum_flags & NETIF_CHECKSUM_GEN_ICMP6)
		h->chksum = ip6_chksum_pseudo(p, IP6_NEXTH_ICMP6, p->tot_len, from, &to);
	ip6_output_if(p, from, &to, HOP_LIMIT, 0, IP6_NEXTH_ICMP6, n->netif);
	pbuf_free(p);
}

/* If a packet waits, lwIP counts the first solicitation as sent. */
err_t nd6_solicit_output(struct netif *netif, struct pbuf *p, const ip6_addr_t *to)
{
	static ip6_addr_t last;
	static uint64_t next;
	err_t err = ethip6_output(netif, p, to);
	const struct nd6_neighbor_cache_entry *n = nd6_solicit_next_hop(to);

	if (!n || n->state != ND6_INCOMPLETE || n->counter.probes_sent != 1 ||
	    has_source(netif, &n->next_hop_address))
		return err;
	if (ip6_addr_eq(&n->next_hop_address, &last) && clock_now() < next)
		return err;
	last = n->next_hop_address;
	next = clock_now() + NSEC_PER_SEC;
	solicit(n);
	return err;
}

void nd6_solicit_tick(void)
{
	for (const struct nd6_neighbor_cache_entry *n = neighbor_cache;
	     n < neighbor_cache + LWIP_ND6_NUM_NEIGHBORS; n++)
		if ((n->state == ND6_INCOMPLETE || n->state == ND6_PROBE) &&
		    n->counter.probes_sent && !has_source(n->netif, &n->next_hop_address))
			solicit(n);
}
