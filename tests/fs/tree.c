/* SPDX-License-Identifier: ISC */
#include "tests/fs/tree.h"

#include "tests/fs/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static const char *say(const char *fmt, ...)
{
	static char text[900];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return text;
}

const char *tree_path(const struct tree *t, unsigned node)
{
	static char text[2][400];
	static unsigned turn;
	char *to = text[turn++ % 2];
	unsigned way[40], n = 0;
	size_t len = 0;

	for (; node && n < COUNT_OF(way); node = t->nodes[node].parent)
		way[n++] = node;
	to[0] = '\0';
	while (n-- && len < 350)
		len += snprintf(to + len, 400 - len, "/%.80s", t->nodes[way[n]].name);
	return to[0] ? to : "/";
}

/* ---- Reading. */

static const char *what_is_read = "";

_Noreturn static void cannot(const struct tree *t, unsigned node, const char *call, int64_t rc)
{
	sim_fail("%s: %s of %s returns %lld", what_is_read, call, tree_path(t, node),
		 (long long)rc);
}

static unsigned node_new(struct tree *t, unsigned parent, const char *name, size_t len)
{
	if (t->count == t->room) {
		t->room = t->room ? 2 * t->room : 16;
		t->nodes = realloc(t->nodes, t->room * sizeof(*t->nodes));
	}
	t->nodes[t->count] = (struct tree_node){ .name = malloc(len + 1), .len = len,
						 .parent = parent };
	memcpy(t->nodes[t->count].name, name, len);
	t->nodes[t->count].name[len] = '\0';
	return t->count++;
}

/* Entries of a directory while it is read. */
struct listing {
	struct tree *tree;
	unsigned dir;
	unsigned *list, count, room;
	uint64_t *inos;
	uint32_t *types;
	uint64_t cookie;
	unsigned left;			/* before emit() says no */
	bool any;
};

static bool take(void *arg, const struct fs_dirent *e)
{
	struct listing *l = arg;

	if (!l->left)
		return false;
	l->left--;
	l->any = true;
	l->cookie = e->cookie;
	if ((e->len == 1 && e->name[0] == '.') ||
	    (e->len == 2 && e->name[0] == '.' && e->name[1] == '.'))
		return true;
	if (!e->len || memchr(e->name, '/', e->len) || memchr(e->name, '\0', e->len))
		sim_fail("%s: readdir of %s has an invalid name", what_is_read,
			 tree_path(l->tree, l->dir));
	if (l->count == l->room) {
		l->room = l->room ? 2 * l->room : 16;
		l->list = realloc(l->list, l->room * sizeof(*l->list));
		l->inos = realloc(l->inos, l->room * sizeof(*l->inos));
		l->types = realloc(l->types, l->room * sizeof(*l->types));
	}
	l->inos[l->count] = e->ino;
	l->types[l->count] = e->type;
	l->list[l->count++] = node_new(l->tree, l->dir, e->name, e->len);
	return true;
}

static struct tree *sorting;

static int by_name(const void *a, const void *b)
{
	const struct tree_node *x = &sorting->nodes[*(const unsigned *)a];
	const struct tree_node *y = &sorting->nodes[*(const unsigned *)b];
	size_t len = x->len < y->len ? x->len : y->len;
	int order = memcmp(x->name, y->name, len);

	return order ? order : (int)x->len - (int)y->len;
}

static void read_node(struct tree *t, unsigned node, struct inode *i);

static void read_dir(struct tree *t, unsigned node, struct inode *dir)
{
	struct listing l = { .tree = t, .dir = node };
	const struct fs_ops *ops = dir->fs->ops;
	unsigned first = t->child_count;
	int rc;

	do {
		l.any = false;
		l.left = 1 + sim_below(100);
		rc = ops->readdir(dir, l.cookie, take, &l);
		if (rc)
			cannot(t, node, "readdir", rc);
	} while (l.any);
	t->nodes[node].first = first;
	t->nodes[node].count = l.count;
	t->child_count += l.count;
	if (t->child_count > t->child_room) {
		t->child_room = 2 * t->child_count;
		t->children = realloc(t->children, t->child_room * sizeof(*t->children));
	}
	for (unsigned n = 0; n < l.count; n++) {
		unsigned child = l.list[n];
		struct inode *i;

		rc = ops->lookup(dir, t->nodes[child].name, t->nodes[child].len, &i);
		if (rc)
			cannot(t, child, "lookup", rc);
		if (i->ino != l.inos[n] || (l.types[n] && l.types[n] != (i->mode & FS_IFMT)))
			sim_fail("%s: readdir says inode %llu type %o of %s; it is %llu %o",
				 what_is_read, (unsigned long long)l.inos[n], l.types[n],
				 tree_path(t, child), (unsigned long long)i->ino, i->mode);
		read_node(t, child, i);
		inode_put(i);
	}
	sorting = t;
	if (l.count) {
		memcpy(t->children + first, l.list, l.count * sizeof(*l.list));
		qsort(t->children + first, l.count, sizeof(*t->children), by_name);
	}
	for (unsigned n = 1; n < l.count; n++)
		if (!by_name(&t->children[first + n - 1], &t->children[first + n]))
			sim_fail("%s: readdir has %s twice", what_is_read,
				 tree_path(t, t->children[first + n]));
	free(l.list);
	free(l.inos);
	free(l.types);
}

static void read_xattrs(struct tree *t, unsigned node, struct inode *i)
{
	struct tree_node *n = &t->nodes[node];
	const struct fs_ops *ops = i->fs->ops;
	ssize_t size;

	if (!ops->xattr_list)
		return;
	size = ops->xattr_list(i, NULL, 0);
	if (size == -EOPNOTSUPP)
		return;
	if (size < 0)
		cannot(t, node, "xattr_list", size);
	n->names_size = size;
	n->names = malloc(size + 1);
	if (size && ops->xattr_list(i, n->names, size) != size)
		cannot(t, node, "xattr_list, second", size);
	n->names[size] = '\0';
	for (size_t at = 0; at < n->names_size; at += strlen(n->names + at) + 1) {
		struct model_xattr x = { .name = n->names + at };

		size = ops->xattr_get(i, x.name, NULL, 0);
		if (size < 0)
			cannot(t, node, "xattr_get", size);
		x.size = size;
		x.value = malloc(size + 1);
		if (size && ops->xattr_get(i, x.name, x.value, size) != size)
			cannot(t, node, "xattr_get, second", size);
		n->xattrs = realloc(n->xattrs, (n->xattr_count + 1) * sizeof(x));
		n->xattrs[n->xattr_count++] = x;
	}
}

static void read_node(struct tree *t, unsigned node, struct inode *i)
{
	const struct fs_ops *ops = i->fs->ops;
	struct fs_stat s;
	uint8_t *data;
	int64_t rc = ops->stat(i, &s);

	if (rc)
		cannot(t, node, "stat", rc);
	if (s.ino != i->ino || s.mode != i->mode || s.nlink != i->nlink || s.size != i->size)
		sim_fail("%s: stat of %s and its struct inode differ", what_is_read,
			 tree_path(t, node));
	t->nodes[node].stat = s;
	read_xattrs(t, node, i);
	switch (s.mode & FS_IFMT) {
	case FS_IFDIR:
		read_dir(t, node, i);
		break;
	case FS_IFLNK:
		data = malloc(4097);
		rc = ops->readlink(i, (char *)data, 4096);
		if (rc != (int64_t)s.size)
			cannot(t, node, "readlink", rc);
		t->nodes[node].data = data;
		break;
	case FS_IFREG:
		if (s.size <= TREE_DATA) {
			struct fs_open o;
			struct fs_vec v;

			data = malloc(s.size + 1);
			v = (struct fs_vec){ data, s.size + 1 };
			fs_open_begin(&o, i);
			rc = ops->read(&o, &v, 1, 0);
			fs_open_end(&o);
			if (rc != (int64_t)s.size)
				cannot(t, node, "read", rc);
			t->nodes[node].data = data;
		}
	}
}

void tree_read(struct tree *t, struct fs *fs, const char *what)
{
	int rc;

	*t = (struct tree){ 0 };
	what_is_read = what;
	node_new(t, 0, "", 0);
	read_node(t, 0, fs->root);
	rc = fs->ops->statfs(fs, &t->statfs);
	if (rc)
		cannot(t, 0, "statfs", rc);
}

void tree_free(struct tree *t)
{
	for (unsigned i = 0; i < t->count; i++) {
		struct tree_node *n = &t->nodes[i];

		for (unsigned x = 0; x < n->xattr_count; x++)
			free(n->xattrs[x].value);
		free(n->xattrs);
		free(n->names);
		free(n->name);
		free(n->data);
	}
	free(t->nodes);
	free(t->children);
	*t = (struct tree){ 0 };
}

/* ---- Comparing. */

static const struct model_xattr *xattr_of(const struct model_xattr *list, unsigned count,
					  const char *name)
{
	for (unsigned i = 0; i < count; i++)
		if (!strcmp(list[i].name, name))
			return &list[i];
	return NULL;
}

static const char *xattrs_differ(const struct tree_node *n, const struct model_xattr *list,
				 unsigned count, const char *path)
{
	if (n->xattr_count != count)
		return say("%s has %u attributes, not %u", path, n->xattr_count, count);
	for (unsigned i = 0; i < count; i++) {
		const struct model_xattr *x = xattr_of(n->xattrs, n->xattr_count, list[i].name);

		if (!x)
			return say("%s has no attribute %.40s", path, list[i].name);
		if (x->size != list[i].size || memcmp(x->value, list[i].value, x->size))
			return say("%s: the attribute %.40s differs", path, list[i].name);
	}
	return NULL;
}

static bool time_differs(fs_time a, fs_time b, const struct tree_check *check)
{
	return check->second ? a / (fs_time)SECOND != b / (fs_time)SECOND : a != b;
}

static const char *times_differ(const struct fs_stat *s, struct model_inode *i,
				const struct tree_check *check, const char *path)
{
	const struct {
		unsigned bit;
		const fs_time got;
		fs_time *expected;
		const char *name;
	} times[] = {
		{ MODEL_ATIME, s->atime, &i->atime, "atime" },
		{ MODEL_MTIME, s->mtime, &i->mtime, "mtime" },
		{ MODEL_CTIME, s->ctime, &i->ctime, "ctime" },
	};

	for (unsigned n = 0; n < 3; n++) {
		if (i->vague & times[n].bit)
			*times[n].expected = times[n].got;
		else if (time_differs(times[n].got, *times[n].expected, check))
			return say("%s: %s is %lld, not %lld", path, times[n].name,
				   (long long)times[n].got, (long long)*times[n].expected);
	}
	/* Reading it here may change it. */
	i->vague &= MODEL_ATIME;
	return NULL;
}

static const char *data_differ(const struct tree_node *n, const struct model *m, uint32_t id,
			       const char *path)
{
	const struct model_inode *i = &m->inodes[id];

	if (n->stat.size != i->size)
		return say("%s has %llu bytes, not %llu", path, (unsigned long long)n->stat.size,
			   (unsigned long long)i->size);
	if (!n->data)
		return NULL;
	for (unsigned c = 0, index = 0; index * FS_PAGE < i->size; index++) {
		static const uint8_t zeros[FS_PAGE];
		uint64_t at = index * FS_PAGE;
		size_t len = i->size - at < FS_PAGE ? i->size - at : FS_PAGE;
		const uint8_t *page = zeros;

		if (c < i->chunk_count && i->chunks[c].index == index)
			page = i->chunks[c++].page->data;
		if (!memcmp(n->data + at, page, len))
			continue;
		for (size_t b = 0;; b++)
			if (n->data[at + b] != page[b])
				return say("%s: byte %llu of %llu is %#x, not %#x", path,
					   (unsigned long long)(at + b),
					   (unsigned long long)i->size, n->data[at + b], page[b]);
	}
	return NULL;
}

struct comparison {
	const struct tree *tree;
	struct model *model;
	const struct tree_check *check;
	uint64_t *inos;			/* by id */
};

static int entries_by_name(const void *a, const void *b)
{
	const struct model_entry *x = a, *y = b;
	size_t len = x->len < y->len ? x->len : y->len;
	int order = memcmp(x->name, y->name, len);

	return order ? order : (int)x->len - (int)y->len;
}

static const char *compare(struct comparison *c, unsigned node, uint32_t id);

static const char *compare_dir(struct comparison *c, const struct tree_node *n, unsigned node,
			       uint32_t id)
{
	struct model_inode *i = &c->model->inodes[id];

	if (i->entry_count > 1)
		qsort(i->entries, i->entry_count, sizeof(*i->entries), entries_by_name);
	for (unsigned a = 0, b = 0; a < n->count || b < i->entry_count; a++, b++) {
		const struct tree_node *child =
			a < n->count ? &c->tree->nodes[c->tree->children[n->first + a]] : NULL;
		struct model_entry *e = b < i->entry_count ? &i->entries[b] : NULL;
		const char *why;
		int order = !child ? 1 : !e ? -1 : 0;

		if (!order) {
			struct model_entry x = { child->name, child->len, 0 };

			order = entries_by_name(&x, e);
		}
		if (order)
			return order > 0 ? say("%s has no %.80s", tree_path(c->tree, node), e->name) :
					   say("%s has %.80s, which is not expected",
					       tree_path(c->tree, node), child->name);
		why = compare(c, c->tree->children[n->first + a], e->id);
		if (why)
			return why;
	}
	return NULL;
}

static const char *compare(struct comparison *c, unsigned node, uint32_t id)
{
	const struct tree_node *n = &c->tree->nodes[node];
	struct model_inode *i = &c->model->inodes[id];
	const char *path = tree_path(c->tree, node), *why;
	const struct fs_stat *s = &n->stat;

	if (s->mode != i->mode || s->nlink != i->nlink || s->uid != i->uid || s->gid != i->gid)
		return say("%s: mode %o links %u uid %u gid %u, not %o %u %u %u", path, s->mode,
			   s->nlink, s->uid, s->gid, i->mode, i->nlink, i->uid, i->gid);
	if (s->rdev_major != i->rdev >> 32 || s->rdev_minor != (uint32_t)i->rdev)
		return say("%s: device %u:%u, not %u:%u", path, s->rdev_major, s->rdev_minor,
			   (uint32_t)(i->rdev >> 32), (uint32_t)i->rdev);
	if (c->inos[id] && c->inos[id] != s->ino)
		return say("%s: inode %llu, not %llu as at its other name", path,
			   (unsigned long long)s->ino, (unsigned long long)c->inos[id]);
	for (uint32_t other = 0; !c->inos[id] && c->model->count < 200 &&
	     other < c->model->count; other++)
		if (c->inos[other] == s->ino)
			return say("%s: its inode %llu is that of another file", path,
				   (unsigned long long)s->ino);
	c->inos[id] = s->ino;
	why = xattrs_differ(n, i->xattrs, i->xattr_count, path);
	if (!why && c->check->times)
		why = times_differ(s, i, c->check, path);
	if (why)
		return why;
	if (c->check->pair)
		c->check->pair(c->check->arg, n, id);
	switch (i->mode & FS_IFMT) {
	case FS_IFDIR:
		return compare_dir(c, n, node, id);
	case FS_IFLNK:
		if (s->size != i->target_len || memcmp(n->data, i->target, s->size))
			return say("%s: its target differs", path);
		return NULL;
	case FS_IFREG:
		why = c->check->data ? c->check->data(c->check->arg, n, id) :
				       data_differ(n, c->model, id, path);
		return why && c->check->data ? say("%s: %s", path, why) : why;
	}
	return NULL;
}

const char *tree_compare(const struct tree *t, struct model *m, const struct tree_check *check)
{
	struct comparison c = { t, m, check, calloc(m->count, sizeof(uint64_t)) };
	const char *why = compare(&c, 0, 0);

	free(c.inos);
	return why;
}

/* ---- Two trees. */

static const char *nodes_differ(const struct tree *a, unsigned x, const struct tree *b,
				unsigned y)
{
	const struct tree_node *m = &a->nodes[x], *n = &b->nodes[y];
	const char *path = tree_path(a, x), *why;

	if (m->stat.mode != n->stat.mode || m->stat.nlink != n->stat.nlink ||
	    m->stat.uid != n->stat.uid || m->stat.gid != n->stat.gid ||
	    m->stat.ino != n->stat.ino || m->stat.mtime != n->stat.mtime)
		return say("%s: attributes differ: inode %llu %llu, mode %o %o, links %u %u, "
			   "mtime %lld %lld", path,
			   (unsigned long long)m->stat.ino, (unsigned long long)n->stat.ino,
			   m->stat.mode, n->stat.mode, m->stat.nlink, n->stat.nlink,
			   (long long)m->stat.mtime, (long long)n->stat.mtime);
	if (m->stat.size != n->stat.size && (m->stat.mode & FS_IFMT) != FS_IFDIR)
		return say("%s: %llu bytes and %llu", path, (unsigned long long)m->stat.size,
			   (unsigned long long)n->stat.size);
	if (m->data && memcmp(m->data, n->data, m->stat.size))
		return say("%s: the data differ", path);
	why = xattrs_differ(m, n->xattrs, n->xattr_count, path);
	if (why)
		return why;
	if (m->count != n->count)
		return say("%s: %u names and %u", path, m->count, n->count);
	for (unsigned i = 0; i < m->count; i++) {
		unsigned p = a->children[m->first + i], q = b->children[n->first + i];

		if (strcmp(a->nodes[p].name, b->nodes[q].name) != 0)
			return say("%s: %.80s and %.80s", path, a->nodes[p].name,
				   b->nodes[q].name);
		why = nodes_differ(a, p, b, q);
		if (why)
			return why;
	}
	return NULL;
}

const char *tree_differs(const struct tree *a, const struct tree *b)
{
	return nodes_differ(a, 0, b, 0);
}
