/* SPDX-License-Identifier: ISC */
/* CRC-32C eight bytes at a time, by tables that the first call fills; CRC-16 bit by bit. */
#include "fs/crc.h"
#include "fs/le.h"

#include <string.h>

#define POLYNOMIAL 0x82f63b78		/* CRC-32C, lowest bit first */

static uint32_t tables[8][256];

static void make_tables(void)
{
	for (unsigned i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
		tables[0][i] = crc;
	}
	for (unsigned i = 0; i < 256; i++)
		for (int t = 1; t < 8; t++)
			tables[t][i] = tables[t - 1][i] >> 8 ^ tables[0][tables[t - 1][i] & 0xff];
}

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;

	if (!tables[0][1])
		make_tables();
	for (; len >= 8; len -= 8, p += 8) {
		uint64_t x;

		memcpy(&x, p, 8);
		x = le64(x) ^ crc;
		crc = tables[7][x & 0xff] ^ tables[6][x >> 8 & 0xff] ^
		      tables[5][x >> 16 & 0xff] ^ tables[4][x >> 24 & 0xff] ^
		      tables[3][x >> 32 & 0xff] ^ tables[2][x >> 40 & 0xff] ^
		      tables[1][x >> 48 & 0xff] ^ tables[0][x >> 56];
	}
	while (len--)
		crc = crc >> 8 ^ tables[0][(crc ^ *p++) & 0xff];
	return crc;
}

uint32_t crc32c_before_zeros(uint32_t crc, size_t len)
{
	for (size_t bits = 8 * len; bits; bits--)
		crc = crc & 1u << 31 ? (crc ^ POLYNOMIAL) << 1 | 1 : crc << 1;
	return crc;
}

uint16_t crc16(uint16_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xa001 : 0);
	}
	return crc;
}
