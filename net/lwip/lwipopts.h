/* SPDX-License-Identifier: ISC */
/*
 * lwIP's configuration: it runs in the kernel monitor, without threads or locks. Sockets
 * (lib/socket/) and timers (net/timers.c) are Xenolith's. Memory is malloc()'s, limited
 * by the sockets and by the constants below.
 */
#ifndef NET_LWIP_LWIPOPTS_H
#define NET_LWIP_LWIPOPTS_H

#include "net/tcp_extra.h"

#define LWIP_HOOK_FILENAME		"net/lwip/hooks.h"

#define NO_SYS				1
#define SYS_LIGHTWEIGHT_PROT		0
#define LWIP_SOCKET			0
#define LWIP_NETCONN			0
#define LWIP_TIMERS			0	/* lwIP's own timer would fire every 100 ms */

#define MEM_LIBC_MALLOC			1
#define MEMP_MEM_MALLOC			1
#define MEM_ALIGNMENT			16

/* Statistics are off. LWIP_ASSERT stays: a panic is better than what it prevents. */
#define LWIP_STATS			1
#define LINK_STATS			0
#define ETHARP_STATS			0
#define IPFRAG_STATS			0
#define IGMP_STATS			0
#define MEM_STATS			0
#define MEMP_STATS			0
#define SYS_STATS			0
#define IP6_FRAG_STATS			0
#define MLD6_STATS			0
#define ND6_STATS			0

/* each fragment of a datagram refers to it: 1,365 if the MTU is 68 */
#define LWIP_PBUF_REF_T			u16_t

/* ---- links */

#define LWIP_NETIF_LINK_CALLBACK	1
#define LWIP_NETIF_STATUS_CALLBACK	1
#define LWIP_NETIF_HWADDRHINT		1	/* a connection caches its ARP entry */
#define LWIP_HAVE_LOOPIF		1
#define LWIP_NETIF_LOOPBACK		1
#define LWIP_CHECKSUM_CTRL_PER_NETIF	1	/* net/netif.c changes it, even per frame */
#define LWIP_CHKSUM			net_sum

/*
 * Data that tcp_write() only refers to is in lent memory, which is reused after the
 * acknowledgment. So a packet that waits for ARP or ND is copied.
 */
#define PBUF_NEEDS_COPY(p) \
	(!((p)->type_internal & PBUF_TYPE_FLAG_STRUCT_DATA_CONTIGUOUS))
#define ARP_TABLE_SIZE			32
#define ARP_QUEUEING			1
#define ARP_QUEUE_LEN			48	/* packets: 64 KB in fragments */

/* ---- IP */

#define LWIP_IPV6			1
#define LWIP_RAW			1
#define LWIP_HOOK_IP4_ROUTE_SRC(from, to) route_lookup(from, to)
/* Pbufs of all incomplete datagrams; each may take a page */
#define IP_REASS_MAX_PBUFS		256
#define IPV6_FRAG_COPYHEADER		1	/* pointers are wider than what it overwrites */
#define LWIP_IPV6_NUM_ADDRESSES		4	/* a link-local one, and of three prefixes */
#define LWIP_ND6_NUM_NEIGHBORS		32
#define LWIP_ND6_NUM_DESTINATIONS	32
/* Only the last packet waits; lwIP's queue has no limit */
#define LWIP_ND6_QUEUEING		0
#define LWIP_ND6_RDNSS_MAX_DNS_SERVERS	2
#define LWIP_MULTICAST_PING		0
#define LWIP_BROADCAST_PING		0
#define LWIP_IGMP			1
#define LWIP_IPV6_MLD			1
/* Off: net/dhcp.c is used; it receives without an address: */
#define LWIP_DHCP			0
#define LWIP_IP_ACCEPT_UDP_PORT(port)	((port) == PP_NTOHS(68))
#define LWIP_DNS			1	/* only for the server functions: net/dns_servers.c */
#define DNS_MAX_SERVERS			3
#define SO_REUSE			1
/* Each receiver of a multicast group gets a copy */
#define SO_REUSE_RXTOALL		1
#define IP_SOF_BROADCAST		1
#define IP_SOF_BROADCAST_RECV		0

/*
 * RFC 6056: a random port. lwIP counts up to END, which it evaluates at each step. So END
 * is an expression: it stores a random port in lwIP's variable, and its value equals no
 * port. The difference to START is the number of ports that lwIP tries.
 */
#define TCP_LOCAL_PORT_RANGE_START	(0x10000 - 1000)
#define TCP_LOCAL_PORT_RANGE_END	net_port(&tcp_port)
#define TCP_ENSURE_LOCAL_PORT_RANGE(x)	((u16_t)(x))
#define UDP_LOCAL_PORT_RANGE_START	(0x10000 - 1000)
#define UDP_LOCAL_PORT_RANGE_END	net_port(&udp_port)
#define UDP_ENSURE_LOCAL_PORT_RANGE(x)	((u16_t)(x))

/* ---- TCP */

#define TCP_MSS				8960	/* maximum; a link's MTU limits it further */
#define LWIP_WND_SCALE			1
#define TCP_RCV_SCALE			5
#define LWIP_DISABLE_TCP_SANITY_CHECKS	1	/* the following values are not constants */
#define TCP_WND				(65535 + net_extra_window)
#define TCP_SND_BUF			(65535 + net_extra_sndbuf)
#define TCP_SND_QUEUELEN		4096	/* pbufs: two for each segment of bulk data */
#define TCP_SNDLOWAT			(32 * 1024)
#define TCP_WND_UPDATE_THRESHOLD	(32 * 1024)	/* half of the minimum window */
#define LWIP_TCP_SACK_OUT		1
#define LWIP_TCP_TIMESTAMPS		1
#define TCP_OOSEQ_MAX_PBUFS		1024	/* limits the cost of a window of single bytes */
#define TCP_OOSEQ_BYTES_LIMIT(pcb)	net_ooseq_limit()
#define TCP_LISTEN_BACKLOG		1
/* For lib/socket/socket_listen.c, which sees each SYN */
#define LWIP_TCP_PCB_NUM_EXT_ARGS	1
#define LWIP_TCP_KEEPALIVE		1
#define LWIP_TCP_RTO_TIME		1000	/* ms: a sixth of the age of out-of-order data */
#define TCP_SYN_RETRIES			6	/* net/tcp_timer.c */
#define TCP_SYNMAXRTX			TCP_MAXRTX	/* net/tcp_timer.c ends the attempts */
#define TCP_MSL				30000u	/* ms; TIME_WAIT lasts a minute, as on Linux */

#endif
