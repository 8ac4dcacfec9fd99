/* SPDX-License-Identifier: ISC */
/*
 * Block frontend (xen/io/blkif.h).
 *
 * A disk is an array of bytes.  A call that does not begin or end at a sector reads the
 * whole sector; a write changes it and writes it back, without undoing concurrent writes
 * of other bytes of it.  Calls may come from any number of threads.  The order of
 * concurrent calls is not defined.  blkfront_flush() makes durable what was complete when
 * it was called.  All functions sleep unless stated otherwise; kernel code only.
 *
 * If a backend goes away, requests in flight fail with -EIO, since their result is
 * unknown.  Calls made then wait at most 10 s for the backend to come back.  After a disk
 * was detached, a struct disk from before returns -EIO for good: another disk may have
 * been attached under the same number.
 */
#ifndef DRIVERS_BLKFRONT_H
#define DRIVERS_BLKFRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct disk {
	struct blkfront *blkfront;
	unsigned attached;
};

struct disk_info {
	uint64_t size;			/* bytes */
	uint32_t sector_size;		/* 512 ... 4096 */
	bool writable, cdrom, removable;
	bool discard;
	bool flush;			/* the backend offers a flush or a barrier */
};

/*
 * Opens the disk with this number (xen-vbd-interface(7)). Returns 0; -ENODEV if there is
 * none; or why it did not connect by the deadline (ns of clock_now()), such as -ETIMEDOUT
 * or -EPROTO.
 */
int blkfront_open(struct disk *d, unsigned vdev, uint64_t deadline);

/* Returns the lowest number of a disk from vdev on, or -ENODEV. */
int64_t blkfront_next(unsigned vdev);

/*
 * Return the number of bytes, less than len only at the disk's end; -EIO; -EROFS; -ENOSPC
 * (a write behind the end); -ENOMEM. at and len are in bytes.
 */
ssize_t blkfront_read(const struct disk *d, void *to, size_t len, uint64_t at);
ssize_t blkfront_write(const struct disk *d, const void *from, size_t len, uint64_t at);

/* Consecutive bytes of a disk, of whole sectors: the first len bytes of the pieces. */
struct blkfront_run {
	const struct iovec *pieces;
	size_t len;
	uint64_t at;
};

/*
 * Transfer `count` runs, which do not overlap, in any order and at the same time.  Return 0 when
 * all have been transferred; otherwise, when none is in flight any more, -EIO (also for a run that
 * is not within the disk, or not of whole sectors), -EROFS or -ENOMEM.
 */
int blkfront_read_runs(const struct disk *d, const struct blkfront_run *runs, unsigned count);
int blkfront_write_runs(const struct disk *d, const struct blkfront_run *runs, unsigned count);

/*
 * Returns 0 or -EIO; 0 also if the backend offers no flush, which the log states at
 * connection.
 */
int blkfront_flush(const struct disk *d);

/*
 * blkfront_flush(), and then a write of the run, in one request where the backend can do this.
 * Returns as both do.
 */
int blkfront_flush_write(const struct disk *d, const struct blkfront_run *run);

/*
 * Discards the contents of a range of bytes, as far as the backend can.  Returns 0,
 * -EOPNOTSUPP, -EROFS or -EIO.
 */
int blkfront_discard(const struct disk *d, uint64_t at, uint64_t len);

/*
 * Returns 0, or -EIO if the disk is not connected or was detached.  Waits for the backend
 * as the calls above.
 */
int blkfront_info(const struct disk *d, struct disk_info *info);

/*
 * Converts a number to a name: xvda, sda1, hdc2, or vbd-N if it has none; and back, false
 * if the name is invalid.  The toolstack may use another name.  These do not sleep.
 */
void blkfront_name(unsigned vdev, char *to, size_t size);
bool blkfront_number(const char *name, unsigned *vdev);

/* ---- For reports; these do not sleep. */

struct frontend;

/* Counted since the guest started.  Requests are those sent to the backend. */
struct blkfront_stats {
	struct disk_info info;
	uint64_t reads, writes, flushes, discards, errors;	/* requests */
	uint64_t read_bytes, written_bytes;
	const struct ring *ring;
	const struct pool *pool;	/* pages for data */
};

/* Calls visit() for each disk that was ever seen. */
void blkfront_each(void (*visit)(const struct frontend *fe, void *arg), void *arg);
void blkfront_stats(const struct frontend *fe, struct blkfront_stats *s);

/* In control/blkfront_methods.c: adds the control methods of disks. */
void blkfront_methods_add(void);

#endif
