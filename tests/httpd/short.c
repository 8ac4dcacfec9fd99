/* SPDX-License-Identifier: ISC */
/*
 * Simulates a network that accepts only a few bytes at a time: connection.c is compiled a
 * second time with these functions instead of the calls, so a response is cut at any byte.
 * For metrics.c, it simulates a guest, whose statistics are in the file GUEST.
 * For site_live.c, if N is in SHRINK, every Nth read finds that the file has become empty.
 * For upload.c, it simulates a disk that has space for DISK bytes, and that cannot be flushed if
 * FSYNC is set; it prints the calls that make files durable or give them names.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

static size_t some(size_t len)
{
	static unsigned state = 1;
	static const size_t most[] = { 0, 1, 2, 100, 1000, 5000, 70000, 300000 };
	size_t n = most[rand_r(&state) % (sizeof(most) / sizeof(most[0]))];

	return n < len ? n : len;
}

static ssize_t again(void)
{
	errno = EAGAIN;
	return -1;
}

ssize_t short_send(int fd, const void *data, size_t len, int flags)
{
	len = some(len);
	return len ? send(fd, data, len, flags) : again();
}

/* The first piece that is not empty, or both. */
ssize_t short_sendmsg(int fd, const struct msghdr *m, int flags)
{
	struct iovec pieces[2] = { m->msg_iov[0], m->msg_iov[1] };
	struct msghdr less = { .msg_iov = pieces, .msg_iovlen = 2 };
	size_t n = some(pieces[0].iov_len + pieces[1].iov_len);

	if (!n)
		return again();
	if (n < pieces[0].iov_len)
		pieces[0].iov_len = n;
	pieces[1].iov_len = n - pieces[0].iov_len;
	return sendmsg(fd, &less, flags);
}

ssize_t short_sendfile(int to, int from, off_t *at, size_t len)
{
	len = some(len);
	return len ? sendfile(to, from, at, len) : again();
}

int short_open(const char *path, int flags, ...)
{
	const char *guest = getenv("GUEST");

	return open(guest && !strcmp(path, "/proc/xenolith") ? guest : path, flags,
		    0600);
}

ssize_t short_write(int fd, const void *data, size_t len)
{
	static size_t written;
	size_t space = atoll(getenv("DISK") ?: "1000000000") - written;

	len = some(len) ?: 1;
	if (len > space)
		len = space;
	if (!len) {
		errno = ENOSPC;
		return -1;
	}
	written += len;
	return write(fd, data, len);
}

ssize_t short_pread(int fd, void *to, size_t len, off_t at)
{
	static unsigned reads;
	const char *nth = getenv("SHRINK");

	return nth && reads++ % atoi(nth) == 0 ? 0 : pread(fd, to, len, at);
}

int short_fsync(int fd)
{
	fprintf(stderr, "call: fsync\n");
	if (getenv("FSYNC")) {
		errno = EIO;
		return -1;
	}
	return fsync(fd);
}

int short_linkat(int from_dir, const char *from, int dir, const char *name, int flags)
{
	fprintf(stderr, "call: linkat %s\n", name);
	return linkat(from_dir, from, dir, name, flags);
}

int short_renameat(int from_dir, const char *from, int dir, const char *name)
{
	fprintf(stderr, "call: renameat %s\n", name);
	return renameat(from_dir, from, dir, name);
}
