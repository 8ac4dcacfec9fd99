/* SPDX-License-Identifier: ISC */
/*
 * Block frontend (xen/io/blkif.h).
 *
 * A disk is an array of bytes: what does not begin or end with a sector is read and, for
 * writing, read, changed and written back, which undoes nothing that others write meanwhile.
 * Calls come from any number of threads; the order of concurrent ones is not promised, and blkfront_flush() makes durable what was
 * complete when it was called.  All of these sleep; kernel code only.
 *
 * A backend that goes away fails what is in flight with -EIO, since nobody can say what
 * became of it; calls made while it is away wait for it to come back, 10 s at the most.
 * Once a disk was detached, a struct disk of before says -EIO for good: what is attached
 * again under the same number may be another disk.
 */
#ifndef DRIVERS_BLKFRONT_H
#define DRIVERS_BLKFRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct disk {
	struct blkfront *blkfront;
	unsigned attached;
};

struct disk_info {
	uint64_t size;			/* bytes */
	uint32_t sector_size;		/* 512 ... 4096 */
	bool writable, cdrom, removable;
	bool discard;
};

/*
 * The disk with this number (xen-vbd-interface(7)): 0; -ENODEV, there is none; or it did
 * not connect by the deadline: -ETIMEDOUT or why not.
 */
int blkfront_open(struct disk *d, unsigned vdev, uint64_t deadline);

/* The lowest number of a disk from vdev on; -ENODEV: there is none. */
int64_t blkfront_next(unsigned vdev);

/*
 * How many bytes, less than len only at the disk's end; -EIO, -EROFS, -ENOSPC (writing
 * behind the end).
 */
ssize_t blkfront_read(const struct disk *d, void *to, size_t len, uint64_t at);
ssize_t blkfront_write(const struct disk *d, const void *from, size_t len, uint64_t at);

/* 0 also if the backend offers nothing of the kind, as the log says at connection. */
int blkfront_flush(const struct disk *d);

/* This range is not needed any more; as much of it as the backend can: 0, -EOPNOTSUPP. */
int blkfront_discard(const struct disk *d, uint64_t at, uint64_t len);

int blkfront_info(const struct disk *d, struct disk_info *info);

/*
 * A number's name, whatever the toolstack calls the disk: xvda, sda1, hdc2, or vbd-N if it
 * has none; and back: false, nothing is called so.
 */
void blkfront_name(unsigned vdev, char *to, size_t size);
bool blkfront_number(const char *name, unsigned *vdev);

/* ---- For those who show them; these do not sleep. */

struct frontend;

/* Since the guest began.  Requests are what the backend was asked for. */
struct blkfront_stats {
	struct disk_info info;
	uint64_t reads, writes, flushes, discards, errors;	/* requests */
	uint64_t read_bytes, written_bytes;
	const struct ring *ring;
	const struct pool *pool;	/* pages that data passes through */
};

/* Each disk there ever was. */
void blkfront_each(void (*visit)(const struct frontend *fe, void *arg), void *arg);
void blkfront_stats(const struct frontend *fe, struct blkfront_stats *s);

/* control/blkfront_methods.c, for blkfront.c: there are disks, to be asked for. */
void blkfront_methods_add(void);

#endif
