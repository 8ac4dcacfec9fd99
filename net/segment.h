/* SPDX-License-Identifier: ISC */
/* What lwIP is given of TCP: net/lwip/hooks.h has the rest. */
#ifndef NET_SEGMENT_H
#define NET_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

struct pbuf;
struct tcp_hdr;
struct tcp_pcb;

/*
 * A connection has just been made: whatever its peer said of segment sizes and windows, lwIP
 * may be given bytes to send now.
 */
void segment_least(struct tcp_pcb *pcb);

/* lwIP has taken a packet: to be called after each. */
void segment_done(void);

enum {
	OPTION_END, OPTION_NOP, OPTION_MSS, OPTION_SCALE, OPTION_SACK, OPTION_TIMESTAMP = 8,
};

struct options {
	uint8_t *first, *second;	/* second: what is not in one piece with the first */
	unsigned in_first, len;
};

uint8_t *option_byte(const struct options *o, unsigned i);
/* Where the next of a kind is, from i on, and what size it says; o->len: there is none. */
unsigned option_find(const struct options *o, unsigned i, uint8_t wanted,
		     unsigned *size);

/* The bytes of an option's value as one number, 0 of what is not there.  False: there is none
   of that kind and with so many bytes. */
bool option_number(const struct options *o, uint8_t kind, unsigned bytes, uint64_t *value);

/* Undo what lwIP has done to read the header, which is in one piece: false if it cannot be. */
bool segment_unread(struct pbuf *p, struct tcp_hdr *h);

#endif
