/* SPDX-License-Identifier: ISC */
/*
 * The list of DNS servers, in this order: those of the command line (dns=), of DHCP, of
 * Router Advertisements. Servers of the same source are ordered by the number of the vif.
 *
 * Servers from the network never replace those of the command line. Kernel code only;
 * nothing sleeps but dns_servers_wait().
 */
#ifndef NET_DNS_SERVERS_H
#define NET_DNS_SERVERS_H

#include <lwip/ip_addr.h>

#include <stdbool.h>
#include <stdint.h>

#define DNS_SERVERS_MAX 12			/* of all sources */

enum dns_source { DNS_SOURCE_COMMAND_LINE, DNS_SOURCE_DHCP, DNS_SOURCE_ROUTER };

/*
 * Replaces the servers of a source and vif; n 0 removes them. Addresses that cannot be a
 * server's are ignored.
 */
void dns_servers_set(enum dns_source source, unsigned vif, const ip_addr_t *list, unsigned n);

/* Copies the servers of these sources to list. Returns how many, at most DNS_SERVERS_MAX. */
unsigned dns_servers_get(enum dns_source first, enum dns_source last, ip_addr_t *to);

/*
 * Sleeps until there is a server, if DHCP or a router may still announce one. Returns
 * false if there is none.
 */
bool dns_servers_wait(uint64_t deadline);

#endif
