/* SPDX-License-Identifier: ISC */
/*
 * The DNS servers to ask, in this order: those of the command line (dns=), of DHCP, of Router
 * Advertisements.  Of one source: by the number of the vif.
 *
 * What the network says never replaces what the operator says.  Kernel code only.
 */
#ifndef NET_SERVERS_H
#define NET_SERVERS_H

#include <lwip/ip_addr.h>

#include <stdbool.h>
#include <stdint.h>

#define SERVERS_MAX 12			/* of all sources */

enum servers_source { SERVERS_GIVEN, SERVERS_DHCP, SERVERS_ROUTER };

/*
 * The servers that a source has for a vif, in place of those that it had; n 0: it has none any
 * more.  Addresses that no server can have are left out.
 */
void servers_set(enum servers_source source, unsigned vif, const ip_addr_t *list, unsigned n);

/* The servers of those sources: how many, at most SERVERS_MAX. */
unsigned servers_get(enum servers_source first, enum servers_source last, ip_addr_t *to);

/*
 * If there is no server: sleep until there is one, as long as DHCP or a router may bring one.
 * False: there is none.
 */
bool servers_wait(uint64_t deadline);

#endif
