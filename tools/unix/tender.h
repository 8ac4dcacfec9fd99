/* SPDX-License-Identifier: ISC */
/*
 * Internal declarations of the tender.  The tender runs outside of the sandbox, so all that comes
 * from the guest (its memory, its grant table, its requests) is checked here.
 */
#ifndef TOOLS_UNIX_TENDER_H
#define TOOLS_UNIX_TENDER_H

#include "guest.h"

#include <poll.h>
#include <stdio.h>
#include <sys/types.h>

#define GUEST_DOMID 1
#define HOME "/local/domain/1"
#define DOM0 "/local/domain/0"

extern struct domain domain;
extern const char *guest_name;

_Noreturn void die(int status, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A line on standard error; it is lost if nobody reads it. */
void tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same, unless there were many. */
void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
uint64_t now_ns(void); /* CLOCK_MONOTONIC */

/* load.c: reads an image, and makes a domain of it with this command line.  Ends on errors. */
void load_image(struct domain *d, const char *path, uint64_t memory, const char *line);
void write_perf_map(const char *image, pid_t pid);

/*
 * loop.c: the event loop.  A source has a descriptor, or only a time.  ready() is called when
 * poll() says so; at() when the time (ns, 0: never) has come.
 */
struct source {
	struct source *next;
	int fd; /* -1: none */
	short events, revents;
	uint64_t at;
	void (*ready)(struct source *s);
	void (*due)(struct source *s);
	void (*prepare)(
		struct source *s); /* before each poll(): may change events and at */
	void (*after)(struct source *s); /* after each poll() */
	void *arg;
};
void source_add(struct source *s);
void source_remove(struct source *s);
void loop_once(void);

/* In prepare(): adds another descriptor.  In after(): its events, by what loop_add() returned. */
int loop_add(int fd, short events);
short loop_revents(int slot);

/*
 * event.c: event channels and grants of the guest.  port_bind() connects to an unbound port of the
 * guest; returns false if it is none.  handler(arg) is called for each event, also when the guest
 * closes the port: port_open() is false then.
 */
bool port_bind(unsigned port, void (*handler)(void *arg), void *arg);
void port_unbind(unsigned port);
bool port_open(unsigned port);
void port_notify(unsigned port);
void port_again(unsigned port); /* calls the handler again, after other work */
void interrupt_guest(void);
void kill_guest(void);
bool dispatch_events(void); /* calls handlers; returns whether there was any event */
void ports_init(void);
extern pid_t guest_pid; /* 0: before its start, and after its end */

/*
 * A handler does no more than this at once, so that a guest that always has more to do does not keep
 * the tender from signals and times.  port_again() lets it continue.
 */
#define AT_ONCE 256

/*
 * The page of a grant, until grant_end(); NULL if the guest has not granted it so.  Several at a
 * time are possible for the same grant.
 */
void *grant_begin(grant_ref_t ref, bool write);
void grant_end(grant_ref_t ref, bool write);

/* The page of a frame of the guest's memory, or NULL. */
void *frame_page(uint64_t frame);

/*
 * xenstore.c.  store_watch(): calls changed(path) after changes by the guest at or below prefix.
 * store_get() returns a string until the next change, or NULL.
 */
void store_init(void);
void store_event(void *arg);
void store_set(const char *path, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
const char *store_get(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
long store_number(const char *path, const char *key, long fallback);
char *store_list(const char *path,
		 size_t *len); /* names, each with a NUL; to be freed; NULL: no node */
void store_watch(const char *prefix, void (*changed)(const char *path));

/* terminal.c */
extern bool terminal_wanted;
void terminal_take(void);
void terminal_restore(void);
void standard_files(void); /* opens those that are closed */

/* console.c: the console's ring, and standard input and output. */
void console_init(bool input, bool keep_returns);
void console_event(void *arg);
void console_drain(void); /* after the end */

/* blk.c, net.c: devices by the words of the command line; end on errors. */
void disk_add(const char *word);
void disks_start(void);
void disk_words(FILE *line); /* mount=... of the disks with a path */
void net_add(const char *word);
void net_forward(const char *word);
void net_start(void);

/* control.c: a Unix socket on which the channels of the guest are offered. */
void control_start(const char *path);
void control_end(void);

#endif
