/* SPDX-License-Identifier: ISC */
#include "tests/fs/run_inside.h"

#include "tests/fs/sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Debug builds without one of them are linked too. */
#pragma weak ext4_mount
#pragma weak tmpfs_mount

static struct run *running;

static void print_history(void)
{
	struct run *run = running;
	unsigned from = run->done > RUN_HISTORY ? run->done - RUN_HISTORY : 0;

	for (unsigned i = from; i < run->done; i++)
		fprintf(stderr, "%4u %s\n", i, run->history[i % RUN_HISTORY]);
	fprintf(stderr, "(the last is the one that failed, or it was compared after it)\n");
}

/* ---- Results. */

/* An error of the environment that is allowed now. */
bool run_injected(struct run *run, int64_t got)
{
	unsigned bit = got == -ENOSPC ? RUN_ENOSPC : got == -ENOMEM ? RUN_ENOMEM :
		       got == -EIO ? RUN_EIO : got == -EROFS ? RUN_EROFS : 0;

	run->hit |= bit & run->allowed;
	return bit & run->allowed;
}

void run_expect(struct run *run, const char *call, int64_t expected, int64_t got)
{
	run->result = got;
	if (!model_allows(&run->model, expected, got))
		sim_fail("%s returns %" PRId64 ", not %" PRId64, call, got, expected);
}

/* 0, or the error of both, or 1: there is no such slot or no name. */
int run_walk(struct run *run, const char *path, bool parent, struct target *t)
{
	const struct fs_ops *ops = run->fs->ops;

	*t = (struct target){ .inode = run->fs->root };
	if (path[0] == '@') {
		unsigned slot = path[1] - '0';

		if (!run->slots[slot].used)
			return 1;
		t->inode = run->slots[slot].open.inode;
		t->id = run->slots[slot].id;
		path += 2;
		path += *path == '/';
	}
	inode_get(t->inode);
	for (;;) {
		size_t len = strcspn(path, "/");
		struct inode *next;
		uint32_t id;
		int got, expected;

		/* "." and ".." of what was removed: POSIX leaves it open. */
		if (path[0] == '.' && run->model.inodes[t->id].parent == NOBODY) {
			inode_put(t->inode);
			return 1;
		}
		if (parent && !path[len]) {
			t->name = path;
			t->len = len;
			if (len)
				return 0;
			inode_put(t->inode);
			return 1;
		}
		if (!len)
			return 0;
		got = ops->lookup(t->inode, path, len, &next);
		inode_put(t->inode);
		if (run_injected(run, got))
			return got;
		expected = model_lookup(&run->model, t->id, path, len, &id);
		run_expect(run, "lookup", expected, got);
		if (got)
			return got;
		t->inode = next;
		t->id = id;
		path += len + (path[len] == '/');
	}
}

/* ---- Attributes of an inode, after an operation that changed it. */

static void compare_inode(struct run *run, struct inode *i, uint32_t id)
{
	struct model_inode *m = &run->model.inodes[id];
	struct fs_stat s;
	int rc = run->fs->ops->stat(i, &s);
	fs_time unit = run->second ? SECOND : 1;

	if (rc)
		sim_fail("stat returns %d", rc);
	if (s.mode != m->mode || s.nlink != m->nlink || s.uid != m->uid || s.gid != m->gid)
		sim_fail("inode %" PRIu64 ": mode %o links %u uid %u gid %u, not %o %u %u %u", s.ino,
			 s.mode, s.nlink, s.uid, s.gid, m->mode, m->nlink, m->uid, m->gid);
	if ((m->mode & FS_IFMT) == FS_IFREG && s.size != m->size)
		sim_fail("inode %" PRIu64 ": size %" PRIu64 ", not %" PRIu64, s.ino, s.size, m->size);
	if (s.mode != i->mode || s.nlink != i->nlink || s.size != i->size || s.ino != i->ino)
		sim_fail("inode %" PRIu64 ": stat and struct inode differ", s.ino);
	if (!(m->vague & MODEL_MTIME) && s.mtime / unit != m->mtime / unit)
		sim_fail("inode %" PRIu64 ": mtime %" PRId64 ", not %" PRId64, s.ino, s.mtime,
			 m->mtime);
	if (!(m->vague & MODEL_CTIME) && s.ctime / unit != m->ctime / unit)
		sim_fail("inode %" PRIu64 ": ctime %" PRId64 ", not %" PRId64, s.ino, s.ctime,
			 m->ctime);
}

void run_attributes(struct run *run, struct inode *i, uint32_t id)
{
	if (!run->quiet && run->model.inodes[id].exists)
		compare_inode(run, i, id);
}

void run_slot_close(struct run *run, unsigned slot)
{
	if (!run->slots[slot].used)
		return;
	run->slots[slot].used = false;
	fs_open_end(&run->slots[slot].open);
	model_drop(&run->model, run->slots[slot].id);
}

/* ---- The file system as a whole. */

static void op_statfs(struct run *run)
{
	struct fs_statfs s;
	int got = run->fs->ops->statfs(run->fs, &s);

	if (run_injected(run, got))
		return;
	if (got || s.free > s.blocks || s.available > s.free || s.inodes_free > s.inodes ||
	    !s.block_size || !s.type || s.read_only != run->fs->read_only)
		sim_fail("statfs returns %d, %" PRIu64 " of %" PRIu64 " blocks are free", got, s.free,
			 s.blocks);
}

static void op_freeze(struct run *run)
{
	const struct fs_ops *ops = run->fs->ops;
	int got;

	if (!ops->freeze)
		return;
	got = ops->freeze(run->fs);
	if (run_injected(run, got))
		return;
	if (got)
		sim_fail("freeze returns %d", got);
	if ((got = ops->freeze(run->fs)) != -EBUSY)
		sim_fail("a second freeze returns %d", got);
	if ((got = ops->thaw(run->fs)))
		sim_fail("thaw returns %d", got);
	if ((got = ops->thaw(run->fs)) != -EINVAL)
		sim_fail("a second thaw returns %d", got);
}

static void op_remount(struct run *run)
{
	bool held = false;

	if (!run->block)
		return;
	for (unsigned i = 0; i < SLOTS; i++)
		held |= run->slots[i].used;
	if (held) {
		int got = run->fs->ops->unmount(run->fs);

		if (got != -EBUSY)
			sim_fail("unmount with open files returns %d", got);
		run_close(run);
	}
	run_unmount(run);
	run_mount(run);
	run_compare(run);
}

/* ---- One operation. */

static void op_open(struct run *run, const struct op *op, struct target *t)
{
	model_hold(&run->model, t->id);
	run_slot_close(run, op->slot);
	fs_open_begin(&run->slots[op->slot].open, t->inode);
	run->slots[op->slot].used = true;
	run->slots[op->slot].id = t->id;
}

static void op_object(struct run *run, const struct op *op, struct target *t)
{
	const struct fs_ops *ops = run->fs->ops;
	struct fs_open own, *open = &own;
	int64_t got = 0;

	if (op->a[0] == '@' && !op->a[2])
		open = &run->slots[op->a[1] - '0'].open;
	else
		fs_open_begin(&own, t->inode);
	switch (op->kind) {
	case OP_WRITE:
	case OP_APPEND:
		run_write(run, op, t, open);
		break;
	case OP_READ:
		run_read(run, op, t, open);
		break;
	case OP_TRUNCATE:
		got = ops->truncate(t->inode, op->len);
		if (run_injected(run, got))
			break;
		run_expect(run, "truncate", model_truncate(&run->model, t->id, op->len), got);
		run->touched = got ? NOBODY : t->id;
		break;
	case OP_ALLOCATE:
	case OP_ALLOCATE_KEEP:
	case OP_PUNCH:
	case OP_ZERO: {
		unsigned mode = op->kind == OP_ALLOCATE ? 0 : op->kind == OP_ZERO ? FS_ZERO_RANGE :
				op->kind == OP_PUNCH ? FS_PUNCH_HOLE | FS_KEEP_SIZE : FS_KEEP_SIZE;

		got = ops->fallocate(t->inode, mode, op->at, op->len);
		/* Part of the range may be allocated already when memory fails. */
		run->model.inodes[t->id].allocated |= got < 0 && op->kind != OP_PUNCH;
		/* Files with indirect blocks have no unwritten ones. */
		if (run_injected(run, got) || got == -EOPNOTSUPP)
			break;
		run_expect(run, op_names[op->kind],
		       model_fallocate(&run->model, t->id, mode, op->at, op->len), got);
		run->touched = got ? NOBODY : t->id;
		break;
	}
	case OP_FSYNC:
	case OP_FDATASYNC:
		got = ops->sync(open, op->kind == OP_FDATASYNC);
		if (run_injected(run, got))
			break;
		run->model.error_count = 0;
		run_expect(run, "sync", 0, got);
		run->touched = t->id;
		break;
	case OP_WRITE_RANGE:
		if (!ops->write_range || (t->inode->mode & FS_IFMT) != FS_IFREG)
			break;
		got = ops->write_range(open, op->at, op->len);
		if (!run_injected(run, got) && got)
			sim_fail("write_range returns %" PRId64, got);
		break;
	case OP_DROP:
		if (ops->dont_need && (t->inode->mode & FS_IFMT) == FS_IFREG)
			ops->dont_need(open, op->at, op->len);
		break;
	case OP_SEEK:
		run_seek(run, op, t);
		break;
	case OP_PAGE:
		run_page(run, op, t);
		break;
	case OP_READDIR:
		run_readdir(run, t);
		break;
	case OP_READLINK: {
		char text[5000];
		struct model_inode *i = &run->model.inodes[t->id];

		got = ops->readlink(t->inode, text, sizeof(text));
		if (run_injected(run, got))
			break;
		run_expect(run, "readlink", model_readlink(&run->model, t->id) ?: (int64_t)i->target_len,
		       got);
		if (got > 0 && memcmp(text, i->target, got))
			sim_fail("readlink: the target differs");
		if (got > 1 && ops->readlink(t->inode, text, 1) != 1)
			sim_fail("readlink into one byte");
		break;
	}
	case OP_CHMOD:
	case OP_CHOWN:
	case OP_UTIME:
		run_set_attributes(run, op, t);
		break;
	case OP_XSET:
	case OP_XREMOVE:
	case OP_XGET:
	case OP_XLIST:
		run_xattr(run, op, t);
		break;
	case OP_OPEN:
		op_open(run, op, t);
		break;
	default:
		break;
	}
	run_attributes(run, t->inode, t->id);
	if (open == &own)
		fs_open_end(&own);
}

static bool by_name(enum op_kind kind)
{
	return kind <= OP_EXCHANGE && kind != OP_TMPFILE && kind != OP_LINK;
}

static void apply(struct run *run, const struct op *op)
{
	struct target t;
	int got;

	switch (op->kind) {
	case OP_CLOSE:
		run_slot_close(run, op->slot);
		return;
	case OP_SYNC:
		got = run->fs->ops->syncfs(run->fs);
		if (!run_injected(run, got) && got)
			sim_fail("syncfs returns %d", got);
		return;
	case OP_FREEZE:
		op_freeze(run);
		return;
	case OP_STATFS:
		op_statfs(run);
		return;
	case OP_WAIT:
		sim_advance(op->at * SECOND);
		return;
	case OP_REMOUNT:
		op_remount(run);
		return;
	default:
		break;
	}
	if (op->kind == OP_DROP && sim.reclaim && sim_chance(2))
		sim.reclaim(sim_chance(2) ? SIZE_MAX : 8192);
	run->result = run_walk(run, op->a, by_name(op->kind), &t);
	if (run->result)
		return;
	/* It stays while a slot that had it is closed. */
	model_hold(&run->model, t.id);
	if (op->kind <= OP_RMDIR && op->kind != OP_LINK && op->kind < OP_UNLINK)
		run_create(run, op, &t);
	else if (op->kind == OP_UNLINK || op->kind == OP_RMDIR)
		run_remove(run, op, &t);
	else if (op->kind <= OP_EXCHANGE)
		run_two(run, op, &t);
	else
		op_object(run, op, &t);
	inode_put(t.inode);
	model_drop(&run->model, t.id);
}

void run_op(struct run *run, const struct op *op)
{
	running = run;
	op_print(op, run->history[run->done++ % RUN_HISTORY], sizeof(run->history[0]));
	if (sim.verbose)
		fprintf(stderr, "%4u %s\n", run->done - 1, run->history[(run->done - 1) % RUN_HISTORY]);
	sim_advance(1000 + sim_below(5000000));
	run->model.now = sim.time;
	run->model.number++;
	run->model.error_count = 0;
	run->touched = run->other = NOBODY;
	run->result = 0;
	if (run->mark)
		run->mark(run, op, false);
	apply(run, op);
	if (run->mark)
		run->mark(run, op, true);
	if (sim.verbose && run->result)
		fprintf(stderr, "     = %" PRId64 "\n", run->result);
}

/* ---- Beginning and end. */

void run_compare(struct run *run)
{
	const struct tree_check check = { .times = true, .second = run->second };
	struct tree t;
	const char *why;

	tree_read(&t, run->fs, "compare");
	for (uint32_t id = 0; id < run->model.count; id++)
		run->model.inodes[id].vague |= MODEL_ATIME;
	why = tree_compare(&t, &run->model, &check);
	if (why)
		sim_fail("%s", why);
	tree_free(&t);
}

void run_mount(struct run *run)
{
	int rc;

	running = run;
	run->options.reason[0] = '\0';
	if (run->block)
		rc = ext4_mount(run->block, &run->options, &run->fs);
	else
		rc = tmpfs_mount(&run->options, &run->fs);
	if (rc)
		sim_fail("mount returns %d: %s", rc, run->options.reason);
}

void run_unmount(struct run *run)
{
	int rc = run->fs->ops->unmount(run->fs);

	run->fs = NULL;
	if (!run_injected(run, rc) && rc)
		sim_fail("unmount returns %d", rc);
}

/* A disk has a folder lost+found. */
static void learn(struct run *run)
{
	struct tree t;
	struct model *m = &run->model;

	tree_read(&t, run->fs, "the new file system");
	model_begin(m, t.nodes[0].stat.mode & 07777);
	m->inodes[0].uid = t.nodes[0].stat.uid;
	m->inodes[0].gid = t.nodes[0].stat.gid;
	for (unsigned n = 0; n < t.nodes[0].count; n++) {
		struct tree_node *node = &t.nodes[t.children[t.nodes[0].first + n]];
		uint32_t id;

		if ((node->stat.mode & FS_IFMT) != FS_IFDIR || node->count)
			sim_fail("a new file system has %s", node->name);
		model_mkdir(m, 0, node->name, node->len, node->stat.mode, node->stat.uid,
			    node->stat.gid, &id);
		m->inodes[id].vague = MODEL_ATIME | MODEL_MTIME | MODEL_CTIME;
	}
	m->inodes[0].vague = MODEL_ATIME | MODEL_MTIME | MODEL_CTIME;
	run->block_size = t.statfs.block_size;
	/* A disk has the target in one block, with its NUL. */
	if (run->block && m->target_max >= run->block_size)
		m->target_max = run->block_size - 1;
	tree_free(&t);
}

void run_begin(struct run *run, struct block *block, const struct fs_options *options)
{
	*run = (struct run){ .block = block };
	if (options)
		run->options = *options;
	running = run;
	sim_context(print_history);
	run_mount(run);
	learn(run);
}

void run_close(struct run *run)
{
	for (unsigned i = 0; i < SLOTS; i++)
		run_slot_close(run, i);
}

void run_end(struct run *run)
{
	run_close(run);
	if (run->fs)
		run_unmount(run);
	model_end(&run->model);
}
