/* SPDX-License-Identifier: ISC */
/* ioctl() for disks, sockets and the console; values and meaning as on Linux. */
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
#define TIOCINQ		FIONREAD
#define TIOCOUTQ	0x5411		/* int *: TCP's unacknowledged bytes */
#define FIONBIO		0x5421		/* int *: sets or clears O_NONBLOCK */
#define FIONCLEX	0x5450		/* as F_SETFD of fcntl() */
#define FIOCLEX		0x5451
#define FIOASYNC	0x5452		/* int *: SIGIO; EINVAL unless 0 */

/* The console.  Its size is that of environment variables LINES and COLUMNS, or unknown: 0. */
#define TCGETS		0x5401		/* struct termios * */
#define TCSETS		0x5402
#define TCSETSW		0x5403
#define TCSETSF		0x5404
#define TCFLSH		0x540b
#define TIOCGWINSZ	0x5413		/* struct winsize * */
#define TIOCSWINSZ	0x5414

struct winsize {
	unsigned short ws_row, ws_col, ws_xpixel, ws_ypixel;
};

/* Network interfaces, for any socket: struct ifreq * (<net/if.h>); SIOCGIFCONF: struct ifconf *. */
#define SIOCGIFNAME	0x8910
#define SIOCGIFCONF	0x8912
#define SIOCGIFFLAGS	0x8913
#define SIOCGIFADDR	0x8915
#define SIOCGIFBRDADDR	0x8919
#define SIOCGIFNETMASK	0x891b
#define SIOCGIFMETRIC	0x891d
#define SIOCGIFMTU	0x8921
#define SIOCGIFHWADDR	0x8927
#define SIOCGIFINDEX	0x8933
#define SIOCATMARK	0x8905		/* int *: 0 */

int ioctl(int fd, unsigned long request, ...);

#ifdef __cplusplus
}
#endif

#endif
