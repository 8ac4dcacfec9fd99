/* SPDX-License-Identifier: ISC */
/* What lwIP asks us on its way. */
#ifndef NET_LWIP_HOOKS_H
#define NET_LWIP_HOOKS_H

#include <lwip/ip_addr.h>
#include <lwip/netif.h>

/* RFC 6528: lwIP's own would count up from 6510. */
uint32_t net_isn(const ip_addr_t *local, uint16_t local_port, const ip_addr_t *remote,
		 uint16_t remote_port);
#define LWIP_HOOK_TCP_ISN net_isn

/* net/segment.c: what lwIP must not see of a connection, or not yet. */
struct tcp_pcb;
struct tcp_hdr;
struct pbuf;
int net_segment(struct tcp_pcb *pcb, struct tcp_hdr *h, unsigned options, unsigned in_first,
		uint8_t *second, struct pbuf *p);
#define LWIP_HOOK_TCP_INPACKET_PCB(pcb, h, options, in_first, second, p) \
	net_segment(pcb, h, options, in_first, second, p)

/* net/config.c: the MTU is asked for, and taken; IPv6 may have a gateway by hand. */
struct dhcp;
struct dhcp_msg;
void config_dhcp_ask(uint8_t *options, size_t size, uint16_t *len);
void config_dhcp_decline(const ip_addr_t *server, uint8_t *options, size_t size,
			 uint16_t *len);
void config_dhcp_answer(struct netif *netif, struct pbuf *p, unsigned option, unsigned len,
			unsigned offset);
const ip6_addr_t *config_gateway6(struct netif *netif);
#define LWIP_HOOK_ND6_GET_GW(netif, to) config_gateway6(netif)
#define LWIP_HOOK_DHCP_APPEND_OPTIONS(netif, dhcp, state, msg, type, len) \
	((type) == DHCP_DECLINE ?						\
	 config_dhcp_decline(&(dhcp)->server_ip_addr, (msg)->options,		\
			     sizeof((msg)->options), len) :			\
	 config_dhcp_ask((msg)->options, sizeof((msg)->options), len))
#define LWIP_HOOK_DHCP_PARSE_OPTION(netif, dhcp, state, msg, type, option, len, pbuf, at) \
	((void)(msg), config_dhcp_answer(netif, pbuf, option, len, at))

#endif
