/* SPDX-License-Identifier: ISC */
/* A disk (drivers/blkfront.h) as a block device of fs/, found by its name, label or UUID. */
#include "drivers/blkfront.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "lib/file/mounts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PATIENCE (10 * NSEC_PER_SEC)

struct mount_disk {
	struct block block;
	struct disk disk;
	unsigned vdev;
};

/* ---- struct block.  Its pieces are passed on as they are. */

_Static_assert(sizeof(struct block_vec) == sizeof(struct iovec) &&
	       offsetof(struct block_vec, data) == offsetof(struct iovec, iov_base) &&
	       offsetof(struct block_vec, len) == offsetof(struct iovec, iov_len), "block_vec");

static struct blkfront_run run_of(const struct block_vec *vecs, unsigned count, uint64_t at)
{
	struct blkfront_run run = { .pieces = (const struct iovec *)vecs, .at = at };

	for (unsigned i = 0; i < count; i++)
		run.len += vecs[i].len;
	return run;
}

static int disk_read(struct block *b, const struct block_vec *vecs, unsigned count, uint64_t at)
{
	struct blkfront_run run = run_of(vecs, count, at);

	return blkfront_read_runs(&((struct mount_disk *)b)->disk, &run, 1);
}

static int disk_write(struct block *b, const struct block_vec *vecs, unsigned count, uint64_t at)
{
	struct blkfront_run run = run_of(vecs, count, at);

	return blkfront_write_runs(&((struct mount_disk *)b)->disk, &run, 1);
}

#define RUNS 32				/* at the same time */

static int disk_write_runs(struct block *b, const struct block_run *from, unsigned count)
{
	struct blkfront_run runs[RUNS];
	int rc = 0;

	for (unsigned n; count && !rc; count -= n, from += n) {
		for (n = 0; n < count && n < RUNS; n++)
			runs[n] = run_of(from[n].vecs, from[n].count, from[n].at);
		rc = blkfront_write_runs(&((struct mount_disk *)b)->disk, runs, n);
	}
	return rc;
}

static int disk_flush(struct block *b)
{
	return blkfront_flush(&((struct mount_disk *)b)->disk);
}

static int disk_flush_write(struct block *b, const struct block_vec *vecs, unsigned count,
			    uint64_t at)
{
	struct blkfront_run run = run_of(vecs, count, at);

	return blkfront_flush_write(&((struct mount_disk *)b)->disk, &run);
}

/* ---- Finding it. */

/* "xvda, xvdb", for messages. */
static void list_disks(char *to, size_t size)
{
	size_t n = 0;

	format(to, size, "no disks");
	for (int64_t vdev = 0; (vdev = blkfront_next(vdev)) >= 0 && n < size; vdev++) {
		char name[16];

		blkfront_name(vdev, name, sizeof(name));
		n += format(to + n, size - n, "%s%s", n ? ", " : "", name);
	}
}

static int open_number(unsigned vdev, struct mount_disk *d, char why[MOUNTS_WHY])
{
	char name[16], others[80];
	struct disk_info info;
	int rc = blkfront_open(&d->disk, vdev, clock_now() + PATIENCE);

	if (!rc)
		rc = blkfront_info(&d->disk, &info);
	blkfront_name(vdev, name, sizeof(name));
	if (rc == -ENODEV) {
		list_disks(others, sizeof(others));
		format(why, MOUNTS_WHY, "there is no disk %s; the guest has %s", name, others);
		return -ENXIO;
	}
	if (rc) {
		format(why, MOUNTS_WHY, rc == -ETIMEDOUT ?
		       "the backend of disk %s did not connect within 10 s" :
		       "disk %s cannot be used; the log says why", name);
		return -EIO;
	}
	d->vdev = vdev;
	d->block = (struct block){
		.read = disk_read, .write = disk_write,
		.write_runs = disk_write_runs, .flush = disk_flush,
		.flush_write = disk_flush_write,
		.size = info.size, .sector_size = info.sector_size,
		.read_only = !info.writable, .no_flush = info.writable && !info.flush,
	};
	strcpy(d->block.name, name);
	return 0;
}

static bool is_uuid(const char *text, const uint8_t uuid[16])
{
	char own[40];
	size_t n = 0;

	for (unsigned i = 0; i < 16; i++)
		n += format(own + n, sizeof(own) - n, "%s%02x",
			    i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
	return strcasecmp(text, own) == 0;
}

/* Whether LABEL=NAME or UUID=UUID is of this disk. */
static bool matches(const char *source, struct block *b)
{
	char label[17];
	uint8_t uuid[16];

	if (ext4_probe(b, label, uuid))
		return false;
	return strncmp(source, "LABEL=", 6) == 0 ? strcmp(source + 6, label) == 0 :
						   is_uuid(source + 5, uuid);
}

/* Looks at each disk; one that cannot be used is passed over. */
static int open_by_contents(const char *source, struct mount_disk *d, char why[MOUNTS_WHY])
{
	struct mount_disk other;
	char disks[80], reason[MOUNTS_WHY];
	unsigned found = 0;

	for (int64_t vdev = 0; (vdev = blkfront_next(vdev)) >= 0; vdev++) {
		if (open_number(vdev, &other, reason) || !matches(source, &other.block))
			continue;
		if (found++) {
			format(why, MOUNTS_WHY, "both %s and %s are %s; write the name of the disk",
			       d->block.name, other.block.name, source);
			return -EINVAL;
		}
		*d = other;
	}
	if (found)
		return 0;
	list_disks(disks, sizeof(disks));
	format(why, MOUNTS_WHY, "no ext4 disk has this label or UUID; the guest has %s", disks);
	return -ENXIO;
}

int mount_disk_open(const char *source, struct block **b, char why[MOUNTS_WHY])
{
	struct mount_disk *d = calloc(1, sizeof(*d));
	const char *name = strncmp(source, "/dev/", 5) ? source : source + 5;
	unsigned vdev;
	int rc;

	if (!d) {
		format(why, MOUNTS_WHY, "there is not enough memory");
		return -ENOMEM;
	}
	if (strncmp(source, "LABEL=", 6) == 0 || strncmp(source, "UUID=", 5) == 0) {
		rc = open_by_contents(source, d, why);
	} else if (blkfront_number(name, &vdev)) {
		rc = open_number(vdev, d, why);
	} else {
		format(why, MOUNTS_WHY, "%s is not a disk; expected xvda, LABEL=NAME, UUID=UUID or tmpfs",
		       source);
		rc = -ENXIO;
	}
	if (rc)
		free(d);
	else
		*b = &d->block;
	return rc;
}

void mount_disk_close(struct block *b)
{
	free(b);
}

unsigned mount_disk_number(const struct block *b)
{
	return ((const struct mount_disk *)b)->vdev;
}
