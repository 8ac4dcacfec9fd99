/* SPDX-License-Identifier: ISC */
/*
 * fclose(): newlib's, but the FILEs of stdin, stdout and stderr are not reused: otherwise
 * printf() would write to the file of the next fopen(). As on Linux, their descriptors
 * are closed, and later calls fail with EBADF.
 */
#include "lib/libc/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/lock.h>

static void free_part(struct __sbuf *buffer, const void *own)
{
	if (buffer->_base && buffer->_base != own)
		free(buffer->_base);
	buffer->_base = NULL;
	buffer->_size = 0;
}

void stream_drop(FILE *file)
{
	if (file->_flags & __SMBF)
		free(file->_bf._base);
	file->_bf._base = NULL;
	file->_bf._size = 0;
	free_part(&file->_ub, file->_ubuf);
	free_part(&file->_lb, NULL);
	file->_p = NULL;
	file->_r = file->_w = file->_lbfsize = 0;
	file->_file = -1;
	file->_close = NULL;
	file->_flags2 &= ~__SWID;
	file->_mbstate = (_mbstate_t){ 0 };
}

static bool is_standard(const FILE *file)
{
	return file >= &__sf[0] && file <= &__sf[2];
}

/* Returns a FILE of the three to the free ones; its lock stays. */
static void release_standard(FILE *file)
{
	__sfp_lock_acquire();
	file->_flags = 0;
	__lock_release_recursive(file->_lock);
	__lock_close_recursive(file->_lock);
	__sfp_lock_release();
}

int _fclose_r(struct _reent *reent, FILE *file)
{
	int rc;

	if (!file)
		return 0;
	if (!_REENT_CLEANUP(reent))
		__sinit(reent);
	__lock_acquire_recursive(file->_lock);
	if (!file->_flags || file->_flags & STREAM_CLOSED) {
		rc = EOF;
		reent->_errno = EBADF;
	} else {
		rc = _fflush_r(reent, file);
		if (is_standard(file) && !file->_close)
			file->_close = __sclose;
		if (file->_close && file->_close(reent, file->_cookie) < 0)
			rc = EOF;
	}
	if (file->_flags)
		stream_drop(file);
	if (is_standard(file))
		file->_flags = STREAM_CLOSED;
	if (is_standard(file) || !file->_flags)
		__lock_release_recursive(file->_lock);
	else
		release_standard(file);
	return rc;
}

int fclose(FILE *file)
{
	return _fclose_r(_REENT, file);
}
