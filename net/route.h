/* SPDX-License-Identifier: ISC */
/*
 * IPv4 routes: the subnets of the addresses, routes from DHCP (RFC 3442), and default
 * routes.
 *
 * Of all devices with a carrier and an address, the longest prefix wins; then the device
 * that has the packet's source address; then the lowest device number. A gateway is
 * reached on its link even if no subnet contains it (`ip=A/32`).
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

/* Addresses are in host byte order. */
struct route {
	uint32_t to, gateway;		/* gateway 0: the destination is on the link */
	uint8_t bits;
};

struct routes {
	struct route route[ROUTES_MAX];
	unsigned count;
};

/*
 * Adds a route; clears the host bits of `to`. Returns false if there are ROUTES_MAX
 * already.
 */
bool route_add(struct routes *r, uint32_t to, unsigned bits, uint32_t gateway);

/* Returns the gateway of the default route; 0: there is none. */
uint32_t route_default(const struct routes *r);

uint32_t route_mask(unsigned bits);	/* bits: 0 to 32 */

/*
 * Whether an address can be a host's: it is not in 0/8 or 127/8, nor multicast or
 * reserved.
 */
bool route_is_host(uint32_t address);

/*
 * Also excludes the first and the last address of the subnet, unless it has only one or
 * two addresses (RFC 3021).
 */
bool route_is_host_in(uint32_t address, unsigned bits);

/*
 * Returns the next hop for an address on this device, or 0 if there is no route. Not for
 * multicast and broadcast addresses.
 */
uint32_t route_next_hop(const struct netif *netif, uint32_t to);

/* lwIP's `output` function of a device: sends to the next hop. */
err_t route_output(struct netif *netif, struct pbuf *p, const ip4_addr_t *to);

#endif
