/* SPDX-License-Identifier: ISC */
/* Identifications of IP packets and of fragments. */
#ifndef NET_IDS_H
#define NET_IDS_H

#include <stddef.h>
#include <stdint.h>

/*
 * lwIP counts all that it sends in one counter, which tells each peer how much the others got
 * (RFC 7739).  Put another number into this frame of IP, whose first `headers` bytes are in
 * one piece: a permutation of the counter that is secret, and another one for each
 * destination.  So the fragments of a packet have one number, and no number comes again
 * before lwIP's does (RFC 6864, 4.1).
 */
void ids_replace(uint8_t *frame, size_t headers);

#endif
