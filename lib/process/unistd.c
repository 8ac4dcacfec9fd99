/* SPDX-License-Identifier: ISC */
/*
 * Functions of <unistd.h> for the process and the system (POSIX.1-2017: sysconf, getpid).
 */
#include "kernel/arch.h"
#include "kernel/page.h"
#include "kernel/param.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* The only process, which is its own session and group. */
#define PID 1

pid_t getpid(void)
{
	return PID;
}

pid_t getppid(void)
{
	return 0;
}

int getpagesize(void)
{
	return PAGE_SIZE;
}

PARAM(hostname, "hostname=NAME");

static char host_name[HOST_NAME_MAX + 1];

/* The name set by sethostname(), otherwise by hostname= of the kernel command line. */
int gethostname(char *to, size_t size)
{
	const char *name = *host_name ? host_name : param("hostname");

	if (!name)
		name = "xenolith";
	if (strlen(name) < size) {
		strcpy(to, name);
		return 0;
	}
	if (size) {			/* truncated, as on Linux */
		memcpy(to, name, size - 1);
		to[size - 1] = '\0';
	}
	errno = ENAMETOOLONG;
	return -1;
}

int sethostname(const char *name, size_t len)
{
	if (!len || len > HOST_NAME_MAX || memchr(name, '\0', len)) {
		errno = EINVAL;
		return -1;
	}
	memcpy(host_name, name, len);
	host_name[len] = '\0';
	return 0;
}

static long pages(bool free)
{
	struct page_stats stats;

	page_stats(&stats);
	return free ? stats.free : stats.total;
}

/* Returns -1 without setting errno if there is no limit, or no such option. */
long sysconf(int name)
{
	struct rlimit limit;

	switch (name) {
	case _SC_PAGESIZE:
		return PAGE_SIZE;
	case _SC_CLK_TCK:
		return CLOCKS_PER_SEC;
	case _SC_NPROCESSORS_CONF:
	case _SC_NPROCESSORS_ONLN:
		return 1;
	case _SC_PHYS_PAGES:
		return pages(false);
	case _SC_AVPHYS_PAGES:
		return pages(true);
	case _SC_THREAD_KEYS_MAX:
		return PTHREAD_KEYS_MAX;
	case _SC_THREAD_DESTRUCTOR_ITERATIONS:
		return PTHREAD_DESTRUCTOR_ITERATIONS;
	case _SC_THREAD_STACK_MIN:
		return PTHREAD_STACK_MIN;
	case _SC_IOV_MAX:
		return IOV_MAX;
	case _SC_SEM_VALUE_MAX:
		return SEM_VALUE_MAX;
	case _SC_HOST_NAME_MAX:
		return HOST_NAME_MAX;
	case _SC_VERSION:
		return _POSIX_VERSION;
	case _SC_THREADS:
		return _POSIX_THREADS;
	case _SC_THREAD_ATTR_STACKSIZE:
		return _POSIX_THREAD_ATTR_STACKSIZE;
	case _SC_THREAD_PROCESS_SHARED:
		return _POSIX_THREAD_PROCESS_SHARED;
	case _SC_THREAD_SAFE_FUNCTIONS:
		return _POSIX_THREAD_SAFE_FUNCTIONS;
	case _SC_THREAD_CPUTIME:
		return _POSIX_THREAD_CPUTIME;
	case _SC_CPUTIME:
		return _POSIX_CPUTIME;
	case _SC_TIMERS:
		return _POSIX_TIMERS;
	case _SC_TIMEOUTS:
		return _POSIX_TIMEOUTS;
	case _SC_CLOCK_SELECTION:
		return _POSIX_CLOCK_SELECTION;
	case _SC_MONOTONIC_CLOCK:
		return _POSIX_MONOTONIC_CLOCK;
	case _SC_BARRIERS:
		return _POSIX_BARRIERS;
	case _SC_READER_WRITER_LOCKS:
		return _POSIX_READER_WRITER_LOCKS;
	case _SC_SPIN_LOCKS:
		return _POSIX_SPIN_LOCKS;
	case _SC_SEMAPHORES:
		return _POSIX_SEMAPHORES;
	case _SC_REALTIME_SIGNALS:
		return _POSIX_REALTIME_SIGNALS;
	case _SC_RTSIG_MAX:
		return SIGRTMAX - SIGRTMIN + 1;
	case _SC_SIGQUEUE_MAX:
	case _SC_TIMER_MAX:
		return 1024;			/* of signal.h and timer.c */
	case _SC_DELAYTIMER_MAX:
		return INT_MAX;
	case _SC_OPEN_MAX:
		getrlimit(RLIMIT_NOFILE, &limit);
		return limit.rlim_cur;
	case _SC_NGROUPS_MAX:
		return NGROUPS_MAX;
	case _SC_LOGIN_NAME_MAX:
		return LOGIN_NAME_MAX;
	case _SC_TTY_NAME_MAX:
		return TTY_NAME_MAX;
	case _SC_SYMLOOP_MAX:
		return SYMLOOP_MAX;
	case _SC_LINE_MAX:
		return LINE_MAX;
	case _SC_RE_DUP_MAX:
		return RE_DUP_MAX;
	case _SC_ARG_MAX:
		return ARG_MAX;
	case _SC_TZNAME_MAX:
		return 10;			/* of newlib */
	case _SC_GETPW_R_SIZE_MAX:
	case _SC_GETGR_R_SIZE_MAX:
		return 1024;
	case _SC_FSYNC:
	case _SC_MAPPED_FILES:
	case _SC_MEMORY_PROTECTION:
	case _SC_SYNCHRONIZED_IO:
	case _SC_SHARED_MEMORY_OBJECTS:
	case _SC_ADVISORY_INFO:
	case _SC_REGEXP:
	case _SC_SAVED_IDS:
	case _SC_IPV6:
	case _SC_RAW_SOCKETS:
		return 200809L;
	case _SC_LEVEL1_DCACHE_LINESIZE:
	case _SC_LEVEL2_CACHE_LINESIZE:
		return 64;
	case _SC_STREAM_MAX:
	case _SC_ATEXIT_MAX:
	case _SC_XOPEN_VERSION:
	case _SC_SHELL:
	case _SC_PRIORITIZED_IO:
	case _SC_MEMLOCK_RANGE:
	case _SC_SEM_NSEMS_MAX:
	case _SC_THREAD_THREADS_MAX:
	case _SC_THREAD_ATTR_STACKADDR:
	case _SC_THREAD_PRIORITY_SCHEDULING:
	case _SC_THREAD_PRIO_INHERIT:
	case _SC_THREAD_PRIO_PROTECT:
	case _SC_PRIORITY_SCHEDULING:
	case _SC_JOB_CONTROL:
	case _SC_MEMLOCK:
	case _SC_MESSAGE_PASSING:
	case _SC_ASYNCHRONOUS_IO:
	case _SC_CHILD_MAX:
	case _SC_SPAWN:
	case _SC_SPORADIC_SERVER:
	case _SC_THREAD_SPORADIC_SERVER:
		return -1;
	}
	errno = EINVAL;
	return -1;
}
