/* SPDX-License-Identifier: ISC */
/* A disk in a file or a block device, or in a part of it. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xenolith/disk.h>

#ifndef BLKDISCARD
#define BLKDISCARD 0x1277		/* linux/fs.h */
#endif
#define THREADS 8

struct file_store {
	struct disk_store s;
	int fd;
	uint64_t start;
	bool device, whole;		/* whole: the size is the file's */
};

/* Advances over n bytes.  *first is the rest of the first piece that is left. */
static void advance(const struct iovec **v, int *count, struct iovec *first, size_t n)
{
	while (*count && n >= first->iov_len) {
		n -= first->iov_len;
		if (--*count)
			*first = *++*v;
	}
	first->iov_base = (char *)first->iov_base + n;
	first->iov_len -= n;
}

static int move(struct file_store *f, bool write, const struct iovec *v, int count, uint64_t at)
{
	struct iovec first = v[0];
	off_t where = f->start + at;

	while (count) {
		bool whole = first.iov_len == v->iov_len;	/* then all the others at once */
		const struct iovec *from = whole ? v : &first;
		int n = whole ? count : 1;
		ssize_t done = write ? pwritev(f->fd, from, n, where) : preadv(f->fd, from, n, where);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		where += done;
		advance(&v, &count, &first, done);
	}
	return 0;
}

static int file_read(struct disk_store *s, const struct iovec *to, int count, uint64_t at)
{
	return move((struct file_store *)s, false, to, count, at);
}

static int file_write(struct disk_store *s, const struct iovec *from, int count, uint64_t at)
{
	return move((struct file_store *)s, true, from, count, at);
}

static int file_flush(struct disk_store *s)
{
	return fdatasync(((struct file_store *)s)->fd) ? -errno : 0;
}

static int file_discard(struct disk_store *s, uint64_t at, uint64_t len)
{
	struct file_store *f = (struct file_store *)s;
	uint64_t range[2] = { f->start + at, len };
	int rc;

	if (len == 0)
		return 0;
	if (f->device)
		rc = ioctl(f->fd, BLKDISCARD, range);
	else
		rc = fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, range[0], len);
	return rc ? -errno : 0;
}

static int file_written(struct disk_store *s, uint64_t at, uint64_t *start, uint64_t *end)
{
	struct file_store *f = (struct file_store *)s;
	off_t first = lseek(f->fd, f->start + at, SEEK_DATA), last;

	if (f->device)			/* it does not keep what was written */
		return -EOPNOTSUPP;
	if (first < 0)
		return -errno;
	last = lseek(f->fd, first, SEEK_HOLE);
	if (last < 0)
		return -errno;
	*start = first - f->start;
	*end = last - f->start;
	return *start < s->size ? 0 : -ENXIO;
}

static void file_tell(struct disk_store *s, enum disk_event event)
{
	struct file_store *f = (struct file_store *)s;
	off_t size;

	if (event != DISK_RESIZED || !f->whole)
		return;
	size = lseek(f->fd, 0, SEEK_END);
	if (size >= 0 && (uint64_t)size > f->start)
		s->size = (size - f->start) / 512 * 512;
}

static void file_close(struct disk_store *s)
{
	close(((struct file_store *)s)->fd);
	free(s);
}

static int check(struct file_store *f, uint64_t len)
{
	struct stat st;
	off_t size = lseek(f->fd, 0, SEEK_END);

	if (size < 0 || fstat(f->fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return -EINVAL;
	f->device = S_ISBLK(st.st_mode);
	if (f->start > (uint64_t)size || len > (uint64_t)size - f->start)
		return -EINVAL;
	f->whole = len == 0;
	f->s.size = (len ? len : size - f->start) / 512 * 512;
	return f->s.size ? 0 : -EINVAL;
}

int disk_file(const char *path, bool readonly, uint64_t start, uint64_t len,
	      struct disk_store **store)
{
	struct file_store *f = calloc(1, sizeof(*f));
	int rc;

	if (!f)
		return -ENOMEM;
	f->s = (struct disk_store){
		.read = file_read, .write = file_write, .flush = file_flush,
		.discard = file_discard, .written = file_written, .tell = file_tell,
		.close = file_close, .threads = THREADS, .readonly = readonly,
	};
	f->start = start;
	f->fd = open(path, (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	rc = f->fd < 0 ? -errno : check(f, len);
	if (rc && f->fd >= 0)
		close(f->fd);
	if (rc)
		free(f);
	else
		*store = &f->s;
	return rc;
}
