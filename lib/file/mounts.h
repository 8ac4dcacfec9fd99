/* SPDX-License-Identifier: ISC */
/*
 * Mounts and their sources: the command line's mounts, mount() and umount2(), and the end of
 * the guest.
 *
 *	mount=SOURCE:/PATH[,ro][,sync]		a disk with ext4: xvda, LABEL=NAME, UUID=UUID
 *	mount=tmpfs:/PATH[,ro][,size=SIZE]	memory; at most half of it by default
 *
 * Several are mounted in their order, "/" before the others.  /tmp is a tmpfs unless something
 * else is mounted there, or the image has files in /tmp.
 *
 * Kernel code only.  All functions may sleep.
 */
#ifndef LIB_FILE_MOUNTS_H
#define LIB_FILE_MOUNTS_H

#include "fs/block.h"
#include "fs/fs.h"

#define MOUNTS_WHY 256			/* bytes of a sentence: why something failed */
#define MOUNTS_SOURCE 64		/* bytes of a source's name */

/*
 * Mounts.  type: "ext4", "tmpfs", or NULL: by the source.  Returns 0 or -errno, and then a
 * sentence in `why`: -ENODEV (an unknown type), -ENXIO (no such disk), -EBUSY (mounted already),
 * errors of ext4_mount(), tmpfs_mount(), mount_attach().
 */
int mounts_add(const char *source, const char *at, const char *type,
	       const struct fs_options *options, char why[MOUNTS_WHY]);

/* Detaches and unmounts: errors of mount_detach(). */
int mounts_remove(const char *at);

/* The words after SOURCE:/PATH, and those of mount(2): NULL, or one sentence what is wrong. */
const char *mounts_options(const char *words, struct fs_options *o);

/*
 * Before a disk is mounted: its files are complete on it when the guest ends.  The disk is
 * open: hooks run in reverse order, and that of disks disconnects it.
 */
void mounts_end_in_order(void);

/* The control methods of mounts; at the first mount. */
void mounts_methods_add(void);

/* ---- Disks (lib/file/mount_disk.c). */

/*
 * Finds a disk by xvda, /dev/xvda, LABEL=NAME, UUID=UUID, and waits at most 10 s for it.  Returns
 * 0; -ENXIO, -EIO, -ENOMEM, -EINVAL, and a sentence.  The caller calls mount_disk_close() when
 * the file system is unmounted.
 */
int mount_disk_open(const char *source, struct block **b, char why[MOUNTS_WHY]);
void mount_disk_close(struct block *b);

/* The number of the disk (xen-vbd-interface(7)). */
unsigned mount_disk_number(const struct block *b);

#endif
