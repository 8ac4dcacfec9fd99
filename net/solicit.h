/* SPDX-License-Identifier: ISC */
/*
 * Neighbour solicitations that lwIP does not send.
 *
 * It has a source address for one only if the neighbour is in a subnet of 64 bits with an
 * address of ours.  Subnets may be larger, a gateway may be outside of them, and routers
 * announce prefixes that are on the link but not for addresses (RFC 4861, 4.6.2).
 */
#ifndef NET_SOLICIT_H
#define NET_SOLICIT_H

#include <lwip/err.h>
#include <lwip/ip6_addr.h>

struct netif;
struct nd6_neighbor_cache_entry;
struct pbuf;

/* lwIP's `output_ip6` of a device. */
err_t solicit_output(struct netif *netif, struct pbuf *p, const ip6_addr_t *to);

/* To be called after each nd6_tmr(). */
void solicit_tick(void);

/* Who gets what is sent to the destination; NULL: it is not known. */
const struct nd6_neighbor_cache_entry *solicit_next_hop(const ip6_addr_t *to);

#endif
