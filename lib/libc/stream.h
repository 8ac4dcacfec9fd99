/* SPDX-License-Identifier: ISC */
/* Closed streams, as fclose() and freopen() leave them. */
#ifndef LIB_LIBC_STREAM_H
#define LIB_LIBC_STREAM_H

#include <reent.h>
#include <stdbool.h>
#include <stdio.h>

/*
 * A value of _flags for a FILE that is closed but not free: __SRD, __SWR and __SRW are
 * not set, so newlib's functions return EBADF, and it is not 0, so fopen() does not reuse
 * the FILE. newlib uses this bit on Cygwin only (__SCLE).
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
void __sfp_lock_acquire(void);
void __sfp_lock_release(void);
void __sinit(struct _reent *reent);

/* Frees the buffers of a FILE, which the caller has locked, and clears its descriptor. */
void stream_drop(FILE *file);

#endif
