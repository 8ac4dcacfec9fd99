/* SPDX-License-Identifier: ISC */
/* Internal declarations of frontend*.c; frontend.h has the order of calls. */
#ifndef DRIVERS_XENBUS_FRONTEND_INTERNAL_H
#define DRIVERS_XENBUS_FRONTEND_INTERNAL_H

#include "drivers/xenbus/frontend.h"
#include "kernel/clock.h"

#include <xen/io/xenbus.h>

#define PATIENCE (10 * NSEC_PER_SEC)	/* limit for what a backend must do */
#define PAUSE (1 * NSEC_PER_SEC)	/* before a retry */

#define IN(state) (1u << XenbusState##state)
#define ANY (~0u)

/* A key that the next publication writes: frontend_write(). */
struct frontend_key {
	struct frontend_key *next;
	char *value;
	char key[];
};

/* ---- frontend_share.c */

/* Undoes everything that offer() shared, and drops the keys that it wrote.  May sleep. */
void frontend_unshare(struct frontend *fe);

/* ---- frontend_publish.c: keys and states in xenstore; all but the first may sleep */

/* The device's directory does not exist, or has been removed and created again. */
bool frontend_removed(const struct frontend *fe);

int frontend_read_retry(const char *path, uint64_t min, uint64_t max, uint64_t *value);

/*
 * Writes the state, and with_keys also the keys of frontend_write(), in one transaction.
 * Returns 0 or -errno.
 */
int frontend_publish(struct frontend *fe, unsigned state, bool with_keys);

/* Returns the backend's XenbusState*; Unknown if there is none, or it is invalid. */
unsigned frontend_backend_state(struct frontend *fe);

/*
 * Sleeps until the backend is in one of these states (bits). Returns 0; -ENODEV if the
 * device is gone; -ETIMEDOUT; -EIO if xenstore is lost; and if abortable, -EPROTO when
 * the device is disabled and -EINTR when the guest ends.
 */
int frontend_wait_state(struct frontend *fe, unsigned states, uint64_t deadline,
			bool abortable);

/* ---- frontend_discover.c */

/* All devices of a driver, and the thread that discovers them. */
struct frontend_kind {
	struct frontend_kind *next;
	const struct frontend_driver *driver;
	struct frontend *devices;
	struct xs_watch watch;
	char directory[16];
	bool listed;
	unsigned scans;			/* counts how often the devices were listed */
	struct waitq changed;
};

extern struct frontend_kind *frontend_kinds;

/* ---- frontend.c */

/* A device's thread; arg is its struct frontend. */
void frontend_thread(void *arg);

#endif
