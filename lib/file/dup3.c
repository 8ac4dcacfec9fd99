/* SPDX-License-Identifier: ISC */
/* dup2() with flags, as on Linux; nothing is ever executed, so O_CLOEXEC changes nothing. */
#define _GNU_SOURCE
#include "lib/result.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int dup3(int fd, int at, int flags)
{
	if (flags & ~O_CLOEXEC || fd == at)
		return result(-EINVAL);
	return dup2(fd, at);
}
