/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
#include "kernel/sched.h"
#include "lib/file/lock.h"
#include "lib/result.h"
#include "lib/thread/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>

#define CAN_CHANGE (O_NONBLOCK | O_APPEND)

static bool is_lock(int command)
{
	return (command >= F_GETLK && command <= F_SETLKW) ||
	       (command >= F_OFD_GETLK && command <= F_OFD_SETLKW);
}

static int lock(int fd, struct file *f, int command, struct flock *l)
{
	int rc = range_lock(f, command, l);

	/* Closing a descriptor ends the locks of the process, also if that happens while this call
	   waits. */
	if (!rc && command <= F_SETLKW && !file_has(fd, f))
		range_unlock(f, false);
	return rc;
}

/* There is no exec(): FD_CLOEXEC is only stored. arg: an int or a pointer. */
static int call(int fd, int command, long arg)
{
	struct file *f;
	int rc = -EBADF;

	kernel_enter();
	f = file_get(fd);
	if (f) {
		rc = 0;
		if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)
			rc = file_set_cloexec(file_dup_from(fd, arg), command != F_DUPFD);
		else if (command == F_GETFD)
			rc = file_cloexec(fd) ? FD_CLOEXEC : 0;
		else if (command == F_SETFD)
			file_set_cloexec(fd, arg & FD_CLOEXEC);
		else if (command == F_GETFL)
			rc = f->flags & (O_ACCMODE | O_SYNC | CAN_CHANGE);
		else if (command == F_SETFL && arg & (O_DIRECT | FASYNC))
			rc = -EINVAL;	/* neither owners nor leases exist */
		else if (command == F_SETFL)
			f->flags = (f->flags & ~CAN_CHANGE) | (arg & CAN_CHANGE);
		else if (is_lock(command))
			rc = lock(fd, f, command, (struct flock *)arg);
		else
			rc = -EINVAL;
		file_put(f);
	}
	kernel_leave();
	return rc;
}

int fcntl(int fd, int command, ...)
{
	va_list args;
	long arg;

	va_start(args, command);
	arg = va_arg(args, long);
	va_end(args);
	return result(RESTARTED(call(fd, command, arg)));
}
