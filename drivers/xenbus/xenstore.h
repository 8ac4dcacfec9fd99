/* SPDX-License-Identifier: ISC */
/*
 * The xenstore client: the requests of docs/misc/xenstore.txt of Xen.
 *
 * Kernel code only; any number of threads may call at once.  Paths that do not begin with /
 * are below the directory of this domain.  Path and value of a request have at most 4096
 * bytes together (XENSTORE_PAYLOAD_MAX); otherwise it returns -E2BIG.
 *
 * All functions sleep, except xs_unwatch(), xs_watch_pending(), xs_last_words(), and
 * xs_domid() after its first success.  They return xenstored's errors (-ENOENT, -EACCES,
 * -EINVAL for an invalid path, -EAGAIN from xs_end(), -ENOSPC for a quota, ...), and
 *
 *	-ETIMEDOUT	the deadline has passed; a change may still be made later
 *	-EPROTO		the reply to this request is invalid
 *	-EIO		the connection is broken, for all callers and finally
 *	-ENODEV		xenstore is not available
 *	-ENOMEM		no memory here, or in xenstored
 */
#ifndef DRIVERS_XENBUS_XENSTORE_H
#define DRIVERS_XENBUS_XENSTORE_H

#include "kernel/sched.h"

#include <stdarg.h>
#include <sys/types.h>
#include <xen/xen.h>

/*
 * Adopts the ring without a request, which suffices for xs_last_words().  Returns 0 or -errno;
 * further calls return the same.
 */
int xs_open(void);

/*
 * Connects, with the ring of the domain builder or of a boot loader.  Returns 0 or -errno,
 * after at most 10 s.  Called before the first use of xenstore; further calls wait for the
 * first one and return its result.  Until then all functions return -ENODEV.
 */
int xs_init(void);

/* Returns the number of this domain, as the toolstack wrote it, or -errno. */
int xs_domid(void);

/*
 * The transaction and the deadline of a call.  NULL and a zeroed struct mean: no transaction,
 * no deadline.
 */
struct xs_request;

struct xs_tx {
	uint32_t id;			/* set by xs_begin(); 0: none */
	struct xs_request *end;		/* of xs_begin(), for xs_end() */
	uint64_t deadline;		/* in ns of clock_now(); 0: none */
};

/*
 * Returns the length of the value, and in *value a copy, followed by a NUL, to be freed by
 * free().  Values may contain any bytes.
 */
ssize_t xs_read(const struct xs_tx *tx, const char *path, char **value);

/* Reads a decimal number.  Returns -EPROTO if the value is not a number in [min, max]. */
int xs_read_number(const struct xs_tx *tx, const char *path, uint64_t min, uint64_t max,
		   uint64_t *number);

/*
 * Write a value, and create missing directories above it.  xs_printf() formats as format(), at
 * most 255 bytes.
 */
int xs_write(const struct xs_tx *tx, const char *path, const char *value);
int xs_write_bytes(const struct xs_tx *tx, const char *path, const void *value,
		   size_t len);
int xs_printf(const struct xs_tx *tx, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

int xs_mkdir(const struct xs_tx *tx, const char *path);	/* 0 also if it exists */
int xs_rm(const struct xs_tx *tx, const char *path);	/* with everything below it */

/*
 * Returns the number of names in a directory, as of one moment, and in *names an array to be
 * freed by one free().
 */
int xs_list(const struct xs_tx *tx, const char *path, char ***names);

/*
 * Permissions: the first entry names the owner; its access is that of all domains without an
 * entry.  access: 'n' none, 'r' read, 'w' write, 'b' both.  xs_get_perms() returns the number of
 * entries, and in *perms an array to be freed by free().
 */
struct xs_perm {
	domid_t domid;
	char access;
};
int xs_get_perms(const struct xs_tx *tx, const char *path, struct xs_perm **perms);
int xs_set_perms(const struct xs_tx *tx, const char *path, const struct xs_perm *perms,
		 unsigned n);

/*
 * Transactions.  xs_begin() sets tx->id.  If all transactions that xenstored allows this domain
 * are in use, it sleeps until one ends, so a thread with an open transaction must not begin
 * another.  xs_end() with commit returns -EAGAIN if another change interfered: begin again.
 */
int xs_begin(struct xs_tx *tx);
int xs_end(struct xs_tx *tx, bool commit);

/*
 * Runs body in a transaction, and again while it ends with -EAGAIN.  If body returns a negative
 * value, the transaction is aborted, and this value is returned.
 */
int xs_transaction(uint64_t deadline, int (*body)(const struct xs_tx *tx, void *arg),
		   void *arg);

/*
 * Watches.  An event means that the value, the permissions or the existence of a path at or
 * below the watched one may have changed.  The first event is sent at once.
 *
 * No change is lost: after each change there is an event with its path or a path above it.
 * Events keep the order in which xenstored sent them.  An event equal to a queued one is
 * omitted, since the consumer of the queued one sees the change (as by send_event() in
 * xenstored's core.c).  A queue that exceeds XS_WATCH_BYTES is cut, and ends with an event for
 * the watched path itself, which stands for all paths below.  So a slow consumer costs at most
 * this memory, and delays no other.
 */
#define XS_WATCH_BYTES (128 * 1024)

struct xs_event;

struct xs_watch {
	struct xs_watch *next;
	const char *path;
	struct waitq waiters;		/* threads in xs_watch_wait() */
	struct waitq *wakes;		/* this, or the argument of xs_watch() */
	struct xs_event *first, *last;
	size_t bytes;			/* of the queue */
	struct xs_request *undo, *again;	/* that remove it; that set it again */
	bool cut;			/* the queue was cut */
	int error;
	char token[12];
};

/*
 * Watches path, which must stay valid until xs_unwatch().  wakes: a wait queue that each event
 * wakes, for threads that wait for several conditions, or NULL.
 */
int xs_watch(struct xs_watch *w, const char *path, struct waitq *wakes);

/* Removes the watch, without sleeping.  No thread may be waiting for it. */
void xs_unwatch(struct xs_watch *w);

/* Returns whether xs_watch_wait() would return at once; a condition for wait_until(). */
bool xs_watch_pending(const struct xs_watch *w);

/*
 * Takes the next event.  Returns 0, and in *path (unless path is NULL) the changed path, to be
 * freed by free(); it is relative if the watched path is.  Returns -ETIMEDOUT after the deadline
 * (ns of clock_now(); 0: at once), and -EIO after the last event of a broken connection.
 */
int xs_watch_wait(struct xs_watch *w, uint64_t deadline, char **path);

/*
 * For a suspend.  xs_hold() lets requests and transactions end; new ones wait until xs_release().
 * Returns 0; -ETIMEDOUT after the deadline; -ENOMEM.  Sleeps.  xs_release() does not; in a restored
 * domain it begins with its ring, and sets all watches again.
 */
int xs_hold(uint64_t deadline);
void xs_release(bool restored);

/*
 * For a panic: sends a write, and waits until xenstored has read it, for at most ns.  Does not
 * sleep or allocate.  Path and value have less than 256 bytes together.
 */
void xs_last_words(const char *path, const char *value, uint64_t ns);

#endif
