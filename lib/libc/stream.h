/* SPDX-License-Identifier: ISC */
/*
 * The interface to newlib's streams, and the streams that fclose() and freopen() closed.
 */
#ifndef LIB_LIBC_STREAM_H
#define LIB_LIBC_STREAM_H

#include <reent.h>
#include <stdbool.h>
#include <stdio.h>

/*
 * In _flags of a FILE that is closed but not free: neither __SRD, __SWR nor __SRW is set, so
 * that newlib's functions refuse it with EBADF, and it is not 0, so that fopen() does not take
 * the FILE.  newlib uses the bit on Cygwin only (__SCLE).
 */
#define STREAM_CLOSED 0x4000

/* newlib's (libc/stdio/local.h). */
extern FILE __sf[3];
int __sflags(struct _reent *reent, const char *mode, int *oflags);
_READ_WRITE_RETURN_TYPE __sread(struct _reent *reent, void *cookie, char *to, size_t len);
_READ_WRITE_RETURN_TYPE __swrite(struct _reent *reent, void *cookie, const char *from,
				 size_t len);
_fpos_t __sseek(struct _reent *reent, void *cookie, _fpos_t offset, int whence);
int __sclose(struct _reent *reent, void *cookie);
int __swsetup_r(struct _reent *reent, FILE *file);
int __ssputs_r(struct _reent *reent, FILE *file, const char *from, size_t len);

/* Output of several parts: libc/stdio/fvwrite.h. */
struct __siov {
	const void *iov_base;
	size_t iov_len;
};
struct __suio {
	struct __siov *uio_iov;
	int uio_iovcnt;
	size_t uio_resid;
};
int __sfvwrite_r(struct _reent *reent, FILE *file, struct __suio *all);

void __sfp_lock_acquire(void);
void __sfp_lock_release(void);
void __sinit(struct _reent *reent);

/* Frees the buffers of a FILE that the caller has locked, and forgets its descriptor. */
void stream_drop(FILE *file);

#endif
