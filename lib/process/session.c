/* SPDX-License-Identifier: ISC */
/*
 * Process groups and sessions (POSIX.1-2017: getpgid, setpgid, getsid). The process is the leader of
 * its group and of its session, so setsid() fails.
 */
#include "lib/result.h"

#include <errno.h>
#include <unistd.h>

static int of(pid_t pid)
{
	return result(!pid || pid == getpid() ? getpid() : -ESRCH);
}

pid_t getpgrp(void)
{
	return getpid();
}

pid_t getpgid(pid_t pid)
{
	return of(pid);
}

pid_t getsid(pid_t pid)
{
	return of(pid);
}

/* The process is a session's leader and stays so. */
int setpgid(pid_t pid, pid_t group)
{
	if (group < 0)
		return result(-EINVAL);
	if (of(pid) < 0)
		return -1;
	return result(-EPERM);
}

int setpgrp(void)
{
	return 0;		/* it is the leader already */
}

/* The process already leads its session. */
pid_t setsid(void)
{
	return result(-EPERM);
}

/* There are no set-user-ID programs. */
int issetugid(void)
{
	return 0;
}
