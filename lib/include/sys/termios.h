/* SPDX-License-Identifier: ISC */
/*
 * Terminals (POSIX.1-2017, <termios.h>), with Linux's values.
 *
 * The console passes on each byte as it comes: it does not echo, collect lines or make signals,
 * which the terminal at the other end may do. Return is received as a newline (ICRNL), and a
 * newline is sent as "\r\n" (OPOST, ONLCR). tcgetattr() shows these settings, whatever tcsetattr()
 * was given; POSIX lets it succeed where a part of the settings has an effect.
 */
#ifndef XENOLITH_SYS_TERMIOS_H
#define XENOLITH_SYS_TERMIOS_H

#include <sys/types.h>
#include <sys/ioctl.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef unsigned char cc_t;
typedef unsigned speed_t, tcflag_t;

#define NCCS 32
struct termios {
	tcflag_t c_iflag, c_oflag, c_cflag, c_lflag;
	cc_t c_line;
	cc_t c_cc[NCCS];
	speed_t c_ispeed, c_ospeed;
};

#define VINTR		0
#define VQUIT		1
#define VERASE		2
#define VKILL		3
#define VEOF		4
#define VTIME		5
#define VMIN		6
#define VSWTC		7
#define VSTART		8
#define VSTOP		9
#define VSUSP		10
#define VEOL		11
#define VREPRINT	12
#define VDISCARD	13
#define VWERASE		14
#define VLNEXT		15
#define VEOL2		16
#define _POSIX_VDISABLE	0

#define IGNBRK	0000001
#define BRKINT	0000002
#define IGNPAR	0000004
#define PARMRK	0000010
#define INPCK	0000020
#define ISTRIP	0000040
#define INLCR	0000100
#define IGNCR	0000200
#define ICRNL	0000400
#define IXON	0002000
#define IXANY	0004000
#define IXOFF	0010000
#define IMAXBEL	0020000
#define IUTF8	0040000

#define OPOST	0000001
#define ONLCR	0000004
#define OCRNL	0000010
#define ONOCR	0000020
#define ONLRET	0000040
#define TAB0	0000000
#define TAB3	0014000

#define CSIZE	0000060
#define CS5	0000000
#define CS6	0000020
#define CS7	0000040
#define CS8	0000060
#define CSTOPB	0000100
#define CREAD	0000200
#define PARENB	0000400
#define PARODD	0001000
#define HUPCL	0002000
#define CLOCAL	0004000
#define CRTSCTS	020000000000

#define ISIG	0000001
#define ICANON	0000002
#define ECHO	0000010
#define ECHOE	0000020
#define ECHOK	0000040
#define ECHONL	0000100
#define NOFLSH	0000200
#define TOSTOP	0000400
#define ECHOCTL	0001000
#define ECHOKE	0004000
#define IEXTEN	0100000

#define B0	0
#define B50	1
#define B75	2
#define B110	3
#define B134	4
#define B150	5
#define B200	6
#define B300	7
#define B600	8
#define B1200	9
#define B1800	10
#define B2400	11
#define B4800	12
#define B9600	13
#define B19200	14
#define B38400	15
#define B57600	0010001
#define B115200	0010002
#define B230400	0010003

#define TCOOFF		0
#define TCOON		1
#define TCIOFF		2
#define TCION		3
#define TCIFLUSH	0
#define TCOFLUSH	1
#define TCIOFLUSH	2
#define TCSANOW		0
#define TCSADRAIN	1
#define TCSAFLUSH	2	/* also discards input that was not read */

/* ENOTTY if fd is not the console. */
int tcgetattr(int fd, struct termios *to);
int tcsetattr(int fd, int when, const struct termios *from);
int tcdrain(int fd);
int tcflush(int fd, int queue);
int tcflow(int fd, int action);		/* EINVAL: output and input cannot be stopped */
int tcsendbreak(int fd, int duration);	/* no effect, as of terminals that are not serial lines */
pid_t tcgetsid(int fd);
speed_t cfgetispeed(const struct termios *from);
speed_t cfgetospeed(const struct termios *from);
int cfsetispeed(struct termios *to, speed_t speed);
int cfsetospeed(struct termios *to, speed_t speed);
#if __MISC_VISIBLE
int cfsetspeed(struct termios *to, speed_t speed);
void cfmakeraw(struct termios *to);
#endif

#ifdef __cplusplus
}
#endif

#endif
