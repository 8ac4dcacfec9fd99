/* SPDX-License-Identifier: ISC */
/* Numbers on the disk: ext4 is little endian, its journal big endian. */
#ifndef FS_LE_H
#define FS_LE_H

#include <stdint.h>

/* Types of struct members on the disk; le32() and the like read and write them. */
typedef uint16_t le16_t, be16_t;
typedef uint32_t le32_t, be32_t;
typedef uint64_t le64_t, be64_t;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FS_LE(bits, x) (x)
#define FS_BE(bits, x) __builtin_bswap##bits(x)
#else
#define FS_LE(bits, x) __builtin_bswap##bits(x)
#define FS_BE(bits, x) (x)
#endif

static inline uint16_t le16(uint16_t x)
{
	return FS_LE(16, x);
}

static inline uint32_t le32(uint32_t x)
{
	return FS_LE(32, x);
}

static inline uint64_t le64(uint64_t x)
{
	return FS_LE(64, x);
}

static inline uint16_t be16(uint16_t x)
{
	return FS_BE(16, x);
}

static inline uint32_t be32(uint32_t x)
{
	return FS_BE(32, x);
}

static inline uint64_t be64(uint64_t x)
{
	return FS_BE(64, x);
}

#endif
