/* SPDX-License-Identifier: ISC */
/*
 * Network frontend (xen/io/netif.h), for backends like Linux's xen-netback.
 *
 * A frame is an Ethernet frame without its check sequence.  It is sent from pieces of
 * memory.  Pieces in lent memory, which one backend domain may read while it is
 * connected, are sent in place; others are copied into pages of the device.  A frame's
 * slots are reserved, filled and published together or not at all, in the order of the
 * calls.  An accepted frame never has more slots than every backend takes.
 *
 * Received data is in pages that the backend cannot access any more.
 *
 * Only netfront_open(), netfront_next() and netfront_wait_change() sleep.  Kernel code
 * only.
 */
#ifndef DRIVERS_NETFRONT_H
#define DRIVERS_NETFRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 65535			/* bytes, also of a frame to be segmented */

struct netfront;

/* Attributes of a frame besides its bytes. */
struct offload {
	bool csum_blank;		/* its TCP or UDP checksum field holds the sum of the
					   pseudo header only */
	bool csum_valid;		/* received: the checksum need not be checked */
	uint8_t gso_type;		/* 0, or XEN_NETIF_GSO_TYPE_TCPV4 or _TCPV6: a frame
					   to be cut into segments */
	uint16_t gso_size;		/* bytes of payload of a segment */
};

struct piece {
	const void *data;
	size_t len;
};

/* A received frame is a list of these. */
struct rx_page {
	struct rx_page *next;
	struct netfront *device;
	uint8_t *data;			/* the user's until netfront_free() */
	uint32_t len;
};

/* Functions of the layer above, called by the device's thread.  They must not sleep. */
struct netfront_user {
	/* A frame of at least 14 bytes was received.  The user must free its pages. */
	void (*receive)(void *user, struct rx_page *frame, const struct offload *o);
	/* All available frames were received; the device waits for more. */
	void (*received)(void *user);
	/* There is room again, after netfront_send() returned -EAGAIN. */
	void (*room)(void *user);
	/* netfront_info() has changed. */
	void (*changed)(void *user);
};

struct netfront_info {
	bool up;			/* connected, and the backend has a carrier */
	uint8_t mac[6];
	uint32_t mtu;			/* bytes of payload in a frame */
	/* Which struct offload the backend accepts. */
	bool csum_ipv4, csum_ipv6, gso_tcpv4, gso_tcpv6;
	/* Lent memory belongs to another backend: frames of this device are copied. */
	bool no_lent;
};

struct netfront_stats {
	uint64_t tx_frames, tx_bytes, tx_slots, tx_errors;
	uint64_t tx_copied;		/* bytes that were copied */
	uint64_t tx_full;		/* times netfront_send() returned -EAGAIN */
	uint64_t tx_notified, rx_notified;
	uint64_t rx_frames, rx_bytes, rx_slots, rx_errors, rx_dropped;
	uint64_t events;
	uint32_t tx_free, tx_slots_max;	/* now */
	uint32_t tx_most, rx_most;	/* most slots in use at once */
	uint32_t rx_posted, rx_slots_max, rx_held;	/* now; held: pages of the user */
};

/*
 * Lends memory (whole pages; size in bytes) to one backend domain: that of the device
 * that is connected first.  It may read the memory while a device of it is connected.
 * Set once, before the first device is opened, and never taken back.  For other backends
 * see netfront_info's no_lent.
 */
void netfront_lend(void *memory, size_t size);

/*
 * Opens the device with this number.  Returns NULL if there is none, or it is open
 * already.  Sleeps until the devices are listed.
 */
struct netfront *netfront_open(unsigned id, const struct netfront_user *user, void *arg);

/*
 * Returns the lowest number of a device from id on, or -ENODEV. Sleeps until the devices
 * are listed.
 */
int64_t netfront_next(unsigned id);

/*
 * Sleeps until the devices may have changed since *seen, which begins with 0 and is
 * updated.
 */
void netfront_wait_change(unsigned *seen);

void netfront_info(const struct netfront *n, struct netfront_info *info);
void netfront_stats(const struct netfront *n, struct netfront_stats *stats);

/*
 * Sends a frame of `count` pieces.  Returns
 *
 *	0		accepted: done(arg) is called once, when its bytes are not needed any
 *			more: before this returns, or later, or after the connection has
 *			ended and the backend has unmapped the pages.  Until then pieces in
 *			lent memory must not change.
 *	-EAGAIN		no room now: room() will be called
 *	-EMSGSIZE	no backend takes such a frame
 *	-ENETDOWN	not connected
 *	-EINVAL		less than 14 bytes, or offload that the backend does not accept
 *
 * The backend may not be notified before netfront_push().
 */
int netfront_send(struct netfront *n, const struct piece *pieces, size_t count,
		  const struct offload *o, void (*done)(void *arg), void *arg);

/* Notifies the backend of sent frames, if it wants that. */
void netfront_push(struct netfront *n);

/* Frees the pages of a received frame, or some of them. */
void netfront_free(struct rx_page *pages);

#endif
