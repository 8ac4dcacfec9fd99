/* SPDX-License-Identifier: ISC */
/*
 * Copy-on-write: a base that is only read, and above it a store with what has changed, in units of
 * CLUSTER.  A cluster that is written in part is copied from the base first.
 *
 * Which clusters have changed is in memory.  After a restart of the server it is read from the upper
 * store, a sparse file: its file system stores the extent of a write not before the data.  So the file
 * system must store exactly the clusters that were written, also those with zeroes: an empty file is
 * tested.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xenolith/disk.h>

#define CLUSTER 4096ul
#define PIECES 64

struct overlay {
	struct disk_store s;
	struct disk_store *base, *top;
	uint8_t *changed;		/* a bit for each cluster */
};

static bool has(const struct overlay *o, uint64_t cluster)
{
	return o->changed[cluster / 8] >> cluster % 8 & 1;
}

static void set(struct overlay *o, uint64_t first, uint64_t end)
{
	for (uint64_t c = first; c < end; c++)
		o->changed[c / 8] |= 1 << c % 8;
}

/* Takes at most len bytes from the pieces.  Returns the number of pieces in to. */
struct cursor {
	const struct iovec *v;
	size_t used;			/* of the first piece */
};

static int take(struct cursor *c, struct iovec *to, uint64_t *len)
{
	uint64_t left = *len;
	int n = 0;

	for (; left && n < PIECES; n++) {
		size_t part = c->v->iov_len - c->used;

		if (part > left)
			part = left;
		to[n] = (struct iovec){ (char *)c->v->iov_base + c->used, part };
		left -= part;
		c->used += part;
		if (c->used == c->v->iov_len)
			c->used = 0, c->v++;
	}
	*len -= left;
	return n;
}

static uint64_t total(const struct iovec *v, int count)
{
	uint64_t sum = 0;

	for (int i = 0; i < count; i++)
		sum += v[i].iov_len;
	return sum;
}

/* The length of the run at `at`, at most len, whose clusters are all in the same store. */
static uint64_t run(const struct overlay *o, uint64_t at, uint64_t len, bool *in_top)
{
	uint64_t c = at / CLUSTER, n;

	*in_top = has(o, c);
	do
		n = ++c * CLUSTER - at;
	while (n < len && has(o, c) == *in_top);
	return n < len ? n : len;
}

static int overlay_read(struct disk_store *s, const struct iovec *to, int count, uint64_t at)
{
	struct overlay *o = (struct overlay *)s;
	struct cursor c = { to, 0 };
	struct iovec pieces[PIECES];
	uint64_t left = total(to, count);
	int rc = 0;

	while (left && !rc) {
		bool in_top;
		uint64_t n = run(o, at, left, &in_top);
		struct disk_store *from;
		int k = take(&c, pieces, &n);

		from = in_top ? o->top : o->base;
		rc = from->read(from, pieces, k, at);
		at += n;
		left -= n;
	}
	return rc;
}

/* Copies a cluster, so that a part of it can be written. */
static int copy_up(struct overlay *o, uint64_t cluster)
{
	uint64_t at = cluster * CLUSTER;
	struct iovec whole;
	char *data;
	int rc;

	if (has(o, cluster))
		return 0;
	data = malloc(CLUSTER);
	if (!data)
		return -ENOMEM;
	whole = (struct iovec){ data, o->s.size - at < CLUSTER ? o->s.size - at : CLUSTER };
	rc = o->base->read(o->base, &whole, 1, at);
	if (!rc)
		rc = o->top->write(o->top, &whole, 1, at);
	free(data);
	if (!rc)
		set(o, cluster, cluster + 1);
	return rc;
}

/* Reads what the upper store has of [at, limit). */
static int read_map(struct overlay *o, uint64_t at, uint64_t limit)
{
	uint64_t start, end = 0;
	int rc = 0;

	while (o->top->written && at < limit) {
		rc = o->top->written(o->top, at, &start, &end);
		if (rc)
			return rc == -ENXIO ? 0 : rc;
		if (start >= limit)
			break;
		if (end > limit)
			end = limit;
		set(o, start / CLUSTER, (end + CLUSTER - 1) / CLUSTER);
		at = end;
	}
	return rc;
}

static int overlay_write(struct disk_store *s, const struct iovec *from, int count, uint64_t at)
{
	struct overlay *o = (struct overlay *)s;
	uint64_t end = at + total(from, count);
	int rc = 0;

	if (at % CLUSTER)
		rc = copy_up(o, at / CLUSTER);
	if (!rc && end % CLUSTER && end != s->size)
		rc = copy_up(o, end / CLUSTER);
	if (!rc) {
		rc = o->top->write(o->top, from, count, at);
		/* A part of it may be stored, and is seen after a restart, so it is seen now, too. */
		if (rc)
			read_map(o, at, end);
	}
	if (!rc)
		set(o, at / CLUSTER, (end + CLUSTER - 1) / CLUSTER);
	return rc;
}

static int overlay_flush(struct disk_store *s)
{
	struct overlay *o = (struct overlay *)s;

	return o->top->flush ? o->top->flush(o->top) : 0;
}

static void overlay_tell(struct disk_store *s, enum disk_event event)
{
	struct overlay *o = (struct overlay *)s;

	if (o->top->tell && event != DISK_RESIZED)
		o->top->tell(o->top, event);
}

static void overlay_close(struct disk_store *s)
{
	struct overlay *o = (struct overlay *)s;

	disk_close(o->top);
	disk_close(o->base);
	free(o->changed);
	free(o);
}

/* Whether exactly the first cluster is stored when one sector of it was written. */
static bool is_exact(const struct overlay *o)
{
	struct disk_store *top = o->top;
	static char zeroes[512];
	uint64_t start = 1, end = 0, size = o->s.size < CLUSTER ? o->s.size : CLUSTER;
	int rc = top->write(top, &(struct iovec){ zeroes, sizeof(zeroes) }, 1, 0);

	if (!rc && top->flush)
		rc = top->flush(top);
	return !rc && !top->written(top, 0, &start, &end) && start == 0 &&
	       (end == CLUSTER || (size < CLUSTER && end >= size));
}

static int test_empty(const struct overlay *o)
{
	struct disk_store *top = o->top;
	uint64_t start, end, size = o->s.size < CLUSTER ? o->s.size : CLUSTER;
	bool exact;

	if (!top->written || top->written(top, 0, &start, &end) != -ENXIO)
		return 0;
	if (!top->discard)
		return -EOPNOTSUPP;
	exact = is_exact(o);
	/* Also if it is refused: at the next start, what remains would be the guest's data. */
	if (!top->written(top, 0, &start, &end) && start == 0 && end > size)
		size = end < top->size ? end : top->size;
	exact &= !top->discard(top, 0, size) && (!top->flush || !top->flush(top)) &&
		 top->written(top, 0, &start, &end) == -ENXIO;
	return exact ? 0 : -EOPNOTSUPP;
}

int disk_overlay(struct disk_store *base, struct disk_store *top, struct disk_store **store)
{
	uint64_t clusters = (base->size + CLUSTER - 1) / CLUSTER;
	struct overlay *o;
	int rc;

	if (top->size < base->size || top->readonly)
		return -EINVAL;
	o = calloc(1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	*o = (struct overlay){
		.s = {
			.read = overlay_read, .write = overlay_write, .flush = overlay_flush,
			.tell = overlay_tell, .close = overlay_close, .size = base->size,
			.sector_size = base->sector_size,
		},
		.base = base, .top = top, .changed = calloc(1, clusters / 8 + 1),
	};
	rc = o->changed ? test_empty(o) : -ENOMEM;
	if (!rc)
		rc = read_map(o, 0, o->s.size);
	if (rc) {
		free(o->changed);
		free(o);
	} else {
		*store = &o->s;
	}
	return rc;
}
