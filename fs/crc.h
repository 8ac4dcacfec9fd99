/* SPDX-License-Identifier: ISC */
/* Checksums of ext4: CRC-32C (Castagnoli) and CRC-16 (ANSI), both without a final inversion. */
#ifndef FS_CRC_H
#define FS_CRC_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(uint32_t crc, const void *data, size_t len);
/* The CRC-32C as it was before these zero bytes: crc32c() of so many of them gives `crc`. */
uint32_t crc32c_before_zeros(uint32_t crc, size_t len);
uint16_t crc16(uint16_t crc, const void *data, size_t len);

#endif
