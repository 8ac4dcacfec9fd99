/* SPDX-License-Identifier: ISC */
/*
 * lwIP as we use it: inside the kernel, which is a monitor, so without threads or locks of
 * its own; sockets are ours (lib/), memory is malloc()'s and bounded by the sockets.
 */
#ifndef NET_LWIP_LWIPOPTS_H
#define NET_LWIP_LWIPOPTS_H

#define NO_SYS				1
#define SYS_LIGHTWEIGHT_PROT		0
#define LWIP_SOCKET			0
#define LWIP_NETCONN			0
#define LWIP_TIMERS			1

#define MEM_LIBC_MALLOC			1
#define MEMP_MEM_MALLOC			1
#define MEM_ALIGNMENT			16

#define LWIP_IPV6			1
#define LWIP_DHCP			1
#define LWIP_DNS			1
#define LWIP_IGMP			1
#define LWIP_HAVE_LOOPIF		1
#define LWIP_NETIF_LOOPBACK		1
#define LWIP_NETIF_HOSTNAME		1
#define LWIP_NETIF_LINK_CALLBACK	1
#define LWIP_NETIF_STATUS_CALLBACK	1
#define LWIP_CHECKSUM_CTRL_PER_NETIF	1

#define TCP_MSS				1460
#define LWIP_WND_SCALE			1
#define TCP_RCV_SCALE			5
#define TCP_WND				(1 << 20)
#define TCP_SND_BUF			(1 << 20)
#define TCP_SND_QUEUELEN		4096
#define TCP_SNDLOWAT			(32 * 1024)
#define LWIP_TCP_SACK_OUT		1
#define LWIP_TCP_TIMESTAMPS		1
#define TCP_LISTEN_BACKLOG		1
#define LWIP_TCP_KEEPALIVE		1
#define SO_REUSE			1

#endif
