/* SPDX-License-Identifier: ISC */
/*
 * Random numbers: one generator for the stack protector's canary, the network's numbers,
 * getrandom() and whatever else must not be guessed.
 *
 * ChaCha20 (RFC 8439) as a generator with fast key erasure (D. J. Bernstein, 2017): half of
 * each block that the key makes is the next key, so who reads the guest's memory learns
 * nothing of earlier numbers.  The first key, and a part of each later one, is the CPU's
 * RDRAND.  Without RDRAND the key is the time to the cycle and the domain's UUID: what a
 * stranger on the network cannot guess, but no basis for keys (random_seeded()).
 *
 * Nothing here sleeps.
 */
#ifndef KERNEL_RANDOM_H
#define KERNEL_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* About 0.3 us for each 32 bytes. */
void random_bytes(void *to, size_t len);
uint64_t random_word(void);

/* Whether the numbers are good enough for an application's keys. */
bool random_seeded(void);

/* Add a secret that is worth 128 bits or more: the generator is seeded then. */
void random_add_seed(const void *seed, size_t len);

/* The block function of RFC 8439, 2.3: input is constants, key, counter and nonce. */
void random_chacha20(const uint32_t input[16], uint32_t output[16]);

#endif
