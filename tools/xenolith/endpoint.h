/* SPDX-License-Identifier: ISC */
/*
 * A client of a guest's control endpoint: varlink over libxenvchan.  A function that
 * fails ends the program with a message that says what to do.
 */
#ifndef XENOLITH_ENDPOINT_H
#define XENOLITH_ENDPOINT_H

#include <jansson.h>
#include <libxenvchan.h>

/* Exit statuses, besides 0. */
enum { FAILED = 1, USAGE, NO_DOMAIN, NO_ENDPOINT, NO_PERMISSION };

/* Prints a message and exits.  Text from the guest in it is escaped (text.h). */
_Noreturn void die(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Returns the id of a domain, given its number or name. */
int domain_find(const char *name);

/*
 * Opens a domain's vchan.  Waits for it if the domain is booting, or while another client
 * is connected.  Returns NULL if the domain does not serve it.
 */
struct libxenvchan *channel_open(int domid, const char *path);

/* Connects to the control endpoint of a domain. */
void endpoint_open(int domid);

/*
 * Leaves the control endpoint for the vchan `name` of the same domain, which has the same
 * protocol, and data between messages.  A visitor may send and receive them; the guest must take
 * or send some bytes each DATA_PATIENCE seconds.
 */
#define DATA_PATIENCE 60
void endpoint_move(const char *name);
void endpoint_send(const void *data, size_t len);
void endpoint_receive(void *data, size_t len);
int endpoint_has_input(void);

/*
 * Limits for a hostile guest: the first reply, and each later one from its first byte,
 * must be complete within REPLY_PATIENCE seconds (the time between two replies to a call
 * with `more` is not limited).  A reply has at most 1 MiB, 16 levels and 200,000 values.
 */
#define REPLY_PATIENCE 20

/* All further calls must end within this time; if they do not, the program ends. */
void endpoint_deadline(unsigned seconds);

/* Called with the parameters of a reply.  Returns 0 to continue with the next reply. */
typedef int visit_reply(json_t *parameters, void *arg);

/*
 * Calls a method and passes the parameters of each reply to the visitor.  Takes over
 * `parameters`, which may be NULL.  Returns the name of the error, to be freed, or NULL.
 */
int endpoint_goes_on(void);	/* for the visitor: whether another reply follows this one */
char *endpoint_call(const char *method, json_t *parameters, int more, visit_reply *visit,
		    void *arg);

/*
 * Sleeps until the channel, or with with_input standard input, may be readable, at most
 * one second.  Ends the program if the domain does not exist any more.
 */
void channel_wait(struct libxenvchan *c, int domid, int with_input);

#endif
