/* SPDX-License-Identifier: ISC */
/* Operations on names, on both. */
#include "tests/fs/run_inside.h"

#include "tests/fs/sim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void made(struct run *run, const struct op *op, int expected, int got, struct inode *i,
		 uint32_t id)
{
	run_expect(run, op_names[op->kind], expected, got);
	if (got)
		return;
	run->touched = id;
	run_attributes(run, i, id);
	if (op->kind == OP_TMPFILE) {
		fs_open_begin(&run->slots[op->slot].open, i);
		run->slots[op->slot].used = true;
		run->slots[op->slot].id = id;
		model_hold(&run->model, id);
	}
	inode_put(i);
}

void run_create(struct run *run, const struct op *op, struct target *t)
{
	const struct fs_ops *ops = run->fs->ops;
	struct inode *i = NULL;
	uint32_t id = NOBODY;
	int got, expected;

	switch (op->kind) {
	case OP_CREATE:
	case OP_MKNOD: {
		uint32_t mode = op->kind == OP_CREATE ? FS_IFREG | op->mode : op->mode;

		got = ops->create(t->inode, t->name, t->len, mode, 10, 20, op->at, &i);
		if (run_injected(run, got))
			return;
		expected = model_create(&run->model, t->id, t->name, t->len, mode, 10, 20,
					op->at, &id);
		break;
	}
	case OP_MKDIR:
		got = ops->mkdir(t->inode, t->name, t->len, op->mode, 11, 21, &i);
		if (run_injected(run, got))
			return;
		expected = model_mkdir(&run->model, t->id, t->name, t->len, op->mode, 11, 21, &id);
		break;
	case OP_SYMLINK:
		got = ops->symlink(t->inode, t->name, t->len, op->b, strlen(op->b), 12, 22, &i);
		if (run_injected(run, got))
			return;
		expected = model_symlink(&run->model, t->id, t->name, t->len, op->b,
					 strlen(op->b), 12, 22, &id);
		break;
	default:
		run_slot_close(run, op->slot);
		/* The directory may have been what the slot held. */
		got = ops->tmpfile(t->inode, op->mode, 13, 23, &i);
		if (run_injected(run, got))
			return;
		expected = model_tmpfile(&run->model, t->id, op->mode, 13, 23, &id);
	}
	made(run, op, expected, got, i, id);
	run_attributes(run, t->inode, t->id);
}

void run_remove(struct run *run, const struct op *op, struct target *t)
{
	const struct fs_ops *ops = run->fs->ops;
	uint32_t id = NOBODY;
	bool dir = op->kind == OP_RMDIR;
	int got = (dir ? ops->rmdir : ops->unlink)(t->inode, t->name, t->len);
	int expected;

	if (run_injected(run, got))
		return;
	model_lookup(&run->model, t->id, t->name, t->len, &id);
	expected = (dir ? model_rmdir : model_unlink)(&run->model, t->id, t->name, t->len);
	run_expect(run, op_names[op->kind], expected, got);
	run->touched = got ? NOBODY : id;
	run_attributes(run, t->inode, t->id);
}

void run_two(struct run *run, const struct op *op, struct target *t)
{
	const struct fs_ops *ops = run->fs->ops;
	unsigned flags = op->kind == OP_NOREPLACE ? FS_RENAME_NOREPLACE :
			 op->kind == OP_EXCHANGE ? FS_RENAME_EXCHANGE : 0;
	struct target to;
	int got, expected;

	if (run_walk(run, op->b, true, &to))
		return;
	if (op->kind == OP_LINK) {
		got = ops->link(to.inode, to.name, to.len, t->inode);
		if (!run_injected(run, got)) {
			expected = model_link(&run->model, to.id, to.name, to.len, t->id);
			run_expect(run, "link", expected, got);
			run->touched = got ? NOBODY : t->id;
			run_attributes(run, t->inode, t->id);
		}
	} else {
		got = ops->rename(t->inode, t->name, t->len, to.inode, to.name, to.len, flags);
		if (!run_injected(run, got)) {
			model_lookup(&run->model, t->id, t->name, t->len, &run->touched);
			model_lookup(&run->model, to.id, to.name, to.len, &run->other);
			expected = model_rename(&run->model, t->id, t->name, t->len, to.id,
						to.name, to.len, flags);
			run_expect(run, op_names[op->kind], expected, got);
			if (got)
				run->touched = run->other = NOBODY;
			run_attributes(run, t->inode, t->id);
		}
	}
	run_attributes(run, to.inode, to.id);
	inode_put(to.inode);
}
