/* SPDX-License-Identifier: ISC */
/*
 * The kernel command line.
 *
 *	word word key=value ... -- argument 'argument with blanks' ...
 *
 * Words before ` -- ` are for the kernel, those after it are the application's
 * argv[1...]. Quotes are as in a shell: '...', "...", and a backslash before any
 * character.  Without ` -- `, words that are not key=value go to the application.
 * docs/appliance.md lists the options.  None of these functions sleep.
 *
 * The file that reads an option declares it:
 *
 *	PARAM(lifetime, "lifetime=DURATION");
 *
 * param_check() refuses words that no linked file has declared, and values that do not
 * fit the declaration.
 */
#ifndef KERNEL_PARAM_H
#define KERNEL_PARAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Splits the command line in place; called once.  Returns 0; -EINVAL if a quote is not
 * closed; -E2BIG for more than 1024 words.
 */
int param_init(char *command_line);

/*
 * Adds the options of another line, which replace earlier ones of the same keys; other words, and those
 * after ` -- `, have no effect.  Options that were read before keep their effect.  Returns as
 * param_init(); after an error, none of the line is kept.
 */
int param_more(char *line);

/*
 * An option.  `usage` is its name, then nothing, =VALUES, or [=VALUES] if the value may be
 * left out.  VALUES are separated by |: DURATION (a number with ms, s, m or h, or 0), SIZE (a
 * number with K, M or G, or 0), another word of capital letters: any text; other words stand
 * for themselves.  A name that ends with a dot and capital letters takes any letters there.
 * [vifN.] in front: the name may follow vif0., vif1. ...
 * `wrong`, if it is not NULL, judges the value instead: NULL, or one sentence why it is invalid.
 */
struct param_option {
	const char *usage;
	const char *(*wrong)(const char *value);
};
#define PARAM_CHECKED(name, usage, wrong)                                                     \
	static const struct param_option param_of_##name                                      \
		__attribute__((section("params"), used, aligned(8))) = { usage, wrong }
#define PARAM(name, usage) PARAM_CHECKED(name, usage, NULL)

/*
 * NULL, or what is wrong with the command line: one sentence, without the list of options,
 * which is logged.  Options of code that is not linked only cause a warning in the log.
 */
const char *param_check(void);

/*
 * Returns the value of the last key=value; "" for a single word before ` -- `; NULL if
 * the key is absent.
 */
const char *param(const char *key);

/*
 * Return the value in bytes or ns, or fallback if the key is absent or the value is invalid.
 */
uint64_t param_size(const char *key, uint64_t fallback);
uint64_t param_duration(const char *key, uint64_t fallback);

/* The same for a text.  Return false if it is invalid.  A duration is at most 73 years. */
bool param_parse_duration(const char *text, uint64_t *ns);
bool param_parse_size(const char *text, uint64_t *bytes);

/*
 * A key that may be set while the guest runs; param() returns the new value then.  set()
 * applies the value and returns 0, or changes nothing and returns -EINVAL for an invalid
 * value, or -ENOMEM.  The struct stays registered.
 */
#define SETTING_MAX 64
struct setting {
	const char *key;
	int (*set)(const char *value);
	const char *initial;		/* in force while the key is not set; NULL: nothing */
	struct setting *next;
	bool changed;
	char value[SETTING_MAX];
};
void param_setting(struct setting *s);

/*
 * Returns 0; -ENOENT if the key cannot be set; -EINVAL if the value is invalid or too
 * long; -ENOMEM.
 */
int param_set(const char *key, const char *value);

/* Returns the `initial` of a key that can be set, or NULL. */
const char *param_initial(const char *key);

/* Calls visit() for each key that can be set. */
void param_settings(void (*visit)(const struct setting *s, void *arg), void *arg);

/*
 * Calls visit() for each key that begins with prefix, in order, with the rest of the key.
 * value is NULL for a single word.
 */
void param_each(const char *prefix, void (*visit)(const char *rest, const char *value));

/* The application's arguments. */
unsigned param_argc(void);
char **param_argv(void);

#endif
