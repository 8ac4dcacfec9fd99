/* SPDX-License-Identifier: ISC */
/* The formatter of the log: see log.h.  No floating point, no allocation. */
#include "kernel/log.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

struct out {
	char *to;
	size_t size, len;		/* len: including what did not fit */
};

struct spec {
	size_t width;
	bool left, zero;
	char length;			/* 0, l (also for ll), z */
	char kind;
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->to[o->len] = c;
	o->len++;
}

size_t format_length(const char *text)
{
	const char *p = text;

	while (*p) {
		p++;
		__asm__ volatile("" : : : "memory");	/* stays a loop, not a call of strlen() */
	}
	return p - text;
}

static void pad(struct out *o, char c, size_t have, size_t width)
{
	for (; have < width; have++)
		put(o, c);
}

static void put_padded(struct out *o, const struct spec *s, const char *text, size_t len)
{
	if (!s->left)
		pad(o, ' ', len, s->width);
	for (size_t i = 0; i < len; i++)
		put(o, text[i]);
	if (s->left)
		pad(o, ' ', len, s->width);
}

/* prefix is "-" or "0x" or ""; zeros go between it and the digits. */
static void put_number(struct out *o, const struct spec *s, const char *prefix,
		       uint64_t value, unsigned base)
{
	char text[24], *p = text + sizeof(text);
	size_t len;

	do
		*--p = "0123456789abcdef"[value % base];
	while (value /= base);
	len = text + sizeof(text) - p;
	if (s->zero && !s->left) {
		len += format_length(prefix);
		while (*prefix)
			put(o, *prefix++);
		pad(o, '0', len, s->width);
		len = text + sizeof(text) - p;
		while (len--)
			put(o, *p++);
		return;
	}
	for (size_t n = format_length(prefix); n; n--) {
		*--p = prefix[n - 1];
		len++;
	}
	put_padded(o, s, p, len);
}

/* Handles a conversion, from behind its %. Returns the text behind it. */
static const char *parse(const char *fmt, struct spec *s)
{
	*s = (struct spec){ 0 };
	for (; *fmt == '-' || *fmt == '0'; fmt++) {
		s->left |= *fmt == '-';
		s->zero |= *fmt == '0';
	}
	for (; *fmt >= '0' && *fmt <= '9'; fmt++)
		if (s->width < INT_MAX / 16)
			s->width = s->width * 10 + (*fmt - '0');
	for (; *fmt == 'l' || *fmt == 'z'; fmt++)
		s->length = *fmt;
	s->kind = *fmt;
	return *fmt ? fmt + 1 : fmt;
}

static void put_signed(struct out *o, const struct spec *s, int64_t value)
{
	uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;

	put_number(o, s, value < 0 ? "-" : "", size, 10);
}

static void put_string(struct out *o, const struct spec *s, const char *text)
{
	if (!text)
		text = "(null)";
	put_padded(o, s, text, format_length(text));
}

int vformat(char *to, size_t size, const char *fmt, va_list args)
{
	struct out o = { .to = to, .size = size };
	const char *start;
	struct spec s;
	char c;

	while (*fmt) {
		if (*fmt != '%') {
			put(&o, *fmt++);
			continue;
		}
		start = fmt;
		fmt = parse(fmt + 1, &s);
		switch (s.kind) {
		case 'd':
		case 'i':
			put_signed(&o, &s, s.length ? va_arg(args, long) : va_arg(args, int));
			break;
		case 'u':
			put_number(&o, &s, "", s.length ? va_arg(args, unsigned long) :
							  va_arg(args, unsigned), 10);
			break;
		case 'x':
			put_number(&o, &s, "", s.length ? va_arg(args, unsigned long) :
							  va_arg(args, unsigned), 16);
			break;
		case 'p':
			put_number(&o, &s, "0x", (uintptr_t)va_arg(args, void *), 16);
			break;
		case 's':
			put_string(&o, &s, va_arg(args, const char *));
			break;
		case 'c':
			c = va_arg(args, int);
			put_padded(&o, &s, &c, 1);
			break;
		case '%':
			put(&o, '%');
			break;
		default:	/* unknown, so the types of the arguments are, too */
			for (fmt = start; *fmt; fmt++)
				put(&o, *fmt);
		}
	}
	if (size)
		to[o.len < size ? o.len : size - 1] = '\0';
	return o.len;
}

int format(char *to, size_t size, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vformat(to, size, fmt, args);
	va_end(args);
	return len;
}
