/* SPDX-License-Identifier: ISC */
/*
 * Spin locks (POSIX.1-2017: pthread_spin_lock). With one CPU, spinning would keep the
 * owner from running, so these are mutexes.
 */
#include "kernel/sched.h"
#include "lib/thread/mutex.h"

#include <errno.h>
#include <pthread.h>

static struct mutex *mutex_of(pthread_spinlock_t *l)
{
	return (struct mutex *)&l->__mutex;
}

int pthread_spin_init(pthread_spinlock_t *l, int shared)
{
	if (shared != PTHREAD_PROCESS_PRIVATE && shared != PTHREAD_PROCESS_SHARED)
		return EINVAL;
	*l = (pthread_spinlock_t){ 0 };
	return 0;
}

int pthread_spin_destroy(pthread_spinlock_t *l)
{
	return mutex_of(l)->owner ? EBUSY : 0;
}

int pthread_spin_lock(pthread_spinlock_t *l)
{
	if (mutex_owner(mutex_of(l)) == current)
		return EDEADLK;
	mutex_lock(mutex_of(l), NEVER);
	return 0;
}

int pthread_spin_trylock(pthread_spinlock_t *l)
{
	return mutex_trylock(mutex_of(l)) ? 0 : EBUSY;
}

int pthread_spin_unlock(pthread_spinlock_t *l)
{
	if (mutex_owner(mutex_of(l)) != current)
		return EPERM;
	mutex_unlock(mutex_of(l));
	return 0;
}
