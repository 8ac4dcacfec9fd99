/* SPDX-License-Identifier: ISC */
/*
 * The operator's command (xenolith.1).  xenolith.c has the table of commands and most of
 * their functions; endpoint.c is the client of the guest's endpoint; show.c has calls and
 * output that all commands use.
 */
#ifndef XENOLITH_H
#define XENOLITH_H

#include "endpoint.h"
#include "text.h"

#define INTERFACES "org.xenolith."

/* The command line. */
struct words {
	const char *domain;
	int domid;
	const char *option;		/* the option, such as "-f", or "" */
	int argc;			/* arguments after the domain */
	char **argv;
};

extern int as_json;

/*
 * ask() calls a method and returns the parameters of its only reply, to be freed with
 * json_decref(); ask_and_show() prints them.  Both take over `parameters`.  An error ends
 * the program, by complain().
 */
json_t *ask(const char *method, json_t *parameters);
void ask_and_show(const char *method, json_t *parameters);
_Noreturn void complain(const char *method, const char *error, json_t *parameters);
int keep_reply(json_t *parameters, void *arg);	/* a visit_reply that sets *(json_t **)arg */

/*
 * Reads a list that is split over several calls, each with the parameter `from`: joins
 * the arrays `key` of the replies until a reply has no `next`.  The caller frees the
 * result with json_decref().  Ends the program if the list does not end.
 */
json_t *ask_for_list(const char *method, const char *key);

void print_json(json_t *j, int pretty);
void show(json_t *j, int indent);		/* a line for each value */

/*
 * The value of a member, or 0 or "" if it is missing.  Text is escaped (text.h) and cut
 * to 1,000 bytes, so it can be printed; it is valid as long as the object.  Numbers are
 * limited to +-2^61, so sums do not overflow.
 */
json_int_t number(json_t *object, const char *key);
const char *text(json_t *object, const char *key);
const char *raw_text(json_t *object, const char *key);	/* not escaped: for put_lines() */

/* Commands in other files. */
void net(const struct words *w);		/* devices.c */
void block(const struct words *w);
void filesystems(const struct words *w);
void devices(const struct words *w);
void run(char **argv);				/* run.c; argv: the words after "run" */
void list(const struct words *w);		/* guest_commands.c */
void rm(const struct words *w);
void wait_end(const struct words *w);
int log_of_ended(const char *name);		/* 0: there is no record of it */
void save(const struct words *w);		/* save.c */
void checkpoint(const struct words *w);
void restore(const struct words *w);
void snapshot(const struct words *w);
void migrate(const struct words *w);
void cp(const struct words *w);
void vcat(const struct words *w);
void gdb(const struct words *w);
void profile(const struct words *w);
void trace(const struct words *w);

/* ---- disk_serve.c */

/* Serves a disk until a signal; argv[0] is not looked at. */
void disk_serve(int argc, char **argv);

#endif
