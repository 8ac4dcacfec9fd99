/* SPDX-License-Identifier: ISC */
#include "kernel/sched.h"
#include "lib/file/file.h"
#include "lib/result.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/ioctl.h>

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
		rc = f->ops->ioctl ? f->ops->ioctl(f, request, arg) : -ENOTTY;
		file_put(f);
	}
	kernel_leave();
	return result(rc);
}
