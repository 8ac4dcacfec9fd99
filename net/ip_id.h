/* SPDX-License-Identifier: ISC */
/* Identification fields of IP packets and of fragments. */
#ifndef NET_IP_ID_H
#define NET_IP_ID_H

#include <stddef.h>
#include <stdint.h>

/*
 * Replaces the identification in an IP frame, whose first `headers` bytes are contiguous.
 * lwIP uses one counter for all destinations, which reveals to each peer how much the
 * others receive (RFC 7739). The new number is a secret permutation of the counter,
 * different for each destination. So all fragments of a packet have the same number, and
 * no number is repeated before lwIP's counter wraps (RFC 6864, 4.1).
 */
void ip_id_replace(uint8_t *frame, size_t headers);

#endif
