/* SPDX-License-Identifier: ISC */
/*
 * Unpredictable numbers for the network: random ones, and initial sequence numbers, which
 * are SipHash-2-4 (Aumasson and Bernstein, 2012) of a connection with a random key.
 */
#include "kernel/clock.h"
#include "kernel/random.h"
#include "net/lwip/hooks.h"

#include <stdbool.h>
#include <string.h>

static uint64_t key[2];
static unsigned copies;			/* random_copies when the key was made */

static uint64_t turn(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static void mix(uint64_t v[4], int rounds)
{
	while (rounds--) {
		v[0] += v[1];
		v[1] = turn(v[1], 13) ^ v[0];
		v[0] = turn(v[0], 32);
		v[2] += v[3];
		v[3] = turn(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = turn(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = turn(v[1], 17) ^ v[2];
		v[2] = turn(v[2], 32);
	}
}

static uint64_t hash(const uint64_t *words, size_t n)
{
	uint64_t v[4];

	if ((!key[0] && !key[1]) || copies != random_copies)
		random_bytes(key, sizeof(key));
	copies = random_copies;
	v[0] = key[0] ^ 0x736f6d6570736575;
	v[1] = key[1] ^ 0x646f72616e646f6d;
	v[2] = key[0] ^ 0x6c7967656e657261;
	v[3] = key[1] ^ 0x7465646279746573;
	for (size_t i = 0; i < n; i++) {
		v[3] ^= words[i];
		mix(v, 2);
		v[0] ^= words[i];
	}
	v[3] ^= (uint64_t)n << 59;
	mix(v, 2);
	v[0] ^= (uint64_t)n << 59;
	v[2] ^= 0xff;
	mix(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t net_secret(const uint64_t *words, size_t n)
{
	return hash(words, n);
}

uint32_t net_random(void)
{
	return random_word();
}

int net_port(uint16_t *port)
{
	*port = 32768 + net_random() % 32767;
	return 0x10000;
}

/*
 * RFC 6528: a keyed hash of the connection, plus a clock.  It ticks each 64 ns, as Linux's, not each
 * 4 us: a connection to this guest itself takes only some us, and when a port is used again, the
 * other end in TIME_WAIT must see a larger number.
 */
uint32_t net_isn(const ip_addr_t *local, uint16_t local_port, const ip_addr_t *remote,
		 uint16_t remote_port)
{
	uint64_t words[5] = { (uint64_t)local_port << 16 | remote_port };

	if (IP_IS_V6(remote)) {
		memcpy(words + 1, ip_2_ip6(local)->addr, 16);
		memcpy(words + 3, ip_2_ip6(remote)->addr, 16);
	} else {
		memcpy(words + 1, ip_2_ip4(local), 4);
		memcpy(words + 3, ip_2_ip4(remote), 4);
	}
	return (uint32_t)hash(words, 5) + (uint32_t)(clock_now() / 64);
}
