/* SPDX-License-Identifier: ISC */
/* Attributes and extended attributes in the model. */
#include "tests/fs/model_inside.h"

#include <stdlib.h>
#include <string.h>

/* ---- Attributes. */

int model_readlink(struct model *m, uint32_t id)
{
	model_check(m);
	if (!model_is(m, id, FS_IFLNK))
		model_error(m, EINVAL);
	else
		model_at(m, id)->vague |= MODEL_ATIME;
	return model_result(m);
}

int model_setattr(struct model *m, uint32_t id, const struct fs_attr *a)
{
	struct model_inode *i = model_at(m, id);

	model_check(m);
	if (a->set & FS_SET_MODE)
		i->mode = (i->mode & FS_IFMT) | (a->mode & 07777);
	if (a->set & FS_SET_UID)
		i->uid = a->uid;
	if (a->set & FS_SET_GID)
		i->gid = a->gid;
	model_changed(m, id, 0);
	if (a->set & FS_SET_ATIME) {
		i->atime = a->atime;
		i->vague &= ~MODEL_ATIME;
	}
	if (a->set & FS_SET_MTIME) {
		i->mtime = a->mtime;
		i->vague &= ~MODEL_MTIME;
	}
	return 0;
}

/* ---- Extended attributes. */

static struct model_xattr *xattr_find(struct model_inode *i, const char *name)
{
	for (unsigned n = 0; n < i->xattr_count; n++)
		if (!strcmp(i->xattrs[n].name, name))
			return &i->xattrs[n];
	return NULL;
}

int64_t model_xattr_get(struct model *m, uint32_t id, const char *name, void *to, size_t size)
{
	struct model_xattr *x = xattr_find(model_at(m, id), name);

	model_check(m);
	if (strncmp(name, "user.", 5) != 0)
		model_error(m, EOPNOTSUPP);
	else if (!name[5])
		model_error(m, EINVAL);
	if (!x)
		model_error(m, ENODATA);
	else if (size && size < x->size)
		model_error(m, ERANGE);
	if (m->error_count)
		return model_result(m);
	if (size && x->size)
		memcpy(to, x->value, x->size);
	return x->size;
}

int model_xattr_set(struct model *m, uint32_t id, const char *name, const void *from,
		    size_t size, unsigned flags)
{
	struct model_inode *i = model_at(m, id);
	struct model_xattr *x = xattr_find(i, name);

	model_check(m);
	if (strncmp(name, "user.", 5) != 0)
		model_error(m, EOPNOTSUPP);
	if (!name[5])
		model_error(m, EINVAL);
	if (strlen(name) > 255)
		model_error(m, ERANGE);
	if (from && x && flags & FS_XATTR_CREATE)
		model_error(m, EEXIST);
	if (!x && (!from || flags & FS_XATTR_REPLACE))
		model_error(m, ENODATA);
	if (m->error_count)
		return model_result(m);
	if (!from) {
		free(x->name);
		free(x->value);
		*x = i->xattrs[--i->xattr_count];
	} else if (x) {
		free(x->value);
		x->value = model_duplicate(from, size);
		x->size = size;
	} else {
		i->xattrs = realloc(i->xattrs, (i->xattr_count + 1) * sizeof(*x));
		i->xattrs[i->xattr_count++] =
			(struct model_xattr){ strdup(name), model_duplicate(from, size), size };
	}
	model_changed(m, id, 0);
	return 0;
}

size_t model_xattr_names(const struct model *m, uint32_t id, size_t *total)
{
	const struct model_inode *i = &m->inodes[id];
	size_t names = 0;

	*total = 0;
	for (unsigned n = 0; n < i->xattr_count; n++) {
		names += strlen(i->xattrs[n].name) + 1;
		*total += i->xattrs[n].size + strlen(i->xattrs[n].name) + 24;
	}
	return names;
}
