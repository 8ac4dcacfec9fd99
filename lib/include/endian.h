/* SPDX-License-Identifier: ISC */
/* Byte order functions (POSIX.1-2024, <endian.h>) for a little-endian machine. */
#ifndef XENOLITH_ENDIAN_H
#define XENOLITH_ENDIAN_H

#include <machine/endian.h>
#include <stdint.h>

#define __LITTLE_ENDIAN	_LITTLE_ENDIAN
#define __BIG_ENDIAN	_BIG_ENDIAN
#define __BYTE_ORDER	_BYTE_ORDER

#define htobe16(n)	__builtin_bswap16(n)
#define htobe32(n)	__builtin_bswap32(n)
#define htobe64(n)	__builtin_bswap64(n)
#define be16toh(n)	__builtin_bswap16(n)
#define be32toh(n)	__builtin_bswap32(n)
#define be64toh(n)	__builtin_bswap64(n)
#define htole16(n)	((uint16_t)(n))
#define htole32(n)	((uint32_t)(n))
#define htole64(n)	((uint64_t)(n))
#define le16toh(n)	((uint16_t)(n))
#define le32toh(n)	((uint32_t)(n))
#define le64toh(n)	((uint64_t)(n))

#endif
