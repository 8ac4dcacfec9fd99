/* SPDX-License-Identifier: ISC */
/* Terminals (POSIX.1-2017, <termios.h>): the console is the only one. */
#include "lib/result.h"

#include <errno.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

int tcgetattr(int fd, struct termios *to)
{
	return ioctl(fd, TCGETS, to);
}

int tcsetattr(int fd, int when, const struct termios *from)
{
	static const int requests[] = { TCSETS, TCSETSW, TCSETSF };

	if (when < TCSANOW || when > TCSAFLUSH)
		return result(-EINVAL);
	return ioctl(fd, requests[when], from);
}

/* Output is complete when write() returns. */
int tcdrain(int fd)
{
	return isatty(fd) ? 0 : -1;
}

int tcflush(int fd, int queue)
{
	return ioctl(fd, TCFLSH, (void *)(long)queue);
}

int tcflow(int fd, int action)
{
	(void)action;
	return isatty(fd) ? result(-EINVAL) : -1;
}

int tcsendbreak(int fd, int duration)
{
	(void)duration;
	return isatty(fd) ? 0 : -1;
}

pid_t tcgetsid(int fd)
{
	return isatty(fd) ? getpid() : -1;
}

pid_t tcgetpgrp(int fd)
{
	return isatty(fd) ? getpid() : -1;
}

int tcsetpgrp(int fd, pid_t group)
{
	return !isatty(fd) ? -1 : group == getpid() ? 0 : result(-EPERM);
}

speed_t cfgetispeed(const struct termios *from)
{
	return from->c_ispeed;
}

speed_t cfgetospeed(const struct termios *from)
{
	return from->c_ospeed;
}

static int set_speed(speed_t *to, speed_t speed)
{
	if (speed > B38400 && (speed < B57600 || speed > B230400))
		return result(-EINVAL);
	*to = speed;
	return 0;
}

int cfsetispeed(struct termios *to, speed_t speed)
{
	return set_speed(&to->c_ispeed, speed);
}

int cfsetospeed(struct termios *to, speed_t speed)
{
	return set_speed(&to->c_ospeed, speed);
}

int cfsetspeed(struct termios *to, speed_t speed)
{
	return cfsetispeed(to, speed) || cfsetospeed(to, speed) ? -1 : 0;
}

void cfmakeraw(struct termios *to)
{
	to->c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
	to->c_oflag &= ~OPOST;
	to->c_lflag &= ~(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	to->c_cflag = (to->c_cflag & ~(CSIZE | PARENB)) | CS8;
	to->c_cc[VMIN] = 1;
	to->c_cc[VTIME] = 0;
}

#define TTY_NAME "/dev/console"

int ttyname_r(int fd, char *to, size_t size)
{
	if (!isatty(fd))
		return errno;
	if (size < sizeof(TTY_NAME))
		return ERANGE;
	strcpy(to, TTY_NAME);
	return 0;
}

char *ttyname(int fd)
{
	static char name[sizeof(TTY_NAME)];
	int error = ttyname_r(fd, name, sizeof(name));

	errno = error ? error : errno;
	return error ? NULL : name;
}

char *ctermid(char *to)
{
	static char name[] = TTY_NAME;

	return to ? strcpy(to, TTY_NAME) : name;
}
