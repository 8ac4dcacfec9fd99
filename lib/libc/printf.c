/* SPDX-License-Identifier: ISC */
/*
 * Positional arguments and %m of printf(), which are replaced before newlib formats
 * (lib/libc/printf.h).
 *
 * newlib's option for positional arguments would add 8 KB to each program, and it has no
 * %m. So a format with one of them is rewritten: "%2$-*1$s: %m" becomes "%-*s: %s", and
 * the arguments are copied in this order to an area from which a va_list is made. Other
 * formats are only scanned.
 */
#include "lib/libc/printf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MOST 64				/* positional arguments; POSIX requires 9 (NL_ARGMAX) */

enum type { NONE, INT, LONG, DOUBLE, LONG_DOUBLE };

union value {
	int i;
	long l;				/* also a pointer, and other types of 64 bits */
	double d;
	long double ld;
};

/* A conversion: %[position$][flags][width][.precision][length]letter. */
struct conversion {
	const char *rest;		/* the text behind it */
	unsigned position, width, precision;	/* argument numbers; 0: not positional */
	bool has_width, has_precision;		/* given by an argument: `*` */
	enum type type;
	char letter;
};

struct rewrite {
	enum type types[MOST + 1];
	union value values[MOST + 1];
	unsigned last;			/* position */
	bool positional, reason;	/* the format has positional arguments; has %m */
	char *format, *end;		/* the new format; NULL: scan only */
	char *area;			/* the new area of arguments */
	size_t used;
	const char *error;		/* the text of %m */
	va_list *args;
};

/* Parses "2$". Returns 0, without changing *p, if there is no position. */
static unsigned position(const char **p)
{
	const char *end = *p;
	unsigned n = 0;

	for (; *end >= '0' && *end <= '9'; end++)
		n = n <= MOST ? 10 * n + (*end - '0') : n;
	if (!n || **p == '0' || *end != '$')
		return 0;
	*p = end + 1;
	return n <= MOST ? n : MOST + 1;
}

static enum type type_of(char letter, bool is_long, bool is_long_double)
{
	if (!letter || strchr("%m", letter))
		return NONE;
	if (strchr("aAeEfFgG", letter))
		return is_long_double ? LONG_DOUBLE : DOUBLE;
	if (strchr("spnS", letter) || (is_long && !strchr("cC", letter)))
		return LONG;
	return INT;
}

static const char *star(const char *p, bool *has, unsigned *at)
{
	if (*p != '*')
		return p + strspn(p, "0123456789");
	*has = true;
	p++;
	*at = position(&p);
	return p;
}

/* p points behind the %. */
static struct conversion parse(const char *p)
{
	struct conversion c = { .position = position(&p) };
	size_t len;
	char *length;

	p = star(p + strspn(p, "-+ #0'"), &c.has_width, &c.width);
	if (*p == '.')
		p = star(p + 1, &c.has_precision, &c.precision);
	length = (char *)p;
	len = strspn(p, "hljztLq");
	p += len;
	c.letter = *p;
	c.type = type_of(*p, len && *length != 'h', len && *length == 'L');
	c.rest = *p ? p + 1 : p;
	return c;
}

static void put(struct rewrite *w, const void *value, size_t size, size_t align)
{
	w->used = (w->used + align - 1) & ~(align - 1);
	memcpy(w->area + w->used, value, size);
	w->used += (size + 7) & ~7ul;
}

/* Takes an argument by its position, or the next one. */
static void take(struct rewrite *w, enum type type, unsigned at)
{
	union value v = w->values[at];

	if (!at && type == INT)
		v.i = va_arg(*w->args, int);
	else if (!at && type == LONG)
		v.l = va_arg(*w->args, long);
	else if (!at && type == DOUBLE)
		v.d = va_arg(*w->args, double);
	else if (!at && type == LONG_DOUBLE)
		v.ld = va_arg(*w->args, long double);
	if (type == LONG_DOUBLE)
		put(w, &v.ld, sizeof(v.ld), 16);
	else if (type != NONE)
		put(w, &v.l, sizeof(v.l), 8);
}

/* Writes the conversion without positions, and its arguments. */
static void rewrite(struct rewrite *w, const char *from, const struct conversion *c)
{
	if (c->position)
		from = strchr(from, '$') + 1;
	while (from < c->rest) {
		*w->end++ = *from;
		if (*from++ == '*')
			position(&from);
	}
	if (c->has_width)
		take(w, INT, c->width);
	if (c->has_precision)
		take(w, INT, c->precision);
	if (c->letter == 'm') {
		w->end[-1] = 's';
		put(w, &w->error, sizeof(w->error), 8);
	} else {
		take(w, c->type, c->position);
	}
}

static bool note(struct rewrite *w, enum type type, unsigned at)
{
	if (at > MOST)
		return false;
	if (at && type != NONE) {
		w->positional = true;
		if (w->types[at] < type)
			w->types[at] = type;
		if (at > w->last)
			w->last = at;
	}
	return true;
}

/* Returns false if a position is too high. */
static bool scan(struct rewrite *w, const char *p)
{
	struct conversion c;

	for (; *p; p = c.rest) {
		const char *percent = strchr(p, '%');

		if (w->format) {
			size_t n = percent ? (size_t)(percent - p) : strlen(p);

			memcpy(w->end, p, n);
			w->end += n;
		}
		if (!percent)
			break;
		c = parse(percent + 1);
		if (w->format) {
			*w->end++ = '%';
			rewrite(w, percent + 1, &c);
		}
		w->reason |= c.letter == 'm';
		if (!note(w, c.has_width ? INT : NONE, c.width) ||
		    !note(w, c.has_precision ? INT : NONE, c.precision) ||
		    !note(w, c.type, c.position))
			return false;
	}
	return true;
}

/*
 * Fetches the arguments in order. A position that is not used is taken for an int, as on
 * Linux.
 */
static void fetch(struct rewrite *w, va_list *args)
{
	for (unsigned i = 1; i <= w->last; i++) {
		if (w->types[i] == LONG_DOUBLE)
			w->values[i].ld = va_arg(*args, long double);
		else if (w->types[i] == DOUBLE)
			w->values[i].d = va_arg(*args, double);
		else if (w->types[i] == LONG)
			w->values[i].l = va_arg(*args, long);
		else
			w->values[i].i = va_arg(*args, int);
	}
}

/*
 * A va_list of the x86-64 psABI (3.5.7) without registers: all arguments are in memory.
 */
static int call(printf_engine *engine, struct _reent *reent, FILE *file,
		const struct rewrite *w)
{
	va_list args = { {
		.gp_offset = 48, .fp_offset = 176, .overflow_arg_area = w->area,
	} };

	return engine(reent, file, w->format, args);
}

static __attribute__((noinline)) int rewritten(printf_engine *engine, struct _reent *reent,
					       FILE *file, const char *format, va_list args)
{
	struct rewrite w = { .error = NULL };
	size_t len;
	va_list copy;
	int n, error = errno;

	if (!scan(&w, format)) {
		errno = EINVAL;
		return -1;
	}
	if (!w.positional && !w.reason)
		return engine(reent, file, format, args);
	len = strlen(format) + 1;
	/* The shortest one is `%*`: 3 characters take 3 times 16 bytes */
	w.area = malloc(len * 24 + len);
	if (!w.area)
		return -1;
	w.format = w.end = w.area + len * 24;
	w.error = strerror(error);
	va_copy(copy, args);
	w.args = &copy;
	fetch(&w, &copy);
	scan(&w, format);
	*w.end = '\0';
	n = call(engine, reent, file, &w);
	va_end(copy);
	free(w.area);
	return n;
}

int printf_with(printf_engine *engine, struct _reent *reent, FILE *file, const char *format,
		va_list args)
{
	if (!strpbrk(format, "$m"))
		return engine(reent, file, format, args);
	return rewritten(engine, reent, file, format, args);
}
