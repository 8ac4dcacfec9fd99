/* SPDX-License-Identifier: ISC */
/* printf()'s formats (C11, 7.21.6.1; POSIX.1-2017, fprintf), for output of any kind. */
#ifndef LIB_LIBC_PRINTF_H
#define LIB_LIBC_PRINTF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* A kind of output, such as a stream, whose struct begins with this. */
struct printf_output {
	/* False: it failed, and printf_to() returns -1.  errno is for this function to set. */
	bool (*put)(struct printf_output *output, const char *bytes, size_t len);
};

/*
 * Format args: the number of bytes, or -1, with errno EINVAL (an argument's position is above
 * 64), EOVERFLOW (more than INT_MAX bytes) or ENOMEM (a long double of many digits).  It sleeps
 * only if put() does.
 */
int printf_to(struct printf_output *output, const char *format, va_list args);

/* The rest is between printf.c and printf_float.c. */

/* A bit each, in this order; ' has no effect in the locale C. */
#define PRINTF_FLAGS "-+ #0'"
enum printf_flag {
	PRINTF_LEFT = 1,
	PRINTF_PLUS = 2,
	PRINTF_BLANK = 4,
	PRINTF_ALT = 8,
	PRINTF_ZERO = 16,
};

/* A conversion: %[position$][flags][width][.precision][length]letter. */
struct printf_conversion {
	unsigned flags;
	long width, precision;		/* precision: below 0 if there is none */
	char letter;
};

struct printf {
	struct printf_output *output;
	long count;			/* bytes so far */
	size_t after;			/* blanks behind a conversion that is adjusted to the left */
	bool failed;			/* errno says why; nothing more is put out */
};

void printf_put(struct printf *to, const char *bytes, size_t len);
void printf_pad(struct printf *to, char fill, size_t len);

/*
 * Puts out the text before the len bytes of a conversion: blanks or zeros for its width,
 * with the prefix (a sign, 0x) in its place, and at least `zeros` zeros behind it.
 */
void printf_begin(struct printf *to, const struct printf_conversion *c, const char *prefix,
		  size_t zeros, size_t len);

/* The prefix for a sign: "-", "+", " " or "". */
const char *printf_sign(const struct printf_conversion *c, bool negative);

/* aAeEfFgG: with the precise digits of x, rounded half to even. */
void printf_float(struct printf *to, const struct printf_conversion *c, long double x);

#endif
