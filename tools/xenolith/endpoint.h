/* SPDX-License-Identifier: ISC */
/*
 * A guest's control endpoint, from the operator's side: varlink over libxenvchan.
 * What fails here ends the program, with a sentence that says what to do.
 */
#ifndef XENOLITH_ENDPOINT_H
#define XENOLITH_ENDPOINT_H

#include <jansson.h>
#include <libxenvchan.h>

/* Exit statuses, besides 0. */
enum { FAILED = 1, USAGE, NO_DOMAIN, NO_ENDPOINT, NO_PERMISSION };

/* What the guest said may be among it: it is escaped (text.h). */
_Noreturn void die(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A domain by number or name. */
int domain_find(const char *name);

/* A domain's vchan, waited for where it boots, or is another operator's; NULL: there is none. */
struct libxenvchan *channel_open(int domid, const char *path);

/* Its endpoint. */
void endpoint_open(int domid);

/*
 * Call a method; parameters are taken over, NULL is none.  Each reply's parameters are
 * given to the visitor, which returns 0 to go on, as long as the guest says that there is
 * more.  The name of the error, for free(), or NULL.
 */
typedef int visit_reply(json_t *parameters, void *arg);
/*
 * What a hostile guest can do is bounded: a reply has REPLY_PATIENCE seconds to come whole
 * (the first and the rest of one that has begun; between the replies to a call with `more`
 * there is no limit), at most 1 MiB, a depth of 16 and 200,000 values.
 */
#define REPLY_PATIENCE 20

/* From now on all that is asked ends within so many seconds, or ends the program. */
void endpoint_deadline(unsigned seconds);

char *endpoint_call(const char *method, json_t *parameters, int more, visit_reply *visit,
		    void *arg);

/*
 * Sleep until the channel or standard input can be looked at again, or a second has passed;
 * the end, where the domain on the other side is no more.
 */
void channel_wait(struct libxenvchan *c, int domid, int with_input);

#endif
