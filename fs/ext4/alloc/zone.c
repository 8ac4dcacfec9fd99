/* SPDX-License-Identifier: ISC */
/*
 * The location of the file system's own metadata: super blocks, descriptors, bitmaps, inode tables.
 *
 * A block has one use.  So these places may not overlap, and no file has blocks there.  They are
 * found at the mount, as a sorted list of zones; with flex_bg those of many groups are one zone.
 */
#include "fs/ext4/ext4.h"

struct list {
	struct zone *zones;		/* NULL: they are only counted */
	uint32_t count;
	uint64_t end;			/* of the last one */
};

static void add(struct list *l, uint64_t start, uint64_t count)
{
	if (!count)
		return;
	if (!l->count || start != l->end) {
		if (l->zones)
			l->zones[l->count].start = start;
		l->count++;
	}
	l->end = start + count;
	if (l->zones)
		l->zones[l->count - 1].end = l->end;
}

static void collect(const struct ext4 *e, struct list *l)
{
	uint64_t table = ((uint64_t)e->inodes_per_group * e->inode_size + e->block_size - 1) >>
			 e->shift;

	for (unsigned kind = 0; kind < 4; kind++)
		for (uint32_t g = 0; g < e->groups_count; g++) {
			const struct group *p = &e->groups[g];

			if (kind == 0)
				add(l, group_first(e, g), group_supers(e, g));
			else if (kind == 1)
				add(l, p->block_bitmap, 1);
			else if (kind == 2)
				add(l, p->inode_bitmap, 1);
			else
				add(l, p->inode_table, table);
			if (g % 4096 == 4095)
				os_pause();
		}
}

/* Move the zone down to where no zone below it is larger, in a heap of n. */
static void sift(struct zone *z, uint32_t at, uint32_t n)
{
	for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
		struct zone x = z[at];

		if (child + 1 < n && z[child + 1].start > z[child].start)
			child++;
		if (z[child].start <= x.start)
			break;
		z[at] = z[child];
		z[child] = x;
	}
}

static void sort(struct zone *z, uint32_t n)
{
	for (uint32_t k = n / 2; k--;)
		sift(z, k, n);
	for (uint32_t k = n; k-- > 1;) {
		struct zone x = z[k];

		z[k] = z[0];
		z[0] = x;
		sift(z, 0, k);
		if (k % 1024 == 0)
			os_pause();
	}
}

int zones_make(struct ext4 *e)
{
	struct list l = { .zones = NULL };
	uint32_t n = 0;

	collect(e, &l);
	e->zones = os_alloc((size_t)l.count * sizeof(*e->zones));
	if (!e->zones)
		return -ENOMEM;
	l = (struct list){ .zones = e->zones };
	collect(e, &l);
	sort(e->zones, l.count);
	for (uint32_t k = 1; k < l.count; k++) {
		struct zone *last = &e->zones[n], x = e->zones[k];

		if (x.start < last->end)
			return -EUCLEAN;
		if (x.start == last->end)
			last->end = x.end;
		else
			e->zones[++n] = x;
	}
	e->zone_count = n + 1;
	return 0;
}

void zones_free(struct ext4 *e)
{
	os_free(e->zones);
	e->zones = NULL;
	e->zone_count = 0;
}

bool zones_have(const struct ext4 *e, uint64_t nr, uint64_t count)
{
	uint32_t low = 0, high = e->zone_count;

	/* The last zone that begins before the end. */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (e->zones[middle].start < nr + count)
			low = middle + 1;
		else
			high = middle;
	}
	return low && e->zones[low - 1].end > nr;
}
