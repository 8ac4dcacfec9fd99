/* SPDX-License-Identifier: ISC */
/*
 * The Internet checksum (RFC 1071): the sum of 16-bit words, most significant byte first,
 * in ones' complement.
 */
#ifndef NET_SUM_H
#define NET_SUM_H

#include <stddef.h>
#include <stdint.h>

/* More bytes added to a sum; only the last of several pieces may have an odd length. */
uint64_t sum(const void *data, size_t len, uint64_t so_far);

uint16_t sum_fold(uint64_t sum);

#endif
