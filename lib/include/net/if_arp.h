/* SPDX-License-Identifier: ISC */
/* Kinds of interfaces, and the header of ARP (RFC 826), with Linux's names. */
#ifndef XENOLITH_NET_IF_ARP_H
#define XENOLITH_NET_IF_ARP_H

#include <stdint.h>
#include <sys/socket.h>

#define ARPHRD_ETHER	1
#define ARPHRD_LOOPBACK	772

#define ARPOP_REQUEST	1
#define ARPOP_REPLY	2

struct arphdr {
	uint16_t ar_hrd, ar_pro;
	uint8_t ar_hln, ar_pln;
	uint16_t ar_op;
};

#endif
