/* SPDX-License-Identifier: ISC */
/*
 * What can be asked of a guest while it runs: one table of interfaces, each with methods,
 * behind whatever asks (control/endpoint.c, /proc/xenolith).
 *
 * A module registers its interfaces; those of modules that are not linked are not in the table.
 * Names, descriptions and messages are varlink's (varlink.org): a name ends with a number,
 * and what it says stays; what changes gets another number.
 *
 *	control=off|read|safe|all	which methods there are: none, those that read, all
 *					but the dangerous, or all (the default)
 */
#ifndef CONTROL_COMMAND_H
#define CONTROL_COMMAND_H

#include "control/json.h"

#define COMMAND_MAX (64 * 1024)		/* bytes of a message, either way */
#define COMMAND_DEPTH 16

enum command_kind { COMMAND_READS, COMMAND_WRITES, COMMAND_DANGEROUS };

/* A call that is being answered. */
struct command {
	struct json_value parameters;
	struct json *reply;		/* the members of its parameters go here */
	bool more;			/* the caller takes several replies */
	const struct interface *interface;	/* which is called */
	const struct method *method;
	char wrong[64];			/* -EINVAL: the parameter; -ECANCELED: why */
	char error[128];		/* -ECANCELED: its name */
	bool (*send)(struct command *c);
	bool (*wait)(struct command *c, uint64_t deadline);
	size_t start;			/* of the reply in reply->to */
};

/*
 * A method puts members into c->reply and returns 0; or an error, and what it put is dropped:
 * -EINVAL (what command_*() below said), -EACCES, -ENOSYS, -ENOMEM, ...
 */
struct method {
	const char *name;		/* NULL ends the list */
	enum command_kind kind;
	int (*call)(struct command *c);
};

struct interface {
	const char *name;		/* org.xenolith.thing1 */
	const char *description;	/* in varlink's language, from "interface" on */
	const struct method *methods;	/* or NULL */
	/*
	 * Its statistics, as the one member `key` of the guest's; must not sleep.  They are
	 * what stats1.Get answers, and /proc/xenolith.  Or NULL.
	 */
	const char *key;
	void (*stats)(struct json *j, const char *key);
	struct interface *next;
};

void command_add(struct interface *i);
bool command_known(const char *interface);

/* All statistics as one object: {"uptime": ms, ...}. */
void command_stats(struct json *j, const char *key);

/* Parameters: 1, and *to is it; 0, there is none; -EINVAL, and c->wrong says which. */
int command_integer(struct command *c, const char *name, int64_t min, int64_t max, int64_t *to);
int command_string(struct command *c, const char *name, char *to, size_t size);

/* For a method to return: the parameter of that name is missing, or makes no sense. */
int command_wrong(struct command *c, const char *name);

/* The same: an error of that name (NULL: org.xenolith.control1.Failed), and why in words. */
int command_error(struct command *c, const char *error, const char *why);

/*
 * For methods of several replies, where c->more: send what is in the reply now and begin
 * another; and sleep until the deadline.  False: the caller has gone.
 */
bool command_next(struct command *c);
bool command_wait(struct command *c, uint64_t deadline);

/* Send the reply now, before the method does what cannot be answered behind it. */
void command_finish(struct command *c);

/*
 * Answer one message, of any bytes, through c->send(), which sends c->reply from c->start
 * on: false, the caller has gone.  c->reply, c->send and c->wait are the caller's.
 */
bool command_answer(struct command *c, const char *message, size_t len);

/* The same for what is no message: too long, say. */
bool command_refuse(struct command *c, const char *why);

#endif
