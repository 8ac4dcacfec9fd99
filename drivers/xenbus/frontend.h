/* SPDX-License-Identifier: ISC */
/*
 * The life of a split device, written once (xen/io/xenbus.h).
 *
 * A driver describes itself in a struct frontend_driver.  Each device has a thread, which
 * goes round and round in frontend.c's frontend_thread():
 *
 *	wait for the backend		InitWait
 *	offer()				share rings and pages, say what we want
 *	publish, in one transaction	publish_as
 *	wait for the backend		Connected
 *	start()				read what the backend says
 *	Connected ... until either side closes, or frontend_fail()
 *	stop()				fail everything in flight
 *	Closing, Closed; wait for the backend to let go; take back what was shared
 *	and again, since backends come back
 *
 * So a backend that restarts is met by the same lines as a device that is detached and
 * attached again, and resuming from a suspend will be.  A backend that breaks the protocol
 * loses the device until somebody attaches it again; so does one that keeps our pages.
 *
 * Kernel code only.
 */
#ifndef DRIVERS_XENBUS_FRONTEND_H
#define DRIVERS_XENBUS_FRONTEND_H

#include "drivers/border/pool.h"
#include "drivers/border/ring.h"
#include "drivers/xenbus/xenstore.h"
#include "kernel/evtchn.h"
#include "kernel/log.h"

struct frontend;

struct frontend_driver {
	const char *kind;		/* the directory in xenstore: "vif", "vbd" */
	size_t size;			/* of the driver's struct, which begins with ... */
	unsigned publish_as;		/* XenbusState that tells this backend to connect */
	/* 0, or -errno: no connection now.  Both may sleep. */
	int (*offer)(struct frontend *fe);
	int (*start)(struct frontend *fe);
	/* Must not sleep; also called when offer() or start() failed. */
	void (*stop)(struct frontend *fe);
	/* What must reach the device before the guest ends; may be NULL, may sleep. */
	void (*flush)(struct frontend *fe);
	/* There are devices of its kind, to be asked for: in control/, or NULL. */
	void (*methods_add)(void);
};

/* ... this.  Made zeroed when the device is first seen, and never freed. */
struct frontend {
	const struct frontend_driver *driver;
	struct frontend *next;		/* of its kind */
	unsigned id;			/* device/<kind>/<id> */
	domid_t peer;
	int error;			/* 0: connected; else as frontend_wait() says */
	unsigned attached;		/* how often: another may be another disk */
	struct waitq changed;		/* wakes when anything here changes */

	bool present;			/* its directory is there ... */
	unsigned generation, handled_generation;	/* how often it has come; as its thread knows */
	bool shutting_down, thread_ended;		/* the guest ends; the thread has */
	const char *broken;		/* why nothing can be done before it is detached */
	char node[32], backend[128];
	char state_path[128 + 8];
	struct xs_watch watch;		/* of the backend's state */
	struct frontend_key *keys;		/* to publish */
	struct share *shares;		/* to undo, newest first */
	bool was_connected;		/* at least once */
	unsigned still_mapped;			/* pages the backend did not let go */
	int logged_error;			/* why it could not connect, in the log already */
	struct log_some log;		/* for what its backend makes us say */
};

/* A line about a device; a backend that comes and goes in a loop does not fill the log. */
#define frontend_log(fe, level, fmt, ...) \
	log_some(&(fe)->log, level, "%s: " fmt, (fe)->node, ##__VA_ARGS__)

/*
 * The device with this number, which may not be connected yet; NULL: there is none.  The
 * first call of a kind starts its discovery, and sleeps until what is there is known.
 */
struct frontend *frontend_get(const struct frontend_driver *driver, unsigned id);

/* Of those that are there, the one with the lowest number from id on; NULL: none. */
struct frontend *frontend_next(const struct frontend_driver *driver, unsigned id);

/* Sleep until devices may have come or gone since *seen, which begins with 0 and moves. */
void frontend_wait_change(const struct frontend_driver *driver, unsigned *seen);

/*
 * Sleep until connected: 0; -ENODEV, there is no device; -EPROTO, its backend broke the
 * protocol; -ETIMEDOUT.
 */
int frontend_wait(struct frontend *fe, uint64_t deadline);

/* ---- For offer(): each also records how to undo itself.  0 or -errno. */

/*
 * A ring of 1 << order pages, published as key, or as key0, key1, ... if order > 0.  The
 * key is a constant string.
 */
int frontend_ring(struct frontend *fe, struct ring *r, unsigned order, size_t request_size,
		  size_t response_size, const char *key);
int frontend_event(struct frontend *fe, struct evtchn *e, const char *key);
int frontend_pool(struct frontend *fe, struct pool *pool, uint32_t min, uint32_t max);
/*
 * For what a driver shares by itself: called when the backend had the time to let go;
 * says how many pages it keeps all the same.
 */
int frontend_undo(struct frontend *fe, unsigned (*undo)(struct frontend *fe));
int frontend_write(struct frontend *fe, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- For offer() and start(). */

/*
 * A number the backend wrote.  Absent gives fallback; anything but a decimal number in
 * [min, max] is frontend_fail() and -EPROTO.
 */
int frontend_read_number(struct frontend *fe, const char *key, uint64_t min, uint64_t max,
		 uint64_t fallback, uint64_t *value);

/* ---- For everybody. */

/*
 * The backend broke the protocol, in this way (a constant string): said in the log, and
 * the end of the connection.  Does not sleep.  Returns -EPROTO.
 */
int frontend_fail(struct frontend *fe, const char *why);

/* ---- For those who show them; these do not sleep. */

/* Each device there ever was, of a driver's kind; NULL: of every kind. */
void frontend_each(const struct frontend_driver *driver,
		   void (*visit)(const struct frontend *fe, void *arg), void *arg);

/* Each ring it shares, with its key. */
void frontend_rings(const struct frontend *fe,
		    void (*visit)(const char *key, const struct ring *r, void *arg), void *arg);

/* control/frontend_methods.c, for frontend.c: there are devices, to be asked for. */
void frontend_methods_add(void);

#endif
