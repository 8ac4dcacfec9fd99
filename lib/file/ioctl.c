/* SPDX-License-Identifier: ISC */
/* ioctl() as on Linux: what all files have; the rest is for each kind of file. */
#include "kernel/sched.h"
#include "lib/file/file.h"
#include "lib/file/tty.h"
#include "lib/result.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>

/* So an image with ioctl() has that of the console, to which tty.c refers weakly. */
static int (*const console)(struct file *, unsigned long, void *) __attribute__((used)) = tty_ioctl;

static int control(int fd, struct file *f, unsigned long request, void *arg)
{
	switch (request) {
	case FIOCLEX:
	case FIONCLEX:
		file_set_cloexec(fd, request == FIOCLEX);
		return 0;
	case FIONBIO:
		f->flags = *(const int *)arg ? f->flags | O_NONBLOCK : f->flags & ~O_NONBLOCK;
		return 0;
	case FIOASYNC:
		return *(const int *)arg ? -EINVAL : 0;		/* there is no SIGIO */
	}
	return f->ops->ioctl ? f->ops->ioctl(f, request, arg) : -ENOTTY;
}

int ioctl(int fd, unsigned long request, ...)
{
	struct file *f;
	va_list args;
	void *arg;
	int rc = -EBADF;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	kernel_enter();
	f = file_get(fd);
	if (f) {
		rc = control(fd, f, request, arg);
		file_put(f);
	}
	kernel_leave();
	return result(rc);
}
