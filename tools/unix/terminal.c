/* SPDX-License-Identifier: ISC */
/*
 * The user's side of the tender: the modes of the terminal, and messages.
 *
 * A terminal's lines and echo are the guest's matter, so both are off while the tender has the
 * terminal: from terminal_take() until terminal_restore(), not in the background.
 */
#include "tender.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

bool terminal_wanted;
static bool terminal_changed;
static struct termios terminal;

void terminal_restore(void)
{
	/* In the background, the modes are those of another job. */
	if (terminal_changed && (tcgetpgrp(0) == getpgrp() || tcgetpgrp(0) < 0))
		tcsetattr(0, TCSANOW, &terminal);
	terminal_changed = false;
}

void terminal_take(void)
{
	struct termios t;

	if (!terminal_wanted || terminal_changed || tcgetpgrp(0) != getpgrp() || tcgetattr(0, &terminal))
		return;
	t = terminal;
	t.c_lflag &= ~(ICANON | ECHO);		/* signals stay */
	t.c_iflag &= ~ICRNL;
	terminal_changed = !tcsetattr(0, TCSANOW, &t);
}

#define MESSAGES_MAX 50
#define PATIENCE 1000		/* ms, of a message */
#define PAUSE 10		/* ms, before the next try to write it */

/* Writes a line to standard error, which may be non-blocking; gives up if nobody reads it. */
static void put_line(const char *line, size_t n)
{
	struct pollfd room = { .fd = 2, .events = POLLOUT };
	uint64_t now, end = now_ns() + PATIENCE * 1000000ull;

	while (n && (now = now_ns()) < end && poll(&room, 1, (end - now) / 1000000 + 1) == 1) {
		ssize_t put = write(2, line, n);

		if (put > 0) {
			line += put;
			n -= put;
		} else if (put < 0 && errno != EAGAIN && errno != EINTR) {
			return;
		} else { /* there is room, but not for this */
			poll(NULL, 0, PAUSE);
		}
	}
}

static __attribute__((format(printf, 1, 0))) void say(const char *fmt, va_list args)
{
	char line[2048];
	int n = snprintf(line, sizeof(line), "xenolith: ");

	n += vsnprintf(line + n, sizeof(line) - n - 1, fmt, args);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	put_line(line, n);
}

void tell(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
}

void warn(const char *fmt, ...)
{
	static int messages;
	va_list args;

	if (messages == MESSAGES_MAX)
		return;
	if (++messages == MESSAGES_MAX) {
		tell("further messages are not shown");
		return;
	}
	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
}

void die(int status, const char *fmt, ...)
{
	va_list args;

	terminal_restore();
	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
	kill_guest();
	control_end();
	exit(status);
}

/* Otherwise a file of ours would get the number of a standard one that is closed. */
void standard_files(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd < 0)
		die(1, "/dev/null: %s", strerror(errno));
	close(fd);
}
