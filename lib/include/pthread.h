/* SPDX-License-Identifier: ISC */
/* newlib's declarations, and what it lacks; the types are in <sys/_pthreadtypes.h>. */
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
 * A signal for one thread: its handler runs when the thread next leaves the kernel.  0 asks
 * whether the thread lives.  ESRCH, EINVAL, ENOTSUP (what would stop a process).
 */
int pthread_kill(pthread_t thread, int signal);

#ifdef __cplusplus
}
#endif

#endif
