/* SPDX-License-Identifier: ISC */
#include "drivers/border/shared.h"

/*
 * memcpy() must not be used: the optimiser knows it, and may fetch a byte again rather
 * than keep it in a register.  A volatile access happens once, as does one in an asm
 * statement.  Words are aligned on the shared side, as far as possible.
 */
typedef uint64_t __attribute__((may_alias)) word;
typedef uint64_t __attribute__((may_alias, aligned(1))) any_word;

/*
 * From this size on the string instruction is faster than the loop, in spite of its
 * start-up time.
 */
#define LONG 256

/* Bytes before the first aligned word, or all of them. */
static size_t head(const volatile uint8_t *p, size_t len)
{
	size_t n = -(uintptr_t)p % sizeof(word);

	return n < len ? n : len;
}

/*
 * movsq and not movsb: processors of older hosts have fast strings, but not for bytes.
 * The ABI guarantees a clear direction flag.
 */
static size_t copy_words(volatile uint8_t **dst, const volatile uint8_t **src, size_t len)
{
	size_t words = len / sizeof(word);

	asm volatile("rep movsq" : "+D"(*dst), "+S"(*src), "+c"(words) : : "memory");
	return len % sizeof(word);
}

void shared_get(void *dst, const void __shared *src, size_t len)
{
	const volatile uint8_t *s = (const volatile uint8_t *)(uintptr_t)src;
	volatile uint8_t *d = dst;
	size_t n = head(s, len);

	for (len -= n; n > 0; n--)
		*d++ = *s++;
	if (len >= LONG) {
		/*
		 * The sanitizers do not see accesses in asm: access both ends for them.
		 */
		d[0] = d[len - 1] = 0;
		len = copy_words(&d, &s, len);
	}
	for (; len >= sizeof(word); len -= sizeof(word)) {
		*(any_word *)d = *(const volatile word *)s;
		s += sizeof(word);
		d += sizeof(word);
	}
	while (len--)
		*d++ = *s++;
}

void shared_put(void __shared *dst, const void *src, size_t len)
{
	volatile uint8_t *d = (volatile uint8_t *)(uintptr_t)dst;
	const volatile uint8_t *s = src;
	size_t n = head(d, len);

	for (len -= n; n > 0; n--)
		*d++ = *s++;
	if (len >= LONG) {
		(void)s[0];
		(void)s[len - 1];
		len = copy_words(&d, &s, len);
	}
	for (; len >= sizeof(word); len -= sizeof(word)) {
		*(volatile word *)d = *(const any_word *)s;
		s += sizeof(word);
		d += sizeof(word);
	}
	while (len--)
		*d++ = *s++;
}
