/* SPDX-License-Identifier: ISC */
/*
 * printf()'s formats, with positional arguments (%2$s) and %m (syslog(3) and Linux's printf(3)).
 *
 * It replaces newlib's vfprintf() and svfprintf(), two copies of the same code, each of which
 * has 16 KB with the functions that it calls.  The only locale is C: there are no groups of
 * digits and no multibyte characters.
 */
#include "lib/libc/printf.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#define MOST 64				/* positional arguments; POSIX wants 9 (NL_ARGMAX) */

enum type { NONE, INT, LONG, DOUBLE, LONG_DOUBLE };

union value {
	long l;				/* or an int, a pointer: at most 64 bits */
	long double ld;			/* or a double */
};

/* A conversion and the positions of its arguments. */
struct directive {
	struct printf_conversion c;
	const char *rest;		/* of the format, behind it */
	unsigned position, width, precision;	/* of the arguments; 0: not positional */
	bool has_width, has_precision;		/* by an argument: `*` */
	enum type type;
	unsigned bits;			/* of an integer */
};

struct arguments {
	va_list *rest;			/* those that are not positional */
	const union value *values;	/* by position */
	int error;			/* of %m */
};

static bool fits(struct printf *to, size_t len)
{
	if (to->failed || len <= (size_t)(INT_MAX - to->count))
		return !to->failed;
	errno = EOVERFLOW;
	to->failed = true;
	return false;
}

void printf_put(struct printf *to, const char *bytes, size_t len)
{
	if (!len || !fits(to, len))
		return;
	to->count += len;
	to->failed = !to->output->put(to->output, bytes, len);
}

void printf_pad(struct printf *to, char fill, size_t len)
{
	char block[32];

	if (!len)
		return;
	memset(block, fill, sizeof(block));
	for (; len > sizeof(block) && !to->failed; len -= sizeof(block))
		printf_put(to, block, sizeof(block));
	printf_put(to, block, len);
}

void printf_begin(struct printf *to, const struct printf_conversion *c, const char *prefix,
		  size_t zeros, size_t len)
{
	size_t used = strlen(prefix) + zeros + len;
	size_t fill = (size_t)c->width > used ? c->width - used : 0;

	if (!fits(to, used + fill))
		return;
	if (c->flags & PRINTF_LEFT)
		to->after = fill;
	else if (c->flags & PRINTF_ZERO)
		zeros += fill;
	else
		printf_pad(to, ' ', fill);
	printf_put(to, prefix, strlen(prefix));
	printf_pad(to, '0', zeros);
}

const char *printf_sign(const struct printf_conversion *c, bool negative)
{
	return negative ? "-" : c->flags & PRINTF_PLUS ? "+" : c->flags & PRINTF_BLANK ? " " : "";
}

/* Reads a number and moves *p behind it.  A number above INT_MAX stays above it. */
static long digits(const char **p)
{
	long n = 0;

	for (; **p >= '0' && **p <= '9'; (*p)++)
		if (n <= INT_MAX)
			n = 10 * n + (**p - '0');
	return n;
}

/* "2$": 2.  0, and *p as it was: there is no position. */
static unsigned position(const char **p)
{
	const char *end = *p;
	long n = digits(&end);

	if (!n || **p == '0' || *end != '$')
		return 0;
	*p = end + 1;
	return n <= MOST ? n : MOST + 1;
}

/* A width or a precision. */
static long size(const char **p, bool *has, unsigned *at)
{
	if (**p != '*')
		return digits(p);
	*has = true;
	(*p)++;
	*at = position(p);
	return 0;
}

/* A set of the letters of conversions, from A to x. */
#define LETTER(c) (1ul << ((c) - 'A'))

static bool is_one_of(char letter, unsigned long letters)
{
	unsigned n = (unsigned char)letter - 'A';

	return n < 64 && letters >> n & 1;
}

static void set_type(struct directive *d, const char *length, size_t len)
{
	const unsigned long pointers = LETTER('s') | LETTER('p') | LETTER('S');
	const unsigned long longs = LETTER('D') | LETTER('O') | LETTER('U');
	const unsigned long floats = LETTER('a') | LETTER('A') | LETTER('e') | LETTER('E') |
				     LETTER('f') | LETTER('F') | LETTER('g') | LETTER('G');
	const unsigned long ints = LETTER('d') | LETTER('i') | LETTER('o') | LETTER('u') |
				   LETTER('x') | LETTER('X') | LETTER('c') | LETTER('C');
	char letter = d->c.letter;

	d->bits = 32;
	if (len)
		d->bits = *length != 'h' ? 64 : len == 1 ? 16 : 8;
	if (is_one_of(letter, pointers | longs))
		d->bits = 64;
	if (is_one_of(letter, floats))
		d->type = len && *length == 'L' ? LONG_DOUBLE : DOUBLE;
	else if (is_one_of(letter, ints | pointers | longs))
		d->type = d->bits == 64 ? LONG : INT;
	else if (letter == 'n')
		d->type = LONG;
}

/* p is behind the %. */
static void parse(struct directive *d, const char *p)
{
	const char *flag, *length;

	*d = (struct directive){ .position = position(&p), .c.precision = -1 };

	for (; *p && *p <= '0' && (flag = strchr(PRINTF_FLAGS, *p)); p++)
		d->c.flags |= 1u << (flag - PRINTF_FLAGS);
	d->c.width = size(&p, &d->has_width, &d->width);
	if (*p == '.') {
		p++;
		d->c.precision = size(&p, &d->has_precision, &d->precision);
	}
	length = p;
	while (is_one_of(*p, LETTER('h') | LETTER('l') | LETTER('j') | LETTER('z') | LETTER('t') |
				     LETTER('L') | LETTER('q')))
		p++;
	d->c.letter = *p;
	set_type(d, length, p - length);
	d->rest = *p ? p + 1 : p;
}

static void next(va_list *args, enum type type, union value *v)
{
	if (type == LONG_DOUBLE)
		v->ld = va_arg(*args, long double);
	else if (type == DOUBLE)
		v->ld = va_arg(*args, double);
	else if (type == LONG)
		v->l = va_arg(*args, long);
	else if (type == INT)
		v->l = va_arg(*args, int);
}

static void take(const struct arguments *args, enum type type, unsigned at, union value *v)
{
	if (at)
		*v = args->values[at];
	else
		next(args->rest, type, v);
}

static void string(struct printf *to, struct printf_conversion *c, const char *s)
{
	size_t len;

	if (!s)				/* as on Linux */
		s = (unsigned long)c->precision < 6 ? "" : "(null)";
	len = c->precision < 0 ? strlen(s) : strnlen(s, c->precision);
	c->flags &= ~PRINTF_ZERO;
	printf_begin(to, c, "", 0, len);
	printf_put(to, s, len);
}

static void number(struct printf *to, struct printf_conversion *c, const char *prefix,
		   unsigned long n, unsigned base)
{
	const char *from = c->letter == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[24], *p = text + sizeof(text);
	size_t len, zeros;

	for (unsigned long left = n; left && base == 10; left /= 10)	/* without a slow division */
		*--p = '0' + left % 10;
	for (unsigned long left = n; left && base != 10; left >>= base == 8 ? 3 : 4)
		*--p = from[left & (base - 1)];
	len = text + sizeof(text) - p;
	if (c->precision < 0)
		zeros = !len;
	else
		zeros = (size_t)c->precision > len ? c->precision - len : 0;
	if (base == 8 && c->flags & PRINTF_ALT && !zeros)
		zeros = 1;
	if (c->precision >= 0)
		c->flags &= ~PRINTF_ZERO;
	printf_begin(to, c, prefix, zeros, len);
	printf_put(to, p, len);
}

static void character(struct printf *to, struct printf_conversion *c, char ch)
{
	c->flags &= ~PRINTF_ZERO;
	printf_begin(to, c, "", 0, 1);
	printf_put(to, &ch, 1);
}

static void store(void *at, unsigned bits, long count)
{
	memcpy(at, &count, bits / 8);
}

static void convert(struct printf *to, struct directive *d, const union value *v, int error)
{
	struct printf_conversion *c = &d->c;
	unsigned shift = 64 - d->bits;
	long n = (long)((unsigned long)v->l << shift) >> shift;
	unsigned long u = (unsigned long)v->l << shift >> shift;
	const char *prefix;

	switch (c->letter) {
	case 'd':
	case 'i':
	case 'D':
		u = (unsigned long)n;
		number(to, c, printf_sign(c, n < 0), n < 0 ? -u : u, 10);
		break;
	case 'u':
	case 'U':
		number(to, c, "", u, 10);
		break;
	case 'o':
	case 'O':
		number(to, c, "", u, 8);
		break;
	case 'x':
	case 'X':
		prefix = c->letter == 'x' ? "0x" : "0X";
		number(to, c, c->flags & PRINTF_ALT && u ? prefix : "", u, 16);
		break;
	case 'p':
		number(to, c, "0x", u, 16);
		break;
	case 's':
	case 'S':
		string(to, c, (const char *)v->l);
		break;
	case 'm':
		string(to, c, strerror(error));
		break;
	case 'c':
	case 'C':
		character(to, c, (char)v->l);
		break;
	case 'n':
		store((void *)v->l, d->bits, to->count);
		break;
	default:
		if (d->type >= DOUBLE)
			printf_float(to, c, v->ld);
		else			/* %%; an invalid letter is printed, as by newlib */
			character(to, c, c->letter);
	}
}

static void directive(struct printf *to, struct directive *d, const struct arguments *args)
{
	union value v = { 0 };

	if (d->has_width) {
		take(args, INT, d->width, &v);
		d->c.width = (int)v.l;
	}
	if (d->c.width < 0) {
		d->c.flags |= PRINTF_LEFT;
		d->c.width = -d->c.width;
	}
	if (d->has_precision) {
		take(args, INT, d->precision, &v);
		d->c.precision = (int)v.l;
	}
	to->after = 0;
	take(args, d->type, d->type ? d->position : 0, &v);
	convert(to, d, &v, args->error);
	printf_pad(to, ' ', to->after);
}

static int printed(struct printf_output *output, const char *format,
		   const struct arguments *args)
{
	struct printf to = { .output = output };

	while (!to.failed && *format) {
		const char *text = format;
		struct directive d;

		while (*format && *format != '%')
			format++;
		printf_put(&to, text, format - text);
		if (!*format)
			break;
		parse(&d, format + 1);
		format = d.rest;
		if (d.c.letter)
			directive(&to, &d, args);
	}
	return to.failed ? -1 : (int)to.count;
}

static bool note(unsigned char *types, enum type type, unsigned at)
{
	if (at > MOST)
		return false;
	if (at && types[at] < type)
		types[at] = type;
	return true;
}

/* The arguments are fetched in their order; one that no conversion uses is an int, as on Linux. */
static __attribute__((noinline)) int positional(struct printf_output *output,
						const char *format,
						const struct arguments *rest)
{
	unsigned char types[MOST + 1] = { 0 };
	union value values[MOST + 1];
	struct arguments args = { rest->rest, values, rest->error };
	unsigned last = 0;

	for (const char *p = format; (p = strchr(p, '%'));) {
		struct directive d;

		parse(&d, p + 1);
		if (!note(types, d.has_width ? INT : NONE, d.width) ||
		    !note(types, d.has_precision ? INT : NONE, d.precision) ||
		    !note(types, d.type, d.position)) {
			errno = EINVAL;
			return -1;
		}
		p = d.rest;
	}
	for (unsigned i = 1; i <= MOST; i++)
		if (types[i])
			last = i;
	for (unsigned i = 1; i <= last; i++)
		next(args.rest, types[i] ? types[i] : INT, &values[i]);
	return printed(output, format, &args);
}

int printf_to(struct printf_output *output, const char *format, va_list args)
{
	struct arguments a = { .error = errno };
	va_list copy;
	int n;

	va_copy(copy, args);
	a.rest = &copy;
	n = (strchr(format, '$') ? positional : printed)(output, format, &a);
	va_end(copy);
	return n;
}
