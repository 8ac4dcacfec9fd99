/* SPDX-License-Identifier: ISC */
/* A rate limit for ICMP errors and TCP resets that reply to received packets. */
#ifndef NET_REPLY_LIMIT_H
#define NET_REPLY_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Whether a frame that replies to a received one may be sent. The first `headers` of its
 * `total` bytes are contiguous. Counts the frame if it is an error or a reset.
 */
bool reply_allowed(const uint8_t *frame, size_t headers, size_t total);

#endif
