/* SPDX-License-Identifier: ISC */
/* Operations on the data of files, on both. */
#include "tests/fs/run_inside.h"

#include "tests/fs/sim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static unsigned split(uint8_t *data, size_t len, struct fs_vec *vecs, unsigned most)
{
	unsigned n = 0;

	while (n < most - 1 && len && sim_chance(2)) {
		size_t part = sim_below(len + 1);

		vecs[n++] = (struct fs_vec){ data, part };
		data += part;
		len -= part;
	}
	vecs[n++] = (struct fs_vec){ data, len };
	return n;
}

void run_write(struct run *run, const struct op *op, struct target *t,
		     struct fs_open *open)
{
	bool append = op->kind == OP_APPEND;
	uint64_t at = append ? 0 : op->at, end = run->model.inodes[t->id].size;
	uint8_t *data = malloc(op->len + 1);
	struct fs_vec vecs[4];
	ssize_t got;
	int64_t expected;
	uint64_t len = op->len;

	for (uint64_t i = 0; i < len; i++)
		data[i] = op_byte(op->fill, (append ? end : at) + i);
	got = run->fs->ops->write(open, vecs, split(data, len, vecs, 4), &at, append);
	if (run_injected(run, got)) {
		/* As if the call had not been, but for the times. */
		free(data);
		return;
	}
	if (got > 0 && (uint64_t)got < len && run->allowed)
		len = got;
	expected = model_write(&run->model, t->id, data, len, append ? end : at);
	free(data);
	run_expect(run, op_names[op->kind], expected, got);
	if (append && got > 0 && at != end)
		sim_fail("append was at %" PRIu64 ", not at the end %" PRIu64, at, end);
	run->touched = got > 0 ? t->id : NOBODY;
}

void run_read(struct run *run, const struct op *op, struct target *t,
		    struct fs_open *open)
{
	uint8_t *data = malloc(op->len + 1), *wanted = malloc(op->len + 1);
	struct fs_vec vecs[4];
	ssize_t got;
	int64_t expected;

	memset(data, 0xee, op->len);
	got = run->fs->ops->read(open, vecs, split(data, op->len, vecs, 4), op->at);
	if (!run_injected(run, got)) {
		expected = model_read(&run->model, t->id, wanted, op->len, op->at);
		run_expect(run, "read", expected, got);
		for (ssize_t i = 0; i < got; i++)
			if (data[i] != wanted[i])
				sim_fail("read: byte %" PRIu64 " of %" PRIu64 " is %#x, not %#x",
					 op->at + i, run->model.inodes[t->id].size, data[i],
					 wanted[i]);
	}
	free(data);
	free(wanted);
}

void run_seek(struct run *run, const struct op *op, struct target *t)
{
	int whence = op->len % 2 ? FS_SEEK_DATA : FS_SEEK_HOLE;
	int64_t got = run->fs->ops->seek(t->inode, op->at, whence);
	struct model_inode *i = &run->model.inodes[t->id];
	uint64_t end = i->size;
	uint32_t type = i->mode & FS_IFMT;

	if (run_injected(run, got))
		return;
	if (type != FS_IFREG) {
		if (got != -EINVAL && (got != -EISDIR || type != FS_IFDIR))
			sim_fail("seek in an inode that is not a file returns %" PRId64, got);
		return;
	}
	if (op->at >= end || (got == -ENXIO && whence == FS_SEEK_DATA)) {
		if (got != -ENXIO)
			sim_fail("seek at the end returns %" PRId64, got);
		if (op->at < end && !model_zero(&run->model, t->id, op->at, end - op->at))
			sim_fail("seek finds no data from %" PRIu64, op->at);
		return;
	}
	if (got < (int64_t)op->at || got > (int64_t)end ||
	    (whence == FS_SEEK_DATA && got == (int64_t)end))
		sim_fail("seek %d from %" PRIu64 " of %" PRIu64 " returns %" PRId64, whence, op->at,
			 end, got);
	if (whence == FS_SEEK_DATA) {
		if (!model_zero(&run->model, t->id, op->at, got - op->at))
			sim_fail("seek: data between %" PRIu64 " and %" PRId64 " are skipped", op->at,
				 got);
		return;
	}
	if ((uint64_t)got < end) {
		uint64_t unit = run->block_size < FS_PAGE ? run->block_size : FS_PAGE;
		uint64_t next = (got / unit + 1) * unit;

		if (!model_zero(&run->model, t->id, got, (next < end ? next : end) - got))
			sim_fail("seek: the hole at %" PRId64 " has data", got);
	}
	/* A part that was never written is a hole from its first block on. */
	if (!i->allocated && end - op->at > 2 * FS_PAGE && model_hole(&run->model, t->id, op->at, 2 * FS_PAGE) &&
	    (uint64_t)got >= op->at + 2 * FS_PAGE)
		sim_fail("seek: no hole at %" PRIu64 ", which was never written", op->at);
}

void run_page(struct run *run, const struct op *op, struct target *t)
{
	uint64_t index = op->at / FS_PAGE;
	struct model_inode *i = &run->model.inodes[t->id];
	struct fs_page *page;
	int got, expected = (i->mode & FS_IFMT) == FS_IFDIR ? -EISDIR :
			    (i->mode & FS_IFMT) != FS_IFREG ? -EINVAL :
			    index * FS_PAGE >= i->size ? -ENXIO : 0;

	if (!run->fs->ops->page)
		return;
	got = run->fs->ops->page(t->inode, index, &page);
	if (run_injected(run, got))
		return;
	run->model.errors[0] = EINVAL;
	run->model.error_count = expected == -EISDIR;
	run_expect(run, "page", expected, got);
	if (got)
		return;
	for (unsigned b = 0; b < FS_PAGE; b++)
		if (((uint8_t *)page->data)[b] !=
		    model_byte(&run->model, t->id, index * FS_PAGE + b))
			sim_fail("page %" PRIu64 ": byte %u is %#x, not %#x", index, b,
				 ((uint8_t *)page->data)[b],
				 model_byte(&run->model, t->id, index * FS_PAGE + b));
	run->fs->ops->page_put(t->inode, page);
}
