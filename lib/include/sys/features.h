/* SPDX-License-Identifier: ISC */
/*
 * What newlib is told about this system.  Every header of newlib's includes
 * <sys/features.h> first, so this is the one place for it: newlib itself and
 * all that is compiled against it see the same.
 */
#ifndef XENOLITH_SYS_FEATURES_H
#define XENOLITH_SYS_FEATURES_H

#include_next <sys/features.h>

/* errno and the like are per thread: __getreent() is in lib/. */
#ifndef __DYNAMIC_REENT__
#define __DYNAMIC_REENT__
#endif

/* read() and write() as POSIX has them; newlib's own default is int. */
#define _READ_WRITE_RETURN_TYPE		_ssize_t
#define _READ_WRITE_BUFSIZE_TYPE	__SIZE_TYPE__

/* The options of POSIX.1-2008 that there are; they make newlib declare them. */
#define _POSIX_VERSION			200809L
#define _POSIX_BARRIERS			200809L
#define _POSIX_CLOCK_SELECTION		200809L
#define _POSIX_CPUTIME			200809L
#define _POSIX_MONOTONIC_CLOCK		200809L
#define _POSIX_READER_WRITER_LOCKS	200809L
#define _POSIX_SEMAPHORES		200809L
#define _POSIX_SPIN_LOCKS		200809L
#define _POSIX_THREAD_ATTR_STACKSIZE	200809L
#define _POSIX_THREAD_CPUTIME		200809L
#define _POSIX_THREAD_PROCESS_SHARED	200809L
#define _POSIX_THREAD_SAFE_FUNCTIONS	200809L
#define _POSIX_TIMEOUTS			200809L
#define _POSIX_TIMERS			200809L
/* Threads cannot be cancelled, so newlib's stdio need not guard itself against it. */
#ifndef _COMPILING_NEWLIB
#define _POSIX_THREADS			200809L
#endif
#define _UNIX98_THREAD_MUTEX_ATTRIBUTES	1

/*
 * Declared, so that programs which ask for it compile, and as POSIX has it for an
 * option that there is not: -1.  Asking is answered by ENOTSUP, or changes nothing.
 */
#define _POSIX_PRIORITY_SCHEDULING	(-1)
#define _POSIX_THREAD_ATTR_STACKADDR	(-1)
#define _POSIX_THREAD_PRIORITY_SCHEDULING (-1)
#define _POSIX_THREAD_PRIO_INHERIT	(-1)
#define _POSIX_THREAD_PRIO_PROTECT	(-1)

#endif
