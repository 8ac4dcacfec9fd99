/* SPDX-License-Identifier: ISC */
/*
 * Random numbers.  One generator serves the stack protector's canary, the network,
 * getrandom() and everything else that must not be guessed.
 *
 * It is ChaCha20 (RFC 8439) as a generator with fast key erasure (D. J. Bernstein, 2017):
 * half of each block is the next key, so earlier numbers cannot be computed from the
 * guest's memory.  The first key, and a part of each later one, comes from the CPU's
 * RDRAND. Without RDRAND the key is the time to the cycle and the domain's UUID. A peer
 * on the network cannot guess these, but they are not good enough for an application's
 * keys (random_seeded()).
 *
 * These functions do not sleep.
 */
#ifndef KERNEL_RANDOM_H
#define KERNEL_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* About 0.3 us for each 32 bytes. */
void random_bytes(void *to, size_t len);
uint64_t random_word(void);

/* Returns whether the numbers are good enough for an application's keys. */
bool random_seeded(void);

/* Adds a secret of at least 128 bits of entropy.  The generator counts as seeded then. */
void random_add_seed(const void *seed, size_t len);

/*
 * The guest is a restored copy, and there may be others: the key changes before the next number, by
 * the CPU's random numbers and the time to the cycle.  random_copies counts how often this happened,
 * for those who keep keys of their own.
 */
void random_restored(void);
extern unsigned random_copies;

/* The block function of RFC 8439, 2.3: input is constants, key, counter and nonce. */
void random_chacha20(const uint32_t input[16], uint32_t output[16]);

#endif
