/* SPDX-License-Identifier: ISC */
/* Properties of a file system, as on Linux. <sys/statvfs.h> has the functions of POSIX. */
#ifndef XENOLITH_SYS_STATFS_H
#define XENOLITH_SYS_STATFS_H

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
	int val[2];
} fsid_t;

struct statfs {
	long f_type;			/* 0xef53: ext4; 0x1021994: tmpfs; 0x7275: others */
	long f_bsize;			/* bytes */
	fsblkcnt_t f_blocks;
	fsblkcnt_t f_bfree;
	fsblkcnt_t f_bavail;
	fsfilcnt_t f_files;
	fsfilcnt_t f_ffree;
	fsid_t f_fsid;
	long f_namelen;			/* bytes */
	long f_frsize;
	long f_flags;			/* as f_flag of struct statvfs */
};

int statfs(const char *name, struct statfs *to);
int fstatfs(int fd, struct statfs *to);

#ifdef __cplusplus
}
#endif

#endif
