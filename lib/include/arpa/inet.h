/* SPDX-License-Identifier: ISC */
/* Internet addresses as text (POSIX.1-2017, <arpa/inet.h>). */
#ifndef XENOLITH_ARPA_INET_H
#define XENOLITH_ARPA_INET_H

#include <netinet/in.h>

#ifdef __cplusplus
extern "C" {
#endif

int inet_pton(int family, const char *text, void *to);
const char *inet_ntop(int family, const void *from, char *to, socklen_t size);
int inet_aton(const char *text, struct in_addr *to);
in_addr_t inet_addr(const char *text);
in_addr_t inet_network(const char *text);		/* in host byte order */
struct in_addr inet_makeaddr(in_addr_t net, in_addr_t host);
in_addr_t inet_lnaof(struct in_addr from);
in_addr_t inet_netof(struct in_addr from);
char *inet_ntoa(struct in_addr from);	/* the result is in memory of the calling thread */

#ifdef __cplusplus
}
#endif

#endif
