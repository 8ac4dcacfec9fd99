/* SPDX-License-Identifier: ISC */
#include "net/route.h"

#include "net/lwip/hooks.h"
#include "net/netif.h"

#include <lwip/etharp.h>

uint32_t route_mask(unsigned bits)
{
	return bits ? ~0u << (32 - bits) : 0;
}

bool route_is_host(uint32_t a)
{
	return a >> 24 != 0 && a >> 24 != 127 && a >> 24 < 224;
}

bool route_is_host_in(uint32_t a, unsigned bits)
{
	uint32_t host = a & ~route_mask(bits);

	return route_is_host(a) && (bits > 30 || (host && host != ~route_mask(bits)));
}

bool route_add(struct routes *r, uint32_t to, unsigned bits, uint32_t gateway)
{
	if (r->count == ROUTES_MAX)
		return false;
	r->route[r->count++] = (struct route){ to & route_mask(bits), gateway, bits };
	return true;
}

uint32_t route_default(const struct routes *r)
{
	for (unsigned i = 0; i < r->count; i++)
		if (!r->route[i].bits)
			return r->route[i].gateway;
	return 0;
}

/* Returns the first route with the longest matching prefix. */
static const struct route *best(const struct vif *l, uint32_t to)
{
	const struct route *found = NULL;

	for (const struct route *r = l->routes.route; r < l->routes.route + l->routes.count; r++)
		if (!((to ^ r->to) & route_mask(r->bits)) && (!found || r->bits > found->bits))
			found = r;
	return found;
}

static bool usable(const struct vif *l)
{
	return netif_is_up(&l->netif) && netif_is_link_up(&l->netif) &&
	       !ip4_addr_isany(netif_ip4_addr(&l->netif));
}

/* Returns the prefix length if the subnet contains the address, otherwise -1. */
static int subnet(const struct vif *l, uint32_t to)
{
	uint32_t own = lwip_ntohl(ip4_addr_get_u32(netif_ip4_addr(&l->netif)));
	uint32_t mask = lwip_ntohl(ip4_addr_get_u32(netif_ip4_netmask(&l->netif)));

	return (to ^ own) & mask ? -1 : __builtin_popcount(mask);
}

/* A gateway is on its link, even outside of the subnet (ip=A/32,gateway=G). */
static bool is_gateway(const struct vif *l, uint32_t to)
{
	for (unsigned i = 0; i < l->routes.count; i++)
		if (l->routes.route[i].gateway == to)
			return true;
	return false;
}

/* Returns the length of the prefix by which the device reaches an address, or -1. */
static int reaches(const struct vif *l, uint32_t to)
{
	const struct route *r = best(l, to);
	int bits = subnet(l, to);

	if (to == UINT32_MAX || to >> 28 == 14)	/* broadcast and multicast: by any device */
		return 0;
	if (is_gateway(l, to))
		return 32;
	return r && (int)r->bits > bits ? (int)r->bits : bits;
}

/*
 * lwIP's hook: the device for a packet. NULL: lwIP decides (loopback), or there is no
 * route.
 */
struct netif *route_lookup(const ip4_addr_t *from, const ip4_addr_t *to)
{
	uint32_t dest = lwip_ntohl(ip4_addr_get_u32(to));
	struct vif *found = NULL;
	int bits = -1;

	if (dest >> 24 == 127)
		return NULL;
	for (struct vif *l = vifs; l; l = l->next) {
		int has = usable(l) ? reaches(l, dest) : -1;
		bool source = from && ip4_addr_eq(from, netif_ip4_addr(&l->netif));

		if (has > bits || (has == bits && has >= 0 &&
				   (source || (!(from && ip4_addr_eq(from,
						netif_ip4_addr(&found->netif))) &&
					       l->id < found->id)))) {
			found = l;
			bits = has;
		}
	}
	return found ? &found->netif : NULL;
}

/*
 * lwIP's hook for addresses outside of the subnet: route_output() has already set the
 * next hop.
 */
const ip4_addr_t *route_gateway(struct netif *netif, const ip4_addr_t *to)
{
	(void)netif;
	return to;
}

uint32_t route_next_hop(const struct netif *netif, uint32_t to)
{
	const struct vif *l = (const struct vif *)netif;
	const struct route *r = best(l, to);

	/*
	 * Link-local addresses (RFC 3927) are on the link unless there is a route for
	 * them, as some clouds have for their metadata service.
	 */
	if (subnet(l, to) >= (r ? (int)r->bits : 0) || (to >> 16 == 0xa9fe && (!r || !r->bits)))
		return to;
	if (!r)
		return 0;
	return r->gateway ? r->gateway : to;
}

err_t route_output(struct netif *netif, struct pbuf *p, const ip4_addr_t *to)
{
	ip4_addr_t hop;

	if (ip4_addr_ismulticast(to) || ip4_addr_isbroadcast(to, netif))
		return etharp_output(netif, p, to);
	hop.addr = lwip_htonl(route_next_hop(netif, lwip_ntohl(ip4_addr_get_u32(to))));
	return hop.addr ? etharp_output(netif, p, &hop) : ERR_RTE;
}
