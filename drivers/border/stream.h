/* SPDX-License-Identifier: ISC */
/*
 * One direction of a byte stream between two domains.
 *
 * Console, xenstore and vchan are pairs of these; they differ only in where the two
 * indexes and the buffer are.  The own index is kept in private memory and only
 * published: the peer can overwrite the shared copy without effect.  Indexes count freely
 * over 32 bits, as in xen/io/console.h, xen/io/xs_wire.h and xen/io/libxenvchan.h.
 *
 * None of these sleep or notify: after a call that moved bytes the caller notifies the
 * event channel, by the rules of the protocol.
 */
#ifndef DRIVERS_BORDER_STREAM_H
#define DRIVERS_BORDER_STREAM_H

#include "drivers/border/shared.h"

#include <sys/types.h>

struct stream {
	uint8_t __shared *buf;
	uint32_t size;			/* bytes; a power of two */
	uint32_t __shared *ours;	/* the published index */
	uint32_t __shared *theirs;
	uint32_t at;			/* the private copy of *ours */
};

/*
 * Continues a stream at its present indexes.  Another user of the ring (such as PV-GRUB)
 * may have left them at any value; bytes in the ring are kept.
 */
void stream_open(struct stream *s, void __shared *buf, uint32_t size,
		 uint32_t __shared *ours, uint32_t __shared *theirs);

/* Return how many bytes could be moved now, or -EPROTO if *theirs is invalid. */
ssize_t stream_readable(const struct stream *s);
ssize_t stream_writable(const struct stream *s);

/*
 * Return how many bytes were moved: at most len, 0 if empty or full; or -EPROTO if
 * *theirs is invalid.
 */
ssize_t stream_read(struct stream *s, void *to, size_t len);
ssize_t stream_write(struct stream *s, const void *from, size_t len);

/* Writer only: discards unread data.  The peer must not be reading. */
void stream_rewind(struct stream *s);

#endif
