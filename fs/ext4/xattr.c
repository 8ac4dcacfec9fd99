/* SPDX-License-Identifier: ISC */
/*
 * Extended attributes: `user.*`.  Others are kept as they are.
 *
 * They are behind the inode's record, as far as there is room, and in one block.  A change
 * reads all into a list, changes the list, and writes both places anew.
 */
#include "fs/crc.h"
#include "fs/ext4/ext4.h"

#include <stddef.h>

#define ATTRS 256			/* of one inode */
#define USER 1				/* index of the prefix */
#define PAD(x) (((x) + 3) & ~3u)

struct attr {
	const char *name;
	const uint8_t *value;
	uint32_t size;
	uint8_t len, index;
	bool in_block;
};

struct attrs {
	struct ext4_inode *i;
	uint8_t *inode, *block;		/* copies, in pages */
	unsigned inode_size;		/* of the place in the inode; 0: there is none */
	unsigned count;
	struct attr list[ATTRS];
};

static void attrs_free(struct attrs *a)
{
	cache_page_free(a->inode);
	cache_page_free(a->block);
	cache_free(a, sizeof(*a));
}

static int damaged(struct ext4_inode *i)
{
	return ext4_damaged(fs_of(i), "the attributes of inode %u are invalid",
			    (unsigned)i->i.ino);
}

/* Entries from `at` on; offsets of values count from `base`. */
static bool parse(struct attrs *a, const uint8_t *p, unsigned at, unsigned base, unsigned size,
		  bool in_block)
{
	for (;;) {
		const struct ext4_xattr_entry *x = (const void *)(p + at);
		uint32_t zero, offset, len;

		if (at + 4 > size)
			return false;
		memcpy(&zero, x, 4);
		if (!zero)
			return true;
		if (at + sizeof(*x) > size || at + sizeof(*x) + PAD(x->name_len) > size ||
		    a->count == ATTRS || x->value_inum)
			return false;
		offset = base + le16(x->value_offset);
		len = le32(x->value_size);
		if (len && (len > size || offset > size - len))
			return false;
		/* The offset of a value of no bytes may be any. */
		a->list[a->count++] = (struct attr){ x->name,	  p + (len ? offset : 0), len,
						      x->name_len, x->name_index, in_block };
		at += sizeof(*x) + PAD(x->name_len);
	}
}

static uint32_t block_sum(const struct ext4 *e, uint64_t nr, const uint8_t *p)
{
	size_t at = offsetof(struct ext4_xattr_header, checksum);
	static const uint8_t zero[4];
	le64_t number = le64(nr);
	uint32_t crc = crc32c(crc32c(e->seed, &number, 8), p, at);

	return crc32c(crc32c(crc, zero, 4), p + at + 4, e->block_size - at - 4);
}

/* The block with attributes, held; NULL: there is none. */
static int get_block(struct ext4_inode *i, struct buf **b)
{
	struct ext4 *e = fs_of(i);
	const struct ext4_xattr_header *h;
	int rc;

	*b = NULL;
	if (!i->file_acl)
		return 0;
	rc = buf_get(&e->store, i->file_acl, b);
	if (rc)
		return rc;
	h = (const void *)(*b)->data;
	if ((*b)->kind == BUF_XATTR)
		return 0;
	if ((*b)->kind != BUF_UNKNOWN || le32(h->magic) != XATTR_MAGIC || le32(h->blocks) != 1 ||
	    !h->refcount ||
	    (e->metadata_csum && le32(h->checksum) != block_sum(e, (*b)->nr, (*b)->data))) {
		buf_put(*b);
		*b = NULL;
		return damaged(i);
	}
	(*b)->kind = BUF_XATTR;
	return 0;
}

/* The offset of the attributes in the inode's record, behind a magic number; and their size. */
static unsigned place(const struct ext4_inode *i, unsigned *at)
{
	unsigned used = 128 + i->extra_isize, all = fs_of(i)->inode_size;

	*at = used;
	return all > 128 && all >= used + 4 + 4 ? all - used - 4 : 0;
}

/* Bytes that those of one place take. */
static unsigned needed(const struct attrs *a, bool in_block)
{
	unsigned n = 4;

	for (unsigned k = 0; k < a->count; k++)
		if (a->list[k].in_block == in_block)
			n += sizeof(struct ext4_xattr_entry) + PAD(a->list[k].len) +
			     PAD(a->list[k].size);
	return n;
}

/* Whether they fit where they are: on the disk, values may overlap. */
static bool fit(const struct attrs *a)
{
	unsigned block = fs_of(a->i)->block_size - sizeof(struct ext4_xattr_header);
	unsigned in_inode = needed(a, false);

	return (in_inode == 4 || in_inode <= a->inode_size) && needed(a, true) <= block;
}

static int read_all(struct ext4_inode *i, struct attrs **to)
{
	struct attrs *a = cache_alloc(sizeof(*a));
	struct ext4_disk_inode *d;
	struct buf *b;
	unsigned at;
	le32_t magic;
	int rc = -ENOMEM;

	if (!a)
		return rc;
	a->i = i;
	a->inode = cache_page_alloc();
	a->block = cache_page_alloc();
	if (a->inode && a->block)
		rc = ext4_itable(fs_of(i), i->i.ino, &b, &d);
	if (!rc) {
		a->inode_size = place(i, &at);
		if (a->inode_size) {
			memcpy(&magic, (uint8_t *)d + at, 4);
			memcpy(a->inode, (uint8_t *)d + at + 4, a->inode_size);
			if (le32(magic) == XATTR_MAGIC &&
			    !parse(a, a->inode, 0, 0, a->inode_size, false))
				rc = damaged(i);
		}
		buf_put(b);
	}
	if (!rc)
		rc = get_block(i, &b);
	if (!rc && b) {
		memcpy(a->block, b->data, fs_of(i)->block_size);
		if (!parse(a, a->block, sizeof(struct ext4_xattr_header), 0,
			   fs_of(i)->block_size, true))
			rc = damaged(i);
		buf_put(b);
	}
	if (!rc && !fit(a))
		rc = damaged(i);
	if (rc)
		attrs_free(a);
	else
		*to = a;
	return rc;
}

static uint32_t hash_of(const struct attr *x)
{
	uint32_t hash = 0;

	for (unsigned k = 0; k < x->len; k++)
		hash = hash << 5 ^ hash >> 27 ^ (uint8_t)x->name[k];
	for (unsigned k = 0; k < x->size; k += 4) {
		uint8_t word[4] = { 0 };

		memcpy(word, x->value + k, x->size - k < 4 ? x->size - k : 4);
		hash = hash << 16 ^ hash >> 16 ^
		       (word[0] | word[1] << 8 | word[2] << 16 | (uint32_t)word[3] << 24);
	}
	return hash;
}

static int compare(const struct attr *a, const struct attr *b)
{
	if (a->index != b->index)
		return a->index - b->index;
	if (a->len != b->len)
		return a->len - b->len;
	return memcmp(a->name, b->name, a->len);
}

/* Write those of one place; gives the hash of all.  `to` is zero. */
static uint32_t write_place(const struct attrs *a, bool in_block, uint8_t *to, unsigned at,
			    unsigned size)
{
	const struct attr *last = NULL;
	uint32_t all = 0;

	for (;;) {
		const struct attr *x = NULL;
		struct ext4_xattr_entry *d = (struct ext4_xattr_entry *)(to + at);

		/* In order. */
		for (unsigned k = 0; k < a->count; k++)
			if (a->list[k].in_block == in_block &&
			    (!last || compare(&a->list[k], last) > 0) &&
			    (!x || compare(&a->list[k], x) < 0))
				x = &a->list[k];
		if (!x)
			return all;
		last = x;
		size -= PAD(x->size);
		*d = (struct ext4_xattr_entry){
			.name_len = x->len,
			.name_index = x->index,
			.value_offset = le16(x->size ? size : 0),
			.value_size = le32(x->size),
			.hash = le32(hash_of(x)),
		};
		memcpy(d->name, x->name, x->len);
		memcpy(to + size, x->value, x->size);
		all = all << 16 ^ all >> 16 ^ le32(d->hash);
		at += sizeof(*d) + PAD(x->len);
	}
}

/* The inode does not use its block any more. */
int ext4_xattr_free(struct ext4_inode *i, struct handle *h)
{
	struct ext4 *e = fs_of(i);
	struct ext4_xattr_header *x;
	struct buf *b;
	int rc = get_block(i, &b);

	if (rc || !b)
		return rc;
	x = (struct ext4_xattr_header *)b->data;
	if (le32(x->refcount) > 1) {
		rc = journal_access(h, b);
		if (!rc) {
			x->refcount = le32(le32(x->refcount) - 1);
			if (e->metadata_csum)
				x->checksum = le32(block_sum(e, b->nr, b->data));
		}
	} else {
		rc = alloc_free(e, h, b->nr, 1, true);
	}
	buf_put(b);
	i->file_acl = 0;
	i->blocks -= e->block_size / 512;
	return rc;
}

static int write_block(struct attrs *a, struct handle *h)
{
	struct ext4_inode *i = a->i;
	struct ext4 *e = fs_of(i);
	struct ext4_xattr_header *x;
	struct buf *b;
	int rc = 0;

	if (needed(a, true) == 4)
		return ext4_xattr_free(i, h);
	rc = get_block(i, &b);
	/* A block that others use, too, is replaced. */
	if (!rc && b && le32(((struct ext4_xattr_header *)b->data)->refcount) > 1) {
		buf_put(b);
		b = NULL;
		rc = ext4_xattr_free(i, h);
	}
	if (!rc && !b) {
		rc = alloc_block(i, h, alloc_goal(i, 0), &b);
		if (!rc)
			i->file_acl = b->nr;
	} else if (!rc) {
		rc = journal_access(h, b);
	}
	if (rc)
		return rc;
	memset(b->data, 0, e->block_size);
	b->kind = BUF_XATTR;
	x = (struct ext4_xattr_header *)b->data;
	*x = (struct ext4_xattr_header){ .magic = le32(XATTR_MAGIC), .refcount = le32(1),
					 .blocks = le32(1) };
	x->hash = le32(write_place(a, true, b->data, sizeof(*x), e->block_size));
	if (e->metadata_csum)
		x->checksum = le32(block_sum(e, b->nr, b->data));
	buf_put(b);
	return 0;
}

static int write_inode(struct attrs *a, struct handle *h)
{
	struct ext4_disk_inode *d;
	struct buf *b;
	unsigned at, size = place(a->i, &at);
	le32_t magic = le32(XATTR_MAGIC);
	int rc = ext4_itable(fs_of(a->i), a->i->i.ino, &b, &d);

	if (rc)
		return rc;
	rc = journal_access(h, b);
	if (!rc && size) {
		uint8_t *p = (uint8_t *)d + at;

		memset(p, 0, size + 4);
		if (needed(a, false) > 4) {
			memcpy(p, &magic, 4);
			write_place(a, false, p + 4, 0, size);
		}
	}
	buf_put(b);
	return rc;
}

/* The name behind "user."; NULL: it has another prefix. */
static const char *user_name(const char *name)
{
	return strncmp(name, "user.", 5) ? NULL : name + 5;
}

static struct attr *find(struct attrs *a, const char *name)
{
	size_t len = strlen(name);

	for (unsigned k = 0; k < a->count; k++)
		if (a->list[k].index == USER && a->list[k].len == len &&
		    !memcmp(a->list[k].name, name, len))
			return &a->list[k];
	return NULL;
}

ssize_t ext4_xattr_get(struct inode *inode, const char *name, void *to, size_t size)
{
	struct ext4_inode *i = ext4_inode_of(inode);
	const struct attr *x;
	struct attrs *a;
	ssize_t rc;

	name = user_name(name);
	if (!name)
		return -EOPNOTSUPP;
	lock_read(&i->lock);
	rc = read_all(i, &a);
	if (!rc) {
		x = find(a, name);
		rc = x ? (ssize_t)x->size : -ENODATA;
		if (x && size && size < x->size)
			rc = -ERANGE;
		else if (x && size)
			memcpy(to, x->value, x->size);
		attrs_free(a);
	}
	unlock_read(&i->lock);
	return rc;
}

ssize_t ext4_xattr_list(struct inode *inode, char *to, size_t size)
{
	struct ext4_inode *i = ext4_inode_of(inode);
	struct attrs *a;
	size_t n = 0;
	ssize_t rc;

	lock_read(&i->lock);
	rc = read_all(i, &a);
	for (unsigned k = 0; !rc && k < a->count; k++) {
		const struct attr *x = &a->list[k];

		if (x->index != USER)
			continue;
		if (n + 5 + x->len + 1 <= size) {
			memcpy(to + n, "user.", 5);
			memcpy(to + n + 5, x->name, x->len);
			to[n + 5 + x->len] = 0;
		}
		n += 5 + x->len + 1;
	}
	if (!rc)
		attrs_free(a);
	unlock_read(&i->lock);
	return rc ? rc : size && n > size ? -ERANGE : (ssize_t)n;
}

/* Change the list: 0; -ENOSPC: it does not fit. */
static int change(struct attrs *a, const char *name, const void *from, size_t size,
		  unsigned flags)
{
	struct attr *x = find(a, name);

	if (x && from && flags & FS_XATTR_CREATE)
		return -EEXIST;
	if (!x && (!from || flags & FS_XATTR_REPLACE))
		return -ENODATA;
	if (x)
		*x = a->list[--a->count];
	if (!from)
		return 0;
	if (a->count == ATTRS || size > fs_of(a->i)->block_size)
		return -ENOSPC;
	x = &a->list[a->count++];
	*x = (struct attr){ name, from, size, strlen(name), USER, false };
	if (needed(a, false) > a->inode_size)
		x->in_block = true;
	return fit(a) ? 0 : -ENOSPC;
}

int ext4_xattr_set(struct inode *inode, const char *name, const void *from, size_t size,
		   unsigned flags)
{
	struct ext4_inode *i = ext4_inode_of(inode);
	struct ext4 *e = fs_of(i);
	struct attrs *a;
	struct handle h;
	int rc = ext4_changeable(i, false);

	name = user_name(name);
	if (rc || !name)
		return rc ? rc : -EOPNOTSUPP;
	if (!is_file(i) && !is_dir(i))
		return -EPERM;
	if (!*name || strlen(name) > 255)
		return *name ? -ERANGE : -EINVAL;
	ext4_lock_to_change(i);
	rc = read_all(i, &a);
	if (!rc) {
		rc = change(a, name, from, size, flags);
		if (!rc)
			rc = ext4_begin(e, &h, 16, 2);
		if (!rc) {
			rc = write_inode(a, &h);
			if (!rc)
				rc = write_block(a, &h);
			ext4_touch(i, false);
			if (!rc)
				rc = ext4_ilog(i, &h);
			rc = ext4_end(e, &h, rc);
		}
		attrs_free(a);
	}
	ext4_unlock_changed(i);
	return rc;
}
