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

#define PAGE 4096u

/* How many bytes may be read at both addresses: up to the first end of a page. */
static inline size_t readable(const char *a, const char *b)
{
	unsigned in_a = (uintptr_t)a % PAGE, in_b = (uintptr_t)b % PAGE;

	return PAGE - (in_a > in_b ? in_a : in_b);
}

/* Bytes are 0 where a, of 16 bytes, has a 0, or differs from b. */
static inline READS_BLOCKS block same_text(const char *a, const char *b)
{
	block x = ANY(a);

	return SMALLER(EQUAL(x, ANY(b)), x);
}

#endif
