/* SPDX-License-Identifier: ISC */
#include "tests/fs/durable.h"

#include "tests/fs/sim.h"

#include <stdio.h>
#include <string.h>

void durable_begin(struct durable *d, struct run *run)
{
	*d = (struct durable){ .sync = run->options.sync };
	/* Numbers of operations begin here. */
	run->model.number = 0;
	for (uint32_t id = 0; id < run->model.count; id++)
		run->model.inodes[id].meta = run->model.inodes[id].core = 0;
	model_copy(&d->versions[0].model, &run->model);
	d->versions[0].touched = NOBODY;
}

void durable_add(struct durable *d, const struct run *run, const struct op *op)
{
	struct version *v = &d->versions[++d->count];

	if (d->count == VERSIONS)
		sim_fail("too many operations for a crash test");
	v->op = *op;
	v->changed = run->result >= 0;
	v->touched = run->touched;
	model_copy(&v->model, &run->model);
}

void durable_end(struct durable *d)
{
	for (unsigned n = 0; n <= d->count; n++)
		model_end(&d->versions[n].model);
	d->count = 0;
}

static const struct model_inode *inode_at(const struct durable *d, unsigned version, uint32_t id)
{
	const struct model *m = &d->versions[version].model;

	return id < m->count && m->inodes[id].exists ? &m->inodes[id] : NULL;
}

/* Whether operation n made everything durable. */
static bool syncs_all(const struct durable *d, unsigned n)
{
	enum op_kind kind = d->versions[n].op.kind;

	return kind == OP_SYNC || kind == OP_FREEZE || kind == OP_REMOUNT;
}

static bool syncs(const struct durable *d, unsigned n, uint32_t id)
{
	const struct version *v = &d->versions[n];

	return syncs_all(d, n) || d->sync ||
	       ((v->op.kind == OP_FSYNC || v->op.kind == OP_FDATASYNC) && v->touched == id);
}

/* Metadata are at least of this version. */
static unsigned least(const struct durable *d, unsigned done)
{
	unsigned least = 0;

	for (unsigned n = 1; n <= done; n++) {
		const struct version *v = &d->versions[n];
		const struct model_inode *i;
		unsigned last = 0;

		if (syncs_all(d, n) || d->sync)
			last = n;
		else if ((v->op.kind == OP_FSYNC || v->op.kind == OP_FDATASYNC) &&
			 v->touched != NOBODY && (i = inode_at(d, n, v->touched)))
			last = v->op.kind == OP_FSYNC ? i->meta : i->core;
		if (last > least && last <= done)
			least = last;
	}
	return least;
}

/* ---- A file's size and bytes. */

struct crash {
	struct durable *durable;
	unsigned done, begun;
	unsigned version;		/* of metadata, that is tried */
};

static bool resizes(enum op_kind kind)
{
	return kind == OP_TRUNCATE || kind == OP_ALLOCATE || kind == OP_ALLOCATE_KEEP ||
	       kind == OP_PUNCH || kind == OP_ZERO;
}

/* The last fsync() of a file that has returned. */
static unsigned synced(const struct crash *c, uint32_t id)
{
	for (unsigned n = c->done; n; n--)
		if (syncs(c->durable, n, id))
			return n;
	return 0;
}

/*
 * The newest version that its size may be of, before the next truncate(); and its bytes, before
 * the next one that makes it shorter: blocks that the file has at all times are written in place.
 */
static unsigned newest(const struct crash *c, uint32_t id, bool bytes)
{
	for (unsigned n = c->version + 1; n <= c->begun; n++) {
		const struct version *v = &c->durable->versions[n];
		uint64_t size, before;

		if (v->op.kind != OP_TRUNCATE || !v->changed || v->touched != id)
			continue;
		size = inode_at(c->durable, n, id)->size;
		before = inode_at(c->durable, n - 1, id)->size;
		if (bytes ? size < before : size != before)
			return n - 1;
	}
	return c->begun;
}

static bool size_allowed(const struct crash *c, uint32_t id, unsigned from, unsigned to,
			 uint64_t size)
{
	/* A truncate() that is part of the version is complete. */
	for (unsigned n = c->version; n > from; n--) {
		const struct version *v = &c->durable->versions[n];

		if (resizes(v->op.kind) && v->changed && v->touched == id && v->op.kind != OP_PUNCH &&
		    v->op.kind != OP_ALLOCATE_KEEP && v->op.kind != OP_ZERO) {
			from = n;
			break;
		}
	}
	for (unsigned n = from; n <= to; n++) {
		const struct model_inode *i = inode_at(c->durable, n, id);
		const struct model_inode *before = n ? inode_at(c->durable, n - 1, id) : NULL;
		uint64_t old = before ? before->size : 0;

		if (!i) {
			if (size == 0)
				return true;
			continue;
		}
		/* A write may be there in part. */
		if (i->size == size || (n > from && size >= old && size <= i->size))
			return true;
	}
	return false;
}

static bool byte_allowed(const struct crash *c, uint32_t id, unsigned from, unsigned to,
			 uint64_t at, uint8_t byte)
{
	/* Data that was cut off does not return. */
	for (unsigned n = c->version; n > from; n--) {
		const struct version *v = &c->durable->versions[n];

		if (v->op.kind == OP_TRUNCATE && v->changed && v->touched == id && at >= v->op.len) {
			from = n;
			break;
		}
	}
	for (unsigned n = from; n <= to; n++) {
		const struct model *m = &c->durable->versions[n].model;
		const struct model_inode *i = inode_at(c->durable, n, id);

		/* Behind the end, or a hole: zero. */
		if (i ? model_byte(m, id, at) == byte : byte == 0)
			return true;
	}
	return false;
}

static const char *data_of(void *arg, const struct tree_node *node, uint32_t id)
{
	static char why[200];
	struct crash *c = arg;
	unsigned from = synced(c, id), to = newest(c, id, false);
	uint64_t size = node->stat.size;

	if (!size_allowed(c, id, from, to, size)) {
		const struct model_inode *i = inode_at(c->durable, c->version, id);

		snprintf(why, sizeof(why), "its size is %llu, at version %u of %u it is %llu, "
			 "and versions %u ... %u may be seen", (unsigned long long)size, c->version,
			 c->begun, i ? (unsigned long long)i->size : 0, from, to);
		return why;
	}
	to = newest(c, id, true);
	for (uint64_t at = 0; node->data && at < size; at++) {
		/* Most bytes are the newest. */
		if (node->data[at] == model_byte(&c->durable->versions[to].model, id, at) &&
		    inode_at(c->durable, to, id))
			continue;
		if (byte_allowed(c, id, from, to, at, node->data[at]))
			continue;
		snprintf(why, sizeof(why), "byte %llu of %llu is %#x, which it never had in versions "
			 "%u ... %u", (unsigned long long)at, (unsigned long long)size,
			 node->data[at], from, to);
		return why;
	}
	return NULL;
}

const char *durable_differs(struct durable *d, const struct tree *t, unsigned done,
			    unsigned begun)
{
	static char text[1400];
	struct crash c = { d, done, begun, 0 };
	const struct tree_check check = { .data = data_of, .arg = &c };
	unsigned first = least(d, done);
	const char *why = NULL;
	size_t len = 0;

	for (unsigned n = begun + 1; n-- > first;) {
		/* Versions that are alike are tried once. */
		c.version = n;
		why = tree_compare(t, &d->versions[n].model, &check);
		if (!why)
			return NULL;
		if (len < sizeof(text) - 300)
			len += snprintf(text + len, sizeof(text) - len, "\n    version %u: %s", n, why);
	}
	return text;
}
