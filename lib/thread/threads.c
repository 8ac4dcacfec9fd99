/* SPDX-License-Identifier: ISC */
/* Threads of C11 (7.26), over POSIX threads. */
#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

struct start {
	thrd_start_t function;
	void *arg;
};

static int status(int error)
{
	return !error ? thrd_success : error == ENOMEM || error == EAGAIN ? thrd_nomem :
	       error == EBUSY ? thrd_busy : error == ETIMEDOUT ? thrd_timedout : thrd_error;
}

static void *run(void *arg)
{
	struct start s = *(struct start *)arg;

	free(arg);
	return (void *)(intptr_t)s.function(s.arg);
}

int thrd_create(thrd_t *thread, thrd_start_t function, void *arg)
{
	struct start *s = malloc(sizeof(*s));
	int error;

	if (!s)
		return thrd_nomem;
	*s = (struct start){ function, arg };
	error = pthread_create(thread, NULL, run, s);
	if (error)
		free(s);
	return status(error);
}

thrd_t thrd_current(void)
{
	return pthread_self();
}

int thrd_detach(thrd_t thread)
{
	return status(pthread_detach(thread));
}

int thrd_equal(thrd_t a, thrd_t b)
{
	return pthread_equal(a, b);
}

void thrd_exit(int result)
{
	pthread_exit((void *)(intptr_t)result);
}

int thrd_join(thrd_t thread, int *result)
{
	void *value;
	int error = pthread_join(thread, &value);

	if (!error && result)
		*result = (intptr_t)value;
	return status(error);
}

/* -1: a signal; below that another error. */
int thrd_sleep(const struct timespec *time, struct timespec *left)
{
	return !nanosleep(time, left) ? 0 : errno == EINTR ? -1 : -2;
}

void thrd_yield(void)
{
	sched_yield();
}

int mtx_init(mtx_t *mutex, int type)
{
	pthread_mutexattr_t attr;
	int error;

	if (type & ~(mtx_recursive | mtx_timed))
		return thrd_error;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, type & mtx_recursive ? PTHREAD_MUTEX_RECURSIVE :
				  PTHREAD_MUTEX_NORMAL);
	error = pthread_mutex_init(mutex, &attr);
	pthread_mutexattr_destroy(&attr);
	return status(error);
}

void mtx_destroy(mtx_t *mutex)
{
	pthread_mutex_destroy(mutex);
}

int mtx_lock(mtx_t *mutex)
{
	return status(pthread_mutex_lock(mutex));
}

int mtx_timedlock(mtx_t *mutex, const struct timespec *until)
{
	return status(pthread_mutex_timedlock(mutex, until));
}

int mtx_trylock(mtx_t *mutex)
{
	return status(pthread_mutex_trylock(mutex));
}

int mtx_unlock(mtx_t *mutex)
{
	return status(pthread_mutex_unlock(mutex));
}

int cnd_init(cnd_t *cond)
{
	return status(pthread_cond_init(cond, NULL));
}

void cnd_destroy(cnd_t *cond)
{
	pthread_cond_destroy(cond);
}

int cnd_signal(cnd_t *cond)
{
	return status(pthread_cond_signal(cond));
}

int cnd_broadcast(cnd_t *cond)
{
	return status(pthread_cond_broadcast(cond));
}

int cnd_wait(cnd_t *cond, mtx_t *mutex)
{
	return status(pthread_cond_wait(cond, mutex));
}

int cnd_timedwait(cnd_t *cond, mtx_t *mutex, const struct timespec *until)
{
	return status(pthread_cond_timedwait(cond, mutex, until));
}

int tss_create(tss_t *key, tss_dtor_t destructor)
{
	return status(pthread_key_create(key, destructor));
}

void tss_delete(tss_t key)
{
	pthread_key_delete(key);
}

void *tss_get(tss_t key)
{
	return pthread_getspecific(key);
}

int tss_set(tss_t key, void *value)
{
	return status(pthread_setspecific(key, value));
}

void call_once(once_flag *flag, void (*function)(void))
{
	pthread_once(flag, function);
}
