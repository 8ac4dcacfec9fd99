/* SPDX-License-Identifier: ISC */
/* dup3() as on Linux. There is no exec(), so O_CLOEXEC is only stored. */
#define _GNU_SOURCE
#include "lib/result.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int dup3(int fd, int at, int flags)
{
	if (flags & ~O_CLOEXEC || fd == at)
		return result(-EINVAL);
	at = dup2(fd, at);
	if (at >= 0 && flags)
		fcntl(at, F_SETFD, FD_CLOEXEC);
	return at;
}
