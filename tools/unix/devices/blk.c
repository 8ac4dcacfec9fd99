/* SPDX-License-Identifier: ISC */
/*
 * Disks: a backend of xen/io/blkif.h over files and block devices.  A request is done at once, in
 * the event loop; flush is fdatasync().
 */
#include "devices/xenbus.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <xen/io/blkif.h>

#define SECTOR 512u
#define DISKS 26
#define FIRST_NUMBER (202u << 8) /* xvda */
#define ORDER_MAX 1u
#define INDIRECT 64u
#define PER_PAGE (PAGE / sizeof(struct blkif_request_segment))

struct disk {
	struct device device;
	const char *file, *path, *options;
	int fd;
	bool read_only, broken;
	char name[8];
	uint64_t sectors;
	unsigned port, pages;
	grant_ref_t refs[1 << ORDER_MAX];
	blkif_sring_t *sring;
	blkif_back_ring_t ring;
};

static struct disk disks[DISKS];
static unsigned ndisks;

/* FILE[:/PATH][,ro|,rw][,dev=NAME], as in tools/xenolith/run_options.c. */
void disk_add(const char *word)
{
	struct disk *d = &disks[ndisks];
	char *rest = strdup(word), *part, *colon;

	if (ndisks == DISKS)
		die(2, "too many disks");
	d->file = strsep(&rest, ",");
	snprintf(d->name, sizeof(d->name), "xvd%c", 'a' + ndisks);
	d->options = "";
	while ((part = strsep(&rest, ","))) {
		if (!strcmp(part, "ro"))
			d->read_only = true, d->options = ",ro";
		else if (!strncmp(part, "dev=xvd", 7) && part[7] >= 'a' &&
			 part[7] <= 'z' && !part[8])
			strcpy(d->name, part + 4);
		else if (strcmp(part, "rw"))
			die(2, "--disk %s: expected FILE[:/PATH][,ro][,dev=NAME]", word);
	}
	colon = strstr(d->file, ":/");
	if (colon) {
		*colon = 0;
		d->path = colon + 1;
	}
	for (unsigned i = 0; i < ndisks; i++)
		if (!strcmp(disks[i].name, d->name))
			die(2, "--disk %s: two disks are %s", word, d->name);
	ndisks++;
}

void disk_words(FILE *line)
{
	for (unsigned i = 0; i < ndisks; i++)
		if (disks[i].path)
			fprintf(line, "%smount=%s:%s%s", ftell(line) ? " " : "",
				disks[i].name, disks[i].path, disks[i].options);
}

/* ---- requests */

struct work {
	struct blkif_request_segment seg[INDIRECT];
	unsigned n;
	uint64_t sector, number; /* of sectors */
	struct iovec pieces[INDIRECT];
};

static bool segments_valid(struct disk *d, struct work *w)
{
	w->number = 0;
	for (unsigned i = 0; i < w->n; i++) {
		if (w->seg[i].first_sect > w->seg[i].last_sect ||
		    w->seg[i].last_sect >= PAGE / SECTOR)
			return false;
		w->number += w->seg[i].last_sect - w->seg[i].first_sect + 1;
	}
	return w->n && w->sector <= d->sectors && w->number <= d->sectors - w->sector;
}

static bool transfer_all(struct disk *d, struct work *w, bool write)
{
	off_t at = w->sector * SECTOR;
	struct iovec *v = w->pieces;
	unsigned left = w->n;

	while (left) {
		ssize_t n =
			write ? pwritev(d->fd, v, left, at) : preadv(d->fd, v, left, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		for (; left && (size_t)n >= v->iov_len; left--)
			n -= (v++)->iov_len;
		if (left) {
			v->iov_base = (char *)v->iov_base + n;
			v->iov_len -= n;
		}
	}
	return true;
}

static int transfer(struct disk *d, struct work *w, bool write)
{
	bool good = segments_valid(d, w) && !(write && d->read_only);
	unsigned granted = 0;

	for (; good && granted < w->n; granted++) {
		const struct blkif_request_segment *s = &w->seg[granted];
		uint8_t *page = grant_begin(s->gref, !write);

		if (!page)
			break;
		w->pieces[granted].iov_base = page + s->first_sect * SECTOR;
		w->pieces[granted].iov_len = (s->last_sect - s->first_sect + 1) * SECTOR;
	}
	good = good && granted == w->n && transfer_all(d, w, write);
	while (granted--)
		grant_end(w->seg[granted].gref, !write);
	return good ? BLKIF_RSP_OKAY : BLKIF_RSP_ERROR;
}

static int direct(struct disk *d, const blkif_request_t *r)
{
	struct work w = { .n = r->nr_segments, .sector = r->sector_number };

	if (w.n > BLKIF_MAX_SEGMENTS_PER_REQUEST)
		return BLKIF_RSP_ERROR;
	memcpy(w.seg, r->seg, w.n * sizeof(w.seg[0]));
	return transfer(d, &w, r->operation == BLKIF_OP_WRITE);
}

static int indirect(struct disk *d, const blkif_request_indirect_t *r)
{
	struct work w = { .n = r->nr_segments, .sector = r->sector_number };
	const void *page;

	if (w.n > INDIRECT ||
	    (r->indirect_op != BLKIF_OP_READ && r->indirect_op != BLKIF_OP_WRITE))
		return BLKIF_RSP_ERROR;
	_Static_assert(INDIRECT <= PER_PAGE, "one page has all segments");
	page = grant_begin(r->indirect_grefs[0], false);
	if (!page)
		return BLKIF_RSP_ERROR;
	memcpy(w.seg, page, w.n * sizeof(w.seg[0]));
	grant_end(r->indirect_grefs[0], false);
	return transfer(d, &w, r->indirect_op == BLKIF_OP_WRITE);
}

static int discard(struct disk *d, const blkif_request_discard_t *r)
{
	if (d->read_only || r->sector_number > d->sectors || !r->nr_sectors ||
	    r->nr_sectors > d->sectors - r->sector_number)
		return BLKIF_RSP_ERROR;
	if (!fallocate(d->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		       r->sector_number * SECTOR, r->nr_sectors * SECTOR))
		return BLKIF_RSP_OKAY;
	return errno == EOPNOTSUPP ? BLKIF_RSP_EOPNOTSUPP : BLKIF_RSP_ERROR;
}

static int perform(struct disk *d, const blkif_request_t *r)
{
	switch (r->operation) {
	case BLKIF_OP_READ:
	case BLKIF_OP_WRITE:
		return direct(d, r);
	case BLKIF_OP_FLUSH_DISKCACHE:
		return fdatasync(d->fd) ? BLKIF_RSP_ERROR : BLKIF_RSP_OKAY;
	case BLKIF_OP_DISCARD:
		return discard(d, (const void *)r);
	case BLKIF_OP_INDIRECT:
		return indirect(d, (const void *)r);
	default:
		return BLKIF_RSP_EOPNOTSUPP;
	}
}

static void respond(struct disk *d, const blkif_request_t *r, int status)
{
	bool indirect = r->operation == BLKIF_OP_INDIRECT;
	const blkif_request_indirect_t *i = (const void *)r;
	blkif_response_t *p = RING_GET_RESPONSE(&d->ring, d->ring.rsp_prod_pvt++);

	p->id = indirect ? i->id : r->id;
	p->operation = r->operation;
	p->status = status;
}

static void serve(void *arg)
{
	struct disk *d = arg;
	int more, notify, done = 0;

	if (!d->sring || d->broken)
		return;
	do {
		RING_IDX prod = d->sring->req_prod;

		xen_rmb();
		if (RING_REQUEST_PROD_OVERFLOW(&d->ring, prod)) {
			warn("disk %s: the guest's ring is broken", d->name);
			d->broken = true;
			return;
		}
		for (; d->ring.req_cons != prod; done++) {
			blkif_request_t r;

			memcpy(&r, RING_GET_REQUEST(&d->ring, d->ring.req_cons++),
			       sizeof(r));
			__asm__ volatile("" : : : "memory");
			respond(d, &r, perform(d, &r));
		}
		RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&d->ring, notify);
		if (notify)
			port_notify(d->port);
		RING_FINAL_CHECK_FOR_REQUESTS(&d->ring, more);
	} while (more && done < AT_ONCE);
	if (more)
		port_again(d->port);
}

/* ---- connection */

static bool connect(struct device *device)
{
	struct disk *d = (struct disk *)device;
	long order = store_number(device->front, "ring-page-order", 0);
	const char *abi = store_get("%s/protocol", device->front);

	d->port = store_number(device->front, "event-channel", 0);
	if (order < 0 || order > ORDER_MAX || (abi && strcmp(abi, "x86_64-abi")))
		return false;
	d->pages = 1u << order;
	d->sring = device_ring(device, "ring-ref", d->refs, d->pages,
			       store_get("%s/ring-page-order", device->front) != NULL);
	if (!d->sring)
		return false;
	BACK_RING_INIT(&d->ring, d->sring, d->pages * PAGE);
	d->broken = false;
	if (!port_bind(d->port, serve, d)) {
		unmap_grants(d->sring, d->refs, d->pages);
		d->sring = NULL;
		return false;
	}
	port_notify(d->port);
	return true;
}

static void disconnect(struct device *device)
{
	struct disk *d = (struct disk *)device;

	port_unbind(d->port);
	unmap_grants(d->sring, d->refs, d->pages);
	d->sring = NULL;
}

static void open_file(struct disk *d)
{
	struct stat st;

	int flags = O_CLOEXEC | O_NONBLOCK | (d->read_only ? O_RDONLY : O_RDWR);

	/* O_EXCL: not a device that is mounted on this machine. */
	if (!stat(d->file, &st) && S_ISBLK(st.st_mode) && !d->read_only)
		flags |= O_EXCL;
	d->fd = open(d->file, flags);
	if (d->fd < 0 || fstat(d->fd, &st))
		die(1, "disk %s: %s", d->file, strerror(errno));
	if (flock(d->fd, (d->read_only ? LOCK_SH : LOCK_EX) | LOCK_NB))
		die(1, "disk %s: it is in use by another guest", d->file);
	if (S_ISREG(st.st_mode))
		d->sectors = st.st_size / SECTOR;
	else if (!S_ISBLK(st.st_mode) || ioctl(d->fd, BLKGETSIZE64, &d->sectors))
		die(1, "disk %s: neither a file nor a block device", d->file);
	else
		d->sectors /= SECTOR;
	if (!d->sectors)
		die(1, "disk %s: it has less than %u bytes", d->file, SECTOR);
}

void disks_start(void)
{
	for (struct disk *d = disks; d < disks + ndisks; d++) {
		open_file(d);
		d->device = (struct device){
			.kind = "vbd",
			.id = FIRST_NUMBER + (d->name[3] - 'a') * 16,
			.connect = connect,
			.disconnect = disconnect,
		};
		device_add(&d->device);
		device_set(&d->device, "dev", "%s", d->name);
		device_set(&d->device, "mode", d->read_only ? "r" : "w");
		device_set(&d->device, "params", "%s", d->file);
		device_set(&d->device, "sectors", "%llu", (unsigned long long)d->sectors);
		device_set(&d->device, "sector-size", "%u", SECTOR);
		device_set(&d->device, "info", "%u", d->read_only ? VDISK_READONLY : 0);
		device_set(&d->device, "feature-flush-cache", "1");
		device_set(&d->device, "feature-discard", "%d", !d->read_only);
		device_set(&d->device, "feature-max-indirect-segments", "%u", INDIRECT);
		device_set(&d->device, "max-ring-page-order", "%u", ORDER_MAX);
		device_set(&d->device, "multi-queue-max-queues", "1");
	}
}
