/* SPDX-License-Identifier: ISC */
/*
 * Generic segmentation offload: consecutive segments of a TCP connection are joined to
 * one frame, which the backend or the hardware segments again if necessary.
 *
 * These functions work on bytes of packets, without lwIP. The headers must be contiguous,
 * beginning with the Ethernet header.
 */
#ifndef NET_GSO_H
#define NET_GSO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GSO_HEADERS_MAX (14 + 60 + 60)
#define GSO_SMALLEST 512	/* minimum payload in bytes: smaller segments are not joined */

/* Offsets and sizes of a frame. */
struct gso {
	uint8_t version;		/* IP version; 0: neither TCP nor UDP, or a fragment */
	bool tcp, fragment;
	uint8_t l3, l4;			/* offsets of the headers; l3 is 14 */
	uint8_t headers;		/* offset of the payload */
	uint16_t payload;		/* bytes */
};

/* The first `headers` of the frame's `total` bytes are contiguous. */
void gso_parse(struct gso *g, const uint8_t *frame, size_t headers, size_t total);

/* Segments that are being joined. */
struct gso_join {
	struct gso first;
	const uint8_t *frame;		/* headers of the first segment */
	size_t payload;			/* bytes, of all segments */
	unsigned count;
	uint8_t flags;			/* TCP flags of all segments */
	bool closed;			/* the last segment was shorter, or has a FIN */
};

void gso_begin(struct gso_join *j, const struct gso *g, const uint8_t *frame);

/*
 * Adds a segment. Returns false, without adding it, if it is not the next one of this
 * connection.
 */
bool gso_add(struct gso_join *j, const struct gso *g, const uint8_t *frame);

/*
 * Writes the headers of the joined frame, first.headers bytes, without the TCP checksum.
 */
void gso_headers(const struct gso_join *j, uint8_t *to);

/*
 * Writes the checksum of the pseudo header, for this length of payload, into the checksum
 * field. The backend completes it.
 */
void gso_blank_checksum(const struct gso *g, uint8_t *frame, size_t payload);

#endif
