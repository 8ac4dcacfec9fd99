/* SPDX-License-Identifier: ISC */
/*
 * Methods of the application at the guest's control endpoint, for `xenolith call` and other
 * varlink clients (docs/control.md; varlink.org has the protocol).
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

#define CONTROL_MAX (16 * 1024)	/* bytes: maximum of a call's parameters, and of a reply */

struct control_call;

/* The option control= of the kernel command line enables methods by these kinds. */
enum control_kind { CONTROL_READS, CONTROL_WRITES, CONTROL_DANGEROUS };

struct control_method {
	const char *name;		/* NULL ends the array */
	enum control_kind kind;
	/*
	 * Returns 0, with the reply in the members that were put; or an errno, which the
	 * caller gets as an error. If a parameter function returned -1, return EINVAL:
	 * the reply names the parameter. Or return control_error(). May sleep.
	 */
	int (*call)(struct control_call *c, void *arg);
};

/*
 * Registers an interface. `description` is its varlink definition, which clients can read;
 * it must have one `method` line for each entry of `methods`. The arguments must stay
 * valid. Methods are called one at a time, in a thread that the first call of
 * control_offer() creates. A call that takes more than 5 s fails with an error for the
 * client. May sleep until another call of control_offer() returns.
 *
 * Returns 0, or -1 with errno: EINVAL (no interface name, or the methods do not match),
 * EEXIST (the name is registered already), ENOMEM, EAGAIN (no thread).
 */
int control_offer(const char *description, const struct control_method *methods, void *arg);

/*
 * Read a parameter. Return 1 and store it in *to; 0 if it is absent or null; -1 if it has
 * another type or is out of range; also -1 if a string with its NUL exceeds size bytes or
 * contains U+0000.  These and the functions below do not sleep, and are only for a method
 * that runs, with its own c.
 */
int control_integer(struct control_call *c, const char *name, long long min, long long max,
		    long long *to);
int control_boolean(struct control_call *c, const char *name, int *to);
int control_string(struct control_call *c, const char *name, char *to, size_t size);

/* Returns all parameters as a JSON object.  The text is valid until the method returns. */
const char *control_parameters(struct control_call *c);

/*
 * Add a member to the reply. In an array the name is NULL. Names and texts are copied.  If
 * the reply exceeds CONTROL_MAX bytes, or objects and arrays are not closed in order, the
 * client gets an error instead of the reply.
 */
void control_put_integer(struct control_call *c, const char *name, long long value);
void control_put_boolean(struct control_call *c, const char *name, int value);
void control_put_string(struct control_call *c, const char *name, const char *value);
/* Opens an object or array: '{' or '[' */
void control_open(struct control_call *c, const char *name, char bracket);
void control_close(struct control_call *c, char bracket);	/* closes it: '}' or ']' */

/*
 * For a method to return: makes the reply an error, one that the interface's description
 * declares with `error`, and describes it in words.  `why` is copied, and cut behind 63
 * bytes; `name` must stay valid, as a string literal does.  Returns ECANCELED.
 */
int control_error(struct control_call *c, const char *name, const char *why);

#ifdef __cplusplus
}
#endif

#endif
