/* SPDX-License-Identifier: ISC */
/* The filter of received TCP segments; net/lwip/hooks.h has its main function. */
#ifndef NET_TCP_FILTER_H
#define NET_TCP_FILTER_H

#include <stdbool.h>
#include <stdint.h>

struct pbuf;
struct tcp_hdr;
struct tcp_pcb;

/*
 * Call this when a connection is established. Sets a minimum for the segment size,
 * whatever sizes and windows the peer announces: lwIP may be given data to send now.
 */
void tcp_filter_min_mss(struct tcp_pcb *pcb);

/* Call this after each packet that lwIP has processed. */
void tcp_filter_done(void);

enum {
	OPTION_END, OPTION_NOP, OPTION_MSS, OPTION_SCALE, OPTION_SACK, OPTION_SACKS, OPTION_TIMESTAMP = 8,
};

struct options {
	uint8_t *first, *second;	/* second: the part that is not contiguous with first */
	unsigned in_first, len;
};

uint8_t *option_byte(const struct options *o, unsigned i);
/*
 * Returns the index of the next option of kind `wanted` at or after i, and its length in
 * *size; returns o->len if there is none.
 */
unsigned option_find(const struct options *o, unsigned i, uint8_t wanted,
		     unsigned *size);

/*
 * Returns the value of an option as a number, with 0 for missing bytes. Returns false if
 * there is no option of this kind and length.
 */
bool option_number(const struct options *o, uint8_t kind, unsigned bytes, uint64_t *value);

/*
 * Restores a header that lwIP has converted to host order. Returns false if it is not
 * contiguous.
 */
bool tcp_filter_restore(struct pbuf *p, struct tcp_hdr *h);

#endif
