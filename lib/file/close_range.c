/* SPDX-License-Identifier: ISC */
/* close_range() of Linux and closefrom() of BSD. */
#define _GNU_SOURCE
#include "kernel/sched.h"
#include "lib/file/file.h"
#include "lib/result.h"

#include <errno.h>
#include <unistd.h>

int close_range(unsigned first, unsigned last, int flags)
{
	if (flags & ~CLOSE_RANGE_CLOEXEC || first > last)
		return result(-EINVAL);
	kernel_enter();
	for (unsigned fd = first; fd <= last && fd < (unsigned)file_limit(); fd++) {
		struct file *f = file_get(fd);

		if (f && flags)
			file_set_cloexec(fd, true);
		if (f)
			file_put(f);
		if (f && !flags)
			file_close(fd);
		kernel_pause();
	}
	kernel_leave();
	return 0;
}

void closefrom(int first)
{
	close_range(first < 0 ? 0 : first, ~0u, 0);
}
