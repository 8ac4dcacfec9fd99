/* SPDX-License-Identifier: ISC */
/*
 * SYN cookies (RFC 4987, 3.6): when a listener has as many half-open connections as it may
 * have, its answer to a SYN contains all that is kept of it, and the ACK brings that back.
 */
#ifndef NET_COOKIE_H
#define NET_COOKIE_H

#include "net/segment.h"

struct pbuf;
struct tcp_hdr;
struct tcp_pcb_listen;

/* A segment for a listener, its header as lwIP has read it; true: lwIP must not take it. */
bool cookie_takes(struct tcp_pcb_listen *listener, struct tcp_hdr *h,
		  const struct options *options, struct pbuf *p);

#endif
