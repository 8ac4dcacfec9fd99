/* SPDX-License-Identifier: ISC */
/*
 * Limits of the compiler, of newlib and of Xenolith. The compiler's header includes
 * <limits.h> again to get newlib's, which finds this header: so #include_next is not
 * conditional.
 */
#include_next <limits.h>

#ifndef XENOLITH_LIMITS_H
#define XENOLITH_LIMITS_H

#define _POSIX_THREAD_KEYS_MAX			128
#define _POSIX_THREAD_DESTRUCTOR_ITERATIONS	4
#define _POSIX_THREAD_THREADS_MAX		64
#define _POSIX_SEM_NSEMS_MAX			256
#define _POSIX_SEM_VALUE_MAX			32767
#define _POSIX_CLOCKRES_MIN			20000000
#define _POSIX_HOST_NAME_MAX			255

#define PTHREAD_KEYS_MAX		128
#define PTHREAD_DESTRUCTOR_ITERATIONS	4
#define PTHREAD_STACK_MIN		16384
#define SEM_VALUE_MAX			2147483647
#define HOST_NAME_MAX			255
#define SSIZE_MAX			LONG_MAX
#define LOGIN_NAME_MAX			256
#define TTY_NAME_MAX			32
#define NZERO				20
#define NL_ARGMAX			4096	/* arguments of printf() */
#define _POSIX_ARG_MAX			4096
#define _POSIX_CHILD_MAX		25
#define _POSIX_LINK_MAX			8
#define _POSIX_LOGIN_NAME_MAX		9
#define _POSIX_MAX_CANON		255
#define _POSIX_MAX_INPUT		255
#define _POSIX_NAME_MAX			14
#define _POSIX_NGROUPS_MAX		8
#define _POSIX_OPEN_MAX			20
#define _POSIX_PATH_MAX			256
#define _POSIX_PIPE_BUF			512
#define _POSIX_RE_DUP_MAX		255
#define _POSIX_SSIZE_MAX		32767
#define _POSIX_STREAM_MAX		8
#define _POSIX_SYMLINK_MAX		255
#define _POSIX_SYMLOOP_MAX		8
#define _POSIX_TTY_NAME_MAX		9
#define _POSIX_TZNAME_MAX		6
#define _XOPEN_IOV_MAX			16
#define _XOPEN_NAME_MAX			255
#define _XOPEN_PATH_MAX			1024

/* Only memory limits threads and semaphores: no PTHREAD_THREADS_MAX. */

#endif
