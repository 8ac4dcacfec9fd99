/* SPDX-License-Identifier: ISC */
/* The priority of the process (POSIX.1-2017: getpriority, nice), which is always 0. */
#include "lib/result.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

static int refused(int what, id_t who)
{
	if (what != PRIO_PROCESS && what != PRIO_PGRP && what != PRIO_USER)
		return -EINVAL;
	if (who && who != (what == PRIO_USER ? getuid() : (id_t)getpid()))
		return -ESRCH;
	return 0;
}

int getpriority(int what, id_t who)
{
	return result(refused(what, who));
}

int setpriority(int what, id_t who, int priority)
{
	int rc = refused(what, who);

	return result(rc ? rc : priority ? -EACCES : 0);
}

int nice(int more)
{
	return result(more ? -EPERM : 0);
}
