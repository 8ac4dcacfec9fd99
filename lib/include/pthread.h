/* SPDX-License-Identifier: ISC */
/*
 * newlib's <pthread.h>, and functions that it lacks. The types are in
 * <sys/_pthreadtypes.h>.
 */
#ifndef XENOLITH_PTHREAD_H
#define XENOLITH_PTHREAD_H

#include_next <pthread.h>

#ifdef __cplusplus
extern "C" {
#endif

#if __GNU_VISIBLE
#define PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP { .__type = PTHREAD_MUTEX_RECURSIVE }
#define PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP { .__type = PTHREAD_MUTEX_ERRORCHECK }
#endif

/*
 * Sends a signal to a thread: the handler runs when the thread next leaves the kernel.
 * Signal 0 only checks whether the thread exists. Returns 0, ESRCH, EINVAL, or ENOTSUP
 * for signals that would stop a process.
 */
int pthread_kill(pthread_t thread, int signal);

#ifdef __cplusplus
}
#endif

#endif
