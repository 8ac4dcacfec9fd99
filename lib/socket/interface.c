/* SPDX-License-Identifier: ISC */
/* The ioctl()s of sockets that describe network interfaces (netdevice(7) of Linux). */
#include "lib/socket/interface.h"
#include "net/net.h"

#include <errno.h>
#include <lwip/netif.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>

unsigned interface_flags(const struct netif *netif)
{
	unsigned flags = IFF_MULTICAST;

	if (ip4_addr_isloopback(netif_ip4_addr(netif)))
		flags = IFF_LOOPBACK;
	else if (netif->flags & NETIF_FLAG_BROADCAST)
		flags |= IFF_BROADCAST;
	if (netif_is_up(netif))
		flags |= IFF_UP;
	if (netif_is_up(netif) && netif_is_link_up(netif))
		flags |= IFF_RUNNING;
	return flags;
}

uint32_t interface_broadcast(const struct netif *netif)
{
	return netif_ip4_addr(netif)->addr | ~netif_ip4_netmask(netif)->addr;
}

static void put_address(struct sockaddr *to, uint32_t address)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { address } };

	memcpy(to, &in, sizeof(*to));
}

static int describe(const struct netif *netif, unsigned long request, struct ifreq *to)
{
	bool has_address = netif_ip4_addr(netif)->addr != 0;
	bool loop = interface_flags(netif) & IFF_LOOPBACK;

	switch (request) {
	case SIOCGIFFLAGS:
		to->ifr_flags = interface_flags(netif);
		return 0;
	case SIOCGIFADDR:
		put_address(&to->ifr_addr, netif_ip4_addr(netif)->addr);
		return has_address ? 0 : -EADDRNOTAVAIL;
	case SIOCGIFNETMASK:
		put_address(&to->ifr_netmask, netif_ip4_netmask(netif)->addr);
		return has_address ? 0 : -EADDRNOTAVAIL;
	case SIOCGIFBRDADDR:
		put_address(&to->ifr_broadaddr, loop ? 0 : interface_broadcast(netif));
		return has_address ? 0 : -EADDRNOTAVAIL;
	case SIOCGIFMETRIC:
		to->ifr_metric = 0;
		return 0;
	case SIOCGIFMTU:
		to->ifr_mtu = loop && !netif->mtu ? 65536 : netif->mtu;
		return 0;
	case SIOCGIFINDEX:
		to->ifr_ifindex = netif_get_index(netif);
		return 0;
	}
	to->ifr_hwaddr = (struct sockaddr){ .sa_family = loop ? ARPHRD_LOOPBACK : ARPHRD_ETHER };
	memcpy(to->ifr_hwaddr.sa_data, netif->hwaddr, netif->hwaddr_len);
	return 0;
}

static struct netif *named(const char *name)
{
	char ended[IFNAMSIZ];

	memcpy(ended, name, sizeof(ended));
	ended[IFNAMSIZ - 1] = '\0';
	return netif_find(ended);
}

/* As on Linux, without memory only the needed length is stored. */
static int list(struct ifconf *to)
{
	int room = to->ifc_len, used = 0;
	struct netif *netif;

	NETIF_FOREACH(netif) {
		struct ifreq *r = to->ifc_req + used / sizeof(*r);

		if (!netif_ip4_addr(netif)->addr)
			continue;
		if (to->ifc_buf && room - used < (int)sizeof(*r))
			break;
		if (to->ifc_buf) {
			*r = (struct ifreq){ 0 };
			netif_index_to_name(netif_get_index(netif), r->ifr_name);
			put_address(&r->ifr_addr, netif_ip4_addr(netif)->addr);
		}
		used += sizeof(*r);
	}
	to->ifc_len = used;
	return 0;
}

int interface_ioctl(unsigned long request, void *arg)
{
	struct ifreq *r = arg;
	struct netif *netif;

	switch (request) {
	case SIOCGIFCONF:
		return list(arg);
	case SIOCGIFNAME:
		return r->ifr_ifindex > 0 && r->ifr_ifindex <= UINT8_MAX &&
		       netif_index_to_name(r->ifr_ifindex, r->ifr_name) ? 0 : -ENODEV;
	case SIOCGIFFLAGS:
	case SIOCGIFADDR:
	case SIOCGIFNETMASK:
	case SIOCGIFBRDADDR:
	case SIOCGIFMETRIC:
	case SIOCGIFMTU:
	case SIOCGIFINDEX:
	case SIOCGIFHWADDR:
		netif = named(r->ifr_name);
		return netif ? describe(netif, request, r) : -ENODEV;
	}
	return -ENOTTY;
}
