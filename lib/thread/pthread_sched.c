/* SPDX-License-Identifier: ISC */
/*
 * Scheduling, of which there is little: one policy, SCHED_OTHER, and one priority, 0
 * (POSIX.1-2017: sched_setscheduler).
 */
#define _GNU_SOURCE
#include "kernel/clock.h"
#include "kernel/sched.h"
#include "lib/result.h"
#include "lib/thread/pthread.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

int sched_yield(void)
{
	kernel_enter();
	thread_yield();
	kernel_leave();
	return 0;
}

static bool is_policy(int policy)
{
	return policy == SCHED_OTHER || policy == SCHED_FIFO || policy == SCHED_RR;
}

int sched_get_priority_max(int policy)
{
	return result(is_policy(policy) ? 0 : -EINVAL);
}

int sched_get_priority_min(int policy)
{
	return result(is_policy(policy) ? 0 : -EINVAL);
}

static bool is_us(pid_t pid)
{
	return pid == 0 || pid == getpid();
}

int sched_getscheduler(pid_t pid)
{
	return is_us(pid) ? SCHED_OTHER : result(pid < 0 ? -EINVAL : -ESRCH);
}

int sched_setscheduler(pid_t pid, int policy, const struct sched_param *param)
{
	if (!is_us(pid))
		return result(pid < 0 ? -EINVAL : -ESRCH);
	if (policy != SCHED_OTHER || !param || param->sched_priority)
		return result(-EINVAL);
	return SCHED_OTHER;		/* the previous policy */
}

int sched_getparam(pid_t pid, struct sched_param *param)
{
	if (pid < 0 || !param)
		return result(-EINVAL);
	if (!is_us(pid))
		return result(-ESRCH);
	*param = (struct sched_param){ 0 };
	return 0;
}

int sched_setparam(pid_t pid, const struct sched_param *param)
{
	return sched_setscheduler(pid, SCHED_OTHER, param) < 0 ? -1 : 0;
}

int sched_rr_get_interval(pid_t pid, struct timespec *interval)
{
	if (!is_us(pid))
		return result(pid < 0 ? -EINVAL : -ESRCH);
	*interval = (struct timespec){ .tv_nsec = SCHED_SLICE };
	return 0;
}

static int check(pthread_t id)
{
	struct pthread *p;

	kernel_enter();
	p = pthread_lookup(id);
	kernel_leave();
	return p && p->thread ? 0 : ESRCH;
}

int pthread_setschedparam(pthread_t id, int policy, const struct sched_param *param)
{
	if (!is_policy(policy) || param->sched_priority)
		return EINVAL;
	return check(id) ?: policy == SCHED_OTHER ? 0 : ENOTSUP;
}

int pthread_getschedparam(pthread_t id, int *policy, struct sched_param *param)
{
	*policy = SCHED_OTHER;
	*param = (struct sched_param){ 0 };
	return check(id);
}

int pthread_setschedprio(pthread_t id, int priority)
{
	return check(id) ?: priority ? EINVAL : 0;
}

/* A hint without effect, which pthread_getconcurrency() returns. */
static int concurrency;

int pthread_setconcurrency(int level)
{
	if (level < 0)
		return EINVAL;
	concurrency = level;
	return 0;
}

int pthread_getconcurrency(void)
{
	return concurrency;
}

void pthread_yield(void)
{
	sched_yield();
}

/* There is no fork(). */
int pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	(void)prepare;
	(void)parent;
	(void)child;
	return 0;
}
