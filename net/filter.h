/* SPDX-License-Identifier: ISC */
/* The filter for received frames: which of them lwIP processes. */
#ifndef NET_FILTER_H
#define NET_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netif;

/*
 * Whether a frame is for this interface, and its addresses are allowed on a wire. frame
 * has the first len bytes, contiguous; a frame whose IP header is longer is refused. ip6:
 * whether IPv6 is enabled.
 */
bool filter_accepts(const struct netif *netif, bool ip6, const uint8_t *frame, size_t len);

#endif
