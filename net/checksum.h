/* SPDX-License-Identifier: ISC */
/*
 * The Internet checksum (RFC 1071): the ones' complement sum of 16-bit big-endian words.
 */
#ifndef NET_CHECKSUM_H
#define NET_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Adds bytes to a sum. Of several pieces only the last one may have an odd length. */
uint64_t checksum_add(const void *data, size_t len, uint64_t so_far);

uint16_t checksum_fold(uint64_t sum);

#endif
