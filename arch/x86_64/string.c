/* SPDX-License-Identifier: ISC */
/*
 * memcpy(), memmove(), memset(), in general registers: kernel code calls them in an upcall,
 * where the FPU's registers are still the interrupted thread's.
 *
 * The last word overlaps the one before it, instead of a loop over bytes.  Long runs use string
 * instructions: by bytes if the CPU reports that these are fast (ERMS), otherwise by words to an
 * aligned address.  Unlike newlib's, none of these bypasses the caches: copied data is read
 * next, by the guest or a backend.
 */
#include "arch/x86_64/x86_64.h"

#include <string.h>

#define LONG 256			/* from this length on string instructions are faster */

struct word {
	uint64_t value;
} __attribute__((packed, may_alias));

/* Set by string_init(): byte string instructions are fast for any length. */
static bool erms;

/*
 * In a loop, this keeps the compiler from replacing the loop by a call of memcpy(), that
 * is, of itself.
 */
#define KEEP_LOOP __asm__ volatile("" : : : "memory")

static uint64_t load(const char *at)
{
	return ((const struct word *)at)->value;
}

static void store(char *at, uint64_t value)
{
	((struct word *)at)->value = value;
}

static char *move_bytes(char *to, const char *from, size_t n)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
	return to;
}

/* n >= 16, upwards: may overlap if to < from. */
static void move_long(char *to, const char *from, size_t n)
{
	uint64_t first = load(from), last = load(from + n - 8);
	size_t skip = -(uintptr_t)to & 7, words = (n - skip) / 8;
	char *start = to, *end = to + n;

	to += skip;
	from += skip;
	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
	store(start, first);
	store(end - 8, last);
}

/* n < 8 */
static void move_few(char *to, const char *from, size_t n)
{
	uint64_t value = 0;

	if (n & 4) {
		uint32_t low, high;

		__builtin_memcpy(&low, from, 4);
		__builtin_memcpy(&high, from + n - 4, 4);
		__builtin_memcpy(to, &low, 4);
		__builtin_memcpy(to + n - 4, &high, 4);
		return;
	}
	for (size_t i = 0; i < n; i++)
		value = value << 8 | (unsigned char)from[i];
	while (n) {
		to[--n] = value;
		value >>= 8;
		KEEP_LOOP;
	}
}

/* Up to 8 bytes at a time, the last 8 read before any are written. */
static void move_up(char *to, const char *from, size_t n)
{
	uint64_t last = load(from + n - 8);
	char *end = to + n;

	for (; n > 32; n -= 32, from += 32, to += 32) {
		uint64_t a = load(from), b = load(from + 8);
		uint64_t c = load(from + 16), d = load(from + 24);

		store(to, a);
		store(to + 8, b);
		store(to + 16, c);
		store(to + 24, d);
		KEEP_LOOP;
	}
	for (; n > 8; n -= 8, from += 8, to += 8) {
		store(to, load(from));
		KEEP_LOOP;
	}
	store(end - 8, last);
}

static void move_down(char *to, const char *from, size_t n)
{
	uint64_t first = load(from);

	for (; n > 32; n -= 32) {
		uint64_t a = load(from + n - 8), b = load(from + n - 16);
		uint64_t c = load(from + n - 24), d = load(from + n - 32);

		store(to + n - 8, a);
		store(to + n - 16, b);
		store(to + n - 24, c);
		store(to + n - 32, d);
		KEEP_LOOP;
	}
	for (; n > 8; n -= 8) {
		store(to + n - 8, load(from + n - 8));
		KEEP_LOOP;
	}
	store(to, first);
}

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	if (n < 8)
		move_few(to, from, n);
	else if (n < LONG)
		move_up(to, from, n);
	else if (erms)
		move_bytes(to, from, n);
	else
		move_long(to, from, n);
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	uintptr_t up = (uintptr_t)to - (uintptr_t)from;

	if (n < 8)
		move_few(to, from, n);
	else if (up < n)
		move_down(to, from, n);
	else if (n < LONG || -up < 64)	/* string instructions are slow at such a short distance */
		move_up(to, from, n);
	else
		memcpy(to, from, n);
	return to;
}

void *memset(void *to, int byte, size_t n)
{
	uint64_t value = (unsigned char)byte * 0x0101010101010101ull;
	char *at = to, *end = at + n;

	if (n < 8) {
		while (at < end) {
			*at++ = byte;
			KEEP_LOOP;
		}
		return to;
	}
	if (n >= LONG && erms) {
		__asm__ volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(value) : "memory");
		return to;
	}
	store(at, value);
	at += 8 - ((uintptr_t)at & 7);
	if (n >= LONG) {
		size_t words = (end - at) / 8;

		__asm__ volatile("rep stosq" : "+D"(at), "+c"(words) : "a"(value) : "memory");
	}
	for (; end - at > 32; at += 32) {
		store(at, value);
		store(at + 8, value);
		store(at + 16, value);
		store(at + 24, value);
		KEEP_LOOP;
	}
	for (; end - at > 8; at += 8) {
		store(at, value);
		KEEP_LOOP;
	}
	store(end - 8, value);
	return to;
}

void string_init(bool fast_bytes)
{
	erms = fast_bytes;
}
