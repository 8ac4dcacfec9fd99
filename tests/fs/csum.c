/* SPDX-License-Identifier: ISC */
#include "tests/fs/csum.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len--) {
		crc ^= *p++;
		for (unsigned i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
	}
	return crc;
}

static uint32_t get(const uint8_t *p, unsigned bytes)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (uint32_t)p[i] << 8 * i;
	return value;
}

static void put(uint8_t *p, uint32_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = value >> 8 * i;
}

static uint32_t big(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static void put_big(uint8_t *p, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = value >> (24 - 8 * i);
}

/* ---- The layout. */

#define SUPER(image) ((image) + 1024)

static unsigned desc_size(const uint8_t *image)
{
	return get(SUPER(image) + 0x60, 4) & 0x80 ? get(SUPER(image) + 0xfe, 2) : 32;
}

static bool summed(const uint8_t *image)
{
	return get(SUPER(image) + 0x64, 4) & 0x400;
}

/* The descriptor of a group, where it was in the valid image. */
static uint8_t *group(const struct csum *c, uint8_t *image, unsigned n)
{
	return image + (uint64_t)(c->first + 1) * c->block_size + (uint64_t)n * c->desc_size;
}

static void add(struct csum *c, enum csum_kind kind, uint64_t at, size_t len, uint32_t ino)
{
	if (at + len > c->size)
		return;
	if (c->count == c->room) {
		c->room = c->room ? 2 * c->room : 64;
		c->blocks = realloc(c->blocks, c->room * sizeof(*c->blocks));
	}
	c->blocks[c->count++] = (struct csum_block){ kind, at, len, ino };
}

static void add_data(struct csum *c, const uint8_t *image, uint32_t ino, uint16_t mode,
		     uint64_t first, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint64_t at = (first + i) * c->block_size;

		if (ino == 8) {
			if (at + 12 > c->size)
				return;
			/* Blocks of the log that are not data. */
			if (big(image + at) == 0xc03b3998)
				add(c, big(image + at + 4) > 2 && big(image + at + 4) < 5 ?
				       CSUM_JOURNAL_SUPER : CSUM_JOURNAL, at, c->block_size, 0);
		} else if ((mode & 0170000) == 0040000) {
			add(c, CSUM_DIR, at, c->block_size, ino);
		}
	}
}

static void scan_extents(struct csum *c, const uint8_t *image, uint32_t ino, uint16_t mode,
			 const uint8_t *node)
{
	for (unsigned i = 0; i < get(node + 2, 2); i++) {
		const uint8_t *e = node + 12 + 12 * i;

		if (get(node + 6, 2)) {
			uint64_t at = (uint64_t)get(e + 4, 4) * c->block_size;

			add(c, CSUM_EXTENT, at, c->block_size, ino);
			scan_extents(c, image, ino, mode, image + at);
		} else {
			add_data(c, image, ino, mode, get(e + 8, 4), get(e + 4, 2));
		}
	}
}

static void scan_inode(struct csum *c, const uint8_t *image, uint32_t ino)
{
	uint32_t per = get(SUPER(image) + 0x28, 4), size = get(SUPER(image) + 0x58, 2);
	uint64_t table = get(group(c, (uint8_t *)image, (ino - 1) / per) + 8, 4);
	uint64_t at = table * c->block_size + (uint64_t)((ino - 1) % per) * size;
	const uint8_t *i = image + at;
	uint16_t mode = get(i, 2);

	c->inodes[ino] = at;
	add(c, CSUM_INODE, at, size, ino);
	if (!mode)
		return;
	if (get(i + 0x68, 4))
		add(c, CSUM_XATTR, (uint64_t)get(i + 0x68, 4) * c->block_size, c->block_size, ino);
	if (get(i + 0x20, 4) & 0x80000)
		scan_extents(c, image, ino, mode, i + 0x28);
	else if ((mode & 0170000) == 0040000 || ino == 8)
		for (unsigned b = 0; b < 12; b++)
			if (get(i + 0x28 + 4 * b, 4))
				add_data(c, image, ino, mode, get(i + 0x28 + 4 * b, 4), 1);
}

void csum_scan(struct csum *c, const uint8_t *image, uint64_t size)
{
	const uint8_t *s = SUPER(image);
	uint32_t per, groups, inodes = get(s, 4);

	*c = (struct csum){ .block_size = 1024u << get(s + 0x18, 4), .size = size,
			    .first = get(s + 0x14, 4), .desc_size = desc_size(image),
			    .inodes = calloc(inodes + 1, sizeof(*c->inodes)) };
	per = get(s + 0x28, 4);
	groups = (inodes + per - 1) / per;
	add(c, CSUM_SUPER, 1024, 1024, 0);
	for (uint32_t g = 0; g < groups; g++) {
		const uint8_t *d = group(c, (uint8_t *)image, g);

		add(c, CSUM_GROUP, d - image, c->desc_size, g);
		add(c, CSUM_BLOCK_BITMAP, (uint64_t)get(d, 4) * c->block_size, c->block_size, g);
		add(c, CSUM_INODE_BITMAP, (uint64_t)get(d + 4, 4) * c->block_size, c->block_size, g);
	}
	for (uint32_t ino = 1; ino <= inodes; ino++)
		scan_inode(c, image, ino);
}

void csum_change(const struct csum *c, uint8_t *image, unsigned kind, unsigned n, unsigned place,
		 unsigned how, uint32_t value)
{
	static const uint32_t interesting[] = { 0, 1, 2, 0x7f, 0xff, 0x7fff, 0xffff, 0x8000,
						0x7fffffff, 0xffffffff, 0x80000000, 0xf30a };
	unsigned bytes = 1 << how % 3, count = 0;
	const struct csum_block *b = NULL;

	for (unsigned i = 0; i < c->count; i++)
		count += c->blocks[i].kind == kind % CSUM_KINDS;
	if (!count)
		return;
	n %= count;
	for (unsigned i = 0; !b; i++)
		if (c->blocks[i].kind == kind % CSUM_KINDS && n-- == 0)
			b = &c->blocks[i];
	place %= b->len;
	place -= place % bytes;
	if (how & 8)
		value = interesting[value % (sizeof(interesting) / sizeof(interesting[0]))];
	if (how & 16)
		value += get(image + b->at + place, bytes);
	put(image + b->at + place, value, bytes);
}

/* ---- Checksums. */

static uint32_t seed_of(const uint8_t *image)
{
	const uint8_t *s = SUPER(image);

	if (get(s + 0x60, 4) & 0x2000)
		return get(s + 0x270, 4);
	return crc32c(~UINT32_C(0), s + 0x68, 16);
}

static uint32_t inode_seed(const struct csum *c, const uint8_t *image, uint32_t ino)
{
	uint8_t number[4];
	uint32_t crc;

	put(number, ino, 4);
	crc = crc32c(seed_of(image), number, 4);
	return crc32c(crc, image + c->inodes[ino] + 0x64, 4);
}

static void mend_inode(const struct csum *c, uint8_t *image, const struct csum_block *b)
{
	uint8_t *i = image + b->at;
	bool high = b->len > 128 && get(i + 0x80, 2) >= 4;
	uint32_t crc;

	put(i + 0x7c, 0, 2);
	if (high)
		put(i + 0x82, 0, 2);
	crc = crc32c(inode_seed(c, image, b->ino), i, b->len);
	put(i + 0x7c, crc, 2);
	if (high)
		put(i + 0x82, crc >> 16, 2);
}

static void mend_dir(const struct csum *c, uint8_t *image, const struct csum_block *b)
{
	uint8_t *p = image + b->at, *tail = p + b->len - 12, zero[4] = { 0 };
	uint32_t crc = inode_seed(c, image, b->ino);
	unsigned offset = get(p + 4, 2) == b->len ? 8 : get(p + 4, 2) == 12 ? 0x20 : 0;
	unsigned limit, count;

	if (get(tail + 4, 2) == 12 && tail[7] == 0xde) {
		put(tail + 8, crc32c(crc, p, b->len - 12), 4);
		return;
	}
	limit = offset ? get(p + offset, 2) : 0;
	count = offset ? get(p + offset + 2, 2) : 0;
	if (!limit || count > limit || offset + limit * 8 + 8 > b->len)
		return;
	tail = p + offset + limit * 8;
	crc = crc32c(crc, p, offset + count * 8);
	crc = crc32c(crc, tail, 4);
	put(tail + 4, crc32c(crc, zero, 4), 4);
}

static void mend_extent(const struct csum *c, uint8_t *image, const struct csum_block *b)
{
	uint8_t *p = image + b->at;
	size_t len = 12 + get(p + 4, 2) * 12;

	if (len + 4 <= b->len)
		put(p + len, crc32c(inode_seed(c, image, b->ino), p, len), 4);
}

static void mend_xattr(const struct csum *c, uint8_t *image, const struct csum_block *b)
{
	uint8_t *p = image + b->at, number[8] = { 0 };

	put(number, b->at / c->block_size, 4);
	put(p + 16, 0, 4);
	put(p + 16, crc32c(crc32c(seed_of(image), number, 8), p, b->len), 4);
}

static void mend_bitmap(const struct csum *c, uint8_t *image, const struct csum_block *b)
{
	bool inodes = b->kind == CSUM_INODE_BITMAP;
	uint8_t *d = group(c, image, b->ino), *s = SUPER(image);
	size_t len = get(s + (inodes ? 0x28 : 0x20), 4) / 8;
	uint32_t crc;

	if (len > b->len)
		return;
	crc = crc32c(seed_of(image), image + b->at, len);
	put(d + (inodes ? 0x1a : 0x18), crc, 2);
	if (c->desc_size >= 64)
		put(d + (inodes ? 0x3a : 0x38), crc >> 16, 2);
}

static void mend_group(uint8_t *image, const struct csum_block *b)
{
	uint8_t *d = image + b->at, number[4];
	uint32_t crc;

	put(number, b->ino, 4);
	put(d + 0x1e, 0, 2);
	crc = crc32c(seed_of(image), number, 4);
	put(d + 0x1e, crc32c(crc, d, b->len), 2);
}

/* Descriptors, revocations and commits, of the third version of checksums. */
static void mend_journal(uint8_t *image, const struct csum_block *b, uint32_t seed)
{
	uint8_t *p = image + b->at, *sum = big(p + 4) == 2 ? p + 16 : p + b->len - 4;

	put_big(sum, 0);
	put_big(sum, crc32c(seed, p, b->len));
}

static void mend_one(const struct csum *c, uint8_t *image, const struct csum_block *b,
		     uint32_t journal_seed)
{
	switch (b->kind) {
	case CSUM_INODE:
		mend_inode(c, image, b);
		break;
	case CSUM_DIR:
		mend_dir(c, image, b);
		break;
	case CSUM_EXTENT:
		mend_extent(c, image, b);
		break;
	case CSUM_XATTR:
		mend_xattr(c, image, b);
		break;
	case CSUM_BLOCK_BITMAP:
	case CSUM_INODE_BITMAP:
		mend_bitmap(c, image, b);
		break;
	case CSUM_JOURNAL:
		mend_journal(image, b, journal_seed);
		break;
	case CSUM_JOURNAL_SUPER:
		put_big(image + b->at + 0xfc, 0);
		put_big(image + b->at + 0xfc, crc32c(~UINT32_C(0), image + b->at, 1024));
		break;
	default:
		break;
	}
}

void csum_mend(const struct csum *c, uint8_t *image)
{
	uint32_t journal_seed = 0;

	if (!summed(image))
		return;
	for (unsigned i = 0; i < c->count; i++)
		if (c->blocks[i].kind == CSUM_JOURNAL_SUPER)
			journal_seed = crc32c(~UINT32_C(0), image + c->blocks[i].at + 0x30, 16);
	for (unsigned i = 0; i < c->count; i++)
		mend_one(c, image, &c->blocks[i], journal_seed);
	/* They have the sums of bitmaps. */
	for (unsigned i = 0; i < c->count; i++)
		if (c->blocks[i].kind == CSUM_GROUP)
			mend_group(image, &c->blocks[i]);
	put(SUPER(image) + 0x3fc, crc32c(~UINT32_C(0), SUPER(image), 0x3fc), 4);
}
