/* SPDX-License-Identifier: ISC */
/*
 * Multicast groups (RFC 3678, 4.1.1; RFC 3493, 5.2). lwIP counts how often a netif has
 * joined a group. A socket lists the groups it has joined, and leaves them when it is
 * closed.
 */
#include "lib/socket/socket.h"

#include <errno.h>
#include <lwip/igmp.h>
#include <lwip/ip6_zone.h>
#include <lwip/mld6.h>
#include <lwip/netif.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct group {
	struct group *next;
	struct netif *netif;		/* netifs are never removed */
	ip_addr_t ip;
};

static struct group **lookup(struct socket *s, const struct netif *netif, const ip_addr_t *ip)
{
	struct group **p;

	for (p = &s->groups; *p; p = &(*p)->next)
		if ((*p)->netif == netif && ip_addr_cmp_zoneless(&(*p)->ip, ip))
			break;
	return p;
}

static int join(struct socket *s, struct netif *netif, const ip_addr_t *ip)
{
	struct group **p = lookup(s, netif, ip), *g;
	err_t err;

	if (*p)
		return -EADDRINUSE;
	g = malloc(sizeof(*g));
	if (!g)
		return -ENOBUFS;
	err = IP_IS_V6(ip) ? mld6_joingroup_netif(netif, ip_2_ip6(ip)) :
			     igmp_joingroup_netif(netif, ip_2_ip4(ip));
	if (err) {
		free(g);
		return err == ERR_MEM ? -ENOBUFS : -ENODEV;
	}
	*g = (struct group){ .netif = netif, .ip = *ip };
	*p = g;
	return 0;
}

static int leave(struct group **p)
{
	struct group *g = *p;

	if (!g)
		return -EADDRNOTAVAIL;
	*p = g->next;
	if (IP_IS_V6(&g->ip))
		mld6_leavegroup_netif(g->netif, ip_2_ip6(&g->ip));
	else
		igmp_leavegroup_netif(g->netif, ip_2_ip4(&g->ip));
	free(g);
	return 0;
}

static int change(struct socket *s, bool joins, struct netif *netif, const ip_addr_t *ip)
{
	return joins ? join(s, netif, ip) : leave(lookup(s, netif, ip));
}

static bool matches(const struct netif *netif, const struct ip_mreqn *m)
{
	if (m->imr_ifindex)
		return netif_get_index(netif) == m->imr_ifindex;
	if (m->imr_address.s_addr)
		return netif_ip4_addr(netif)->addr == m->imr_address.s_addr;
	return netif->flags & NETIF_FLAG_IGMP;
}

/* Without an interface, the group is joined on all of them. */
int socket_group_v4(struct socket *s, bool joins, const void *value, size_t len)
{
	struct ip_mreqn m = { 0 };
	ip_addr_t ip = IPADDR4_INIT(0);
	int rc = joins ? -ENODEV : -EADDRNOTAVAIL, one;
	struct netif *netif;
	bool any = false;

	if (s->type == SOCK_STREAM)
		return -EPROTO;
	if (len < sizeof(struct ip_mreq))
		return -EINVAL;
	memcpy(&m, value, len < sizeof(m) ? len : sizeof(m));
	if (!IN_MULTICAST(ntohl(m.imr_multiaddr.s_addr)))
		return -EINVAL;
	ip4_addr_set_u32(ip_2_ip4(&ip), m.imr_multiaddr.s_addr);
	NETIF_FOREACH(netif) {
		if (!matches(netif, &m))
			continue;
		one = change(s, joins, netif, &ip);
		any |= !one;
		rc = one;
	}
	return any ? 0 : rc;
}

int socket_group_v6(struct socket *s, bool joins, const void *value, size_t len)
{
	ip_addr_t ip = IPADDR6_INIT(0, 0, 0, 0);
	struct ipv6_mreq m;
	struct netif *netif;

	if (s->type == SOCK_STREAM)
		return -EPROTO;
	if (len < sizeof(m))
		return -EINVAL;
	memcpy(&m, value, sizeof(m));
	if (!IN6_IS_ADDR_MULTICAST(&m.ipv6mr_multiaddr))
		return -EINVAL;
	if (m.ipv6mr_interface > UINT8_MAX)
		return -ENODEV;
	netif = m.ipv6mr_interface ? netif_get_by_index(m.ipv6mr_interface) : netif_default;
	if (!netif)
		return -ENODEV;
	memcpy(ip_2_ip6(&ip)->addr, &m.ipv6mr_multiaddr, sizeof(m.ipv6mr_multiaddr));
	ip6_addr_assign_zone(ip_2_ip6(&ip), IP6_MULTICAST, netif);
	return change(s, joins, netif, &ip);
}

void socket_groups_leave(struct socket *s)
{
	while (s->groups)
		leave(&s->groups);
}
