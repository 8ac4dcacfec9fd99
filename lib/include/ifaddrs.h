/* SPDX-License-Identifier: ISC */
/* The addresses of network interfaces, as in 4.4BSD and Linux (getifaddrs(3)). */
#ifndef XENOLITH_IFADDRS_H
#define XENOLITH_IFADDRS_H

#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ifaddrs {
	struct ifaddrs *ifa_next;
	char *ifa_name;
	unsigned ifa_flags;		/* IFF_* of <net/if.h> */
	struct sockaddr *ifa_addr, *ifa_netmask;
	union {
		struct sockaddr *ifu_broadaddr, *ifu_dstaddr;
	} ifa_ifu;			/* NULL without IFF_BROADCAST */
	void *ifa_data;			/* NULL */
};
#define ifa_broadaddr	ifa_ifu.ifu_broadaddr
#define ifa_dstaddr	ifa_ifu.ifu_dstaddr

/* One element for each IPv4 and IPv6 address.  ENOMEM. */
int getifaddrs(struct ifaddrs **list);
void freeifaddrs(struct ifaddrs *list);

#ifdef __cplusplus
}
#endif

#endif
