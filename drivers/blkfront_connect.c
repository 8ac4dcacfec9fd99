/* SPDX-License-Identifier: ISC */
/* The connection of a disk: its shared resources, the backend's features, and disconnecting. */
#include "drivers/blkfront_internal.h"
#include "kernel/arch.h"
#include "kernel/page.h"

#include <errno.h>
#include <string.h>
#include <xen/io/protocols.h>
#include <xen/io/xenbus.h>

#define RING_ORDER 1
#define POOL_MIN (DIRECT + 1)

static int offer(struct frontend *fe)
{
	struct blkfront *b = (struct blkfront *)fe;
	struct page_stats memory;
	uint64_t order;
	uint32_t most;
	int rc;

	page_stats(&memory);
	most = min(memory.total / 16, 1024);
	most = most > POOL_MIN ? most : POOL_MIN;
	rc = frontend_read_number(fe, "max-ring-page-order", 0, UINT32_MAX, 0, &order);
	order = min(order, RING_ORDER);
	if (!rc)
		rc = frontend_ring(fe, &b->ring, order, sizeof(struct blkif_request),
				   sizeof(struct blkif_response), "ring-ref");
	if (!rc && order)
		rc = frontend_write(fe, "ring-page-order", "%u", (unsigned)order);
	if (!rc)
		rc = pending_init(&b->pending, b->ring.nslots);
	if (!rc)
		rc = frontend_pool(fe, &b->pool, POOL_MIN, most);
	if (!rc)
		rc = frontend_event(fe, &b->event, "event-channel");
	if (!rc)
		rc = frontend_write(fe, "protocol", XEN_IO_PROTO_ABI_X86_64);
	if (!rc)
		rc = frontend_write(fe, "feature-persistent", "1");
	return rc;
}

/*
 * The unit of sector numbers is ambiguous if sectors have more than 512 bytes: blkif.h
 * has defined it differently over the years.  Linux's backend always counts 512 bytes;
 * FreeBSD's and tapdisk count whole sectors in some fields.  A wrong guess damages the
 * disk.  Linux's backend is recognised by a key that no other writes.  QEMU either counts
 * 512 bytes, or offers no larger sectors to a frontend that does not ask for them
 * (feature-large-sector-size).
 */
static int check_units(struct frontend *fe, unsigned sector_size)
{
	uint64_t queues;
	int rc = frontend_read_number(fe, "multi-queue-max-queues", 0, UINT32_MAX, 0, &queues);

	if (rc || queues || sector_size == SECTOR || strstr(fe->backend, "/backend/qdisk/"))
		return rc;
	frontend_log(fe, LOG_ERROR, "sectors of %u bytes: cannot determine whether the "
		     "backend counts in these or in units of 512 bytes", sector_size);
	return frontend_fail(fe, "unsupported sector size");
}

/*
 * A backend, or a domain that was restored, has a disk that cannot be the one of before: nothing
 * may be written there by those who opened that one.
 */
static void check_same(struct blkfront *b, uint64_t size, uint64_t sector_size)
{
	bool same = size >= b->info.size && sector_size == b->info.sector_size;

	if (same || b->info_of != b->fe.attached) {
		b->info_of = b->fe.attached;
		return;
	}
	frontend_log(&b->fe, LOG_ERROR, "another disk than before, which had %llu KiB and sectors"
		     " of %u: it must be opened again", (unsigned long long)b->info.size / 1024,
		     b->info.sector_size);
	b->info_of = ++b->fe.attached;
	frontend_report_lost(&b->fe);
}

static int read_geometry(struct blkfront *b)
{
	struct frontend *fe = &b->fe;
	uint64_t sectors, size, info;
	int rc;

	rc = frontend_read_number(fe, "sectors", 0, INT64_MAX / SECTOR, UINT64_MAX, &sectors);
	if (!rc)
		rc = frontend_read_number(fe, "sector-size", SECTOR, PAGE_SIZE, SECTOR, &size);
	if (!rc)
		rc = frontend_read_number(fe, "info", 0, UINT32_MAX, 0, &info);
	if (rc)
		return rc;
	if (sectors == UINT64_MAX || size & (size - 1) || sectors % (size / SECTOR))
		return frontend_fail(fe, "invalid number or size of sectors in xenstore");
	rc = check_units(fe, size);
	if (rc)
		return rc;
	check_same(b, sectors * SECTOR, size);
	b->info = (struct disk_info){
		.size = sectors * SECTOR,
		.sector_size = size,
		.writable = !(info & VDISK_READONLY),
		.cdrom = info & VDISK_CDROM,
		.removable = info & VDISK_REMOVABLE,
	};
	return 0;
}

static int read_features(struct blkfront *b, bool *persistent)
{
	struct frontend *fe = &b->fe;
	uint64_t flush, barrier, indirect, discard, keeps;
	int rc;

	rc = frontend_read_number(fe, "feature-flush-cache", 0, 1, 0, &flush);
	if (!rc)
		rc = frontend_read_number(fe, "feature-barrier", 0, 1, 0, &barrier);
	if (!rc)
		rc = frontend_read_number(fe, "feature-persistent", 0, 1, 0, &keeps);
	if (!rc)
		rc = frontend_read_number(fe, "feature-discard", 0, 1, 0, &discard);
	if (!rc)
		rc = frontend_read_number(fe, "discard-granularity", 0, UINT32_MAX,
				  b->info.sector_size, &b->discard_granularity);
	if (!rc)
		rc = frontend_read_number(fe, "discard-alignment", 0, UINT32_MAX, 0,
				  &b->discard_alignment);
	if (!rc)
		rc = frontend_read_number(fe, "feature-max-indirect-segments", 0, UINT32_MAX, 0,
				  &indirect);
	if (rc)
		return rc;
	if (b->discard_granularity % b->info.sector_size ||
	    b->discard_alignment % b->info.sector_size || !b->discard_granularity)
		discard = false;
	b->info.discard = discard;
	b->flush_op = flush ? BLKIF_OP_FLUSH_DISKCACHE :
		      barrier ? BLKIF_OP_WRITE_BARRIER : 0;
	b->flush_data = FLUSH_DATA_UNKNOWN;
	/* Besides the data, a request needs a page with the list of segments. */
	indirect = min(min(indirect, INDIRECT), b->pool.max - 1);
	b->segments = indirect > DIRECT ? indirect : DIRECT;
	*persistent = keeps;
	return 0;
}

const char *blkfront_flush_name(const struct blkfront *b)
{
	return b->flush_op == BLKIF_OP_FLUSH_DISKCACHE ? "flush" :
	       b->flush_op == BLKIF_OP_WRITE_BARRIER ? "barrier instead of flush" :
							"no flush and no barrier";
}

static int start_disk(struct frontend *fe)
{
	struct blkfront *b = (struct blkfront *)fe;
	bool persistent;
	int rc = read_geometry(b);

	if (!rc)
		rc = read_features(b, &persistent);
	if (rc)
		return rc;
	frontend_log(fe, LOG_INFO, "%llu KiB, sectors of %u, %s, %s, %s%u segments, %u slots%s",
		     (unsigned long long)b->info.size / 1024, b->info.sector_size,
		     b->info.writable ? "writable" : "read-only", blkfront_flush_name(b),
		     b->info.discard ? "discard, " : "", b->segments, b->ring.nslots,
		     persistent ? ", persistent grants" : "");
	return 0;
}

static void stop(struct frontend *fe)
{
	struct blkfront *b = (struct blkfront *)fe;
	struct part *part;

	if (!b->ring.error)
		ring_fail(&b->ring, -EIO);
	pool_fail(&b->pool, -EIO);
	while ((part = pending_take_any(&b->pending)))
		blkfront_complete(b, part, -EIO);
	pending_free(&b->pending);
	wake(&b->event.waiters);
	turn_wake_all(&b->waiting);
}

static bool quiet(const struct frontend *fe)
{
	return !((const struct blkfront *)fe)->calls;
}

static void flush_at_shutdown(struct frontend *fe)
{
	struct disk d = { (struct blkfront *)fe, fe->attached };

	blkfront_flush(&d);
}

const struct frontend_driver blkfront_driver = {
	.kind = "vbd",
	.size = sizeof(struct blkfront),
	.publish_as = XenbusStateInitialised,
	.offer = offer,
	.start = start_disk,
	.stop = stop,
	.flush = flush_at_shutdown,
	.quiet = quiet,
	.methods_add = blkfront_methods_add,
};

void blkfront_stats(const struct frontend *fe, struct blkfront_stats *s)
{
	const struct blkfront *b = (const struct blkfront *)fe;

	*s = (struct blkfront_stats){
		.info = b->info,
		.reads = b->requests[BLKIF_OP_READ],
		.writes = b->requests[BLKIF_OP_WRITE],
		.flushes = b->requests[BLKIF_OP_FLUSH_DISKCACHE] +
			   b->requests[BLKIF_OP_WRITE_BARRIER],
		.discards = b->requests[BLKIF_OP_DISCARD],
		.read_bytes = b->bytes[BLKIF_OP_READ],
		.written_bytes = b->bytes[BLKIF_OP_WRITE],
		.errors = b->errors,
		.ring = &b->ring, .pool = &b->pool,
	};
}

void blkfront_each(void (*visit)(const struct frontend *fe, void *arg), void *arg)
{
	frontend_each(&blkfront_driver, visit, arg);
}
