/* SPDX-License-Identifier: ISC */
/*
 * What a proof consists of (docs/proofs.md).
 *
 * A proof is a function prove_NAME() without arguments.  Variables that it does not set have any
 * value.  ASSUME() restricts them, CLAIM() must hold for all values that are left, and REACHED()
 * must be reachable: otherwise an assumption cannot be satisfied and the proof is void.  The
 * line `prove: OPTIONS` of the comment above it has its options.
 */
#ifndef TESTS_PROVE_PROVE_H
#define TESTS_PROVE_PROVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ASSUME(condition) __CPROVER_assume(condition)
#define CLAIM(what, condition) __CPROVER_assert(condition, "claim: " what)
#define REACHED(what) __CPROVER_assert(0, "reached: " what)

/* Whether len bytes at p may be read, or written. */
#define READABLE(p, len) __CPROVER_r_ok(p, len)
#define WRITABLE(p, len) __CPROVER_w_ok(p, len)

/* Any value. */
bool nondet_bool(void);
int nondet_int(void);
uint8_t nondet_uint8(void);
uint32_t nondet_uint32(void);
uint64_t nondet_uint64(void);
size_t nondet_size(void);

/* Gives len bytes at p any content. */
static inline void any_bytes(void *p, size_t len)
{
	__CPROVER_assert(len == 0 || WRITABLE(p, len), "claim: bytes are written where there is memory");
	if (len)
		__CPROVER_havoc_slice(p, len);
}

#endif
