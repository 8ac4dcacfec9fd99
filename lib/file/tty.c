/* SPDX-License-Identifier: ISC */
/* The console as a file: standard input, output and error. */
#include "control/shell.h"
#include "drivers/console.h"
#include "kernel/log.h"
#include "kernel/sched.h"
#include "lib/file/file.h"
#include "lib/thread/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

static bool ended;

void tty_end_input(void)
{
	ended = true;
	file_changed(&tty_file);
}

static ssize_t tty_read(struct file *f, void *to, size_t len)
{
	if (ended)
		return 0;
	if (f->flags & O_NONBLOCK && len && !console_readable())
		return -EAGAIN;
	if (len && console_present() &&
	    wait_or_signal(console_changed(), NEVER, SIGNAL_RESTARTS,
			   (console_rings(), console_readable())) <= 0)
		return -EINTR;
	return console_read(to, len);
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
	uint64_t seen = console_rings();

	(void)arg;
	for (;;) {
		file_changed(&tty_file);
		wait_until(console_changed(), console_rings() != seen);
		seen = console_rings();
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
	.ready = tty_ready,
};

struct file tty_file = { .ops = &tty_ops, .flags = O_RDWR };
