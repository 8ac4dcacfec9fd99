/* SPDX-License-Identifier: ISC */
/*
 * SYN cookies (RFC 4987, 3.6). If a listener has its maximum of half-open connections,
 * the SYN-ACK encodes all state of the new connection, and the client's ACK returns it.
 */
#ifndef NET_SYN_COOKIE_H
#define NET_SYN_COOKIE_H

#include "net/tcp_filter.h"

struct pbuf;
struct tcp_hdr;
struct tcp_pcb_listen;

/*
 * Processes a segment for a listener, whose header lwIP has converted to host order.
 * Returns true if lwIP must not process it.
 */
bool syn_cookie_input(struct tcp_pcb_listen *listener, struct tcp_hdr *h,
		  const struct options *options, struct pbuf *p);

#endif
