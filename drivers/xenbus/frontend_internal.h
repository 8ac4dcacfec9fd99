/* SPDX-License-Identifier: ISC */
/* What the files frontend*.c share: the order of calls is in frontend.h. */
#ifndef DRIVERS_XENBUS_FRONTEND_INTERNAL_H
#define DRIVERS_XENBUS_FRONTEND_INTERNAL_H

#include "drivers/xenbus/frontend.h"
#include "kernel/clock.h"

#include <xen/io/xenbus.h>

#define PATIENCE (10 * NSEC_PER_SEC)	/* with a backend that should let go */
#define PAUSE (1 * NSEC_PER_SEC)	/* before another try, with what went wrong */

#define IN(state) (1u << XenbusState##state)
#define ANY (~0u)

/* A key that the next publication writes: frontend_write(). */
struct frontend_key {
	struct frontend_key *next;
	char *value;
	char key[];
};

/* ---- frontend_share.c */

/* Undo all that offer() shared, and forget what it wrote. */
void frontend_unshare(struct frontend *fe);

/* ---- frontend_publish.c: what both sides say in xenstore; all but the first may sleep */

/* Its directory is not there, or has been away. */
bool frontend_removed(const struct frontend *fe);

int frontend_read_retry(const char *path, uint64_t min, uint64_t max, uint64_t *value);

/* Write the state, and with it the keys that offer() wants written, in one transaction. */
int frontend_publish(struct frontend *fe, unsigned state, bool with_keys);

/* Unknown: it is gone, or says nothing that makes sense. */
unsigned frontend_backend_state(struct frontend *fe);

/*
 * Sleep until the backend is in one of these states: 0.  Else why not: -ENODEV, the device
 * is gone; -EPROTO, it is broken; -EINTR, the guest ends; -ETIMEDOUT; -EIO, no xenstore.
 */
int frontend_wait_state(struct frontend *fe, unsigned states, uint64_t deadline,
			bool abortable);

/* ---- frontend.c */

/* A device's thread; arg is its struct frontend. */
void frontend_thread(void *arg);

#endif
