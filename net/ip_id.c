/* SPDX-License-Identifier: ISC */
#include "net/ip_id.h"
#include "kernel/random.h"
#include "net/lwip/hooks.h"

#include <string.h>

static unsigned get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static void put16(uint8_t *at, unsigned v)
{
	at[0] = v >> 8;
	at[1] = v;
}

/* The finalizer of MurmurHash3. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 33) * 0xff51afd7ed558ccd;
	x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53;
	return x ^ x >> 33;
}

/* A Feistel network; bits: of each half. */
static uint32_t permute(uint64_t key, uint32_t id, unsigned bits)
{
	uint32_t mask = (1u << bits) - 1, left = id >> bits, right = id & mask;

	for (uint64_t round = 1; round <= 6; round++) {
		uint32_t next = left ^ (mix(key + (round << 32 | right)) & mask);

		left = right;
		right = next;
	}
	return left << bits | right;
}

/* The key for source, destination and protocol. The last one is cached. */
static uint64_t key_of(const uint8_t *addresses, size_t size, uint8_t proto)
{
	static uint64_t words[5], key;
	uint64_t wanted[5] = { (uint64_t)random_copies << 32 | 1u << 8 | proto };

	memcpy(wanted + 1, addresses, size);
	if (memcmp(words, wanted, sizeof(words))) {
		memcpy(words, wanted, sizeof(words));
		key = net_secret(words, 5);
	}
	return key;
}

static void replace4(uint8_t *ip)
{
	unsigned was = get16(ip + 4), id;
	uint32_t sum;

	id = permute(key_of(ip + 12, 8, ip[9]), was, 8);
	put16(ip + 4, id);
	/* RFC 1624, 3 */
	sum = (uint16_t)~get16(ip + 10) + (uint16_t)~was + id;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	put16(ip + 10, (uint16_t)~sum);
}

static void replace6(uint8_t *ip)
{
	uint8_t *at = ip + 40 + 4;
	uint32_t id = (uint32_t)get16(at) << 16 | get16(at + 2);

	id = permute(key_of(ip + 8, 32, ip[40]), id, 16);
	put16(at, id >> 16);
	put16(at + 2, id & 0xffff);
}

void ip_id_replace(uint8_t *frame, size_t headers)
{
	if (headers >= 14 + 20 && get16(frame + 12) == 0x0800)
		replace4(frame + 14);
	else if (headers >= 14 + 48 && get16(frame + 12) == 0x86dd && frame[20] == 44)
		replace6(frame + 14);
}
