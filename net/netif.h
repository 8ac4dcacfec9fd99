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

struct vif {
	struct netif netif;		/* first */
	struct vif *next;
	struct netfront *device;
	struct netfront_info info;
	unsigned id;			/* N of vifN */

	struct pbuf **queue;		/* ring of packets to be sent */
	uint32_t head, tail;		/* free-running indexes of the ring */
	bool full;			/* no space in the device; vif_room() will be called */
	bool refused;			/* a packet was refused: the queue was full */
	bool narrowed;			/* the MTU became smaller while there were connections */

	/* used by net/config.c */
	struct ip_config config6;
	struct dhcp *dhcp;		/* NULL: not by DHCP */
	struct routes routes;		/* of IPv4 */
	bool configured;
	uint8_t mac[6];			/* the MAC address that the IPv6 addresses belong to */
	bool pending4, pending6;	/* an address may be assigned */
	uint16_t dhcp_mtu;		/* 0: not given */
	uint32_t ip4;			/* last addresses that were logged */
	uint8_t ip6_state[LWIP_IPV6_NUM_ADDRESSES];
	struct log_some log;
};

extern struct vif *vifs;
extern struct net_stats net_counts;

/*
 * Opens vif `id`, adds it to lwIP and configures it. NULL: no memory, or there is no such
 * device. Sleeps.
 */
struct vif *vif_open(unsigned id);

/* Sets the MTU: the device's, or a smaller one from DHCP. */
void vif_mtu(struct vif *l);

/*
 * Whether data of this connection may be in lent memory: its packets go to the backend
 * that can read it.
 */
bool vif_uses_lent_memory(const struct tcp_pcb *pcb);

/*
 * Removes queued packets from an IPv4 address (in network order) that the guest has no
 * more.
 */
void vif_forget(struct vif *l, uint32_t address);

/* Sends the queued packets. Never sleeps. */
void vif_push(struct vif *l);

/* Adds the control methods of the network: control/net_methods.c. */
void net_methods_add(void);

/* Sets how many received pages may be kept; further frames are copied. */
void vif_keep_limit(size_t pages);

/*
 * Memory in bytes of a received pbuf, without the following ones of its chain; 0 if it
 * was not received from a vif.
 */
size_t vif_pbuf_size(const struct pbuf *p);

#endif
