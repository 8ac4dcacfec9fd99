/* SPDX-License-Identifier: ISC */
/*
 * Memory mappings (POSIX.1-2017). Memory is allocated immediately. Private mappings are zeroed,
 * or a copy of the file at the time of mmap().
 *
 * A shared mapping of a file of a file system is its pages in the cache, which stay in memory
 * until munmap(): read(), write() and all mappings of the file see the same bytes. Data
 * that is written through it becomes durable by msync() with MS_SYNC, fsync() or sync(); without
 * them munmap() and the end of the guest pass it to the file system. An access behind the page
 * with the last byte of the file is a fault of the guest; when the file grows, the mapping does.
 *
 * Mappings are not executable, and a requested address is ignored.
 */
#ifndef XENOLITH_SYS_MMAN_H
#define XENOLITH_SYS_MMAN_H

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

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
#define MAP_GROWSDOWN	0x100		/* EINVAL, as the next ones */
#define MAP_LOCKED	0x2000
#define MAP_HUGETLB	0x40000
#define MAP_FIXED_NOREPLACE 0x100000
#define MAP_FILE	0

#define MREMAP_MAYMOVE	1
#define MREMAP_FIXED	2		/* EINVAL */
#define MCL_CURRENT	1
#define MCL_FUTURE	2
#define MAP_FAILED	((void *)-1)

#define MS_ASYNC	1
#define MS_INVALIDATE	2
#define MS_SYNC		4

#define MADV_NORMAL	0
#define MADV_RANDOM	1
#define MADV_SEQUENTIAL	2
#define MADV_WILLNEED	3
#define MADV_DONTNEED	4	/* zeroes anonymous mappings */
#define MADV_FREE	8
#define POSIX_MADV_NORMAL	MADV_NORMAL
#define POSIX_MADV_RANDOM	MADV_RANDOM
#define POSIX_MADV_SEQUENTIAL	MADV_SEQUENTIAL
#define POSIX_MADV_WILLNEED	MADV_WILLNEED
#define POSIX_MADV_DONTNEED	MADV_DONTNEED

/*
 * Returns MAP_FAILED with EINVAL (no length, MAP_FIXED, an offset within a page), ENOTSUP
 * (PROT_EXEC), EACCES (the file is not open for reading; or shared, writable, and not open for
 * both), ENODEV (no regular file; a file that is not in a file system, shared and writable),
 * EOVERFLOW (the end is behind the largest offset), EBADF, ENOMEM, or an error of the disk.
 * With a file it may sleep.
 */
void *mmap(void *hint, size_t len, int prot, int flags, int fd, off_t offset);

/* Any pages of mappings that no call is using. EINVAL if some are not mapped. */
int munmap(void *at, size_t len);

/*
 * ENOTSUP for PROT_EXEC. ENOMEM for pages without a mapping, such as malloc()'s. EACCES for
 * PROT_WRITE of a shared mapping whose file was not open for writing.
 */
int mprotect(void *at, size_t len, int prot);

/*
 * Gives what was written through shared mappings to the file system, and with MS_SYNC makes it
 * durable. ENOMEM for pages without a mapping; ENOSPC, EIO.
 */
int msync(void *at, size_t len, int flags);
int mlock(const void *at, size_t len);		/* no effect: nothing is paged out */
int munlock(const void *at, size_t len);
int mlockall(int flags);
int munlockall(void);
int mincore(void *at, size_t len, unsigned char *vec);	/* all mapped pages are in memory */
int madvise(void *at, size_t len, int advice);	/* EINVAL for unknown advice */
int posix_madvise(void *at, size_t len, int advice);

/*
 * Makes a mapping of its own memory shorter or longer; the address may change with MREMAP_MAYMOVE.
 * ENOMEM, EFAULT (not one mapping), EINVAL (also: a shared mapping of a file).  May sleep.
 */
void *mremap(void *at, size_t len, size_t new_len, int flags, ...);

/* Files in /dev/shm, a tmpfs: errors of open() and unlink(). */
int shm_open(const char *name, int flags, mode_t mode);
int shm_unlink(const char *name);
#if __GNU_VISIBLE
#define MFD_CLOEXEC	1
#define MFD_ALLOW_SEALING 2		/* EINVAL */
int memfd_create(const char *name, unsigned flags);
#endif

#ifdef __cplusplus
}
#endif

#endif
