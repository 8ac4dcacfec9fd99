/* SPDX-License-Identifier: ISC */
/*
 * Attribute objects of pthreads (POSIX.1-2017: pthread_attr_init, ...).
 *
 * An object that is not initialised, or was destroyed, is refused with EINVAL. Attributes
 * without effect are accepted and stored: all threads have one scheduling policy and one
 * priority, and there is only one process to share objects with.
 */
#include "kernel/arch.h"
#include "kernel/param.h"
#include "lib/thread/pthread.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#define VALID(attr) ((attr) && (attr)->__initialized == PTHREAD_INITIALIZED)

/* Defines init and destroy for an object; the other arguments are its defaults. */
#define OBJECT(object, ...)							\
	int pthread_##object##_init(pthread_##object##_t *attr)			\
	{									\
		*attr = (pthread_##object##_t){					\
			.__initialized = PTHREAD_INITIALIZED, __VA_ARGS__ };	\
		return 0;							\
	}									\
	int pthread_##object##_destroy(pthread_##object##_t *attr)		\
	{									\
		if (!VALID(attr))						\
			return EINVAL;						\
		attr->__initialized = 0;					\
		return 0;							\
	}

/* Defines get and set for one attribute. check is 0, or the error for the value. */
#define ATTRIBUTE(object, attribute, field, type, check)			\
	int pthread_##object##_get##attribute(const pthread_##object##_t *attr,	\
					      type *value)			\
	{									\
		if (!VALID(attr))						\
			return EINVAL;						\
		*value = attr->field;						\
		return 0;							\
	}									\
	int pthread_##object##_set##attribute(pthread_##object##_t *attr,	\
					      type value)			\
	{									\
		int error = VALID(attr) ? (check) : EINVAL;			\
										\
		if (!error)							\
			attr->field = value;					\
		return error;							\
	}

static int one_of(long value, long a, long b)
{
	return value == a || value == b ? 0 : EINVAL;
}

static int check_shared(int value)
{
	return one_of(value, PTHREAD_PROCESS_PRIVATE, PTHREAD_PROCESS_SHARED);
}

/* pthread_create() refuses the others if they are to have an effect. */
static int check_policy(int policy)
{
	return policy == SCHED_OTHER ? 0 : one_of(policy, SCHED_FIFO, SCHED_RR);
}

static int check_type(int type)
{
	return type == PTHREAD_MUTEX_NORMAL
		? 0 : one_of(type, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK);
}

static int check_protocol(int protocol)
{
	if (protocol == PTHREAD_PRIO_NONE)
		return 0;
	return one_of(protocol, PTHREAD_PRIO_INHERIT, PTHREAD_PRIO_PROTECT) ?: ENOTSUP;
}

OBJECT(attr, .guardsize = 4096)
ATTRIBUTE(attr, detachstate, detachstate, int,
	  one_of(value, PTHREAD_CREATE_JOINABLE, PTHREAD_CREATE_DETACHED))
ATTRIBUTE(attr, scope, scope, int,
	  one_of(value, PTHREAD_SCOPE_PROCESS, PTHREAD_SCOPE_SYSTEM))
ATTRIBUTE(attr, inheritsched, inheritsched, int,
	  one_of(value, PTHREAD_INHERIT_SCHED, PTHREAD_EXPLICIT_SCHED))
ATTRIBUTE(attr, schedpolicy, schedpolicy, int, check_policy(value))
ATTRIBUTE(attr, guardsize, guardsize, size_t, 0)
ATTRIBUTE(attr, stackaddr, stackaddr, void *, 0)

OBJECT(mutexattr)
ATTRIBUTE(mutexattr, type, type, int, check_type(value))
ATTRIBUTE(mutexattr, pshared, process_shared, int, check_shared(value))
ATTRIBUTE(mutexattr, protocol, protocol, int, check_protocol(value))
ATTRIBUTE(mutexattr, prioceiling, prio_ceiling, int, value ? EINVAL : 0)

OBJECT(condattr, .clock = CLOCK_REALTIME)
ATTRIBUTE(condattr, pshared, process_shared, int, check_shared(value))
ATTRIBUTE(condattr, clock, clock, clockid_t,
	  one_of(value, CLOCK_REALTIME, CLOCK_MONOTONIC))

OBJECT(rwlockattr)
ATTRIBUTE(rwlockattr, pshared, process_shared, int, check_shared(value))

OBJECT(barrierattr)
ATTRIBUTE(barrierattr, pshared, process_shared, int, check_shared(value))

size_t pthread_stack_size(const pthread_attr_t *attr)
{
	if (attr && attr->stacksize)
		return attr->stacksize;
	return param_size("stack", PTHREAD_STACK_DEFAULT);
}

int pthread_attr_getstacksize(const pthread_attr_t *attr, size_t *size)
{
	if (!VALID(attr))
		return EINVAL;
	*size = pthread_stack_size(attr);
	return 0;
}

int pthread_attr_setstacksize(pthread_attr_t *attr, size_t size)
{
	if (!VALID(attr) || size < PTHREAD_STACK_MIN)
		return EINVAL;
	attr->stacksize = size;
	return 0;
}

/*
 * Only the size of the caller's stack is used. The thread gets a stack with a guard page;
 * it sees no difference unless it compares addresses.
 */
int pthread_attr_setstack(pthread_attr_t *attr, void *address, size_t size)
{
	if ((uintptr_t)address % 16 || size % 16)
		return EINVAL;
	if (VALID(attr))
		attr->stackaddr = address;
	return pthread_attr_setstacksize(attr, size);
}

int pthread_attr_getstack(const pthread_attr_t *attr, void **address, size_t *size)
{
	if (VALID(attr))
		*address = attr->stackaddr;
	return pthread_attr_getstacksize(attr, size);
}

int pthread_attr_setschedparam(pthread_attr_t *attr, const struct sched_param *param)
{
	if (!VALID(attr) || param->sched_priority)
		return EINVAL;
	attr->schedparam = *param;
	return 0;
}

int pthread_attr_getschedparam(const pthread_attr_t *attr, struct sched_param *param)
{
	if (!VALID(attr))
		return EINVAL;
	*param = attr->schedparam;
	return 0;
}

int pthread_getattr_np(pthread_t id, pthread_attr_t *attr)
{
	size_t used;
	struct pthread *p;

	pthread_attr_init(attr);
	pthread_current();
	kernel_enter();
	p = pthread_lookup(id);
	if (p && p->thread) {
		arch_context_stack(p->thread->context, &attr->stacksize, &used);
		attr->stackaddr = (void *)arch_context_low(p->thread->context);
		attr->detachstate = p->detached ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE;
	}
	kernel_leave();
	return p && p->thread ? 0 : ESRCH;
}
