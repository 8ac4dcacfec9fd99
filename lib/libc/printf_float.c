/* SPDX-License-Identifier: ISC */
/*
 * printf()'s floating-point numbers, a double as a long double of the same value.
 *
 * A number is m * 2^e, with m of 64 bits.  For e < 0 this is m * 5^-e / 10^-e.  So its decimal
 * digits, all of which are computed, are those of an integer of many words, each of 9 digits.
 * A double has at most 767 digits, and most have few.  Those of a long double can be 11,500:
 * from malloc(), as they do not fit the stacks of threads.
 */
#include "lib/libc/printf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define WORD 1000000000u		/* a word's digits: 9 */
#define WORDS 92			/* of any double */
#define ROOM(words) (((words) * 9 + 3) / 4)	/* words that hold the digits of so many */

/* The number is 0.DIGITS * 10^point; digits behind the count are 0. */
struct decimal {
	char *digits;
	int count, point;
};

/*
 * Multiplies the words, least significant last, by less than WORD; returns the new first
 * one.
 */
static uint32_t *scale(uint32_t *first, uint32_t *end, uint32_t by)
{
	uint64_t carry = 0;

	for (uint32_t *p = end; p-- > first;) {
		carry += (uint64_t)*p * by;
		*p = (uint32_t)(carry % WORD);
		carry /= WORD;
	}
	if (carry)
		*--first = (uint32_t)carry;
	return first;
}

static uint32_t power(uint32_t base, int n)
{
	uint32_t result = 1;

	while (n--)
		result *= base;
	return result;
}

/*
 * Computes the words of m * 2^e, or of m * 5^-e, which end at end; returns the first
 * one.
 */
static uint32_t *integer(uint32_t *end, uint64_t m, int e)
{
	uint32_t base = e < 0 ? 5 : 2, *first = end;
	int most = e < 0 ? 12 : 29, step;	/* 5^13 and 2^30 are above WORD */

	for (; m; m /= WORD)
		*--first = (uint32_t)(m % WORD);
	for (int left = abs(e); left; left -= step) {
		step = left < most ? left : most;
		first = scale(first, end, power(base, step));
	}
	return first;
}

/*
 * Returns the maximum number of words of integer(): one has 29.9 bits, and log2(5) is
 * below 7/3.
 */
static size_t words(int e)
{
	return (size_t)(64 + (e < 0 ? -e * 7 / 3 : e)) / 29 + 2;
}

/*
 * The digits of m * 2^e in the ROOM(size) words of room.  The digits are written from its start,
 * where the words end that they are made of: a word's 9 digits end in front of the next word.
 */
static struct decimal decimal(uint32_t *room, size_t size, uint64_t m, int e)
{
	uint32_t *end = room + ROOM(size), *first = integer(end, m, e);
	char *p = (char *)room;
	struct decimal d = { .digits = p };

	for (; first < end; first++, p += 9) {
		uint32_t word = *first;

		for (int i = 9; i-- > 0; word /= 10)
			p[i] = (char)('0' + word % 10);
	}
	while (*d.digits == '0')
		d.digits++;
	d.count = (int)(p - d.digits);
	d.point = d.count + (e < 0 ? e : 0);
	return d;
}

/* Keeps this many digits, rounded half to even. */
static void keep(struct decimal *d, long count)
{
	bool up;
	char *p;

	if (count >= d->count)
		return;
	if (count < 0) {
		d->count = 0;
		return;
	}
	p = d->digits + count;
	up = *p > '5';
	if (*p == '5') {
		up = count && p[-1] & 1;
		for (int i = (int)count + 1; i < d->count; i++)
			up |= d->digits[i] != '0';
	}
	d->count = (int)count;
	if (!up)
		return;
	while (p > d->digits && p[-1] == '9')
		*--p = '0';
	if (p > d->digits) {
		p[-1]++;
	} else {			/* 999 became 1000 */
		*p = '1';
		d->point++;
		d->count += !count;
	}
}

/*
 * Puts out the digits from one place to before another; places before the first digit
 * are 0.
 */
static void put(struct printf *to, const struct decimal *d, long from, long end)
{
	if (from < 0 && from < end) {
		long zeros = (end < 0 ? end : 0) - from;

		printf_pad(to, '0', zeros);
		from += zeros;
	}
	if (from < end && from < d->count) {
		long len = (end < d->count ? end : d->count) - from;

		printf_put(to, d->digits + from, len);
		from += len;
	}
	if (from < end)
		printf_pad(to, '0', end - from);
}

/* "e+05", "p-1": with at least so many digits. */
static size_t exponent(char *text, char letter, int n, int least)
{
	char digits[8];
	size_t len = 0;
	int count = 0;

	text[len++] = letter;
	text[len++] = n < 0 ? '-' : '+';
	for (n = abs(n); n || count < least; n /= 10)
		digits[count++] = (char)('0' + n % 10);
	while (count)
		text[len++] = digits[--count];
	return len;
}

/*
 * WHOLE.FRACTION and the exponent: the digits before `point` (or a 0), and precision digits
 * behind.
 */
static void layout(struct printf *to, const struct printf_conversion *c, const char *prefix,
		   const struct decimal *d, long point, long precision, const char *end,
		   size_t len)
{
	bool dot = precision > 0 || c->flags & PRINTF_ALT;
	long whole = point > 0 ? point : 1;

	printf_begin(to, c, prefix, 0, whole + dot + precision + len);
	put(to, d, point - whole, point);
	printf_put(to, ".", dot);
	put(to, d, point, point + precision);
	printf_put(to, end, len);
}

static void print_decimal(struct printf *to, const struct printf_conversion *c,
			  const char *sign, struct decimal *d)
{
	long precision = c->precision < 0 ? 6 : c->precision;
	char lower = c->letter | 0x20, text[8];
	size_t len = 0;

	if (lower == 'g') {
		long most = precision ? precision : 1;

		keep(d, most);
		lower = d->point > most || d->point <= -4 ? 'e' : 'f';
		precision = lower == 'e' ? most - 1 : most - d->point;
		if (!(c->flags & PRINTF_ALT)) {
			long used;

			while (d->count && d->digits[d->count - 1] == '0')
				d->count--;
			used = d->count - (lower == 'e' ? 1 : d->point);
			precision = used > 0 ? used : 0;
		}
	}
	if (lower == 'f') {
		keep(d, d->point + precision);
		layout(to, c, sign, d, d->point, precision, text, 0);
		return;
	}
	keep(d, precision + 1);
	len = exponent(text, c->letter & 0x20 ? 'e' : 'E', d->point - 1, 2);
	layout(to, c, sign, d, 1, precision, text, len);
}

/* 0x1.8p+3: the first digit is 1, but for 0, and where rounding makes it 2. */
static void in_hexadecimal(struct printf *to, const struct printf_conversion *c,
			   bool negative, uint64_t m, int e)
{
	const char *from = c->letter == 'A' ? "0123456789ABCDEF" : "0123456789abcdef";
	char prefix[4], text[17], end[8];
	struct decimal d = { .digits = text, .count = 17 };
	long precision = c->precision;
	uint64_t fraction;

	while (m && !(m >> 63)) {
		m <<= 1;
		e--;
	}
	text[0] = (char)('0' + !!m);
	e = m ? e + 63 : 0;
	fraction = m << 1;
	if (precision >= 0 && precision < 16) {
		unsigned bits = 4 * (unsigned)precision;
		uint64_t rest = fraction << bits, half = 1ull << 63;
		uint64_t last = bits ? fraction >> (64 - bits) : (uint64_t)text[0];

		if (rest > half || (rest == half && last & 1)) {
			uint64_t sum = fraction + (bits ? 1ull << (64 - bits) : 0);

			text[0] += sum < fraction || !bits;
			fraction = sum;
		}
		d.count = (int)precision + 1;
	}
	for (int i = 1; i < 17; i++, fraction <<= 4)
		text[i] = from[fraction >> 60];
	if (precision < 0) {
		while (d.count > 1 && text[d.count - 1] == '0')
			d.count--;
		precision = d.count - 1;
	}
	strcpy(prefix, printf_sign(c, negative));
	strcat(prefix, c->letter == 'A' ? "0X" : "0x");
	layout(to, c, prefix, &d, 1, precision, end,
	       exponent(end, c->letter + 'p' - 'a', e, 1));
}

static void in_decimal(struct printf *to, const struct printf_conversion *c,
		       bool negative, uint64_t m, int e)
{
	uint32_t some[ROOM(WORDS)], *room = some;
	struct decimal d = { .digits = (char *)"0", .count = 1, .point = 1 };
	size_t size;

	while (m && !(m & 1) && e < 0) {
		m >>= 1;
		e++;
	}
	size = words(e);
	if (m && size > WORDS) {
		room = malloc(ROOM(size) * sizeof(*room));
		if (!room) {
			to->failed = true;
			return;
		}
	}
	if (m)
		d = decimal(room, size > WORDS ? size : WORDS, m, e);
	print_decimal(to, c, printf_sign(c, negative), &d);
	if (room != some)
		free(room);
}

void printf_float(struct printf *to, const struct printf_conversion *conversion, long double x)
{
	union {				/* the x87's format */
		long double x;
		struct { uint64_t m; uint16_t e; };
	} bits = { .x = x };
	struct printf_conversion c = *conversion;
	bool negative = bits.e >> 15;
	int e = bits.e & 0x7fff;

	if (e == 0x7fff) {
		const char *name = bits.m << 1 ? "nan\0NAN" : "inf\0INF";

		if (!(c.letter & 0x20))
			name += 4;
		c.flags &= ~PRINTF_ZERO;
		printf_begin(to, &c, printf_sign(&c, negative), 0, 3);
		printf_put(to, name, 3);
		return;
	}
	e = (e ? e : 1) - 16383 - 63;
	if ((c.letter | 0x20) == 'a')
		in_hexadecimal(to, &c, negative, bits.m, e);
	else
		in_decimal(to, &c, negative, bits.m, e);
}
