/* SPDX-License-Identifier: ISC */
/* The services that are known by name, as /etc/services has them on other systems. */
#ifndef LIB_NETDB_SERVICE_H
#define LIB_NETDB_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

struct service {
	const char *name;
	uint16_t port;
	bool tcp, udp;
};

/* socktype is SOCK_STREAM, SOCK_DGRAM, or 0 for either.  NULL: unknown. */
const struct service *service_named(const char *name, int socktype);
const struct service *service_at(unsigned port, int socktype);
bool service_fits(const struct service *s, int socktype);

#endif
