/* SPDX-License-Identifier: ISC */
/* Hashes of names in directories' indexes: the old one, half MD4, TEA. */
#include "fs/ext4/ext4.h"

static int byte_of(const char *name, size_t k, bool is_signed)
{
	return is_signed ? (int)(signed char)name[k] : (int)(unsigned char)name[k];
}

static uint32_t old_hash(const char *name, size_t len, bool is_signed)
{
	uint32_t h0 = 0x12a3fe2d, h1 = 0x37abe8f9;

	for (size_t k = 0; k < len; k++) {
		uint32_t h = h1 + (h0 ^ (uint32_t)(byte_of(name, k, is_signed) * 7152373));

		if (h & 0x80000000)
			h -= 0x7fffffff;
		h1 = h0;
		h0 = h;
	}
	return h0 << 1;
}

/* The name from `name` on as n words, filled up with its length. */
static void words(const char *name, size_t len, uint32_t *to, unsigned n, bool is_signed)
{
	uint32_t pad = (uint32_t)len | (uint32_t)len << 8, x;
	unsigned done = 0;

	pad |= pad << 16;
	x = pad;
	if (len > n * 4)
		len = n * 4;
	for (size_t k = 0; k < len; k++) {
		x = (uint32_t)byte_of(name, k, is_signed) + (x << 8);
		if (k % 4 == 3) {
			to[done++] = x;
			x = pad;
		}
	}
	if (done < n)
		to[done++] = x;
	while (done < n)
		to[done++] = pad;
}

static uint32_t turn(uint32_t x, unsigned by)
{
	return x << by | x >> (32 - by);
}

static uint32_t f(uint32_t x, uint32_t y, uint32_t z)
{
	return z ^ (x & (y ^ z));
}

static uint32_t g(uint32_t x, uint32_t y, uint32_t z)
{
	return (x & y) + ((x ^ y) & z);
}

static uint32_t h(uint32_t x, uint32_t y, uint32_t z)
{
	return x ^ y ^ z;
}

/* Three rounds of eight steps of MD4 (RFC 1320). */
static void half_md4(uint32_t s[4], const uint32_t in[8])
{
	static const uint8_t order[3][8] = { { 0, 1, 2, 3, 4, 5, 6, 7 },
					     { 1, 3, 5, 7, 0, 2, 4, 6 },
					     { 3, 7, 2, 6, 1, 5, 0, 4 } };
	static const uint8_t shifts[3][4] = { { 3, 7, 11, 19 }, { 3, 5, 9, 13 }, { 3, 9, 11, 15 } };
	static const uint32_t add[3] = { 0, 0x5a827999, 0x6ed9eba1 };
	uint32_t v[4] = { s[0], s[1], s[2], s[3] };

	for (unsigned round = 0; round < 3; round++)
		for (unsigned k = 0; k < 8; k++) {
			unsigned a = (4 - k % 4) % 4;
			uint32_t x = v[(a + 1) % 4], y = v[(a + 2) % 4], z = v[(a + 3) % 4];
			uint32_t mixed = round == 0 ? f(x, y, z) : round == 1 ? g(x, y, z) : h(x, y, z);

			v[a] = turn(v[a] + mixed + in[order[round][k]] + add[round],
				    shifts[round][k % 4]);
		}
	for (unsigned k = 0; k < 4; k++)
		s[k] += v[k];
}

static void tea(uint32_t s[4], const uint32_t in[4])
{
	uint32_t sum = 0, x = s[0], y = s[1];

	for (unsigned k = 0; k < 16; k++) {
		sum += 0x9e3779b9;
		x += ((y << 4) + in[0]) ^ (y + sum) ^ ((y >> 5) + in[1]);
		y += ((x << 4) + in[2]) ^ (x + sum) ^ ((x >> 5) + in[3]);
	}
	s[0] += x;
	s[1] += y;
}

void ext4_hash(const struct ext4 *e, unsigned version, const char *name, size_t len,
	       uint32_t *major, uint32_t *minor)
{
	uint32_t s[4] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 }, in[8];
	const le32_t *seed = e->super->hash_seed;
	bool is_signed = version < 3;

	if (seed[0] || seed[1] || seed[2] || seed[3])
		for (unsigned k = 0; k < 4; k++)
			s[k] = le32(seed[k]);
	*minor = 0;
	switch (version % 3) {
	case 0:
		*major = old_hash(name, len, is_signed);
		break;
	case 1:
		for (size_t k = 0; k < len; k += 32) {
			words(name + k, len - k, in, 8, is_signed);
			half_md4(s, in);
		}
		*major = s[1];
		*minor = s[2];
		break;
	case 2:
		for (size_t k = 0; k < len; k += 16) {
			words(name + k, len - k, in, 4, is_signed);
			tea(s, in);
		}
		*major = s[0];
		*minor = s[1];
		break;
	}
	*major &= ~1u;
	/* The last value means the end of a directory (Linux: EXT4_HTREE_EOF). */
	if (*major == 0xfffffffe)
		*major = 0xfffffffc;
}
