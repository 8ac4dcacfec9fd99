/* SPDX-License-Identifier: ISC */
/*
 * Neighbour solicitations that lwIP does not send.
 *
 * lwIP finds a source address only if the neighbour is in a 64-bit prefix of one of its
 * own addresses. But prefixes may be shorter, a gateway may be outside of them, and
 * routers announce on-link prefixes that are not for addresses (RFC 4861, 4.6.2).
 */
#ifndef NET_ND6_SOLICIT_H
#define NET_ND6_SOLICIT_H

#include <lwip/err.h>
#include <lwip/ip6_addr.h>

struct netif;
struct nd6_neighbor_cache_entry;
struct pbuf;

/* lwIP's `output_ip6` function of a device. */
err_t nd6_solicit_output(struct netif *netif, struct pbuf *p, const ip6_addr_t *to);

/* Call this after each nd6_tmr(). */
void nd6_solicit_tick(void);

/*
 * Returns the neighbour that packets to the destination are sent to; NULL if it is not
 * known.
 */
const struct nd6_neighbor_cache_entry *nd6_solicit_next_hop(const ip6_addr_t *to);

#endif
