/* SPDX-License-Identifier: ISC */
/* The header of UDP (RFC 768), with the names of 4.4BSD and of Linux. */
#ifndef XENOLITH_NETINET_UDP_H
#define XENOLITH_NETINET_UDP_H

#include <stdint.h>
#include <sys/types.h>

/* All fields are in network byte order. */
struct udphdr {
	union {
		struct {
			uint16_t uh_sport, uh_dport, uh_ulen, uh_sum;
		};
		struct {
			uint16_t source, dest, len, check;
		};
	};
};

#define SOL_UDP		17

#endif
