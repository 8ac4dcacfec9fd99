/* SPDX-License-Identifier: ISC */
/*
 * For functions on bytes by 16 at a time.
 *
 * Their blocks may begin before and end behind the caller's bytes, but lie in the same page as one
 * of them. They change the FPU's registers: kernel code that runs in an upcall must not call them
 * (arch/x86_64/string.c).
 */
#ifndef LIB_LIBC_SSE2_H
#define LIB_LIBC_SSE2_H

#include <emmintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define READS_BLOCKS __attribute__((no_sanitize("address")))

typedef __m128i block;

/* Loads from an aligned address; from any address. */
#define ALIGNED(p) _mm_load_si128((const block *)(p))
#define ANY(p) _mm_loadu_si128((const block *)(p))

#define EQUAL(a, b) _mm_cmpeq_epi8(a, b)
#define SMALLER(a, b) _mm_min_epu8(a, b)
#define BOTH(a, b) _mm_and_si128(a, b)
#define EITHER(a, b) _mm_or_si128(a, b)

/* Bit i: byte i of a comparison's result is true. */
#define MASK(a) ((unsigned)_mm_movemask_epi8(a))

#endif
