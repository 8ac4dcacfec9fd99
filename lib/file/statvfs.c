/* SPDX-License-Identifier: ISC */
/* statvfs() of POSIX.1-2017, and statfs() of Linux. */
#include "kernel/sched.h"
#include "lib/file/path.h"
#include "lib/result.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

/* Linux's numbers of file systems; the files in the image are a "romfs". */
#define MAGIC_EXT4 0xef53
#define MAGIC_TMPFS 0x1021994
#define MAGIC_ROMFS 0x7275

/* Fills *s for a mount; NULL: for a file without one, which has no blocks. */
static int of_mount(const struct mount *m, struct fs_statfs *s)
{
	if (m && m->fs)
		return m->fs->ops->statfs(m->fs, s);
	*s = (struct fs_statfs){ .block_size = 4096, .read_only = m, .type = "romfs" };
	return 0;
}

static int of_name(const char *name, struct fs_statfs *s)
{
	struct place at;
	int rc;

	kernel_enter();
	rc = place_resolve(&at, AT_FDCWD, name, 0);
	if (!rc) {
		rc = of_mount(at.mount, s);
		place_put(&at);
	}
	kernel_leave();
	return rc;
}

static int of_descriptor(int fd, struct fs_statfs *s)
{
	const struct place *at;
	struct file *f;
	int rc = -EBADF;

	kernel_enter();
	f = file_get(fd);
	if (f) {
		at = file_place(f);
		rc = of_mount(at ? at->mount : NULL, s);
		file_put(f);
	}
	kernel_leave();
	return rc;
}

static int as_statvfs(int rc, const struct fs_statfs *s, struct statvfs *to)
{
	if (rc)
		return result(rc);
	*to = (struct statvfs){
		.f_bsize = s->block_size, .f_frsize = s->block_size, .f_blocks = s->blocks,
		.f_bfree = s->free, .f_bavail = s->available, .f_files = s->inodes,
		.f_ffree = s->inodes_free, .f_favail = s->inodes_free, .f_fsid = s->id,
		.f_flag = s->read_only ? ST_RDONLY : 0, .f_namemax = FS_NAME_MAX,
	};
	return 0;
}

static int as_statfs(int rc, const struct fs_statfs *s, struct statfs *to)
{
	if (rc)
		return result(rc);
	*to = (struct statfs){
		.f_type = strcmp(s->type, "ext4") == 0 ? MAGIC_EXT4 :
			  strcmp(s->type, "tmpfs") == 0 ? MAGIC_TMPFS : MAGIC_ROMFS,
		.f_bsize = s->block_size, .f_frsize = s->block_size, .f_blocks = s->blocks,
		.f_bfree = s->free, .f_bavail = s->available, .f_files = s->inodes,
		.f_ffree = s->inodes_free, .f_fsid = { { s->id, s->id >> 32 } },
		.f_flags = s->read_only ? ST_RDONLY : 0, .f_namelen = FS_NAME_MAX,
	};
	return 0;
}

int statvfs(const char *restrict name, struct statvfs *restrict to)
{
	struct fs_statfs s = { 0 };

	return as_statvfs(of_name(name, &s), &s, to);
}

int fstatvfs(int fd, struct statvfs *to)
{
	struct fs_statfs s = { 0 };

	return as_statvfs(of_descriptor(fd, &s), &s, to);
}

int statfs(const char *name, struct statfs *to)
{
	struct fs_statfs s = { 0 };

	return as_statfs(of_name(name, &s), &s, to);
}

int fstatfs(int fd, struct statfs *to)
{
	struct fs_statfs s = { 0 };

	return as_statfs(of_descriptor(fd, &s), &s, to);
}
