/* SPDX-License-Identifier: ISC */
/* The set of CPUs of a thread, as on Linux: there is one CPU. */
#define _GNU_SOURCE
#include "lib/result.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

int sched_getcpu(void)
{
	return 0;
}

int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
	if (pid && pid != getpid())
		return result(-ESRCH);
	if (size < sizeof(long) || size % sizeof(long))
		return result(-EINVAL);
	memset(set, 0, size);
	CPU_SET_S(0, size, set);
	return 0;
}

int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set)
{
	if (pid && pid != getpid())
		return result(-ESRCH);
	return CPU_ISSET_S(0, size, set) ? 0 : result(-EINVAL);
}
