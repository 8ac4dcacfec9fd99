/* SPDX-License-Identifier: ISC */
/*
 * Network frontend (xen/io/netif.h), for backends like Linux's xen-netback.
 *
 * A frame is an Ethernet frame without its check sequence.  It is sent from pieces of memory:
 * those that lie in the lent memory, which one backend domain may read for as long as it
 * is connected, go in place; others are copied into pages of the device.  A frame's slots are
 * taken, filled and published all at once or not at all, in the order of the calls, and
 * no frame that is accepted can have more of them than every backend takes.
 *
 * What is received comes in pages that the backend cannot reach any more.
 *
 * Nothing here sleeps but netfront_open().  Kernel code only.
 */
#ifndef DRIVERS_NETFRONT_H
#define DRIVERS_NETFRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 65535			/* bytes, of a frame that is to be segmented too */

struct netfront;

/* What is to be known of a frame beside its bytes. */
struct offload {
	bool csum_blank;		/* its TCP or UDP checksum field holds the sum of the
					   pseudo header only */
	bool csum_valid;		/* received: nothing is gained by checking it */
	uint8_t gso_type;		/* 0, XEN_NETIF_GSO_TYPE_TCPV4 or _TCPV6: one frame
					   for many segments ... */
	uint16_t gso_size;		/* ... of so many bytes of payload */
};

struct piece {
	const void *data;
	size_t len;
};

/* A received frame is a list of these, each with a part of it. */
struct rx_page {
	struct rx_page *next;
	struct netfront *device;
	uint8_t *data;			/* ours alone until netfront_free() */
	uint32_t len;
};

/* What the layer above does; called from the device's thread, and must not sleep. */
struct netfront_user {
	/* A frame of at least 14 bytes; its pages are the user's to give back. */
	void (*receive)(void *user, struct rx_page *frame, const struct offload *o);
	/* All that had come was received; the device waits for more now. */
	void (*received)(void *user);
	/* netfront_send() said -EAGAIN: there is room again. */
	void (*room)(void *user);
	/* netfront_info() says something else than before. */
	void (*changed)(void *user);
};

struct netfront_info {
	bool up;			/* connected, and the backend has a carrier */
	uint8_t mac[6];
	uint32_t mtu;			/* bytes of payload in a frame */
	/* What may be asked of the backend in struct offload. */
	bool csum_ipv4, csum_ipv6, gso_tcpv4, gso_tcpv6;
	/* Lent memory is for another backend to read: what this one sends is not for it. */
	bool no_lent;
};

struct netfront_stats {
	uint64_t tx_frames, tx_bytes, tx_slots, tx_errors;
	uint64_t tx_copied;		/* bytes that did not go in place */
	uint64_t tx_full;		/* times netfront_send() said -EAGAIN */
	uint64_t tx_notified, rx_notified;
	uint64_t rx_frames, rx_bytes, rx_slots, rx_errors, rx_dropped;
	uint64_t events;
	uint32_t tx_free, tx_slots_max;	/* now */
	uint32_t tx_most, rx_most;	/* slots in use at once, ever */
	uint32_t rx_posted, rx_slots_max, rx_held;	/* now; held: pages the user has */
};

/*
 * Memory that one backend domain, that of the device that is connected first, may read
 * while a device of it is connected: whole pages, set once, before the first device is
 * opened; it is never taken away.  For other backends see netfront_info's no_lent.
 */
void netfront_lend(void *memory, size_t size);

/*
 * The device with this number, from now on the user's: NULL: there is none, or it is
 * somebody's already.  Sleeps until the devices at hand are known.
 */
struct netfront *netfront_open(unsigned id, const struct netfront_user *user, void *arg);

/* The lowest number of a device from id on; -ENODEV: there is none.  May sleep at first. */
int64_t netfront_next(unsigned id);

/* Sleep until devices may have come since *seen, which begins with 0 and moves. */
void netfront_wait_change(unsigned *seen);

void netfront_info(const struct netfront *n, struct netfront_info *info);
void netfront_stats(const struct netfront *n, struct netfront_stats *stats);

/*
 * Send a frame made of so many pieces.  0: accepted, and done(arg) is called once, when its
 * bytes are not needed any more, which may be before this returns, or after the connection
 * has ended, when the backend has let go of its pages; until then pieces in
 * lent memory must not change.  -EAGAIN: no room now, room() will be called.  -EMSGSIZE:
 * no backend takes such a frame.  -ENETDOWN.  -EINVAL: less than 14 bytes, or offload the
 * backend does not have.  The backend may not be told before netfront_push().
 */
int netfront_send(struct netfront *n, const struct piece *pieces, size_t count,
		  const struct offload *o, void (*done)(void *arg), void *arg);

/* Tell the backend of what was sent, if it wants to know. */
void netfront_push(struct netfront *n);

/* The pages of a received frame, or some of them. */
void netfront_free(struct rx_page *pages);

#endif
