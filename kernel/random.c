/* SPDX-License-Identifier: ISC */
#include "kernel/random.h"

#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/hypercall.h"

#include <string.h>

#define KEY 4				/* its place in the block function's input: 8 words */
#define KEY_WORDS 8

static struct {
	uint32_t input[16];
	bool started, seeded;
} generator = { .input = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 } };

static uint32_t rotate(uint32_t x, int by)
{
	return x << by | x >> (32 - by);
}

static void quarter(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
	*a += *b, *d = rotate(*d ^ *a, 16);
	*c += *d, *b = rotate(*b ^ *c, 12);
	*a += *b, *d = rotate(*d ^ *a, 8);
	*c += *d, *b = rotate(*b ^ *c, 7);
}

void random_chacha20(const uint32_t input[16], uint32_t output[16])
{
	memcpy(output, input, 16 * sizeof(*input));
	for (unsigned i = 0; i < 80; i++) {
		unsigned column = i & 3, shift = i & 4 ? 1 : 0;	/* a column, a diagonal */

		quarter(&output[column], &output[4 + (column + shift) % 4],
			&output[8 + (column + 2 * shift) % 4],
			&output[12 + (column + 3 * shift) % 4]);
	}
	for (unsigned i = 0; i < 16; i++)
		output[i] += input[i];
}

/* Makes a new key; and 32 bytes of output, unless NULL. */
static __attribute__((noinline)) void step(uint8_t to[32])
{
	uint32_t block[16];

	random_chacha20(generator.input, block);
	memcpy(generator.input + KEY, block, KEY_WORDS * sizeof(*block));
	if (to)
		memcpy(to, block + KEY_WORDS, 32);
	memset(block, 0, sizeof(block));
	__asm__ volatile("" : : "r"(block) : "memory");
}

static __attribute__((noinline)) void add(const void *bytes, size_t len)
{
	const uint8_t *from = bytes;

	while (len--) {
		((uint8_t *)(generator.input + KEY))[len % 32] ^= from[len];
		if (len % 32 == 0)
			step(NULL);
	}
}

/*
 * Four words of the CPU, each unlike the one before: some CPUs' RDRAND always returns the
 * same word (AMD's after a suspension).
 */
static __attribute__((noinline, cold)) void first_key(void)
{
	struct {
		uint64_t cpu[4], now, wall;
		uint8_t handle[16];
	} seed = { .now = arch_clock(), .wall = clock_wall() };

	generator.started = true;
	generator.seeded = true;
	for (unsigned i = 0; i < 4; i++)
		if (!arch_random(&seed.cpu[i]) || (i && seed.cpu[i] == seed.cpu[i - 1]))
			generator.seeded = false;
	xen_domain_handle(seed.handle);
	add(&seed, sizeof(seed));
}

unsigned random_copies;

void random_restored(void)
{
	generator.started = false;
	random_copies++;
}

void random_bytes(void *to, size_t len)
{
	uint8_t *at = to, some[32];
	uint64_t fresh;

	if (!generator.started)
		first_key();
	arch_random(&fresh);		/* or the time to the cycle */
	add(&fresh, sizeof(fresh));
	for (; len; at += sizeof(some), len -= sizeof(some)) {
		step(some);
		if (len <= sizeof(some)) {
			memcpy(at, some, len);
			break;
		}
		memcpy(at, some, sizeof(some));
	}
	memset(some, 0, sizeof(some));
	__asm__ volatile("" : : "r"(some) : "memory");
}

uint64_t random_word(void)
{
	uint64_t word;

	random_bytes(&word, sizeof(word));
	return word;
}

bool random_seeded(void)
{
	if (!generator.started)
		first_key();
	return generator.seeded;
}

void random_add_seed(const void *seed, size_t len)
{
	if (!generator.started)
		first_key();
	add(seed, len);
	generator.seeded = true;
}
