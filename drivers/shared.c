/* SPDX-License-Identifier: ISC */
#include "drivers/shared.h"

/*
 * memcpy() will not do: the optimiser sees through it, and may fetch a byte again
 * rather than keep it in a register.  A volatile access happens once, as does one
 * in an asm statement.
 */
typedef uint64_t word __attribute__((may_alias, aligned(1)));

/* From here on the string instruction beats the loop; its start-up is what costs. */
#define LONG 256

/*
 * movsq, not movsb: the processors of older hosts have fast strings, but not for
 * bytes.  The direction flag is clear by the ABI.
 */
static void copy_long(void **dst, const void **src, size_t words)
{
	asm volatile("rep movsq" : "+D"(*dst), "+S"(*src), "+c"(words) : : "memory");
}

void shared_get(void *dst, const void __shared *src, size_t len)
{
	const void *from = (const void *)(uintptr_t)src;

	if (len >= LONG) {
		/* The sanitizers do not look into asm: show them both ends. */
		((volatile uint8_t *)dst)[0] = 0;
		((volatile uint8_t *)dst)[len - 1] = 0;
		copy_long(&dst, &from, len / 8);
		len %= 8;
	}

	const volatile uint8_t *s = from;
	uint8_t *d = dst;

	for (; len >= 8; len -= 8, s += 8, d += 8)
		*(word *)d = *(const volatile word *)s;
	while (len--)
		*d++ = *s++;
}

void shared_put(void __shared *dst, const void *src, size_t len)
{
	void *to = (void *)(uintptr_t)dst;

	if (len >= LONG) {
		(void)((const volatile uint8_t *)src)[0];
		(void)((const volatile uint8_t *)src)[len - 1];
		copy_long(&to, &src, len / 8);
		len %= 8;
	}

	volatile uint8_t *d = to;
	const uint8_t *s = src;

	for (; len >= 8; len -= 8, s += 8, d += 8)
		*(volatile word *)d = *(const word *)s;
	while (len--)
		*d++ = *s++;
}
