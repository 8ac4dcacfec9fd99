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

/* There are no signals: 0 asks whether the thread lives, all others are ENOSYS. */
int pthread_kill(pthread_t thread, int signal);

#ifdef __cplusplus
}
#endif

#endif
