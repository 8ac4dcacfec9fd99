/* SPDX-License-Identifier: ISC */
/*
 * The kernel command line.
 *
 *	word word key=value ... -- argument 'argument with blanks' ...
 *
 * Words before ` -- ` are for the kernel, those after it are the application's
 * argv[1...]. Quotes are as in a shell: '...', "...", and a backslash before any
 * character.  Without ` -- `, words that are not key=value go to the application.
 * docs/appliance.md lists the keys.  None of these functions sleep.
 */
#ifndef KERNEL_PARAM_H
#define KERNEL_PARAM_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Splits the command line in place; called once.  Returns 0; -EINVAL if a quote is not
 * closed; -E2BIG for more than 1024 words.
 */
int param_init(char *command_line);

/*
 * Returns the value of the last key=value; "" for a single word before ` -- `; NULL if
 * the key is absent.
 */
const char *param(const char *key);

/*
 * The value as a number.  If the key is absent, they return fallback.  If the value is
 * invalid, they return fallback and log a warning.  Sizes (bytes) may end with K, M or G,
 * durations with ms, s, m or h.  Durations are returned in ns; without a unit they are in
 * s.  Their maximum is 73 years.
 */
uint64_t param_number(const char *key, uint64_t min, uint64_t max, uint64_t fallback);
uint64_t param_size(const char *key, uint64_t fallback);
uint64_t param_duration(const char *key, uint64_t fallback);

/* The same for a text.  Returns false if it is invalid. */
bool param_parse_duration(const char *text, uint64_t *ns);

/*
 * A key that may be set while the guest runs; param() returns the new value then.  set()
 * applies the value and returns 0, or returns -EINVAL for an invalid value and changes
 * nothing.  The struct stays registered.
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

/*
 * Returns 0; -ENOENT if the key cannot be set; -EINVAL if the value is invalid or too
 * long.
 */
int param_set(const char *key, const char *value);

/* Calls visit() for each key that can be set. */
void param_settings(void (*visit)(const struct setting *s, void *arg), void *arg);

/*
 * Calls visit() for each key that begins with prefix, in order, with the rest of the key.
 */
void param_each(const char *prefix, void (*visit)(const char *rest, const char *value));

/* The application's arguments. */
unsigned param_argc(void);
char **param_argv(void);

#endif
