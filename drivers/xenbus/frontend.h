/* SPDX-License-Identifier: ISC */
/*
 * The life of a split device, common to all drivers (xen/io/xenbus.h).
 *
 * A driver describes itself in a struct frontend_driver; drivers/blkfront*.c are the
 * model.  Each device has a thread, which repeats these steps (frontend_thread() in
 * frontend.c):
 *
 *	wait for the backend		InitWait
 *	offer()				share rings and pages, write keys
 *	publish, in one transaction	publish_as
 *	wait for the backend		Connected
 *	start()				read what the backend offers
 *	Connected ... until either side closes, or frontend_fail()
 *	stop()				fail all requests in flight
 *	Closing, Closed; wait until the backend has closed; undo all sharing
 *
 * So the restart of a backend, the reattachment of a device, and a restored domain are the
 * same to a driver.  If a backend violates the protocol, or keeps granted pages mapped,
 * the device is disabled until it is attached again.
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
	size_t size;			/* of the driver's struct, which begins with struct frontend */
	unsigned publish_as;		/* the XenbusState* at which this backend connects */
	/* Return 0, or -errno if there can be no connection now.  Both may sleep. */
	int (*offer)(struct frontend *fe);
	int (*start)(struct frontend *fe);
	/* Must not sleep.  Also called if offer() or start() failed. */
	void (*stop)(struct frontend *fe);
	/* Writes cached data before the guest ends.  May be NULL; may sleep. */
	void (*flush)(struct frontend *fe);
	/* Whether no request is in flight, for a suspend; it wakes fe->changed then.  May be NULL. */
	bool (*quiet)(const struct frontend *fe);
	/* Adds the control methods of such devices (in control/), or NULL. */
	void (*methods_add)(void);
};

/*
 * The state of a device.  Allocated zeroed when the device is first seen, and never
 * freed.
 */
struct frontend {
	const struct frontend_driver *driver;
	struct frontend *next;		/* of its kind */
	unsigned id;			/* device/<kind>/<id> */
	domid_t peer;
	int error;			/* 0: connected; else the result of frontend_wait() */
	unsigned attached;		/* counts attachments: each may be another disk */
	struct waitq changed;		/* woken when a member changes */

	bool present;			/* its directory exists */
	unsigned generation;		/* counts appearances of the directory */
	unsigned handled_generation;	/* the one that its thread handles */
	bool shutting_down;		/* the guest ends */
	bool restored;			/* the connection was that of a saved domain */
	bool lasts;			/* descriptors stay valid in the next one */
	bool thread_ended;
	const char *broken;		/* why it is disabled, or NULL */
	char node[32], backend[128];
	char state_path[128 + 8];
	struct xs_watch watch;		/* on the backend's state */
	struct frontend_key *keys;		/* keys to publish */
	struct share *shares;		/* what to undo, newest first */
	bool was_connected;		/* at least once */
	unsigned still_mapped;			/* pages that the backend has not unmapped */
	int logged_error;		/* of a connection, the last one in the log */
	struct log_some log;		/* limits lines that its backend can cause */
};

/* Logs a line about a device; their number is limited (log_some()). */
#define frontend_log(fe, level, fmt, ...) \
	log_some(&(fe)->log, level, "%s: " fmt, (fe)->node, ##__VA_ARGS__)

/*
 * Returns the device with this number, which may not be connected yet, or NULL. The first
 * call for a driver starts the discovery of its devices, and sleeps until they are
 * listed.
 */
struct frontend *frontend_get(const struct frontend_driver *driver, unsigned id);

/*
 * Returns the present device with the lowest number from id on, or NULL. Sleeps as
 * frontend_get().
 */
struct frontend *frontend_next(const struct frontend_driver *driver, unsigned id);

/*
 * Sleeps until the devices may have changed since *seen, which begins with 0 and is
 * updated.
 */
void frontend_wait_change(const struct frontend_driver *driver, unsigned *seen);

/*
 * Sleeps until the device is connected.  Returns 0; -ENODEV if there is no such device;
 * -EPROTO if it is disabled; -ETIMEDOUT.
 */
int frontend_wait(struct frontend *fe, uint64_t deadline);

/*
 * For a suspend.  frontend_hold() lets requests in flight end: 0, or -ETIMEDOUT after the deadline.
 * While frontend_held, frontend_wait() sleeps, so drivers begin no requests.  Sleeps.
 * frontend_release() does not; in a restored domain, all devices connect again.  Weak: in images
 * with devices.
 */
extern bool frontend_held;
int frontend_hold(uint64_t deadline) __attribute__((weak));
void frontend_release(bool restored) __attribute__((weak));

/* ---- For offer(). These may sleep, return 0 or -errno, and are undone automatically. */

/*
 * Shares a ring of 1 << order pages, and publishes it as key, or as key0, key1, ... if
 * order > 0. The key must be a constant string.
 */
int frontend_ring(struct frontend *fe, struct ring *r, unsigned order, size_t request_size,
		  size_t response_size, const char *key);
int frontend_event(struct frontend *fe, struct evtchn *e, const char *key);
int frontend_pool(struct frontend *fe, struct pool *pool, uint32_t min, uint32_t max);
/*
 * For resources that a driver shares by itself: undo() is called when the backend has closed, or
 * had the time to.  It returns the number of pages that are still mapped.
 */
int frontend_undo(struct frontend *fe, unsigned (*undo)(struct frontend *fe));
int frontend_write(struct frontend *fe, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- For offer() and start(). */

/*
 * Reads a number that the backend wrote.  If the key is absent, *value is fallback.  If
 * it is not a decimal number in [min, max], it calls frontend_fail(). Returns 0 or
 * -errno.  Sleeps.
 */
int frontend_read_number(struct frontend *fe, const char *key, uint64_t min, uint64_t max,
		 uint64_t fallback, uint64_t *value);

/* ---- For all code of a driver. */

/*
 * The device cannot be used with this backend: logs why (a constant string), ends the
 * connection, and disables the device until it is attached again.  Does not sleep.
 * Returns -EPROTO.
 */
int frontend_fail(struct frontend *fe, const char *why);

/* onlost=: the device was connected, and is now disabled, detached, or another one. */
void frontend_report_lost(const struct frontend *fe);

/* ---- For reports; these do not sleep. */

/*
 * Calls visit() for each device that was ever seen, of a driver, or of all drivers
 * (NULL).
 */
void frontend_each(const struct frontend_driver *driver,
		   void (*visit)(const struct frontend *fe, void *arg), void *arg);

/* Calls visit() for each ring that the device shares, with its key. */
void frontend_rings(const struct frontend *fe,
		    void (*visit)(const char *key, const struct ring *r, void *arg), void *arg);

/*
 * In control/frontend_methods.c: adds the control methods when the first driver is used.
 */
void frontend_methods_add(void);

#endif
