/* SPDX-License-Identifier: ISC */
/*
 * freopen() (POSIX.1-2017). If newlib's cannot open the file it frees the FILE, although
 * the program still has it: a later printf() would use a destroyed lock, or write to the
 * file of the next fopen(). Here, as in glibc, the FILE stays closed until fclose() or
 * another freopen(), and the descriptor keeps its number.
 */
#include "lib/libc/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/lock.h>
#include <unistd.h>

static void close_old(struct _reent *reent, FILE *file)
{
	if (file->_close)
		file->_close(reent, file->_cookie);
	else if (file->_file >= 0)
		close(file->_file);
	file->_file = -1;
	file->_close = NULL;
}

/* Returns the current descriptor, if the new mode is allowed for it. */
static int keep(int fd, int oflags)
{
	int old = fcntl(fd, F_GETFL);

	if (old < 0)
		return -1;
	if ((old & O_ACCMODE) != O_RDWR && (old ^ oflags) & O_ACCMODE) {
		errno = EBADF;
		return -1;
	}
	return fcntl(fd, F_SETFL, (oflags & O_APPEND) | (old & O_NONBLOCK)) ? -1 : fd;
}

/* The old file stays open until the new one is open, since path may be /dev/stdin. */
static int open_new(FILE *file, const char *path, int oflags)
{
	int fd = open(path, oflags, 0666), old = file->_file;

	if (fd < 0 || old < 0 || fd == old)
		return fd;
	if (dup2(fd, old) < 0) {
		close(fd);
		return -1;
	}
	close(fd);
	return old;
}

static int new_descriptor(struct _reent *reent, FILE *file, const char *path, int oflags)
{
	int fd, error;

	if (file->_flags & __SWR)
		_fflush_r(reent, file);
	fd = path ? open_new(file, path, oflags) : keep(file->_file, oflags);
	error = errno;
	if (fd < 0 || fd != file->_file)
		close_old(reent, file);
	errno = error;
	return fd;
}

FILE *_freopen_r(struct _reent *reent, const char *restrict path, const char *restrict mode,
		 FILE *restrict file)
{
	int oflags = 0, fd = -1, flags, error;

	if (!_REENT_CLEANUP(reent))
		__sinit(reent);
	__lock_acquire_recursive(file->_lock);
	flags = __sflags(reent, mode, &oflags);
	if (flags)
		fd = new_descriptor(reent, file, path, oflags);
	error = errno;
	if (!flags) {
		if (file->_flags & __SWR)
			_fflush_r(reent, file);
		close_old(reent, file);
	}
	stream_drop(file);
	file->_flags = STREAM_CLOSED;
	if (fd >= 0) {
		file->_flags = flags;
		file->_file = fd;
		file->_cookie = file;
		file->_read = __sread;
		file->_write = __swrite;
		file->_seek = __sseek;
		file->_close = __sclose;
	}
	__lock_release_recursive(file->_lock);
	errno = error;
	return fd < 0 ? NULL : file;
}

FILE *freopen(const char *restrict path, const char *restrict mode, FILE *restrict file)
{
	return _freopen_r(_REENT, path, mode, file);
}
