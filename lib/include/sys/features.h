/* SPDX-License-Identifier: ISC */
/*
 * Configuration of newlib for this system. Each header of newlib includes
 * <sys/features.h> first, so newlib and all code compiled with it see the same values.
 */
#ifndef XENOLITH_SYS_FEATURES_H
#define XENOLITH_SYS_FEATURES_H

#include_next <sys/features.h>

/* errno etc. are per thread: lib/libc/reent.c has __getreent(). */
#ifndef __DYNAMIC_REENT__
#define __DYNAMIC_REENT__
#endif

/* read() and write() return ssize_t, as in POSIX; newlib's default is int. */
#define _READ_WRITE_RETURN_TYPE		_ssize_t
#define _READ_WRITE_BUFSIZE_TYPE	__SIZE_TYPE__

/* newlib has no checks of sizes for C++, since its own are macros; those of <ssp/...> are not. */
#if _FORTIFY_SOURCE > 0 && defined(__cplusplus) && __OPTIMIZE__ > 0 && !defined(__clang__) && \
	!defined(_LIBC)
#undef __SSP_FORTIFY_LEVEL
#if _FORTIFY_SOURCE > 2
#define __SSP_FORTIFY_LEVEL		3
#else
#define __SSP_FORTIFY_LEVEL		_FORTIFY_SOURCE
#endif
#endif

/* What a program sees: with -std=c99 and no _POSIX_C_SOURCE, hardly more than the C standard, as in glibc. */
#if __POSIX_VISIBLE >= 200809
#define _POSIX_VERSION			200809L
#elif __POSIX_VISIBLE >= 200112
#define _POSIX_VERSION			200112L
#elif __POSIX_VISIBLE >= 199506
#define _POSIX_VERSION			199506L
#else
#define _POSIX_VERSION			199009L
#endif

/* The supported options of POSIX.1-2008; newlib declares functions by them. */
#define _POSIX_BARRIERS			200809L
#define _POSIX_CLOCK_SELECTION		200809L
#define _POSIX_CPUTIME			200809L
#define _POSIX_MONOTONIC_CLOCK		200809L
#define _POSIX_READER_WRITER_LOCKS	200809L
#define _POSIX_REALTIME_SIGNALS		200809L
#define _POSIX_SEMAPHORES		200809L
#define _POSIX_SPIN_LOCKS		200809L
#define _POSIX_THREAD_ATTR_STACKSIZE	200809L
#define _POSIX_THREAD_CPUTIME		200809L
#define _POSIX_THREAD_PROCESS_SHARED	200809L
#define _POSIX_THREAD_SAFE_FUNCTIONS	200809L
#define _POSIX_TIMEOUTS			200809L
#define _POSIX_TIMERS			200809L
/* newlib's stdio needs no protection against cancellation: lib/libc/locks_cancel.c. */
#ifndef _COMPILING_NEWLIB
#define _POSIX_THREADS			200809L
#endif
#define _UNIX98_THREAD_MUTEX_ATTRIBUTES	1

/* Fields of struct tm, as on BSD and Linux: seconds east of UTC, and the zone's name. */
#define __TM_GMTOFF			tm_gmtoff
#define __TM_ZONE			tm_zone

/*
 * Declared with -1, as POSIX requires for an unsupported option, so that programs which
 * test for it compile. The functions return ENOTSUP, or have no effect.
 */
#define _POSIX_PRIORITY_SCHEDULING	(-1)
#define _POSIX_THREAD_ATTR_STACKADDR	(-1)
#define _POSIX_THREAD_PRIORITY_SCHEDULING (-1)
#define _POSIX_THREAD_PRIO_INHERIT	(-1)
#define _POSIX_THREAD_PRIO_PROTECT	(-1)

#endif
