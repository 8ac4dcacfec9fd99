/* SPDX-License-Identifier: ISC */
/* ioctl() for disks and sockets; values and meaning as on Linux. */
#ifndef XENOLITH_SYS_IOCTL_H
#define XENOLITH_SYS_IOCTL_H

#ifdef __cplusplus
extern "C" {
#endif

#define BLKROGET	0x125e		/* int *: read-only or not */
#define BLKGETSIZE	0x1260		/* unsigned long *: size in units of 512 bytes */
#define BLKFLSBUF	0x1261		/* flushes the disk's cache; may sleep */
#define BLKSSZGET	0x1268		/* int *: sector size in bytes */
#define BLKDISCARD	0x1277		/* uint64_t[2]: offset and length to discard */
#define BLKGETSIZE64	0x80081272	/* uint64_t *: size in bytes */

#define FIONREAD	0x541b		/* int *: bytes that can be read */
#define TIOCOUTQ	0x5411		/* int *: TCP's unacknowledged bytes */
#define FIONBIO		0x5421		/* int *: sets or clears O_NONBLOCK */

int ioctl(int fd, unsigned long request, ...);

#ifdef __cplusplus
}
#endif

#endif
