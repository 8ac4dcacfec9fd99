/* SPDX-License-Identifier: ISC */
/* The public calls of the block frontend, and the order of writes. */
#include "drivers/blkfront_internal.h"
#include "kernel/arch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A range of bytes that is written, in whole sectors; lives on the stack. */
struct write {
	struct write *next;
	uint64_t start, end;
	bool partial;			/* a sector is read, changed and written back */
};

/*
 * A partial write writes back what it has read, and would undo concurrent writes of the
 * sector.  So it waits for each earlier write of this sector, and later ones wait for it.
 */
static bool must_wait(const struct blkfront *b, const struct write *w)
{
	for (const struct write *v = b->writes; v != w; v = v->next)
		if ((v->partial || w->partial) && v->start < w->end && w->start < v->end)
			return true;
	return false;
}

static void write_begin(struct blkfront *b, struct write *w)
{
	struct write **last = &b->writes;

	while (*last)
		last = &(*last)->next;
	*last = w;
	wait_until(&b->written, !must_wait(b, w));
}

static void write_end(struct blkfront *b, struct write *w)
{
	struct write **p = &b->writes;

	while (*p != w)
		p = &(*p)->next;
	*p = w->next;
	wake(&b->written);
}

/* Writes whole sectors.  Partial writes between the runs wait, too, which is harmless. */
static int write_by(const struct disk *d, uint8_t op, const struct blkfront_run *runs,
		    unsigned count)
{
	struct write w = { .start = UINT64_MAX };
	int rc;

	for (unsigned i = 0; i < count; i++) {
		w.start = min(w.start, runs[i].at);
		if (w.end < runs[i].at + runs[i].len)
			w.end = runs[i].at + runs[i].len;
	}
	write_begin(d->blkfront, &w);
	rc = blkfront_transfer(d, op, runs, count);
	write_end(d->blkfront, &w);
	return rc;
}

static int write_sectors(const struct disk *d, const struct blkfront_run *runs, unsigned count)
{
	return write_by(d, BLKIF_OP_WRITE, runs, count);
}

/* Writes a part of one sector. */
static int write_partial(const struct disk *d, const char *from, size_t len, uint64_t at)
{
	struct blkfront *b = d->blkfront;
	uint32_t size = b->info.sector_size;
	struct write w = { .start = at - at % size, .partial = true };
	char *sector = malloc(size);
	struct iovec piece = { sector, size };
	struct blkfront_run whole = { &piece, size, at - at % size };
	int rc;

	if (!sector)
		return -ENOMEM;
	w.end = w.start + size;
	write_begin(b, &w);
	rc = blkfront_transfer(d, BLKIF_OP_READ, &whole, 1);
	if (!rc) {
		memcpy(sector + at % size, from, len);
		rc = blkfront_transfer(d, BLKIF_OP_WRITE, &whole, 1);
	}
	write_end(b, &w);
	free(sector);
	return rc;
}

/* ---- public calls */

int blkfront_open(struct disk *d, unsigned vdev, uint64_t deadline)
{
	struct frontend *fe = frontend_get(&blkfront_driver, vdev);
	int rc;

	if (!fe)
		return -ENODEV;
	rc = frontend_wait(fe, deadline);
	if (rc)
		return rc;
	*d = (struct disk){ (struct blkfront *)fe, fe->attached };
	return 0;
}

int64_t blkfront_next(unsigned vdev)
{
	struct frontend *fe = frontend_next(&blkfront_driver, vdev);

	return fe ? (int64_t)fe->id : -ENODEV;
}

ssize_t blkfront_read(const struct disk *d, void *to, size_t len, uint64_t at)
{
	struct blkfront *b = d->blkfront;
	int rc = blkfront_check(d);

	if (rc)
		return rc;
	if (at >= b->info.size)
		return 0;
	len = min(min(len, b->info.size - at), INT64_MAX);
	rc = blkfront_transfer(d, BLKIF_OP_READ,
			       &(struct blkfront_run){ &(struct iovec){ to, len }, len, at }, 1);
	return rc ? rc : (ssize_t)len;
}

static int write_all(const struct disk *d, const char *from, size_t len, uint64_t at)
{
	uint32_t size = d->blkfront->info.sector_size;
	int rc = 0;

	while (len && !rc) {
		size_t n = len - len % size;

		if (at % size || !n) {
			n = min(size - at % size, len);
			rc = write_partial(d, from, n, at);
		} else {
			rc = write_sectors(d, &(struct blkfront_run){
					   &(struct iovec){ (char *)from, n }, n, at }, 1);
		}
		from += n;
		at += n;
		len -= n;
	}
	return rc;
}

ssize_t blkfront_write(const struct disk *d, const void *from, size_t len, uint64_t at)
{
	struct blkfront *b = d->blkfront;
	int rc = blkfront_check(d);

	if (rc)
		return rc;
	if (!b->info.writable)
		return -EROFS;
	if (at >= b->info.size)
		return len ? -ENOSPC : 0;
	len = min(min(len, b->info.size - at), INT64_MAX);
	rc = write_all(d, from, len, at);
	return rc ? rc : (ssize_t)len;
}

static int check_runs(const struct disk *d, const struct blkfront_run *runs, unsigned count)
{
	const struct disk_info *info = &d->blkfront->info;
	int rc = blkfront_check(d);

	for (unsigned i = 0; !rc && i < count; i++)
		if (runs[i].at > info->size || runs[i].len > info->size - runs[i].at ||
		    runs[i].at % info->sector_size || runs[i].len % info->sector_size)
			rc = -EIO;
	return rc;
}

static int check_writes(const struct disk *d, const struct blkfront_run *runs, unsigned count)
{
	int rc = check_runs(d, runs, count);

	return rc ? rc : d->blkfront->info.writable ? 0 : -EROFS;
}

int blkfront_read_runs(const struct disk *d, const struct blkfront_run *runs, unsigned count)
{
	int rc = check_runs(d, runs, count);

	return rc ? rc : blkfront_transfer(d, BLKIF_OP_READ, runs, count);
}

int blkfront_write_runs(const struct disk *d, const struct blkfront_run *runs, unsigned count)
{
	int rc = check_writes(d, runs, count);

	return rc ? rc : write_sectors(d, runs, count);
}

/*
 * The backend offers this kind of flush but refuses it: the next best is used from now
 * on.
 */
static void downgrade_flush(struct blkfront *b, uint8_t op)
{
	if (b->flush_op != op)
		return;			/* another thread has done this */
	b->flush_op = op == BLKIF_OP_FLUSH_DISKCACHE ? BLKIF_OP_WRITE_BARRIER : 0;
	frontend_log(&b->fe, LOG_WARNING, "the backend refused a flush; from now on: %s",
		     blkfront_flush_name(b));
}

int blkfront_flush(const struct disk *d)
{
	struct blkfront *b = d->blkfront;
	int rc = blkfront_check(d);

	while (!rc && b->flush_op && b->info.writable) {
		struct blkif_request req = {
			.operation = b->flush_op, .handle = b->fe.id,
		};

		rc = blkfront_command(b, &req);
		if (rc != -EOPNOTSUPP)
			return rc;
		downgrade_flush(b, req.operation);
		rc = 0;
	}
	return rc;
}

/* Whether the disk has other data there: 1, 0, or the error. */
static int differs(const struct disk *d, const struct blkfront_run *run)
{
	char *now = malloc(run->len), *p = now;
	struct iovec piece = { now, run->len };
	struct blkfront_run all = { &piece, run->len, run->at };
	int rc;

	if (!now)
		return -ENOMEM;
	rc = blkfront_transfer(d, BLKIF_OP_READ, &all, 1);
	for (const struct iovec *v = run->pieces; !rc && p < now + run->len; p += v++->iov_len)
		rc = memcmp(p, v->iov_base, min(v->iov_len, now + run->len - p)) != 0;
	free(now);
	return rc;
}

/*
 * Writes the run by a flush with data.  xen-blkback and QEMU flush, and then write; other backends
 * flush only, and report success.  So the first run of a connection, if it changes the disk, is
 * read back.  Returns 1 if it must be written (again) in the other way.
 */
static int try_flush_write(const struct disk *d, const struct blkfront_run *run)
{
	struct blkfront *b = d->blkfront;
	int rc = 1;

	if (b->flush_op != BLKIF_OP_FLUSH_DISKCACHE || b->flush_data == FLUSH_DATA_IGNORED ||
	    run->len == 0 || run->len > DIRECT * PAGE_SIZE)
		return 1;
	if (b->flush_data == FLUSH_DATA_UNKNOWN)
		rc = differs(d, run);
	if (rc != 1)
		return 1;		/* nothing can be learned now */
	rc = write_by(d, BLKIF_OP_FLUSH_DISKCACHE, run, 1);
	if (rc == 0 && b->flush_data == FLUSH_DATA_UNKNOWN) {
		rc = differs(d, run);
		if (rc < 0)
			return 1;
		b->flush_data = rc ? FLUSH_DATA_IGNORED : FLUSH_DATA_WRITTEN;
	}
	return rc == -EOPNOTSUPP ? 1 : rc;
}

int blkfront_flush_write(const struct disk *d, const struct blkfront_run *run)
{
	int rc = check_writes(d, run, 1);

	if (!rc)
		rc = try_flush_write(d, run);
	if (rc != 1)
		return rc;
	rc = blkfront_flush(d);
	return rc ? rc : write_sectors(d, run, 1);
}

int blkfront_discard(const struct disk *d, uint64_t at, uint64_t len)
{
	struct blkfront *b = d->blkfront;
	int rc = blkfront_check(d);
	uint64_t g = b->discard_granularity, a, first, end;
	struct write w = { .partial = false };
	struct blkif_request req = { 0 };
	struct blkif_request_discard *discard = (struct blkif_request_discard *)&req;

	if (rc)
		return rc;
	if (!b->info.writable)
		return -EROFS;
	if (!b->info.discard)
		return -EOPNOTSUPP;
	if (at >= b->info.size)
		return 0;
	len = min(len, b->info.size - at);
	a = b->discard_alignment % g;	/* extents begin at a, a + g, ... */
	first = at <= a ? a : (at - a + g - 1) / g * g + a;
	end = at + len < a ? 0 : (at + len - a) / g * g + a;
	if (first >= end)
		return 0;
	*discard = (struct blkif_request_discard){
		.operation = BLKIF_OP_DISCARD, .handle = b->fe.id,
		.sector_number = first / SECTOR, .nr_sectors = (end - first) / SECTOR,
	};
	w.start = first;
	w.end = end;
	write_begin(b, &w);
	rc = blkfront_check(d);	/* the disk may have been replaced during the wait */
	if (!rc)
		rc = blkfront_command(b, &req);
	write_end(b, &w);
	return rc;
}

int blkfront_info(const struct disk *d, struct disk_info *info)
{
	int rc = blkfront_check(d);

	if (!rc) {
		*info = d->blkfront->info;
		info->flush = d->blkfront->flush_op != 0;
	}
	return rc;
}
