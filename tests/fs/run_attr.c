/* SPDX-License-Identifier: ISC */
/* Reading directories, and attributes, of both. */
#include "tests/fs/run_inside.h"

#include "tests/fs/sim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- Directories. */

struct names {
	struct run *run;
	uint32_t id;
	unsigned found, dots;
	uint64_t cookie;
	bool any;
};

static bool name_found(void *arg, const struct fs_dirent *e)
{
	struct names *n = arg;
	struct model_inode *i = &n->run->model.inodes[n->id];

	if (n->any && sim_chance(4))
		return false;
	n->any = true;
	n->cookie = e->cookie;
	if (e->name[0] == '.' && (e->len == 1 || (e->len == 2 && e->name[1] == '.'))) {
		n->dots++;
		return true;
	}
	for (unsigned k = 0; k < i->entry_count; k++) {
		if (i->entries[k].len != e->len || memcmp(i->entries[k].name, e->name, e->len))
			continue;
		n->found++;
		return true;
	}
	sim_fail("readdir has %.*s, which is not there", e->len, e->name);
}

void run_readdir(struct run *run, struct target *t)
{
	struct names n = { .run = run, .id = t->id };
	bool dir = (run->model.inodes[t->id].mode & FS_IFMT) == FS_IFDIR;
	int got;

	do {
		n.any = false;
		got = run->fs->ops->readdir(t->inode, n.cookie, name_found, &n);
		if (run_injected(run, got))
			return;
		/* In a directory that was removed there is nothing to read. */
		if (got != (dir ? 0 : -ENOTDIR) &&
		    !(got == -ENOENT && run->model.inodes[t->id].parent == NOBODY))
			sim_fail("readdir returns %d", got);
	} while (n.any);
	run->model.inodes[t->id].vague |= MODEL_ATIME;
	if (n.found != run->model.inodes[t->id].entry_count || n.dots > 2)
		sim_fail("readdir has %u names, not %u", n.found,
			 run->model.inodes[t->id].entry_count);
}

/* ---- Attributes and extended attributes. */

void run_set_attributes(struct run *run, const struct op *op, struct target *t)
{
	struct fs_attr a = { .mode = op->mode, .uid = op->at, .gid = op->len };
	int got;

	if (op->kind == OP_CHMOD) {
		a.set = FS_SET_MODE;
	} else if (op->kind == OP_CHOWN) {
		a.set = FS_SET_UID | FS_SET_GID;
	} else {
		a.set = FS_SET_ATIME | FS_SET_MTIME;
		a.atime = run->second ? (fs_time)op->len / 2 : (fs_time)op->at - SECOND * 1000000000;
		a.mtime = op->len / 2;
	}
	got = run->fs->ops->setattr(t->inode, &a);
	if (run_injected(run, got))
		return;
	run_expect(run, op_names[op->kind], model_setattr(&run->model, t->id, &a), got);
	run->touched = t->id;
}

void run_xattr(struct run *run, const struct op *op, struct target *t)
{
	const struct fs_ops *ops = run->fs->ops;
	uint32_t type = run->model.inodes[t->id].mode & FS_IFMT;
	uint8_t *value = malloc(op->len + 1), *wanted = malloc(5000);
	size_t total, names = model_xattr_names(&run->model, t->id, &total);
	int64_t got, expected;

	/* Linux has them on files and directories alone. */
	if (!ops->xattr_set || (type != FS_IFREG && type != FS_IFDIR))
		goto out;
	for (uint64_t i = 0; i < op->len; i++)
		value[i] = op_byte(op->fill, i);
	switch (op->kind) {
	case OP_XSET:
	case OP_XREMOVE: {
		const void *from = op->kind == OP_XSET ? value : NULL;

		got = ops->xattr_set(t->inode, op->b, from, op->len, op->mode);
		if (run_injected(run, got))
			goto out;
		/* One block, and what the inode has, hold them all. */
		if (got == -ENOSPC && total + strlen(op->b) + op->len + 300 > run->block_size)
			goto out;
		expected = model_xattr_set(&run->model, t->id, op->b, from, op->len, op->mode);
		run_expect(run, op_names[op->kind], expected, got);
		run->touched = got ? NOBODY : t->id;
		break;
	}
	case OP_XGET:
		got = ops->xattr_get(t->inode, op->b, value, op->len);
		if (run_injected(run, got))
			goto out;
		expected = model_xattr_get(&run->model, t->id, op->b, wanted, op->len);
		run_expect(run, "xattr_get", expected, got);
		if (op->len && got > 0 && memcmp(value, wanted, got))
			sim_fail("xattr_get: the value of %s differs", op->b);
		break;
	default:
		got = ops->xattr_list(t->inode, (char *)value, op->len);
		if (run_injected(run, got))
			goto out;
		run->model.error_count = 0;
		run_expect(run, "xattr_list", op->len && op->len < names ? -ERANGE : (int64_t)names, got);
	}
out:
	free(value);
	free(wanted);
}
