/* SPDX-License-Identifier: ISC */
/*
 * The methods that can be called in a running guest: a table of interfaces, each with
 * methods, for all callers (control/endpoint.c, control/shell.c, /proc/xenolith).
 *
 * A module registers its interfaces; modules that are not linked have none in the table.
 * Names, descriptions and messages are those of varlink (varlink.org): a name ends with a
 * version number, and a changed interface gets another number.
 *
 *	control=off|read|safe|all	which methods can be called: none, those that read,
 *					all but the dangerous, or all (the default)
 */
#ifndef CONTROL_COMMAND_H
#define CONTROL_COMMAND_H

#include "control/json.h"

#define COMMAND_MAX (64 * 1024)		/* bytes of a message, in either direction */
#define COMMAND_DEPTH 16

enum command_kind { COMMAND_READS, COMMAND_WRITES, COMMAND_DANGEROUS };

/* A call in progress. */
struct command {
	struct json_value parameters;
	struct json *reply;		/* the members of its parameters */
	bool more;			/* the caller accepts several replies */
	const struct interface *only;	/* NULL, or the only one whose methods can be called */
	const struct interface *interface;	/* that is called */
	const struct method *method;
	char wrong[64];			/* -EINVAL: the parameter; -ECANCELED: why */
	char error[128];		/* -ECANCELED: the error's name */
	bool (*send)(struct command *c);
	bool (*wait)(struct command *c, uint64_t deadline);
	size_t start;			/* of the reply in reply->to */
};

/*
 * A method puts members into c->reply and returns 0. Or it returns an error, and its
 * members are dropped: -EINVAL (from command_*() below), -EACCES, -ENOSYS, -ENOMEM, ...
 * It may sleep.
 */
struct method {
	const char *name;		/* NULL ends the list */
	enum command_kind kind;
	int (*call)(struct command *c);
};

struct interface {
	const char *name;		/* org.xenolith.thing1 */
	const char *description;	/* its varlink definition */
	const struct method *methods;	/* or NULL */
	/*
	 * Its statistics, as the member `key` of the guest's, for stats1.Get and
	 * /proc/xenolith.  stats() must not sleep.  Or NULL.
	 */
	const char *key;
	void (*stats)(struct json *j, const char *key);
	struct interface *next;
};

void command_add(struct interface *i);
bool command_known(const char *interface);

/* All statistics as one object: {"uptime": ms, ...}. */
void command_stats(struct json *j, const char *key);

/*
 * Read a parameter.  Return 1; 0 if it is absent; -EINVAL if it is invalid, and c->wrong
 * is set.
 */
int command_integer(struct command *c, const char *name, int64_t min, int64_t max, int64_t *to);
int command_string(struct command *c, const char *name, char *to, size_t size);

/* For a method to return: the parameter of this name is missing or invalid. */
int command_wrong(struct command *c, const char *name);

/*
 * For a method to return: an error of this name (NULL: org.xenolith.control1.Failed), and
 * why.
 */
int command_error(struct command *c, const char *error, const char *why);

/*
 * For methods with several replies, if c->more: command_next() sends the present reply
 * and begins another; command_wait() sleeps until the deadline.  They return false if the
 * caller has disconnected.
 */
bool command_next(struct command *c);
bool command_wait(struct command *c, uint64_t deadline);

/* Sends the reply now, before the method does something after which it cannot be sent. */
void command_finish(struct command *c);

/*
 * Handles one message, of any bytes.  The reply is sent by c->send(), which sends
 * c->reply from c->start on and returns false if the caller has disconnected.  The caller
 * provides c->reply, c->send and c->wait.  May sleep.
 */
bool command_answer(struct command *c, const char *message, size_t len);

/* The same for an invalid message, such as one that is too long. */
bool command_refuse(struct command *c, const char *why);

#endif
