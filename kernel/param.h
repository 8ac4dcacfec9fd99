/* SPDX-License-Identifier: ISC */
/*
 * The kernel command line.
 *
 *	word word key=value ... -- argument 'argument with blanks' ...
 *
 * Words before ` -- ` are ours, those after it are the application's argv[1...];
 * quoting is the shell's: '...', "...", and a backslash before any character.
 * Without ` -- `, words that are not key=value go to the application.
 */
#ifndef KERNEL_PARAM_H
#define KERNEL_PARAM_H

#include <stdbool.h>
#include <stdint.h>

/* Split it, once, in place.  0; -EINVAL: a quote is not closed; -E2BIG: more than 1024 words. */
int param_init(char *command_line);

/* The value of key=value, "" for a bare word before the `--`, or NULL.  The last one wins. */
const char *param(const char *key);

/*
 * As numbers; absent gives fallback.  A value that is none gives fallback and a
 * warning in the log.  Sizes take K, M, G; durations ms, s, m, h (ns; plain: s;
 * 73 years at the most).
 */
uint64_t param_number(const char *key, uint64_t min, uint64_t max, uint64_t fallback);
uint64_t param_size(const char *key, uint64_t fallback);
uint64_t param_duration(const char *key, uint64_t fallback);

/* The same for a text: false, it is none. */
bool param_parse_duration(const char *text, uint64_t *ns);

/*
 * A key that may be set while the guest runs; param() says the new value from then on.
 * set() makes of it what there is to make: 0, or -EINVAL: it makes no sense, and nothing
 * has changed.  The struct stays.
 */
#define SETTING_MAX 64
struct setting {
	const char *key;
	int (*set)(const char *value);
	struct setting *next;
	bool changed;
	char value[SETTING_MAX];
};
void param_setting(struct setting *s);

/* 0; -ENOENT: it is not for changing; -EINVAL: what set() said, or too long. */
int param_set(const char *key, const char *value);

/* Call visit for each such key. */
void param_settings(void (*visit)(const struct setting *s, void *arg), void *arg);

/* Call visit for each key that begins with prefix, in order, with what is after it. */
void param_each(const char *prefix, void (*visit)(const char *rest, const char *value));

/* The application's arguments. */
unsigned param_argc(void);
char **param_argv(void);

#endif
