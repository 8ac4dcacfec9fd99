/* SPDX-License-Identifier: ISC */
/*
 * One direction of a byte stream between two domains.
 *
 * Console, xenstore and vchan are all pairs of these; they differ only in where
 * the two indexes and the buffer live.  We keep our own index in private memory
 * and only ever publish it: the peer can scribble on the shared copy without
 * moving us.  Indexes run freely over 32 bits, as in xen/io/console.h,
 * xen/io/xs_wire.h and xen/io/libxenvchan.h.
 *
 * None of these sleep or notify: after a call that moved bytes the caller rings
 * the event channel, by the protocol's own rules.
 */
#ifndef DRIVERS_BORDER_STREAM_H
#define DRIVERS_BORDER_STREAM_H

#include "drivers/border/shared.h"

#include <sys/types.h>

struct stream {
	uint8_t __shared *buf;
	uint32_t size;			/* a power of two */
	uint32_t __shared *ours;	/* the index we publish */
	uint32_t __shared *theirs;
	uint32_t at;			/* what *ours should be */
};

/*
 * Take up a stream where it stands.  A ring may have been used before us (by
 * PV-GRUB, say), so its indexes are anything; what lies in it is kept.
 */
void stream_open(struct stream *s, void __shared *buf, uint32_t size,
		 uint32_t __shared *ours, uint32_t __shared *theirs);

/* How many bytes could be moved now; -EPROTO if *theirs lies. */
ssize_t stream_readable(const struct stream *s);
ssize_t stream_writable(const struct stream *s);

/* Bytes moved, at most len, 0 when empty or full; -EPROTO if *theirs lies. */
ssize_t stream_read(struct stream *s, void *to, size_t len);
ssize_t stream_write(struct stream *s, const void *from, size_t len);

/* Of a writer: take back what was not read; nobody reads at the moment. */
void stream_rewind(struct stream *s);

#endif
