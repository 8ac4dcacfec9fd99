/* SPDX-License-Identifier: ISC */
/*
 * newlib's <sys/fcntl.h>, which <fcntl.h> and <sys/file.h> include, with the flags, locks and
 * functions of POSIX.1-2017 and Linux that it lacks.
 */
#ifndef XENOLITH_SYS_FCNTL_H
#define XENOLITH_SYS_FCNTL_H

/* newlib's struct flock has a process ID of 16 bits, so it gets another name. */
#define flock newlib_flock
#include_next <sys/fcntl.h>
#undef flock

#ifdef __cplusplus
extern "C" {
#endif

#ifndef SEEK_SET
#define SEEK_SET	0
#define SEEK_CUR	1
#define SEEK_END	2
#endif

/* open(): O_SYNC includes O_DSYNC, as on Linux. */
#undef O_SYNC
#undef O_DSYNC
#undef O_RSYNC
#define O_DSYNC		_FSYNC
#define O_SYNC		(_FSYNC | 0x4000000)
#define O_RSYNC		O_SYNC

#if __GNU_VISIBLE
/* Includes O_DIRECTORY, as on Linux: test it as (flags & O_TMPFILE) == O_TMPFILE. */
#define O_TMPFILE	(0x800000 | _FDIRECTORY)
#define O_NOATIME	0x1000000
#endif
#if __MISC_VISIBLE
#define O_LARGEFILE	0
#endif

/* Record locks; l_pid is written by F_GETLK. */
struct flock {
	short l_type;			/* F_RDLCK, F_WRLCK, F_UNLCK */
	short l_whence;			/* SEEK_SET, SEEK_CUR, SEEK_END */
	off_t l_start;			/* bytes, relative to l_whence */
	off_t l_len;			/* bytes; 0: to the end of the file; negative: before l_start */
	pid_t l_pid;
};

#if __GNU_VISIBLE
/* Record locks that belong to an open file description. l_pid must be 0. */
#define F_OFD_GETLK	36
#define F_OFD_SETLK	37
#define F_OFD_SETLKW	38

#define FALLOC_FL_KEEP_SIZE		0x01
#define FALLOC_FL_PUNCH_HOLE		0x02	/* together with FALLOC_FL_KEEP_SIZE */
#define FALLOC_FL_COLLAPSE_RANGE	0x08	/* EOPNOTSUPP, as the next three */
#define FALLOC_FL_ZERO_RANGE		0x10
#define FALLOC_FL_INSERT_RANGE		0x20
#define FALLOC_FL_UNSHARE_RANGE		0x40

#define SYNC_FILE_RANGE_WAIT_BEFORE	1
#define SYNC_FILE_RANGE_WRITE		2
#define SYNC_FILE_RANGE_WAIT_AFTER	4

/* All may sleep. */
int fallocate(int fd, int mode, off_t at, off_t len);
int sync_file_range(int fd, off_t at, off_t len, unsigned flags);
ssize_t readahead(int fd, off_t at, size_t len);
#endif

#if __POSIX_VISIBLE >= 200112
#define POSIX_FADV_NORMAL	0
#define POSIX_FADV_RANDOM	1
#define POSIX_FADV_SEQUENTIAL	2
#define POSIX_FADV_WILLNEED	3
#define POSIX_FADV_DONTNEED	4
#define POSIX_FADV_NOREUSE	5

/* They return an error number and do not set errno. */
int posix_fadvise(int fd, off_t at, off_t len, int advice);
int posix_fallocate(int fd, off_t at, off_t len);
#endif

#if __BSD_VISIBLE
int flock(int fd, int how);		/* <sys/file.h> */
#endif

#ifdef __cplusplus
}
#endif

#endif
