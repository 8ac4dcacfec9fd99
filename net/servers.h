/* SPDX-License-Identifier: ISC */
/*
 * The list of DNS servers, in this order: those of the command line (dns=), of DHCP, of
 * Router Advertisements. Servers of the same source are ordered by the number of the vif.
 *
 * Servers from the network never replace those of the command line. Kernel code only;
 * nothing sleeps but servers_wait().
 */
#ifndef NET_SERVERS_H
#define NET_SERVERS_H

#include <lwip/ip_addr.h>

#include <stdbool.h>
#include <stdint.h>

#define SERVERS_MAX 12			/* of all sources */

enum servers_source { SERVERS_GIVEN, SERVERS_DHCP, SERVERS_ROUTER };

/*
 * Replaces the servers of a source and vif; n 0 removes them. Addresses that cannot be a
 * server's are ignored.
 */
void servers_set(enum servers_source source, unsigned vif, const ip_addr_t *list, unsigned n);

/* Copies the servers of these sources to list. Returns how many, at most SERVERS_MAX. */
unsigned servers_get(enum servers_source first, enum servers_source last, ip_addr_t *to);

/*
 * Sleeps until there is a server, if DHCP or a router may still announce one. Returns
 * false if there is none.
 */
bool servers_wait(uint64_t deadline);

#endif
