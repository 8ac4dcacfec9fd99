/* SPDX-License-Identifier: ISC */
/*
 * lwIP does not check this itself: it replies to frames for other stations, and to
 * packets from 127.0.0.1 or from the guest's own addresses. RFC 1122 3.2.1.3 and 3.3.6,
 * RFC 4291 2.5 and 2.7, RFC 6085.
 */
#include "net/filter.h"

#include <lwip/netif.h>

#include <string.h>

enum { ETHERNET = 14, ARP = 0x0806, IPV4 = 0x0800, IPV6 = 0x86dd, TCP = 6, ICMP = 1, ICMP6 = 58,
       HOP_BY_HOP = 0 };

static uint32_t number(const uint8_t *at, unsigned bytes)
{
	uint32_t v = 0;

	while (bytes--)
		v = v << 8 | *at++;
	return v;
}

static bool is_broadcast(const uint8_t *mac)
{
	return number(mac, 4) == 0xffffffff && number(mac + 4, 2) == 0xffff;
}

static bool own4(uint32_t address)
{
	const struct netif *n;

	NETIF_FOREACH(n)
		if (address == lwip_ntohl(ip4_addr_get_u32(netif_ip4_addr(n))))
			return true;
	return false;
}

static bool accepts4(const uint8_t *frame, size_t len)
{
	const uint8_t *ip = frame + ETHERNET;
	uint32_t from, to;
	bool group;

	if (len < ETHERNET + 20)
		return false;
	from = number(ip + 12, 4);
	to = number(ip + 16, 4);
	group = to >> 28 == 0xe;
	/*
	 * 0.0.0.0 is the source of DHCP requests and of IGMP queriers without an address
	 * (RFC 4541 2.1.1).
	 */
	if (from >> 24 == 0 && (from || (to >> 8 != 0xe00000 && to != 0xffffffff)))
		return false;
	if (from >> 24 == 127 || from >> 28 == 0xe || from == 0xffffffff ||
	    (from && own4(from)))
		return false;
	if (to >> 24 == 127 || to >> 24 == 0)
		return false;
	if (!(frame[0] & 1))
		return true;
	if (!is_broadcast(frame))
		return group && number(frame, 3) == 0x01005e &&
		       number(frame + 3, 3) == (to & 0x7fffff);
	/* DHCP servers may send to an address that is not configured yet. */
	return group || (ip[9] != TCP && ip[9] != ICMP) || !own4(to);
}

static bool own6(const uint8_t *address)
{
	const struct netif *n;

	NETIF_FOREACH(n)
		for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
			/* Another host may have a tentative address, and send from it. */
			if (ip6_addr_isvalid(netif_ip6_addr_state(n, i)) &&
			    !memcmp(address, netif_ip6_addr(n, i)->addr, 16))
				return true;
	return false;
}

static bool accepts6(const uint8_t *frame, size_t len)
{
	static const uint8_t loopback[16] = { [15] = 1 }, any[16];
	const uint8_t *from, *to;

	if (len < ETHERNET + 40)
		return false;
	from = frame + ETHERNET + 8;
	to = frame + ETHERNET + 24;
	if (from[0] == 0xff || !memcmp(from, loopback, 16) || own6(from))
		return false;
	if (!memcmp(to, loopback, 16) || !memcmp(to, any, 16))
		return false;
	/*
	 * A host without an address sends Neighbour Discovery and MLD messages from ::,
	 * to groups.
	 */
	if (!memcmp(from, any, 16) &&
	    (to[0] != 0xff || (frame[ETHERNET + 6] != ICMP6 && frame[ETHERNET + 6] != HOP_BY_HOP)))
		return false;
	if (to[0] == 0xff && (to[1] & 15) < 2)		/* interface-local scope */
		return false;
	if (frame[0] & 1)
		return to[0] == 0xff && number(frame, 2) == 0x3333 &&
		       !memcmp(frame + 2, to + 12, 4);
	return true;
}

bool filter_accepts(const struct netif *netif, bool ip6, const uint8_t *frame, size_t len)
{
	if (len < ETHERNET || frame[6] & 1)
		return false;
	if (!(frame[0] & 1) && memcmp(frame, netif->hwaddr, 6))
		return false;
	switch (number(frame + 12, 2)) {
	case ARP:
		return !(frame[0] & 1) || is_broadcast(frame);
	case IPV4:
		return accepts4(frame, len);
	case IPV6:
		return ip6 && accepts6(frame, len);
	default:
		return false;		/* lwIP handles no other EtherTypes */
	}
}
