/* SPDX-License-Identifier: ISC */
/* Open directories. */
#include "lib/file/path.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct dirfile {
	struct file file;
	struct place place;
	struct fs_open open;		/* its inode is NULL if the place has none */
};

static struct dirfile *of(struct file *f)
{
	return (struct dirfile *)f;
}

static ssize_t dirfile_read(struct file *f, void *to, size_t len)
{
	(void)f, (void)to, (void)len;
	return -EISDIR;
}

static ssize_t dirfile_pread(struct file *f, void *to, size_t len, off_t at)
{
	(void)at;
	return dirfile_read(f, to, len);
}

/* Streams have a position of their own (lib/file/dir.c), so only the beginning is valid. */
static off_t dirfile_seek(struct file *f, off_t offset, int whence)
{
	(void)f;
	return offset == 0 && (whence == SEEK_SET || whence == SEEK_CUR) ? 0 : -EINVAL;
}

static int dirfile_stat(struct file *f, struct stat *st)
{
	return place_stat(&of(f)->place, st);
}

static int dirfile_sync(struct file *f)
{
	struct dirfile *d = of(f);

	return d->open.inode ? place_ops(&d->place)->sync(&d->open, false) : 0;
}

static const struct place *dirfile_place(struct file *f)
{
	return &of(f)->place;
}

static struct fs_open *dirfile_fs_open(struct file *f)
{
	return of(f)->open.inode ? &of(f)->open : NULL;
}

static void dirfile_close(struct file *f)
{
	if (of(f)->open.inode)
		fs_open_end(&of(f)->open);
	place_put(&of(f)->place);
	free(f);
}

static const struct file_ops dirfile_ops = {
	.read = dirfile_read, .pread = dirfile_pread, .seek = dirfile_seek, .stat = dirfile_stat,
	.sync = dirfile_sync, .place = dirfile_place, .fs_open = dirfile_fs_open,
	.close = dirfile_close,
};

int dirfile_open(const struct place *at, struct file **f)
{
	struct dirfile *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return -ENOMEM;
	rc = place_copy(&d->place, at);
	if (rc) {
		free(d);
		return rc;
	}
	d->file.ops = &dirfile_ops;
	if (at->inode)
		fs_open_begin(&d->open, at->inode);
	*f = &d->file;
	return 0;
}
