/* SPDX-License-Identifier: ISC */
/*
 * Methods of the application's own at the guest's control endpoint, for `xenolith call` and
 * whatever else speaks varlink (docs/control.md).
 *
 *	static int add(struct control_call *c, void *arg)
 *	{
 *		long long n = 1;
 *
 *		if (control_integer(c, "n", 0, 100, &n) < 0)
 *			return EINVAL;
 *		control_put_integer(c, "sum", sum += n);
 *		return 0;
 *	}
 *
 *	static const struct control_method methods[] = {
 *		{ "Add", CONTROL_WRITES, add }, { 0 }
 *	};
 *
 *	control_offer("# A number, and what was added to it.\n"
 *		      "interface org.example.counter1\n"
 *		      "method Add(n: ?int) -> (sum: int)\n", methods, NULL);
 */
#ifndef XENOLITH_CONTROL_H
#define XENOLITH_CONTROL_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CONTROL_MAX (16 * 1024)		/* bytes of a call's parameters, or of a reply */

struct control_call;

/* What control= on the kernel command line allows or not. */
enum control_kind { CONTROL_READS, CONTROL_WRITES, CONTROL_DANGEROUS };

struct control_method {
	const char *name;		/* NULL ends the list */
	enum control_kind kind;
	/*
	 * 0, and what was put is the reply; else an errno: EINVAL after one of the functions
	 * for parameters said -1 tells the caller which it was; or control_error().
	 */
	int (*call)(struct control_call *c, void *arg);
};

/*
 * From now on there is this interface: a description in varlink's language, which the caller
 * is given who asks for it, with one `method` line for each of these methods.  All of it
 * stays as it is.  Calls come in a thread of the application's that the first offer makes,
 * one at a time; one that takes longer than 5 s is told to have failed.
 *
 * 0, or -1 and errno: EINVAL (the description names no interface, or other methods), EEXIST
 * (there is one of this name), ENOMEM, EAGAIN (no more threads).
 */
int control_offer(const char *description, const struct control_method *methods, void *arg);

/*
 * A parameter: 1, and *to is it; 0: there is none, or null; -1: it is of another type, or
 * too large.
 */
int control_integer(struct control_call *c, const char *name, long long min, long long max,
		    long long *to);
int control_boolean(struct control_call *c, const char *name, int *to);
int control_string(struct control_call *c, const char *name, char *to, size_t size);

/* All of them, as JSON. */
const char *control_parameters(struct control_call *c);

/* Members of the reply.  Within an array the name is NULL. */
void control_put_integer(struct control_call *c, const char *name, long long value);
void control_put_boolean(struct control_call *c, const char *name, int value);
void control_put_string(struct control_call *c, const char *name, const char *value);
void control_open(struct control_call *c, const char *name, char bracket);	/* '{' or '[' */
void control_close(struct control_call *c, char bracket);			/* '}' or ']' */

/* For a method to return: an `error` of the interface's, and why in words. */
int control_error(struct control_call *c, const char *name, const char *why);

#ifdef __cplusplus
}
#endif

#endif
