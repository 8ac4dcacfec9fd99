/* SPDX-License-Identifier: ISC */
/*
 * IPv4 routes beside the subnets of the addresses: those that DHCP told (RFC 3442) and the
 * default routes.
 *
 * The longest prefix of all devices that have a carrier and an address wins; among equals
 * the device that has the packet's source address, then the lowest device number.  A
 * gateway is always reached on its link, also if no subnet contains it (`ip=A/32`).
 */
#ifndef NET_ROUTE_H
#define NET_ROUTE_H

#include <lwip/err.h>
#include <lwip/ip4_addr.h>

#include <stdbool.h>
#include <stdint.h>

#define ROUTES_MAX 64

struct netif;
struct pbuf;

/* In host byte order. */
struct route {
	uint32_t to, gateway;		/* gateway 0: the destination is on the link */
	uint8_t bits;
};

struct routes {
	struct route route[ROUTES_MAX];
	unsigned count;
};

/* One more, its host bits cleared.  False: there are too many. */
bool route_add(struct routes *r, uint32_t to, unsigned bits, uint32_t gateway);

/* The gateway of the default route; 0: there is none. */
uint32_t route_default(const struct routes *r);

uint32_t route_mask(unsigned bits);	/* 0 ... 32 */

/* Whether it can be the address of a host: not 0/8, 127/8, multicast or reserved. */
bool route_is_host(uint32_t address);

/* The same of a host in a subnet of so many bits: neither its first nor its last address,
   unless there are only two or one (RFC 3021). */
bool route_is_host_in(uint32_t address, unsigned bits);

/* Who on the link gets what is sent to an address by this device; 0: nobody.  Not for
   multicast and broadcast addresses. */
uint32_t route_next_hop(const struct netif *netif, uint32_t to);

/* lwIP's `output` of a device: to the next hop. */
err_t route_output(struct netif *netif, struct pbuf *p, const ip4_addr_t *to);

#endif
