/* SPDX-License-Identifier: ISC */
/* lwIP's hooks. */
#ifndef NET_LWIP_HOOKS_H
#define NET_LWIP_HOOKS_H

#include <lwip/ip_addr.h>
#include <lwip/netif.h>

/* net/random.c: a keyed hash. */
uint64_t net_secret(const uint64_t *words, size_t n);

/* Initial sequence numbers of RFC 6528; lwIP's default counts up from 6510. */
uint32_t net_isn(const ip_addr_t *local, uint16_t local_port, const ip_addr_t *remote,
		 uint16_t remote_port);
#define LWIP_HOOK_TCP_ISN net_isn

/*
 * net/tcp_filter.c: received segments that lwIP must not process, or must process changed.
 */
struct tcp_pcb;
struct tcp_hdr;
struct pbuf;
int tcp_filter_input(struct tcp_pcb *pcb, struct tcp_hdr *h, unsigned options, unsigned in_first,
		uint8_t *second, struct pbuf *p);
#define LWIP_HOOK_TCP_INPACKET_PCB(pcb, h, options, in_first, second, p) \
	tcp_filter_input(pcb, h, options, in_first, second, p)

/* net/config.c: routing for IPv6 with a configured gateway and prefix. */
const ip6_addr_t *config_gateway6(struct netif *netif, const ip6_addr_t *to);
struct netif *config_route6(const ip6_addr_t *from, const ip6_addr_t *to);
#define LWIP_HOOK_ND6_GET_GW(netif, to) config_gateway6(netif, to)
#define LWIP_HOOK_IP6_ROUTE(from, to) config_route6(from, to)

/* net/route.c. lwipopts.h declares route_lookup() too, since lwIP's headers need it. */
struct netif *route_lookup(const ip4_addr_t *from, const ip4_addr_t *to);
const ip4_addr_t *route_gateway(struct netif *netif, const ip4_addr_t *to);
#define LWIP_HOOK_ETHARP_GET_GW(netif, to) route_gateway(netif, to)

/*
 * net/netif.c: selects whether lwIP computes the checksum of this connection's next
 * segment.
 */
void net_choose_sums(const struct tcp_pcb *pcb);
#define LWIP_HOOK_TCP_OUT_ADD_TCPOPTS(p, h, pcb, options) (net_choose_sums(pcb), (options))

#endif
