/* SPDX-License-Identifier: ISC */
/* The table of services, as /etc/services on other systems. */
#ifndef LIB_NETDB_SERVICE_H
#define LIB_NETDB_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

struct service {
	const char *name;
	uint16_t port;
	bool tcp, udp;
};

/* socktype: SOCK_STREAM, SOCK_DGRAM, or 0 for either. NULL if the service is unknown. */
const struct service *service_named(const char *name, int socktype);
const struct service *service_at(unsigned port, int socktype);
bool service_fits(const struct service *s, int socktype);

#endif
