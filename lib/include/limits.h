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

/* Only memory limits threads and semaphores: no PTHREAD_THREADS_MAX. */

#endif
