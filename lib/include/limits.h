/* SPDX-License-Identifier: ISC */
/*
 * The compiler's and newlib's limits, and ours.  The compiler's header finds newlib's by
 * including <limits.h> again, which is this one: so the next is always included.
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

/* As many threads and semaphores as there is memory for: no PTHREAD_THREADS_MAX. */

#endif
