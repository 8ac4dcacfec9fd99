/* SPDX-License-Identifier: ISC */
/*
 * The backend's side of a device's life (xen/io/xenbus.h), for blk.c and net.c.  The frontend's
 * node is HOME/device/KIND/ID, the backend's DOM0/backend/KIND/1/ID.
 */
#ifndef TOOLS_UNIX_XENBUS_H
#define TOOLS_UNIX_XENBUS_H

#include "tender.h"

/* For xen/io/ring.h. */
#define xen_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)

struct device {
	struct device *next;
	const char *kind;
	unsigned id;
	char front[96], back[96];
	bool connected;
	/* connect(): returns whether the frontend's ring and port are valid. */
	bool (*connect)(struct device *d);
	void (*disconnect)(struct device *d);
};

/* Publishes the device.  The caller has set kind, id and the functions; it adds its own keys. */
void device_add(struct device *d);

/* Sets a key of the backend's node. */
void device_set(const struct device *d, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Maps the pages of n grants one behind the other, for writing; NULL if one is not granted.
 * The mapping is of n pages; unmap_grants() ends it.
 */
void *map_grants(const grant_ref_t *refs, unsigned n);
void unmap_grants(void *address, const grant_ref_t *refs, unsigned n);

/* The frontend's ring: key NAME, or NAME0 on if it may have several pages.  NULL if invalid. */
void *device_ring(struct device *d, const char *name, grant_ref_t *refs, unsigned pages,
		  bool numbered);

#endif
