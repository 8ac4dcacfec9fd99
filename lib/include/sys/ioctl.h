/* SPDX-License-Identifier: ISC */
/* ioctl(), and what can be asked of disks and sockets; numbers and meaning as on Linux. */
#ifndef XENOLITH_SYS_IOCTL_H
#define XENOLITH_SYS_IOCTL_H

#ifdef __cplusplus
extern "C" {
#endif

#define BLKROGET	0x125e		/* int *: is it read-only */
#define BLKGETSIZE	0x1260		/* unsigned long *: size in units of 512 bytes */
#define BLKFLSBUF	0x1261		/* flush */
#define BLKSSZGET	0x1268		/* int *: bytes of a sector */
#define BLKDISCARD	0x1277		/* uint64_t[2]: offset and length, not needed any more */
#define BLKGETSIZE64	0x80081272	/* uint64_t *: size in bytes */

#define FIONREAD	0x541b		/* int *: bytes that can be read */
#define TIOCOUTQ	0x5411		/* int *: bytes of TCP that are not acknowledged */
#define FIONBIO		0x5421		/* int *: O_NONBLOCK or not */

int ioctl(int fd, unsigned long request, ...);

#ifdef __cplusplus
}
#endif

#endif
