/* SPDX-License-Identifier: ISC */
/*
 * Consecutive segments of a TCP connection become one frame, which the backend (or the
 * hardware behind it) takes apart again, if ever.
 *
 * All of this is about bytes of packets: it knows nothing of lwIP.  The headers must be in
 * one piece, from the Ethernet header on.
 */
#ifndef NET_GSO_H
#define NET_GSO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GSO_HEADERS_MAX (14 + 60 + 60)
#define GSO_SMALLEST 512		/* bytes of payload: less is not worth a frame for many */

/* What a frame is, as far as that matters here. */
struct gso {
	uint8_t version;		/* of IP; 0: neither TCP nor UDP, or a fragment */
	bool tcp, fragment;
	uint8_t l3, l4;			/* where the headers begin; l3 is 14 */
	uint8_t headers;		/* their length: where the payload begins */
	uint16_t payload;		/* bytes */
};

/* headers: so many bytes of the frame are in one piece; total: it has so many. */
void gso_parse(struct gso *g, const uint8_t *frame, size_t headers, size_t total);

/* Several, as one. */
struct gso_join {
	struct gso first;
	const uint8_t *frame;		/* the first's headers */
	size_t payload;			/* of all */
	unsigned count;
	uint8_t flags;			/* of TCP, of all */
	bool closed;			/* the last one was smaller, or has a FIN */
};

void gso_begin(struct gso_join *j, const struct gso *g, const uint8_t *frame);

/* Whether this is the next segment of the same connection: then it has been added. */
bool gso_add(struct gso_join *j, const struct gso *g, const uint8_t *frame);

/* The headers of the whole, g.headers bytes, but for the TCP checksum. */
void gso_headers(const struct gso_join *j, uint8_t *to);

/*
 * Put the sum of the pseudo header into the checksum field of these headers, for so many
 * bytes of payload: the rest of the sum is the backend's work.
 */
void gso_blank_checksum(const struct gso *g, uint8_t *frame, size_t payload);

#endif
