/* SPDX-License-Identifier: ISC */
/* Network interfaces as programs see them: SIOCGIF* of ioctl(), and getifaddrs().  Kernel code. */
#ifndef LIB_SOCKET_INTERFACE_H
#define LIB_SOCKET_INTERFACE_H

#include <stdint.h>

struct netif;

int interface_ioctl(unsigned long request, void *arg);	/* 0; -ENODEV, -EADDRNOTAVAIL, -ENOTTY */
unsigned interface_flags(const struct netif *netif);	/* IFF_* */
uint32_t interface_broadcast(const struct netif *netif);	/* in network byte order */

#endif
