/* SPDX-License-Identifier: ISC */
/* getifaddrs() of 4.4BSD and Linux. All elements are in one piece of memory. */
#include "kernel/sched.h"
#include "lib/result.h"
#include "lib/socket/interface.h"
#include "net/config.h"
#include "net/net.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct element {
	struct ifaddrs entry;		/* first */
	union address address, mask, broadcast;
	char name[IFNAMSIZ];
};

static void fill(struct element *e, const struct netif *netif)
{
	struct ifaddrs *i = &e->entry;

	netif_index_to_name(netif_get_index((struct netif *)netif), e->name);
	*i = (struct ifaddrs){ .ifa_name = e->name, .ifa_flags = interface_flags(netif),
			       .ifa_addr = &e->address.any, .ifa_netmask = &e->mask.any };
}

static void fill_v4(struct element *e, const struct netif *netif)
{
	fill(e, netif);
	e->address.v4 = (struct sockaddr_in){ .sin_family = AF_INET,
					      .sin_addr = { netif_ip4_addr(netif)->addr } };
	e->mask.v4 = (struct sockaddr_in){ .sin_family = AF_INET,
					   .sin_addr = { netif_ip4_netmask(netif)->addr } };
	if (!(e->entry.ifa_flags & IFF_BROADCAST))
		return;
	e->broadcast.v4 = (struct sockaddr_in){ .sin_family = AF_INET,
						.sin_addr = { interface_broadcast(netif) } };
	e->entry.ifa_broadaddr = &e->broadcast.any;
}

static void fill_v6(struct element *e, const struct netif *netif, int i)
{
	const ip6_addr_t *a = netif_ip6_addr(netif, i);
	unsigned prefix = ip6_addr_isloopback(a) ? 128 : config_prefix6(netif, i);

	fill(e, netif);
	e->address.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
	memcpy(&e->address.v6.sin6_addr, a->addr, sizeof(e->address.v6.sin6_addr));
	if (ip6_addr_islinklocal(a))
		e->address.v6.sin6_scope_id = netif_get_index((struct netif *)netif);
	e->mask.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
	for (unsigned bit = 0; bit < prefix && bit < 128; bit++)
		e->mask.v6.sin6_addr.s6_addr[bit / 8] |= 0x80 >> bit % 8;
}

/* Stores at most `max` elements, or only counts them if `to` is NULL. */
static size_t all(struct element *to, size_t max)
{
	struct netif *netif;
	size_t n = 0;

	NETIF_FOREACH(netif) {
		if (n < max && netif_ip4_addr(netif)->addr) {
			if (to)
				fill_v4(&to[n], netif);
			n++;
		}
		for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
			if (n == max || !ip6_addr_isvalid(netif_ip6_addr_state(netif, i)))
				continue;
			if (to)
				fill_v6(&to[n], netif, i);
			n++;
		}
	}
	for (size_t i = 0; to && i + 1 < n; i++)
		to[i].entry.ifa_next = &to[i + 1].entry;
	return n;
}

int getifaddrs(struct ifaddrs **list)
{
	struct element *elements = NULL;
	size_t n = 0;
	int rc;

	kernel_enter();
	rc = net_init();
	if (!rc && (n = all(NULL, SIZE_MAX)) && !(elements = calloc(n, sizeof(*elements))))
		rc = -ENOMEM;
	if (elements)
		all(elements, n);	/* there may be others by now */
	kernel_leave();
	*list = elements ? &elements->entry : NULL;
	return result(rc);
}

void freeifaddrs(struct ifaddrs *list)
{
	free(list);
}
