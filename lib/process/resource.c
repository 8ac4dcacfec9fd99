/* SPDX-License-Identifier: ISC */
/*
 * Resource limits and usage (POSIX.1-2017: getrlimit, getrusage). The number of descriptors is
 * limited; other limits are stored, as a program may lower them, but memory is the only real one.
 */
#define _GNU_SOURCE
#include "kernel/page.h"
#include "kernel/sched.h"
#include "lib/file/file.h"
#include "lib/result.h"

#include <errno.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static struct rlimit lowered[RLIM_NLIMITS];
static unsigned is_lowered;		/* a bit for each */

static struct rlimit limit_of(int what)
{
	struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };

	if (is_lowered >> what & 1)
		return lowered[what];
	if (what == RLIMIT_CORE)
		none = (struct rlimit){ 0, 0 };		/* there are no core files */
	if (what == RLIMIT_NOFILE)
		none = (struct rlimit){ FD_MAX, FD_MAX };
	return none;
}

int getrlimit(int what, struct rlimit *limit)
{
	if (what < 0 || what >= RLIM_NLIMITS)
		return result(-EINVAL);
	*limit = limit_of(what);
	return 0;
}

int setrlimit(int what, const struct rlimit *limit)
{
	if (what < 0 || what >= RLIM_NLIMITS || limit->rlim_cur > limit->rlim_max)
		return result(-EINVAL);
	if (limit->rlim_max > limit_of(what).rlim_max)
		return result(-EPERM);
	kernel_enter();
	lowered[what] = *limit;
	is_lowered |= 1u << what;
	if (what == RLIMIT_NOFILE)
		file_set_max(limit->rlim_cur);
	kernel_leave();
	return 0;
}

int prlimit(pid_t pid, int what, const struct rlimit *limit, struct rlimit *old)
{
	if (pid && pid != getpid())
		return result(-ESRCH);
	if (old && getrlimit(what, old))
		return -1;
	return limit ? setrlimit(what, limit) : 0;
}

int getdtablesize(void)
{
	return limit_of(RLIMIT_NOFILE).rlim_cur;
}

/* The clock of RUSAGE_SELF is that of the guest; see docs/control.md. */
static int clock_of(int who)
{
	return who == RUSAGE_THREAD ? CLOCK_THREAD_CPUTIME_ID : CLOCK_PROCESS_CPUTIME_ID;
}

int getrusage(int who, struct rusage *usage)
{
	struct timespec used = { 0 };
	struct page_stats pages;

	if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD)
		return result(-EINVAL);
	*usage = (struct rusage){ 0 };
	if (who == RUSAGE_CHILDREN)
		return 0;
	if (clock_gettime(clock_of(who), &used))
		return -1;
	page_stats(&pages);
	usage->ru_utime = (struct timeval){ used.tv_sec, used.tv_nsec / 1000 };
	usage->ru_maxrss = (pages.total - pages.free) * (getpagesize() / 1024);
	return 0;
}
