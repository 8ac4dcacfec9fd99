/* SPDX-License-Identifier: ISC */
/* Extended attributes of tmpfs (xattr(7)): the names user.* of files and directories. */
#include "fs/tmpfs/tmpfs.h"

#include <string.h>

#define VALUE_MAX 65536			/* Linux's XATTR_SIZE_MAX, and XATTR_LIST_MAX */

static char *value_of(struct tmpfs_xattr *x)
{
	return x->name + strlen(x->name) + 1;
}

static size_t size_of(const struct tmpfs_xattr *x)
{
	return sizeof(*x) + strlen(x->name) + 1 + x->size;
}

static struct tmpfs_xattr **find(struct tmpfs_inode *t, const char *name)
{
	struct tmpfs_xattr **p = &t->xattrs;

	while (*p && strcmp((*p)->name, name))
		p = &(*p)->next;
	return p;
}

static int refused(const char *name)
{
	if (strncmp(name, "user.", 5))
		return -EOPNOTSUPP;
	if (!name[5])
		return -EINVAL;
	return strlen(name) > 255 ? -ERANGE : 0;
}

ssize_t tmpfs_xattr_get(struct inode *i, const char *name, void *to, size_t size)
{
	struct tmpfs_xattr *x = *find(tmpfs_inode(i), name);
	int rc = refused(name);

	if (rc)
		return rc;
	if (!x)
		return -ENODATA;
	if (size && size < x->size)
		return -ERANGE;
	if (size)
		memcpy(to, value_of(x), x->size);
	return x->size;
}

static void take_out(struct tmpfs_inode *t, struct tmpfs_xattr **p)
{
	struct tmpfs_xattr *x = *p;

	*p = x->next;
	tmpfs_free(tmpfs_of(&t->i), x, size_of(x));
}

int tmpfs_xattr_set(struct inode *i, const char *name, const void *from, size_t size,
		    unsigned flags)
{
	struct tmpfs_inode *t = tmpfs_inode(i);
	struct tmpfs_xattr *x, **old;
	int rc = refused(name);

	if (!rc)
		rc = tmpfs_may_change(tmpfs_of(i));
	if (rc)
		return rc;
	if (!tmpfs_is(t, FS_IFREG) && !tmpfs_is(t, FS_IFDIR))
		return -EPERM;
	old = find(t, name);
	if (!from || flags & FS_XATTR_REPLACE) {
		if (!*old)
			return -ENODATA;
	}
	if (from && flags & FS_XATTR_CREATE && *old)
		return -EEXIST;
	if (from && size > VALUE_MAX)
		return -E2BIG;
	if (from) {
		x = tmpfs_alloc(tmpfs_of(i), sizeof(*x) + strlen(name) + 1 + size, &rc);
		if (!x)
			return rc;
		strcpy(x->name, name);
		x->size = size;
		memcpy(value_of(x), from, size);
		x->next = t->xattrs;
		t->xattrs = x;
		old = &x->next;
		while (*old && strcmp((*old)->name, name))
			old = &(*old)->next;
	}
	if (*old)
		take_out(t, old);
	t->ctime = os_time();
	return 0;
}

ssize_t tmpfs_xattr_list(struct inode *i, char *to, size_t size)
{
	size_t all = 0, n;

	for (struct tmpfs_xattr *x = tmpfs_inode(i)->xattrs; x; x = x->next) {
		n = strlen(x->name) + 1;
		if (size && all + n > size)
			return -ERANGE;
		if (size)
			memcpy(to + all, x->name, n);
		all += n;
	}
	return all;
}

void tmpfs_xattr_free(struct tmpfs_inode *t)
{
	while (t->xattrs)
		take_out(t, &t->xattrs);
}
