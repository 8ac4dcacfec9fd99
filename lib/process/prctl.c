/* SPDX-License-Identifier: ISC */
/* See sys/prctl.h and sys/syscall.h. */
#include "kernel/log.h"
#include "kernel/sched.h"
#include "lib/result.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

int prctl(int operation, ...)
{
	va_list args;
	char *name;

	va_start(args, operation);
	name = va_arg(args, char *);
	va_end(args);
	switch (operation) {
	case PR_SET_NAME:
		kernel_enter();
		format(current->name, sizeof(current->name), "%s", name);
		kernel_leave();
		return 0;
	case PR_GET_NAME:
		strcpy(name, current->name);
		return 0;
	}
	return result(-EINVAL);
}

long syscall(long number, ...)
{
	(void)number;
	return result(-ENOSYS);
}
