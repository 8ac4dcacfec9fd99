/* SPDX-License-Identifier: ISC */
/* newlib's <sys/resource.h>, and limits (POSIX.1-2017). Memory is the only limit. */
#ifndef XENOLITH_SYS_RESOURCE_H
#define XENOLITH_SYS_RESOURCE_H

#include <sys/cdefs.h>

#include_next <sys/resource.h>

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

__BEGIN_DECLS

int getrlimit(int what, struct rlimit *limit);

/* Setting a limit to its current value succeeds; other values are EPERM. */
int setrlimit(int what, const struct rlimit *limit);

__END_DECLS

#endif
