/* SPDX-License-Identifier: ISC */
/*
 * A network backend for the host tests, well-behaved or not.  It is written from
 * xen/io/netif.h and the behaviour of Linux's xen-netback, with Xen's ring macros, and
 * uses the fake xenstored.  It is in dom0; the device is number 0.
 *
 * Frames that Linux's backend treats as an attack or drops end the test: incomplete
 * frames, slots that cross a page, more slots than every backend accepts, a size of 0,
 * unknown extras. The memory of a frame must not change before the response.
 */
#ifndef TESTS_HOST_NETBACK_H
#define TESTS_HOST_NETBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETBACK_MAC "00:16:3e:01:02:03"

enum netback_lie {
	NETLIE_NONE,
	/* With the next response to a sent frame. */
	NETLIE_ID,			/* an id that was not sent */
	NETLIE_TWICE,
	NETLIE_NULL,			/* a response to an extra that was not sent */
	NETLIE_TX_INDEX,		/* more responses than slots */
	/* With the next frame for the guest. */
	NETLIE_RX_ID,			/* not the id of the slot */
	NETLIE_RX_INDEX,
	NETLIE_ENDLESS,			/* always with the flag for more slots */
	NETLIE_EXTRAS,			/* extras without end */
	NETLIES,			/* the number of these */
};

enum netback_flaw {			/* of one frame, which is to be dropped */
	FLAW_NONE,
	FLAW_LENGTH,			/* beyond the page */
	FLAW_OFFSET,
	FLAW_STATUS,			/* an error */
	FLAW_EXTRA,			/* of no known type */
	FLAW_GSO_SIZE,			/* of 0 */
	FLAW_GSO_TYPE,
	FLAW_SHORT,			/* less than a header */
	FLAW_EMPTY,
	FLAW_LONG,			/* more than a frame can have */
	FLAW_SLOTS,			/* of a few bytes each, too many */
	FLAW_PREFIX,			/* GSO in the obsolete form, by a prefix slot */
	FLAWS,
};

struct netback_frame {			/* both ways */
	const uint8_t *data;
	size_t len;
	bool csum_blank, csum_valid;
	uint8_t gso_type;
	uint16_t gso_size;
	enum netback_flaw flaw;
};

struct netback {
	/* Features that it offers: set before netback_attach().  NULL: no key. */
	const char *mac, *mtu, *front_mtu, *carrier, *rx_copy;
	unsigned domid;			/* the domain that it is in; default: dom0 */
	bool no_sg, no_csum4, no_csum6, no_gso4, no_gso6, split;

	/* Its behaviour, which may change at any time. */
	enum netback_lie lie;
	bool silent;			/* takes slots and does not respond */
	bool holds;			/* the same, but does not wait for events either */
	unsigned allowance;		/* how many responses it sends nevertheless */
	bool fails;			/* some responses are ERROR */
	bool crumbs;			/* small slots, at any offset, empty ones, too */
	bool scribbles;			/* writes random bytes to all shared memory */
	bool keeps;			/* never unmaps pages */
	bool slow_to_close;		/* does nothing as long as it is set */
	bool keeps_rx;			/* sometimes keeps a received page mapped */
	unsigned (*input)(void);	/* a fuzzer's bytes decide; UINT32_MAX: the end */

	/* Called for frames from the guest; may be NULL. */
	void (*got)(const struct netback_frame *frame);
	/*
	 * Provides frames for the guest; returns false if there is none now; may be NULL.
	 */
	bool (*next)(struct netback_frame *frame);

	/* Counters and observations. */
	unsigned frames, slots, most_slots, unanswered, connections;
	unsigned tx_events, rx_events;	/* that the guest sent */
	unsigned delivered;		/* frames, to the guest */
	unsigned posted;		/* slots that it can fill now */
	bool connected;
	unsigned mapped;		/* pages of the guest that it has mapped, with the rings */
};
extern struct netback netback;

void netback_attach(void);		/* as a toolstack does */
void netback_detach(void);		/* requests it; done when both ends have closed */
bool netback_detached(void);
void netback_vanish(void);		/* without notice, as a domain that is destroyed */
void netback_restart(void);		/* closes by itself, then connects again */
void netback_let_go(void);		/* unmaps the pages that it kept */
void netback_carrier(bool up);		/* in xenstore */

/* Its half of moving all indexes by a multiple of the ring's size. */
void netback_shift(uint32_t by);

#endif
