/* SPDX-License-Identifier: ISC */
/* A vif as lwIP's netif: drivers/netfront.h on one side, pbufs on the other. */
#ifndef NET_NETIF_H
#define NET_NETIF_H

#include "drivers/netfront.h"
#include "kernel/log.h"
#include "net/config.h"
#include "net/net.h"
#include "net/route.h"

#include <lwip/netif.h>
#include <lwip/tcp.h>

#define SEND_QUEUE 2048			/* packets; a power of 2 */

struct link {
	struct netif netif;		/* first */
	struct link *next;
	struct netfront *device;
	struct netfront_info info;
	unsigned id;			/* vif0, vif1 ... */

	struct pbuf **queue;		/* what lwIP sent, in a ring */
	uint32_t head, tail;		/* free-running */
	bool full;			/* the device; room() will be called */
	bool refused;			/* lwIP was told the queue is full */
	bool narrowed;			/* while there were connections */

	/* net/config.c's */
	struct ip_config config6;
	struct dhcp *dhcp;		/* NULL: not by DHCP */
	struct routes routes;		/* of IPv4 */
	bool configured;
	uint8_t mac[6];			/* whose IPv6 addresses there are */
	bool awaited4, awaited6;	/* an address may come */
	uint16_t dhcp_mtu;		/* 0: none told */
	uint32_t ip4;			/* the addresses the log knows */
	uint8_t ip6_state[LWIP_IPV6_NUM_ADDRESSES];
	struct log_some log;
};

extern struct link *links;
extern struct net_stats net_counts;

/* The device with that number, added to lwIP and set up by net/config.c; NULL: no memory,
   or it is not to be had. */
struct link *link_open(unsigned id);

/* The MTU is the device's, or less if DHCP says so. */
void link_mtu(struct link *l);

/* What this connection sends may lie in lent memory: its link's backend is the one to read it. */
bool link_lends(const struct tcp_pcb *pcb);

/* Packets in the queue from an IPv4 address (in network order) that is ours no more. */
void link_forget(struct link *l, uint32_t address);

/* Send what is queued. */
void link_push(struct link *l);

/* The network can be asked about from now on: control/net_methods.c. */
void net_methods_add(void);

/* Pages of received frames that may be kept, before frames are copied. */
void link_limit(size_t pages);

/* Bytes that a received pbuf takes, without those behind it; 0: no link received it. */
size_t link_cost(const struct pbuf *p);

#endif
