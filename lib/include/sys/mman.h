/* SPDX-License-Identifier: ISC */
/*
 * Memory by the page (POSIX.1-2017), all of it there from the beginning.  Mappings are private:
 * of zeroes, or of a copy of a file.  Shared ones are for files that nobody writes to; none is
 * executable, or at an address asked for. 
 */
#ifndef XENOLITH_SYS_MMAN_H
#define XENOLITH_SYS_MMAN_H

#include <sys/types.h>

#define PROT_NONE	0
#define PROT_READ	1
#define PROT_WRITE	2
#define PROT_EXEC	4

#define MAP_SHARED	1
#define MAP_PRIVATE	2
#define MAP_FIXED	0x10
#define MAP_ANONYMOUS	0x20
#define MAP_ANON	MAP_ANONYMOUS
#define MAP_NORESERVE	0x4000
#define MAP_POPULATE	0x8000
#define MAP_STACK	0x20000
#define MAP_FAILED	((void *)-1)

#define MS_ASYNC	1
#define MS_INVALIDATE	2
#define MS_SYNC		4

#define MADV_NORMAL	0
#define MADV_RANDOM	1
#define MADV_SEQUENTIAL	2
#define MADV_WILLNEED	3
#define MADV_DONTNEED	4	/* of zeroes: they are zeroes again */
#define MADV_FREE	8
#define POSIX_MADV_NORMAL	MADV_NORMAL
#define POSIX_MADV_RANDOM	MADV_RANDOM
#define POSIX_MADV_SEQUENTIAL	MADV_SEQUENTIAL
#define POSIX_MADV_WILLNEED	MADV_WILLNEED
#define POSIX_MADV_DONTNEED	MADV_DONTNEED

/*
 * MAP_FAILED with EINVAL (no length, MAP_FIXED, an offset within a page), ENOTSUP (PROT_EXEC),
 * ENODEV (shared and writable, or a file that cannot be read at a place), EBADF, ENOMEM.
 */
void *mmap(void *hint, size_t len, int prot, int flags, int fd, off_t offset);

/* Any pages of mappings, which no call is at work on any more; EINVAL: some are not. */
int munmap(void *at, size_t len);

/* PROT_EXEC: ENOTSUP.  Pages that no mapping has, as malloc()'s: ENOMEM. */
int mprotect(void *at, size_t len, int prot);
int msync(void *at, size_t len, int flags);	/* there is nothing to do */
int mlock(const void *at, size_t len);		/* nor here: nothing is ever paged out */
int munlock(const void *at, size_t len);
int madvise(void *at, size_t len, int advice);	/* EINVAL: an advice we do not know */
int posix_madvise(void *at, size_t len, int advice);

#endif
