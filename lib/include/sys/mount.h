/* SPDX-License-Identifier: ISC */
/*
 * mount(2) and umount2(2), as on Linux: file systems ext4 (a disk) and tmpfs (memory).
 *
 * mount() takes a disk as /dev/xvda, xvda, LABEL=NAME or UUID=UUID; `type` is "ext4" or "tmpfs";
 * `data` is NULL or options as text, such as "size=16M".  The target is a folder.  Flags without
 * a meaning here are MS_NOATIME and its relatives (it is always as MS_RELATIME), MS_NODEV,
 * MS_NOSUID and MS_NOEXEC.  Other flags: EINVAL.
 */
#ifndef _SYS_MOUNT_H
#define _SYS_MOUNT_H

#ifdef __cplusplus
extern "C" {
#endif

#define MS_RDONLY 1
#define MS_NOSUID 2
#define MS_NODEV 4
#define MS_NOEXEC 8
#define MS_SYNCHRONOUS 16
#define MS_REMOUNT 32			/* of the mount at target: MS_RDONLY, MS_SYNCHRONOUS */
#define MS_NOATIME 1024
#define MS_NODIRATIME 2048
#define MS_SILENT 32768
#define MS_RELATIME (1 << 21)
#define MS_STRICTATIME (1 << 24)
#define MS_LAZYTIME (1 << 25)

#define MNT_FORCE 1			/* EINVAL */
#define MNT_DETACH 2			/* EINVAL */
#define MNT_EXPIRE 4			/* EINVAL */
#define UMOUNT_NOFOLLOW 8		/* EINVAL */

/*
 * Errors: ENODEV (type), ENXIO (no such disk), EBUSY (the disk is mounted already; remount: a
 * file is being written), ENOENT, ENOTDIR (target), EINVAL (a flag, an option, no ext4),
 * EOPNOTSUPP (a feature of the disk), EROFS, EUCLEAN (117), EIO, ENOMEM.  The log has a sentence.
 */
int mount(const char *source, const char *target, const char *type, unsigned long flags,
	  const void *data);

/* Errors: EINVAL (not a mount point; a flag), EBUSY (files are open), EIO. */
int umount(const char *target);
int umount2(const char *target, int flags);

#ifdef __cplusplus
}
#endif

#endif
