/* SPDX-License-Identifier: ISC */
/* A rate limit for the errors and resets with which a received packet is answered. */
#ifndef NET_ANSWERS_H
#define NET_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Whether this frame, which answers a received one, may be sent.  headers: so many bytes of
 * it are in one piece; total: it has so many.
 */
bool answer_allowed(const uint8_t *frame, size_t headers, size_t total);

#endif
