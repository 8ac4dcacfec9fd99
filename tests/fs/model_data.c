/* SPDX-License-Identifier: ISC */
/* The data of files in the model. */
#include "tests/fs/model.h"

#include <stdlib.h>
#include <string.h>

/* Not a regular file: an error. */
static int refused(struct model *m, uint32_t id)
{
	uint32_t type = m->inodes[id].mode & FS_IFMT;

	m->error_count = 0;
	if (type == FS_IFREG)
		return 0;
	m->errors[m->error_count++] = type == FS_IFDIR ? EISDIR : EINVAL;
	return -m->errors[0];
}

static int fail(struct model *m, int error)
{
	m->errors[0] = error;
	m->error_count = 1;
	return -error;
}

/* The position of the chunk of that index, existing or not. */
static unsigned place(const struct model_inode *i, uint64_t index)
{
	unsigned low = 0, high = i->chunk_count;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (i->chunks[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct model_page *find(const struct model_inode *i, uint64_t index)
{
	unsigned n = place(i, index);

	return n < i->chunk_count && i->chunks[n].index == index ? i->chunks[n].page : NULL;
}

/* The page, made if it is not there, and not shared with another version. */
static struct model_page *page_own(struct model_inode *i, uint64_t index)
{
	unsigned n = place(i, index);
	struct model_page *page;

	if (n == i->chunk_count || i->chunks[n].index != index) {
		if (i->chunk_count == i->chunk_room) {
			i->chunk_room = i->chunk_room ? 2 * i->chunk_room : 4;
			i->chunks = realloc(i->chunks, i->chunk_room * sizeof(*i->chunks));
		}
		memmove(i->chunks + n + 1, i->chunks + n,
			(i->chunk_count++ - n) * sizeof(*i->chunks));
		i->chunks[n] = (struct model_chunk){ index, calloc(1, sizeof(*page)) };
		i->chunks[n].page->refs = 1;
	}
	page = i->chunks[n].page;
	if (page->refs > 1) {
		page->refs--;
		page = malloc(sizeof(*page));
		memcpy(page, i->chunks[n].page, sizeof(*page));
		page->refs = 1;
		i->chunks[n].page = page;
	}
	return page;
}

static void chunk_remove(struct model_inode *i, unsigned n)
{
	if (--i->chunks[n].page->refs == 0)
		free(i->chunks[n].page);
	i->chunk_count--;
	memmove(i->chunks + n, i->chunks + n + 1, (i->chunk_count - n) * sizeof(*i->chunks));
}

/* Make [at, end) a hole, or zero where it is not a whole page. */
static void clear(struct model_inode *i, uint64_t at, uint64_t end)
{
	unsigned n = place(i, at / FS_PAGE);

	while (n < i->chunk_count && i->chunks[n].index * FS_PAGE < end) {
		uint64_t start = i->chunks[n].index * FS_PAGE;
		size_t from = at > start ? at - start : 0;
		size_t to = end - start < FS_PAGE ? end - start : FS_PAGE;

		if (from == 0 && to == FS_PAGE) {
			chunk_remove(i, n);
		} else {
			memset(page_own(i, start / FS_PAGE)->data + from, 0, to - from);
			n++;
		}
	}
}

int64_t model_read(struct model *m, uint32_t id, uint8_t *to, uint64_t len, uint64_t at)
{
	struct model_inode *i = &m->inodes[id];
	uint64_t n;

	if (refused(m, id))
		return -m->errors[0];
	if (at >= i->size)
		return 0;
	if (len > i->size - at)
		len = i->size - at;
	memset(to, 0, len);
	for (uint64_t done = 0; done < len; done += n) {
		size_t offset = (at + done) % FS_PAGE;
		struct model_page *page = find(i, (at + done) / FS_PAGE);

		n = len - done < FS_PAGE - offset ? len - done : FS_PAGE - offset;
		if (page)
			memcpy(to + done, page->data + offset, n);
	}
	if (len)
		i->vague |= MODEL_ATIME;
	return len;
}

static void modified(struct model *m, struct model_inode *i, unsigned vague)
{
	i->mtime = i->ctime = m->now;
	i->vague = (i->vague & ~(MODEL_MTIME | MODEL_CTIME)) | vague;
}

int64_t model_write(struct model *m, uint32_t id, const uint8_t *from, uint64_t len,
		    uint64_t at)
{
	struct model_inode *i = &m->inodes[id];
	uint64_t n;

	if (refused(m, id))
		return -m->errors[0];
	if (!len)
		return 0;
	if (at >= m->size_max)
		return fail(m, EFBIG);
	if (len > m->size_max - at)
		len = m->size_max - at;
	for (uint64_t done = 0; done < len; done += n) {
		size_t offset = (at + done) % FS_PAGE;

		n = len - done < FS_PAGE - offset ? len - done : FS_PAGE - offset;
		memcpy(page_own(i, (at + done) / FS_PAGE)->data + offset, from + done, n);
	}
	if (at + len > i->size)
		i->size = at + len;
	modified(m, i, 0);
	return len;
}

int model_truncate(struct model *m, uint32_t id, uint64_t size)
{
	struct model_inode *i = &m->inodes[id];

	if (refused(m, id))
		return -m->errors[0];
	if (size > m->size_max)
		return fail(m, EFBIG);
	modified(m, i, size == i->size ? MODEL_MTIME | MODEL_CTIME : 0);
	if (size != i->size)
		i->meta = i->core = m->number;
	if (size < i->size)
		clear(i, size, UINT64_MAX);
	i->size = size;
	return 0;
}

int model_fallocate(struct model *m, uint32_t id, unsigned mode, uint64_t at, uint64_t len)
{
	struct model_inode *i = &m->inodes[id];
	bool punch = mode == (FS_PUNCH_HOLE | FS_KEEP_SIZE);
	bool zero = mode == FS_ZERO_RANGE || mode == (FS_ZERO_RANGE | FS_KEEP_SIZE);

	m->error_count = 0;
	if (mode && mode != FS_KEEP_SIZE && !punch && !zero)
		m->errors[m->error_count++] = EOPNOTSUPP;
	if ((i->mode & FS_IFMT) == FS_IFDIR)
		m->errors[m->error_count++] = EISDIR;
	else if ((i->mode & FS_IFMT) != FS_IFREG) {
		m->errors[m->error_count++] = EINVAL;
		m->errors[m->error_count++] = ENODEV;
	}
	if (!len)
		m->errors[m->error_count++] = EINVAL;
	else if (at > m->size_max || len > m->size_max - at)
		m->errors[m->error_count++] = EFBIG;
	if (m->error_count)
		return -m->errors[0];
	if (punch || zero)
		clear(i, at, at + len);
	i->allocated |= !punch;
	if (!(mode & FS_KEEP_SIZE) && at + len > i->size)
		i->size = at + len;
	modified(m, i, MODEL_MTIME | MODEL_CTIME);
	i->meta = i->core = m->number;
	return 0;
}

bool model_zero(const struct model *m, uint32_t id, uint64_t at, uint64_t len)
{
	const struct model_inode *i = &m->inodes[id];

	for (unsigned n = place(i, at / FS_PAGE);
	     n < i->chunk_count && i->chunks[n].index * FS_PAGE < at + len; n++) {
		uint64_t start = i->chunks[n].index * FS_PAGE;

		for (unsigned b = 0; b < FS_PAGE; b++)
			if (start + b >= at && start + b < at + len && i->chunks[n].page->data[b])
				return false;
	}
	return true;
}

bool model_hole(const struct model *m, uint32_t id, uint64_t at, uint64_t len)
{
	const struct model_inode *i = &m->inodes[id];
	unsigned n = place(i, at / FS_PAGE);

	return n == i->chunk_count || i->chunks[n].index * FS_PAGE >= at + len;
}

uint8_t model_byte(const struct model *m, uint32_t id, uint64_t at)
{
	const struct model_inode *i = &m->inodes[id];
	struct model_page *page = at < i->size ? find(i, at / FS_PAGE) : NULL;

	return page ? page->data[at % FS_PAGE] : 0;
}
