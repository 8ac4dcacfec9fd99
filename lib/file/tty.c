/* SPDX-License-Identifier: ISC */
/*
 * The console as a file: standard input, output and error.  Ctrl-D ends the input for
 * good; a host sends it when its own input has ended.
 */
#include "control/shell.h"
#include "drivers/console.h"
#include "kernel/log.h"
#include "kernel/sched.h"
#include "lib/file/file.h"
#include "lib/thread/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#define CTRL_D 4

/* lib/file/tty_ioctl.c, in images with ioctl() */
int tty_ioctl(struct file *f, unsigned long request, void *arg) __attribute__((weak));

static bool ended;

void tty_end_input(void)
{
	ended = true;
	wake(console_changed());
	file_changed(&tty_file);
}

static ssize_t tty_read(struct file *f, void *to, size_t len)
{
	const char *last;
	ssize_t n;

	if (ended)
		return 0;
	if (f->flags & O_NONBLOCK && len && !console_readable())
		return -EAGAIN;
	if (len && console_present() &&
	    wait_or_signal(console_changed(), NEVER, SIGNAL_RESTARTS,
			   (console_events(), ended || console_readable())) <= 0)
		return -EINTR;
	if (ended)			/* another thread has read the end */
		return 0;
	n = console_read(to, len);
	last = n > 0 ? memchr(to, CTRL_D, n) : NULL;
	if (!last)
		return n;
	tty_end_input();
	return last - (const char *)to;
}

static ssize_t tty_write(struct file *f, const void *from, size_t len)
{
	(void)f;
	return console_write(from, len);
}

static int tty_stat(struct file *f, struct stat *st)
{
	(void)f;
	st->st_mode = S_IFCHR | 0620;
	st->st_rdev = TTY_DEVICE;
	st->st_blksize = 1024;
	return 0;
}

static off_t tty_seek(struct file *f, off_t offset, int whence)
{
	(void)f, (void)offset, (void)whence;
	return -ESPIPE;
}

/* Threads that read sleep on the console's event; this notifies poll(). */
static void notify_poll(void *arg)
{
	uint64_t seen = console_events();

	(void)arg;
	for (;;) {
		file_changed(&tty_file);
		wait_until(console_changed(), console_events() != seen);
		seen = console_events();
	}
}

static unsigned tty_ready(struct file *f)
{
	static struct thread *notifier;

	(void)f;
	if (!notifier) {
		notifier = thread_start("tty", THREAD_KERNEL, STACK_KERNEL, notify_poll, NULL, NULL);
		if (!notifier)
			log_warning("tty: no memory: poll() of the console will not wake up");
	}
	return POLLOUT | POLLWRNORM |
	       (ended || !console_present() || console_readable() ? POLLIN | POLLRDNORM : 0);
}

static const struct file_ops tty_ops = {
	.read = tty_read, .write = tty_write, .seek = tty_seek, .stat = tty_stat,
	.ready = tty_ready, .ioctl = tty_ioctl,
};

struct file tty_file = { .ops = &tty_ops, .flags = O_RDWR };
