/* SPDX-License-Identifier: ISC */
/* Extended attributes, as on Linux (xattr(7)). */
#include "kernel/sched.h"
#include "lib/file/path.h"
#include "lib/result.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

#define NAME_BYTES 255
#define VALUE_BYTES 65536

/* The object of a call: a name, or a descriptor if the name is NULL. */
struct object {
	const char *name;
	int fd;
	unsigned how;			/* PATH_* */
};

struct call {
	ssize_t (*run)(const struct call *c, struct inode *i);
	const char *name;
	const void *from;
	void *to;
	size_t size;
	unsigned flags;
};

static ssize_t on_place(const struct call *c, const struct place *at)
{
	return at && at->inode ? c->run(c, at->inode) : -EOPNOTSUPP;
}

static ssize_t on_object(const struct call *c, const struct object *o)
{
	struct place at;
	struct file *f;
	ssize_t rc;

	if (o->name) {
		rc = place_resolve(&at, AT_FDCWD, o->name, o->how);
		if (!rc) {
			rc = on_place(c, &at);
			place_put(&at);
		}
		return rc;
	}
	f = file_get(o->fd);
	if (!f)
		return -EBADF;
	rc = on_place(c, file_place(f));
	file_put(f);
	return rc;
}

static ssize_t call(const struct call *c, const struct object *o)
{
	ssize_t rc = 0;

	if (c->name && (!*c->name || strlen(c->name) > NAME_BYTES))
		return result(-ERANGE);
	kernel_enter();
	rc = on_object(c, o);
	kernel_leave();
	return result(rc);
}

#define FOLLOWED(path) (&(struct object){ .name = (path) })
#define LINK(path) (&(struct object){ .name = (path), .how = PATH_NOFOLLOW })
#define OPENED(fd_) (&(struct object){ .fd = (fd_) })

static ssize_t run_get(const struct call *c, struct inode *i)
{
	return i->fs->ops->xattr_get(i, c->name, c->to, c->size);
}

static ssize_t get(const struct object *o, const char *name, void *to, size_t size)
{
	return call(&(struct call){ .run = run_get, .name = name, .to = to, .size = size }, o);
}

static ssize_t run_list(const struct call *c, struct inode *i)
{
	return i->fs->ops->xattr_list(i, c->to, c->size);
}

static ssize_t list(const struct object *o, char *to, size_t size)
{
	return call(&(struct call){ .run = run_list, .to = to, .size = size }, o);
}

static ssize_t run_set(const struct call *c, struct inode *i)
{
	return i->fs->ops->xattr_set(i, c->name, c->from, c->size, c->flags);
}

static int set(const struct object *o, const char *name, const void *from, size_t size, int flags)
{
	if (flags & ~(XATTR_CREATE | XATTR_REPLACE))
		return result(-EINVAL);
	if (size > VALUE_BYTES)
		return result(-E2BIG);
	if (!from && size)
		return result(-EFAULT);
	/* For struct fs_ops, NULL removes the attribute. */
	return call(&(struct call){ .run = run_set, .name = name, .from = from ? from : "",
				    .size = size, .flags = flags }, o);
}

static int drop(const struct object *o, const char *name)
{
	return call(&(struct call){ .run = run_set, .name = name }, o);
}

ssize_t getxattr(const char *path, const char *name, void *to, size_t size)
{
	return get(FOLLOWED(path), name, to, size);
}

ssize_t lgetxattr(const char *path, const char *name, void *to, size_t size)
{
	return get(LINK(path), name, to, size);
}

ssize_t fgetxattr(int fd, const char *name, void *to, size_t size)
{
	return get(OPENED(fd), name, to, size);
}

ssize_t listxattr(const char *path, char *to, size_t size)
{
	return list(FOLLOWED(path), to, size);
}

ssize_t llistxattr(const char *path, char *to, size_t size)
{
	return list(LINK(path), to, size);
}

ssize_t flistxattr(int fd, char *to, size_t size)
{
	return list(OPENED(fd), to, size);
}

int setxattr(const char *path, const char *name, const void *from, size_t size, int flags)
{
	return set(FOLLOWED(path), name, from, size, flags);
}

int lsetxattr(const char *path, const char *name, const void *from, size_t size, int flags)
{
	return set(LINK(path), name, from, size, flags);
}

int fsetxattr(int fd, const char *name, const void *from, size_t size, int flags)
{
	return set(OPENED(fd), name, from, size, flags);
}

int removexattr(const char *path, const char *name)
{
	return drop(FOLLOWED(path), name);
}

int lremovexattr(const char *path, const char *name)
{
	return drop(LINK(path), name);
}

int fremovexattr(int fd, const char *name)
{
	return drop(OPENED(fd), name);
}
