/* SPDX-License-Identifier: ISC */
/* Limits, usage and priority (POSIX.1-2017, <sys/resource.h>), with Linux's values. */
#ifndef XENOLITH_SYS_RESOURCE_H
#define XENOLITH_SYS_RESOURCE_H
#define _SYS_RESOURCE_H_		/* newlib's header has nothing more */

#include <sys/time.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef unsigned long rlim_t;

struct rlimit {
	rlim_t rlim_cur, rlim_max;
};

#define RLIM_INFINITY	((rlim_t)-1)
#define RLIM_SAVED_CUR	RLIM_INFINITY
#define RLIM_SAVED_MAX	RLIM_INFINITY

#define RLIMIT_CPU	0
#define RLIMIT_FSIZE	1
#define RLIMIT_DATA	2
#define RLIMIT_STACK	3	/* of main; `stack=` of the command line does not change it */
#define RLIMIT_CORE	4	/* 0 */
#define RLIMIT_RSS	5
#define RLIMIT_NPROC	6
#define RLIMIT_NOFILE	7
#define RLIMIT_MEMLOCK	8
#define RLIMIT_AS	9
#define RLIMIT_LOCKS	10
#define RLIMIT_SIGPENDING 11
#define RLIMIT_MSGQUEUE	12
#define RLIMIT_NICE	13
#define RLIMIT_RTPRIO	14
#define RLIMIT_RTTIME	15
#define RLIM_NLIMITS	16

int getrlimit(int what, struct rlimit *limit);

/*
 * A limit may be lowered, and the soft one raised again up to the hard one: EPERM above that.
 * Only RLIMIT_NOFILE limits anything; the others are stored.
 */
int setrlimit(int what, const struct rlimit *limit);
#if __GNU_VISIBLE
int prlimit(pid_t pid, int what, const struct rlimit *limit, struct rlimit *old);
#endif

#define RUSAGE_SELF	0
#define RUSAGE_CHILDREN	(-1)
#if __GNU_VISIBLE
#define RUSAGE_THREAD	1
#endif

struct rusage {
	struct timeval ru_utime;	/* CPU time; of the whole guest for RUSAGE_SELF */
	struct timeval ru_stime;	/* 0: included in ru_utime */
	long ru_maxrss;			/* KiB in use now */
	/* 0: not counted */
	long ru_ixrss, ru_idrss, ru_isrss, ru_minflt, ru_majflt, ru_nswap, ru_inblock, ru_oublock;
	long ru_msgsnd, ru_msgrcv, ru_nsignals, ru_nvcsw, ru_nivcsw;
};

int getrusage(int who, struct rusage *usage);

#define PRIO_MIN	(-20)
#define PRIO_MAX	20
#define PRIO_PROCESS	0
#define PRIO_PGRP	1
#define PRIO_USER	2

/* The priority is 0.  Setting: EACCES for another one. */
int getpriority(int what, id_t who);
int setpriority(int what, id_t who, int priority);

#ifdef __cplusplus
}
#endif

#endif
