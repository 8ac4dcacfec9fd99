/* SPDX-License-Identifier: ISC */
/*
 * The operator's command, see xenolith.1.  xenolith.c has its words, and a function for each;
 * endpoint.c speaks with the guest; show.c asks it and shows what it said.
 */
#ifndef XENOLITH_H
#define XENOLITH_H

#include "endpoint.h"
#include "text.h"

#define INTERFACES "org.xenolith."

/* What was typed. */
struct words {
	const char *domain;
	int domid;
	const char *option;		/* the one with a dash; "" */
	int argc;			/* behind the domain */
	char **argv;
};

extern int as_json;

/* One call; its one reply, which is the caller's.  An error ends the program. */
json_t *ask(const char *method, json_t *parameters);
void ask_and_show(const char *method, json_t *parameters);
_Noreturn void complain(const char *method, const char *error, json_t *parameters);
int keep_reply(json_t *parameters, void *arg);	/* a visitor: to *(json_t **)arg */

/*
 * All of a list that comes in several replies: the arrays KEY of METHOD, each with the
 * `next` to ask from.  The caller's.  A list that does not end ends the program.
 */
json_t *ask_for_list(const char *method, const char *key);

void print_json(json_t *j, int pretty);
void show(json_t *j, int indent);		/* a line for each value */

/*
 * A member; 0, "" where there is none.  Text is escaped and cut for a terminal (text.h), so
 * that it may be printed; numbers are within +-2^61, so that they may be added.
 */
json_int_t number(json_t *object, const char *key);
const char *text(json_t *object, const char *key);
const char *raw_text(json_t *object, const char *key);	/* for put_lines() */

/* Commands with a file of their own. */
void net(const struct words *w);		/* devices.c */
void block(const struct words *w);
void devices(const struct words *w);
void run(char **argv);				/* run.c: of what stands behind "run" */
void vcat(const struct words *w);
void gdb(const struct words *w);
void profile(const struct words *w);
void trace(const struct words *w);

#endif
