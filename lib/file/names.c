/* SPDX-License-Identifier: ISC */
/*
 * Functions that change the tree of files (POSIX.1-2017: mkdir, mknod, link, symlink, unlink,
 * rmdir, rename and their *at() forms; renameat2() of Linux).
 *
 * A tree without inodes, such as the files in the image, is read-only: the result is EROFS if
 * there is no other error.
 */
#define _GNU_SOURCE
#include "lib/file/names.h"
#include "kernel/sched.h"
#include "lib/file/text.h"
#include "lib/result.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

mode_t names_mask = 022;

mode_t umask(mode_t mask)
{
	return __atomic_exchange_n(&names_mask, mask & 0777, __ATOMIC_RELAXED);
}

/* ---- The upper layer. */

/* One directory of the lower layer, below a directory of the file system. */
static int copy_directory(const struct fs *fs, struct inode **dir, const char *name, size_t len)
{
	struct inode *next;
	int rc = fs->ops->lookup(*dir, name, len, &next);

	if (rc == -ENOENT)
		rc = fs->ops->mkdir(*dir, name, len, S_IFDIR | 0755, 0, 0, &next);
	if (rc == -EEXIST)		/* another thread has made it meanwhile */
		rc = fs->ops->lookup(*dir, name, len, &next);
	if (rc)
		return rc;
	inode_put(*dir);
	*dir = next;
	return 0;
}

int names_upper(struct place *dir)
{
	struct fs *fs = dir->mount->fs;
	const char *text = dir->path;
	struct inode *at;
	int rc = 0;

	if (dir->inode)
		return 0;
	if (!fs)
		return -EROFS;
	at = inode_get(fs->root);
	for (size_t n; !rc && *text; text += n) {
		text += *text == '/';
		n = strcspn(text, "/");
		rc = copy_directory(fs, &at, text, n);
	}
	if (rc)
		inode_put(at);
	else
		dir->inode = at;
	return rc;
}

/*
 * Whether the lower layer has the name, too.  Then it cannot be removed: it would still be
 * there.
 */
static bool is_below(const struct path *p)
{
	return p->dir.path && text_exists(p->dir.mount, p->dir.path, p->name, p->len);
}

int names_made(struct path *p, struct inode *inode)
{
	p->at = (struct place){ p->dir.mount, inode, NULL };
	p->at.mount->users++;
	return 0;
}

/* ---- New names. */

/* Resolves a name that must not exist. */
static int begin_new(struct path *p, int fd, const char *name, bool directory)
{
	int rc = path_resolve(p, fd, name, PATH_MAKE | PATH_PARENT);

	if (rc)
		return rc;
	if (place_is(&p->at))
		rc = -EEXIST;
	else if (p->slash && !directory)
		rc = -ENOENT;
	else
		rc = names_upper(&p->dir);
	if (rc)
		path_put(p);
	return rc;
}

static int end_new(struct path *p, int rc, struct inode *inode)
{
	if (!rc && inode)
		inode_put(inode);
	path_put(p);
	return rc;
}

static int make_directory(int fd, const char *name, mode_t mode)
{
	struct inode *inode = NULL;
	struct path p;
	int rc = begin_new(&p, fd, name, true);

	if (rc)
		return rc;
	/* As on Linux, the bits for other users and groups are not taken. */
	mode = S_IFDIR | (mode & 01777 & ~names_mask);
	return end_new(&p, place_ops(&p.dir)->mkdir(p.dir.inode, p.name, p.len, mode, 0, 0,
						    &inode), inode);
}

int mkdirat(int fd, const char *name, mode_t mode)
{
	int rc;

	kernel_enter();
	rc = make_directory(fd, name, mode);
	kernel_leave();
	return result(rc);
}

int mkdir(const char *name, mode_t mode)
{
	return mkdirat(AT_FDCWD, name, mode);
}

static int make_node(int fd, const char *name, mode_t mode, dev_t device)
{
	uint64_t number = 0;
	struct inode *inode = NULL;
	struct path p;
	int rc;

	if (!(mode & S_IFMT))
		mode |= S_IFREG;
	if (S_ISDIR(mode))
		return -EPERM;
	if (!S_ISREG(mode) && !S_ISFIFO(mode) && !S_ISSOCK(mode) && !S_ISCHR(mode) && !S_ISBLK(mode))
		return -EINVAL;
	if (S_ISCHR(mode) || S_ISBLK(mode))
		number = (uint64_t)(device >> 8 & 0xfff) << 32 | (device & 0xff) |
			 (device >> 12 & 0xfff00);
	rc = begin_new(&p, fd, name, false);
	if (rc)
		return rc;
	mode = (mode & S_IFMT) | (mode & 07777 & ~names_mask);
	return end_new(&p, place_ops(&p.dir)->create(p.dir.inode, p.name, p.len, mode, 0, 0,
						     number, &inode), inode);
}

int mknodat(int fd, const char *name, mode_t mode, dev_t device)
{
	int rc;

	kernel_enter();
	rc = make_node(fd, name, mode, device);
	kernel_leave();
	return result(rc);
}

int mknod(const char *name, mode_t mode, dev_t device)
{
	return mknodat(AT_FDCWD, name, mode, device);
}

int mkfifoat(int fd, const char *name, mode_t mode)
{
	return mknodat(fd, name, S_IFIFO | (mode & 07777), 0);
}

int mkfifo(const char *name, mode_t mode)
{
	return mkfifoat(AT_FDCWD, name, mode);
}

static int make_symlink(const char *what, int fd, const char *name)
{
	size_t len = strnlen(what, PATH_BYTES);
	struct inode *inode = NULL;
	struct path p;
	int rc;

	if (!len)
		return -ENOENT;
	if (len == PATH_BYTES)
		return -ENAMETOOLONG;
	rc = begin_new(&p, fd, name, false);
	if (rc)
		return rc;
	return end_new(&p, place_ops(&p.dir)->symlink(p.dir.inode, p.name, p.len, what, len, 0, 0,
						      &inode), inode);
}

int symlinkat(const char *what, int fd, const char *name)
{
	int rc;

	kernel_enter();
	rc = make_symlink(what, fd, name);
	kernel_leave();
	return result(rc);
}

int symlink(const char *what, const char *name)
{
	return symlinkat(what, AT_FDCWD, name);
}

static int make_link(const struct place *from, int fd, const char *name)
{
	struct path p;
	int rc = begin_new(&p, fd, name, false);

	if (rc)
		return rc;
	if (from->mount != p.dir.mount || !from->inode)
		rc = -EXDEV;
	else
		rc = place_ops(&p.dir)->link(p.dir.inode, p.name, p.len, from->inode);
	return end_new(&p, rc, NULL);
}

/* Whether a descriptor is of a file that was made with O_TMPFILE and O_EXCL. */
static bool stays_unnamed(int fd)
{
	struct file *f = file_get(fd);
	bool stays = f && f->flags & O_EXCL;

	if (f)
		file_put(f);
	return stays;
}

static int link_names(int from_fd, const char *from, int fd, const char *name, unsigned how)
{
	struct place at;
	int rc = place_resolve(&at, from_fd, from, how);

	if (rc)
		return rc;
	rc = !*from && stays_unnamed(from_fd) ? -ENOENT : make_link(&at, fd, name);
	place_put(&at);
	return rc;
}

int linkat(int from_fd, const char *from, int fd, const char *name, int flags)
{
	unsigned how = (flags & AT_SYMLINK_FOLLOW ? 0 : PATH_NOFOLLOW) |
		       (flags & AT_EMPTY_PATH ? PATH_EMPTY : 0);
	int rc;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return result(-EINVAL);
	kernel_enter();
	rc = link_names(from_fd, from, fd, name, how);
	kernel_leave();
	return result(rc);
}

int link(const char *from, const char *name)
{
	return linkat(AT_FDCWD, from, AT_FDCWD, name, 0);
}

/* ---- Removing and renaming. */

/* Whether a name can be removed or replaced; it exists.  Returns 0, -EBUSY or -EROFS. */
static int refused_removal(const struct path *p)
{
	if (p->at.mount != p->dir.mount)
		return -EBUSY;		/* a mount point */
	return !p->at.inode || !p->dir.inode || is_below(p) ? -EROFS : 0;
}

static int remove_file(int fd, const char *name)
{
	struct path p;
	int rc = path_resolve(&p, fd, name, PATH_PARENT);

	if (rc)
		return rc;
	if (p.last != LAST_NAME || place_is_directory(&p.at))
		rc = -EISDIR;
	else if (p.slash)
		rc = -ENOTDIR;
	else
		rc = refused_removal(&p);
	if (!rc)
		rc = place_ops(&p.dir)->unlink(p.dir.inode, p.name, p.len);
	path_put(&p);
	return rc;
}

static int remove_directory(int fd, const char *name)
{
	struct path p;
	int rc = path_resolve(&p, fd, name, PATH_PARENT);

	if (rc)
		return rc;
	if (p.last == LAST_DOT)
		rc = -EINVAL;
	else if (p.last == LAST_DOTDOT)
		rc = -ENOTEMPTY;
	else if (p.last == LAST_ROOT)
		rc = -EBUSY;
	else if (!place_is_directory(&p.at))
		rc = -ENOTDIR;
	else
		rc = refused_removal(&p);
	if (!rc)
		rc = place_ops(&p.dir)->rmdir(p.dir.inode, p.name, p.len);
	path_put(&p);
	return rc;
}

int unlinkat(int fd, const char *name, int flags)
{
	int rc;

	if (flags & ~AT_REMOVEDIR)
		return result(-EINVAL);
	kernel_enter();
	rc = flags & AT_REMOVEDIR ? remove_directory(fd, name) : remove_file(fd, name);
	kernel_leave();
	return result(rc);
}

int unlink(const char *name)
{
	return unlinkat(AT_FDCWD, name, 0);
}

int rmdir(const char *name)
{
	return unlinkat(AT_FDCWD, name, AT_REMOVEDIR);
}

/*
 * Whether it is a file that can be replaced even if the lower layer has the name, too: the new file
 * hides the lower one.  A directory would be shown with the names of a lower one.
 */
static bool stays_hidden(const struct path *p, bool by_directory)
{
	return p->at.mount == p->dir.mount && p->at.inode && p->dir.inode && !by_directory &&
	       !place_is_directory(&p->at);
}

/* Errors of two names that are detected before the file system is called. */
static int refused_rename(const struct path *from, const struct path *to, unsigned flags)
{
	bool directory;
	int rc;

	if (from->last != LAST_NAME)
		return -EBUSY;
	if (to->last != LAST_NAME)
		return flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	if (from->dir.mount != to->dir.mount)
		return -EXDEV;
	if (!place_is(&from->at))
		return -ENOENT;
	if (place_is(&to->at) && flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (!place_is(&to->at) && flags & RENAME_EXCHANGE)
		return -ENOENT;
	directory = place_is_directory(&from->at);
	if (!directory && (from->slash || (to->slash && !(flags & RENAME_EXCHANGE))))
		return -ENOTDIR;
	if (to->slash && flags & RENAME_EXCHANGE && !place_is_directory(&to->at))
		return -ENOTDIR;
	rc = refused_removal(from);
	if (rc || !place_is(&to->at) || stays_hidden(to, directory && flags & RENAME_EXCHANGE))
		return rc;
	return refused_removal(to);
}

static int move(struct path *from, struct path *to, unsigned flags)
{
	int rc = refused_rename(from, to, flags);

	if (!rc)
		rc = names_upper(&to->dir);
	if (rc)
		return rc;
	return place_ops(&from->dir)->rename(from->dir.inode, from->name, from->len,
					     to->dir.inode, to->name, to->len,
					     (flags & RENAME_NOREPLACE ? FS_RENAME_NOREPLACE : 0) |
					     (flags & RENAME_EXCHANGE ? FS_RENAME_EXCHANGE : 0));
}

static int move_names(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	struct path a, b;
	/* As on Linux, what is wrong with both directories comes before a missing old name. */
	int rc = path_resolve(&a, from_fd, from, PATH_PARENT | PATH_MAKE);

	if (rc)
		return rc;
	rc = path_resolve(&b, to_fd, to, PATH_PARENT | PATH_MAKE);
	if (!rc) {
		rc = move(&a, &b, flags);
		path_put(&b);
	}
	path_put(&a);
	return rc;
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	int rc;

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE) ||
	    flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return result(-EINVAL);
	kernel_enter();
	rc = move_names(from_fd, from, to_fd, to, flags);
	kernel_leave();
	return result(rc);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return renameat2(from_fd, from, to_fd, to, 0);
}

int rename(const char *from, const char *to)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* ---- Symbolic links. */

static ssize_t read_link(int fd, const char *name, char *to, size_t size)
{
	struct place at;
	ssize_t rc = place_resolve(&at, fd, name, PATH_NOFOLLOW | PATH_EMPTY);

	if (rc)
		return rc;
	rc = at.inode && (at.inode->mode & FS_IFMT) == FS_IFLNK ?
	     place_ops(&at)->readlink(at.inode, to, size) : *name ? -EINVAL : -ENOENT;
	place_put(&at);
	return rc;
}

ssize_t readlinkat(int fd, const char *restrict name, char *restrict to, size_t size)
{
	ssize_t rc;

	if (!size)
		return result(-EINVAL);
	kernel_enter();
	rc = read_link(fd, name, to, size);
	kernel_leave();
	return result(rc);
}

ssize_t readlink(const char *restrict name, char *restrict to, size_t size)
{
	return readlinkat(AT_FDCWD, name, to, size);
}
