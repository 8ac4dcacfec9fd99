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

/* Split it, once, in place.  0, or -EINVAL: a quote is not closed. */
int param_init(char *command_line);

/* The value of key=value, "" for a bare word before the `--`, or NULL.  The last one wins. */
const char *param(const char *key);

/*
 * As numbers; absent gives fallback.  A value that is none gives fallback and a
 * warning in the log.  Sizes take K, M, G; durations ms, s, m, h (ns; plain: s).
 */
uint64_t param_number(const char *key, uint64_t min, uint64_t max, uint64_t fallback);
uint64_t param_size(const char *key, uint64_t fallback);
uint64_t param_duration(const char *key, uint64_t fallback);

/* Call visit for each key that begins with prefix, in order, with what is after it. */
void param_each(const char *prefix, void (*visit)(const char *rest, const char *value));

/* The application's arguments. */
unsigned param_argc(void);
char **param_argv(void);

#endif
