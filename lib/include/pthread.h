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

/* The attributes of a thread, with its stack, which has a guard page. Returns 0 or ESRCH. */
int pthread_getattr_np(pthread_t thread, pthread_attr_t *attr);
#endif

/*
 * Robust mutexes: if the owner ends, the next lock returns EOWNERDEAD and is held; unless
 * pthread_mutex_consistent() is called before it is unlocked, all later ones return
 * ENOTRECOVERABLE.
 */
int pthread_mutexattr_setrobust(pthread_mutexattr_t *attr, int robust);
int pthread_mutexattr_getrobust(const pthread_mutexattr_t *attr, int *robust);
int pthread_mutex_consistent(pthread_mutex_t *mutex);

/* As the functions with "timed", with a time of this clock (POSIX.1-2024). */
int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *when);
int pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex, clockid_t clock,
			   const struct timespec *when);

#ifdef __cplusplus
}
#endif

#endif
