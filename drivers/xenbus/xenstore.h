/* SPDX-License-Identifier: ISC */
/*
 * The xenstore client: what docs/misc/xenstore.txt of Xen lets a guest ask.
 *
 * Kernel code only; any number of threads at once.  Paths that do not begin with /
 * are below our own domain's directory.  A request, path and value together, is at
 * most 4096 bytes (XENSTORE_PAYLOAD_MAX), else -E2BIG.
 *
 * Everything but xs_unwatch(), xs_watch_pending(), xs_domid() once it succeeded and
 * xs_last_words() sleeps.  Errors are xenstored's own (-ENOENT, -EACCES, -EINVAL for
 * a bad path, -EAGAIN from xs_end(), -ENOSPC for a quota, ...), and besides
 *
 *	-ETIMEDOUT	the deadline passed; a change may still be made later
 *	-EPROTO		the answer to this request made no sense
 *	-EIO		the connection is broken, for everybody and for good
 *	-ENODEV		there is no xenstore
 *	-ENOMEM		no memory here (or there)
 */
#ifndef DRIVERS_XENBUS_XENSTORE_H
#define DRIVERS_XENBUS_XENSTORE_H

#include "kernel/sched.h"

#include <stdarg.h>
#include <sys/types.h>
#include <xen/xen.h>

/* Adopt the ring, and ask nothing: enough for xs_last_words().  0 or -errno; again: as then. */
int xs_open(void);

/*
 * Take up the ring the builder, or a loader before us, left: 0 or -errno.  Before it
 * all calls say -ENODEV.  Whoever may be the first to need xenstore calls it; it is
 * done once, and the others wait for that and get its result.  10 s at the most.
 */
int xs_init(void);

/* Our domain's number, as the toolstack wrote it, or -errno. */
int xs_domid(void);

/*
 * Under which transaction a call is made, and until when it may take.  NULL stands
 * for none and for ever, as does a zeroed one.
 */
struct xs_request;

struct xs_tx {
	uint32_t id;			/* set by xs_begin(); 0: none */
	struct xs_request *end;		/* of xs_begin(), for xs_end() */
	uint64_t deadline;		/* in clock_now()'s time; 0: none */
};

/*
 * The value: its length, and in *value, for free(), a copy with a NUL behind it.
 * Values may hold any bytes.
 */
ssize_t xs_read(const struct xs_tx *tx, const char *path, char **value);

/* The value as a decimal number; -EPROTO unless it is one, in [min, max]. */
int xs_read_number(const struct xs_tx *tx, const char *path, uint64_t min, uint64_t max,
		   uint64_t *number);

/* Set the value; missing directories above are made.  xs_printf: as format(), < 256. */
int xs_write(const struct xs_tx *tx, const char *path, const char *value);
int xs_write_bytes(const struct xs_tx *tx, const char *path, const void *value,
		   size_t len);
int xs_printf(const struct xs_tx *tx, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

int xs_mkdir(const struct xs_tx *tx, const char *path);	/* that it exists: 0 also if so */
int xs_rm(const struct xs_tx *tx, const char *path);	/* it and all below */

/*
 * The names in a directory of any size, as they were at one moment: how many, and in
 * *names an array for one free().
 */
int xs_list(const struct xs_tx *tx, const char *path, char ***names);

/*
 * Permissions: the first entry names the owner, and its access is everybody's who
 * has no entry.  access: 'n' none, 'r' read, 'w' write, 'b' both.
 */
struct xs_perm {
	domid_t domid;
	char access;
};
int xs_get_perms(const struct xs_tx *tx, const char *path, struct xs_perm **perms);
int xs_set_perms(const struct xs_tx *tx, const char *path, const struct xs_perm *perms,
		 unsigned n);

/*
 * Transactions.  xs_begin() fills in tx->id; where all that xenstored grants us are
 * in use it sleeps until one of ours ends.  So a thread that holds one must not
 * begin another.  xs_end() with commit: -EAGAIN, somebody was faster: begin again.
 */
int xs_begin(struct xs_tx *tx);
int xs_end(struct xs_tx *tx, bool commit);

/*
 * Run body in a transaction, and again as long as it ends in -EAGAIN.  A negative
 * return undoes all and is returned.
 */
int xs_transaction(uint64_t deadline, int (*body)(const struct xs_tx *tx, void *arg),
		   void *arg);

/*
 * Watches.  An event tells that the value, the permissions or the existence of a path
 * at or below the watched one may have changed; the first comes at once.
 *
 * None is lost means: after any change an event can be taken whose path is that of
 * the change or above it.  Events come in the order in which xenstored sent them.  An
 * event that equals one still in the queue is left out, since who takes that one sees
 * the change (xenstored does the same: send_event() in its core.c).  A queue that
 * grows beyond XS_WATCH_BYTES is cut, and ends with an event for the watched path
 * itself, which stands for all below.  So a consumer may take all day: it costs that
 * much memory, and nobody else waits for it.
 */
#define XS_WATCH_BYTES (128 * 1024)

struct xs_event;

struct xs_watch {
	struct xs_watch *next;
	const char *path;
	struct waitq waiters;		/* who waits in xs_watch_wait() */
	struct waitq *wakes;		/* this, or what xs_watch() was given */
	struct xs_event *first, *last;
	size_t bytes;			/* what the queue takes */
	struct xs_request *undo;
	bool cut;			/* it was too much */
	int error;
	char token[12];
};

/*
 * Watch path, which stays the caller's for as long.  wakes: the queue to wake at each
 * event, for threads that wait for several things, or NULL.
 */
int xs_watch(struct xs_watch *w, const char *path, struct waitq *wakes);

/* Never sleeps.  Nobody may be waiting. */
void xs_unwatch(struct xs_watch *w);

/* Whether xs_watch_wait() would return at once; a condition for wait_until(). */
bool xs_watch_pending(const struct xs_watch *w);

/*
 * Take the next event: 0, and in *path (unless path is NULL), for free(), what may
 * have changed: as in the watch relative or not.  -ETIMEDOUT; -EIO after the last
 * event of a broken connection.  deadline 0 does not wait.
 */
int xs_watch_wait(struct xs_watch *w, uint64_t deadline, char **path);

/*
 * For the very end, when nothing may sleep or allocate: send a write and wait, at most
 * that long and without sleeping, until xenstored has fetched it.  Path and value
 * together < 256 bytes.
 */
void xs_last_words(const char *path, const char *value, uint64_t ns);

#endif
