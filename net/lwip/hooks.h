/* SPDX-License-Identifier: ISC */
/* lwIP's hooks. */
#ifndef NET_LWIP_HOOKS_H
#define NET_LWIP_HOOKS_H

#include <lwip/ip_addr.h>
#include <lwip/netif.h>

#include <stdbool.h>

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

/*
 * net/tcp_*.c: TCP's policy; patches/0016-tcp-policy.patch calls it. `unacked` has the segments
 * that were sent and not acknowledged.
 */
struct tcp_seg;
void tcp_segment_sent(struct tcp_pcb *pcb, struct tcp_seg *s);	/* is the last of `unacked` */
void tcp_segment_refused(struct tcp_pcb *pcb);	/* it could not be sent */
/* Sends what is lost, as the congestion window allows. */
err_t tcp_resend(struct tcp_pcb *pcb);
void tcp_resend_first(struct tcp_pcb *pcb);	/* tcp_output() will send it again */
bool tcp_window_allows(const struct tcp_pcb *pcb, uint32_t len);	/* the congestion window */
/* Begin and end of the processing of an ACK; between them, lastack was advanced. */
void tcp_ack_begin(struct tcp_pcb *pcb);
void tcp_segments_acked(struct tcp_pcb *pcb);	/* before they leave `unacked` */
void tcp_ack_end(struct tcp_pcb *pcb, bool duplicate);
void tcp_syn_acked(struct tcp_pcb *pcb, struct tcp_seg *syn);
uint32_t tcp_initial_window(uint16_t mss);
/* Data in order; gap_filled: there was data behind it. */
void tcp_got_data(struct tcp_pcb *pcb, uint32_t len, bool gap_filled);
void tcp_forget(struct tcp_pcb *pcb);		/* the queues will be freed */

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
