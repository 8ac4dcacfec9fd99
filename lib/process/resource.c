/* SPDX-License-Identifier: ISC */
/* Resource limits and usage (POSIX.1-2017: getrlimit, getrusage). */
#include "lib/result.h"

#include <errno.h>
#include <sys/resource.h>
#include <time.h>

/* There are no core files. */
static rlim_t most(int what)
{
	return what == RLIMIT_CORE ? 0 : RLIM_INFINITY;
}

int getrlimit(int what, struct rlimit *limit)
{
	if (what < RLIMIT_CPU || what > RLIMIT_AS)
		return result(-EINVAL);
	limit->rlim_cur = limit->rlim_max = most(what);
	return 0;
}

int setrlimit(int what, const struct rlimit *limit)
{
	if (what < RLIMIT_CPU || what > RLIMIT_AS || limit->rlim_cur > limit->rlim_max)
		return result(-EINVAL);
	return limit->rlim_cur == most(what) ? 0 : result(-EPERM);
}

/* Kernel threads and the application are not distinguished here; see docs/control.md. */
int getrusage(int who, struct rusage *usage)
{
	struct timespec used = { 0 };

	if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN)
		return result(-EINVAL);
	*usage = (struct rusage){ 0 };
	if (who == RUSAGE_SELF && clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used))
		return -1;
	usage->ru_utime = (struct timeval){ used.tv_sec, used.tv_nsec / 1000 };
	return 0;
}
