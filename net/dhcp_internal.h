/* SPDX-License-Identifier: ISC */
/*
 * Internal declarations of dhcp.c and dhcp_message.c: the client of a vif, and its messages.
 */
#ifndef NET_DHCP_INTERNAL_H
#define NET_DHCP_INTERNAL_H

#include "kernel/clock.h"
#include "net/dhcp.h"
#include "net/netif.h"
#include "net/route.h"

#include <lwip/pbuf.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_MAX 1500
#define SERVERS 3

/* RFC 2132, 9.6 */
enum dhcp_type { DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK, NAK };

struct lease {
	uint32_t address, server;	/* 0: none */
	unsigned bits;
	uint64_t t1, t2, expires;	/* in clock_now()'s time; NEVER */
	struct routes routes;
	uint32_t dns[SERVERS];
	unsigned dns_count;
	uint16_t mtu;			/* 0: not given */
};

struct dhcp {
	struct vif *vif;
	enum {
		DOWN, INIT, SELECTING, REQUESTING, CHECKING, BOUND, RENEWING, REBINDING, REBOOTING
	} state;
	uint64_t due;
	uint64_t suspended;		/* clock_suspended, when the times below were last adjusted */
	uint32_t xid;
	uint64_t start_time, secs;	/* time of the first message; secs field of the last */
	uint64_t request_time;		/* time of the first message with this xid */
	uint64_t last_discover;		/* time of the last DISCOVER; 0: none */
	unsigned discover_count;	/* DISCOVERs sent since there was a lease */
	unsigned tries;			/* repetitions in the current state */
	bool bound;			/* the interface has lease.address */
	struct lease lease;		/* current lease, or the offer or address being checked */
	struct lease parsed;		/* parsed from the last message */
	uint8_t mac[6];
	uint8_t in[MESSAGE_MAX], value[MESSAGE_MAX];
	size_t len;
};

/*
 * Returns the message of this type that d's state requires (RFC 2131, table 5), for
 * sending. NULL: no memory.
 */
struct pbuf *dhcp_message_write(const struct dhcp *d, enum dhcp_type type);

/*
 * Parses the message d->in into d->parsed.  Returns its type; 0 if the message is invalid or
 * not for this client.
 */
unsigned dhcp_message_read(struct dhcp *d);

#endif
