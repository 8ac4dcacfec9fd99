/* SPDX-License-Identifier: ISC */
/*
 * The command line is split in place: a word is never longer than with its quotes.  A key
 * is a letter, then letters, digits, and _ . -.  Without ` -- `, a word with a quoted key, such
 * as 'a=b', and --port=80 are the application's.
 */
#include "kernel/param.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define MAX_WORDS 1024

static struct word {
	char *text;			/* of a kernel's word: the key */
	char *value;			/* behind the =, or NULL */
} words[MAX_WORDS];
static unsigned nwords;			/* of the kernel, after param_init() */

static char name[] = "main";
static char *argv[1 + MAX_WORDS + 1];
static unsigned argc = 1;

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_letter(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_key(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

/* Returns the = of a key=value at p, which still has its quotes, or NULL. */
static char *equals(char *p)
{
	if (!is_letter(*p))
		return NULL;
	while (is_key(*p))
		p++;
	return *p == '=' ? p : NULL;
}

static bool is_separator(const char *p)
{
	return p[0] == '-' && p[1] == '-' && (!p[2] || is_blank(p[2]));
}

/* Unquotes the word at *p in place; false: a quote is not closed. */
static bool cut(char **p)
{
	char *from = *p, *to = *p, quote = 0;

	for (; *from && (quote || !is_blank(*from)); from++) {
		if (*from == quote)
			quote = 0;
		else if (!quote && (*from == '\'' || *from == '"'))
			quote = *from;
		else if (*from == '\\' && quote != '\'' && from[1])
			*to++ = *++from;
		else
			*to++ = *from;
	}
	*p = *from ? from + 1 : from;
	*to = '\0';
	return !quote;
}

/*
 * Splits the line into words[]. Returns 0 or an error.  *separator: how many words are
 * before ` -- `.
 */
static int split(char *p, unsigned *separator)
{
	bool found = false;

	*separator = MAX_WORDS + 1;
	for (;;) {
		char *text, *at;

		while (is_blank(*p))
			p++;
		if (!*p)
			return 0;
		if (nwords == MAX_WORDS)
			return -E2BIG;
		if (!found && is_separator(p)) {
			found = true;
			*separator = nwords;
			p += 2;
			continue;
		}
		text = p;
		at = equals(p);
		words[nwords++] = (struct word){ text, at ? at + 1 : NULL };
		if (!cut(&p))
			return -EINVAL;
	}
}

int param_init(char *command_line)
{
	unsigned separator, all, kept = 0;
	int rc;

	nwords = 0;
	argv[0] = name;
	argc = 1;
	rc = split(command_line, &separator);
	all = nwords;
	for (unsigned i = 0; i < all; i++) {
		struct word w = words[i];

		/* GRUB quotes the whole word: "env.X=y z". */
		if (i < separator && separator <= all && !w.value && equals(w.text))
			w.value = equals(w.text) + 1;
		if (i < separator && (w.value || separator <= all)) {
			if (w.value)
				w.value[-1] = '\0';
			words[kept++] = w;
		} else {
			argv[argc++] = w.text;
		}
	}
	nwords = kept;
	argv[argc] = NULL;
	return rc;
}

int param_more(char *line)
{
	unsigned separator, had = nwords, kept = nwords;
	int rc = split(line, &separator);

	for (unsigned i = had; !rc && i < nwords && i < separator; i++)
		if (words[i].value) {
			words[i].value[-1] = '\0';
			words[kept++] = words[i];
		}
	nwords = kept;
	return rc;
}

static const char *value(const struct word *w)
{
	return w->value ? w->value : "";
}

static struct setting *settings;

static struct setting *setting(const char *key)
{
	struct setting *s = settings;

	while (s && strcmp(s->key, key))
		s = s->next;
	return s;
}

void param_setting(struct setting *s)
{
	s->next = settings;
	settings = s;
}

int param_set(const char *key, const char *value)
{
	struct setting *s = setting(key);
	int rc;

	if (!s)
		return -ENOENT;
	rc = strlen(value) < SETTING_MAX ? s->set(value) : -EINVAL;
	if (rc)
		return rc;
	strcpy(s->value, value);
	s->changed = true;
	return 0;
}

const char *param_initial(const char *key)
{
	struct setting *s = setting(key);

	return s ? s->initial : NULL;
}

void param_settings(void (*visit)(const struct setting *s, void *arg), void *arg)
{
	for (const struct setting *s = settings; s; s = s->next)
		visit(s, arg);
}

const char *param(const char *key)
{
	struct setting *s = setting(key);

	if (s && s->changed)
		return s->value;
	for (unsigned i = nwords; i--;)
		if (!strcmp(words[i].text, key))
			return value(&words[i]);
	return NULL;
}

void param_each(const char *prefix, void (*visit)(const char *rest, const char *value))
{
	size_t len = strlen(prefix);

	for (unsigned i = 0; i < nwords; i++)
		if (!strncmp(words[i].text, prefix, len))
			visit(words[i].text + len, words[i].value);
}

unsigned param_argc(void)
{
	return argc;
}

char **param_argv(void)
{
	return argv;
}

/* ---- numbers */

static unsigned digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (is_letter(c))
		return (c | 0x20) - 'a' + 10;
	return 99;
}

/*
 * Parses a number, decimal, or hexadecimal after 0x.  Returns the text behind it, or
 * NULL.
 */
static const char *number(const char *p, uint64_t *n)
{
	unsigned base = 10;
	const char *first;

	if (p[0] == '0' && (p[1] | 0x20) == 'x') {
		base = 16;
		p += 2;
	}
	*n = 0;
	for (first = p; digit(*p) < base; p++)
		if (__builtin_mul_overflow(*n, base, n) ||
		    __builtin_add_overflow(*n, digit(*p), n))
			return NULL;
	return p == first ? NULL : p;
}

struct unit {
	const char *name;
	uint64_t factor;
};

/* A number and one of the units; 0 needs none. */
static bool scaled(const char *text, const struct unit *units, uint64_t *n)
{
	const char *rest = number(text, n);

	if (rest && !*rest && !*n)
		return true;
	for (; rest && units->name; units++)
		if (!strcmp(rest, units->name))
			return !__builtin_mul_overflow(*n, units->factor, n);
	return false;
}

bool param_parse_size(const char *text, uint64_t *bytes)
{
	static const struct unit sizes[] = {
		{ "K", 1 << 10 }, { "M", 1 << 20 }, { "G", 1 << 30 },
		{ "k", 1 << 10 }, { "m", 1 << 20 }, { "g", 1 << 30 }, { 0 },
	};

	return scaled(text, sizes, bytes);
}

#define LONGEST (UINT64_MAX / 8)	/* 73 years: can be added to any time */

bool param_parse_duration(const char *text, uint64_t *ns)
{
	static const struct unit times[] = {
		{ "ms", 1000000 }, { "s", 1000000000 }, { "m", 60000000000 },
		{ "h", 3600000000000 }, { 0 },
	};

	return scaled(text, times, ns) && *ns <= LONGEST;
}

uint64_t param_size(const char *key, uint64_t fallback)
{
	const char *text = param(key);
	uint64_t n;

	return text && param_parse_size(text, &n) ? n : fallback;
}

uint64_t param_duration(const char *key, uint64_t fallback)
{
	const char *text = param(key);
	uint64_t n;

	return text && param_parse_duration(text, &n) ? n : fallback;
}
