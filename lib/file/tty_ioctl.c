/* SPDX-License-Identifier: ISC */
/*
 * The settings and the size of the console (ioctl_tty(2) of Linux; <sys/termios.h> says what they
 * are). In images that have ioctl() or functions of <termios.h>.
 */
#include "drivers/console.h"
#include "lib/file/tty.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <termios.h>

#define DISCARDED 256			/* bytes at once */

static const struct termios settings = {
	.c_iflag = ICRNL, .c_oflag = OPOST | ONLCR, .c_cflag = CS8 | CREAD | CLOCAL,
	.c_cc = { [VEOF] = 4, [VMIN] = 1 }, .c_ispeed = B38400, .c_ospeed = B38400,
};

static struct winsize size;
static bool size_is_set;

static unsigned short variable(const char *name)
{
	const char *text = getenv(name);
	long n = text ? strtol(text, NULL, 10) : 0;

	return n > 0 && n <= UINT16_MAX ? n : 0;
}

static void get_size(struct winsize *to)
{
	if (!size_is_set)
		size = (struct winsize){ .ws_row = variable("LINES"), .ws_col = variable("COLUMNS") };
	*to = size;
}

static int discard_input(void)
{
	char bytes[DISCARDED];

	while (console_present() && console_readable())
		if (console_read(bytes, sizeof(bytes)) <= 0)
			break;
	return 0;
}

int tty_ioctl(struct file *f, unsigned long request, void *arg)
{
	(void)f;
	switch (request) {
	case TCGETS:
		*(struct termios *)arg = settings;
		return 0;
	case TCSETS:
	case TCSETSW:
		return 0;
	case TCSETSF:
		return discard_input();
	case TCFLSH:
		return (uintptr_t)arg == TCOFLUSH ? 0 :
		       (uintptr_t)arg > TCIOFLUSH ? -EINVAL : discard_input();
	case TIOCGWINSZ:
		get_size(arg);
		return 0;
	case TIOCSWINSZ:
		size = *(const struct winsize *)arg;
		size_is_set = true;
		return 0;
	}
	return -ENOTTY;
}
