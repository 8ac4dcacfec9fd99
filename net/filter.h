/* SPDX-License-Identifier: ISC */
/* Which received frames lwIP sees. */
#ifndef NET_FILTER_H
#define NET_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netif;

/*
 * Whether a frame from the wire is for this interface, and its addresses may occur on a
 * wire.  frame: its first len bytes, in one piece; a frame whose IP header is not among
 * these is refused.  ip6: false refuses IPv6.
 */
bool filter_accepts(const struct netif *netif, bool ip6, const uint8_t *frame, size_t len);

#endif
