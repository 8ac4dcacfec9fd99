/* SPDX-License-Identifier: ISC */
#include "kernel/random.h"
#include "net/ip_id.h"
#include "net/lwip/hooks.h"

#include "tests/host/host.h"

#include <assert.h>
#include <string.h>

static void the_rfcs_block(void)
{
	/* RFC 8439, 2.3.2: key 00 01 ... 1f, nonce 00:00:00:09:00:00:00:4a:00:00:00:00, counter 1 */
	static const uint32_t input[16] = {
		0x61707865, 0x3320646e, 0x79622d32, 0x6b206574,
		0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c,
		0x13121110, 0x17161514, 0x1b1a1918, 0x1f1e1d1c,
		0x00000001, 0x09000000, 0x4a000000, 0x00000000,
	}, expected[16] = {
		0xe4e7f110, 0x15593bd1, 0x1fdd0f50, 0xc47120a3,
		0xc7f4d1c7, 0x0368c033, 0x9aaa2204, 0x4e6cd4c3,
		0x466482d2, 0x09aa9f07, 0x05d7c214, 0xa2028bd9,
		0xd19c12b5, 0xb94e16de, 0xe883d0cb, 0x4e3c50a2,
	};
	uint32_t output[16];

	random_chacha20(input, output);
	assert(!memcmp(output, expected, sizeof(expected)));
}

/* Ones in 32,000 random bits are 16,000, give or take 6 times the deviation of 89. */
static void assert_random(const uint8_t *bytes, size_t len)
{
	unsigned ones = 0;

	assert(len == 4000);
	for (size_t i = 0; i < len; i++)
		ones += __builtin_popcount(bytes[i]);
	assert(ones > 16000 - 540 && ones < 16000 + 540);
}

static void any_length(void)
{
	uint8_t bytes[4000], other[4000];

	host_boot();
	for (unsigned i = 0; i < 200; i++) {
		unsigned from = host_below(200), len = host_below(200);

		memset(bytes, 0x5a, sizeof(bytes));
		random_bytes(bytes + from, len);
		for (unsigned k = 0; k < 500; k++)
			assert((k >= from && k < from + len) || bytes[k] == 0x5a);
	}
	random_bytes(bytes, sizeof(bytes));
	random_bytes(other, sizeof(other));
	assert(random_seeded());
	assert_random(bytes, sizeof(bytes));
	for (unsigned i = 0; i < sizeof(bytes); i++)
		other[i] ^= bytes[i];
	assert_random(other, sizeof(other));
	assert(random_word() != random_word());
}

extern char __start_guest_data[], __stop_guest_data[], __start_guest_bss[], __stop_guest_bss[];

/*
 * Returns whether the 8 bytes are in these variables; memory between them is
 * AddressSanitizer's.
 */
__attribute__((no_sanitize("address"))) static bool holds(const char *at, const char *end,
							  uint64_t bytes)
{
	for (; at + sizeof(bytes) <= end; at += 4)
		if (*(const uint32_t *)at == (uint32_t)bytes &&
		    *(const uint32_t *)(at + 4) == (uint32_t)(bytes >> 32))
			return true;
	return false;
}

/* The guest's variables reveal no bytes that were returned before. */
static void the_key_is_erased(void)
{
	uint64_t given[8];

	host_boot();
	random_bytes(given, sizeof(given));
	for (unsigned i = 0; i < HOST_COUNT(given); i++) {
		assert(!holds(__start_guest_data, __stop_guest_data, given[i]));
		assert(!holds(__start_guest_bss, __stop_guest_bss, given[i]));
	}
}

static void without_rdrand(void)
{
	uint8_t bytes[4000];
	uint64_t word;

	host.rdrand = host_chance(2) ? RDRAND_NONE : RDRAND_STUCK;
	host_boot();
	word = random_word();
	assert(!random_seeded());
	assert(word != random_word());
	random_bytes(bytes, sizeof(bytes));
	assert_random(bytes, sizeof(bytes));
	random_add_seed("a secret of the operator's, from the command line", 48);
	assert(random_seeded());
	random_bytes(bytes, sizeof(bytes));
	assert_random(bytes, sizeof(bytes));
}

/* The first identifications of the packets between two addresses. */
static void identify(uint16_t ids[4])
{
	for (unsigned i = 0; i < 4; i++) {
		uint8_t frame[34] = { [12] = 8, [14] = 0x45, [19] = i, [23] = 17, [26] = 10, [30] = 10 };

		ip_id_replace(frame, sizeof(frame));
		memcpy(&ids[i], frame + 18, sizeof(ids[i]));
	}
}

static void a_copy_has_other_secrets(void)
{
	uint16_t before[4], same[4], after[4];
	uint64_t words[] = { 5, 7 }, secret;

	host_boot();
	host.rdrand = host_chance(2) ? RDRAND : RDRAND_NONE;
	secret = net_secret(words, 2);
	assert(net_secret(words, 2) == secret);
	random_add_seed("a secret of the operator's, from the command line", 48);
	identify(before);
	identify(same);
	assert(!memcmp(before, same, sizeof(same)));
	random_restored();
	identify(after);
	assert(memcmp(before, after, sizeof(after)));
	assert(net_secret(words, 2) != secret);
	assert(random_seeded() == (host.rdrand == RDRAND));
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "the block function is RFC 8439's", the_rfcs_block, 1 },
		{ "any length is filled, and nothing else is written", any_length, 100 },
		{ "random bytes that were returned are not kept in memory",
		  the_key_is_erased, 100 },
		{ "a restored guest has other secrets", a_copy_has_other_secrets, 20 },
		{ "without RDRAND there are random numbers, but not for keys",
		  without_rdrand, 100 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}
