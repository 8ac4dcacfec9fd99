/* SPDX-License-Identifier: ISC */
/*
 * The types of <pthread.h>, instead of newlib's, whose mutex is a number of 32 bits. A
 * zeroed object of each type is valid, with default attributes.
 */
#ifndef _SYS__PTHREADTYPES_H_
#define _SYS__PTHREADTYPES_H_

#include <sys/features.h>
#include <sys/sched.h>

#define __need_size_t
#include <stddef.h>

#define PTHREAD_SCOPE_PROCESS		0
#define PTHREAD_SCOPE_SYSTEM		1
#define PTHREAD_INHERIT_SCHED		1
#define PTHREAD_EXPLICIT_SCHED		2
#define PTHREAD_CREATE_JOINABLE		0
#define PTHREAD_CREATE_DETACHED		1
#define PTHREAD_PROCESS_PRIVATE		0
#define PTHREAD_PROCESS_SHARED		1
#define PTHREAD_PRIO_NONE		0
#define PTHREAD_PRIO_INHERIT		1
#define PTHREAD_PRIO_PROTECT		2
#define PTHREAD_MUTEX_NORMAL		0
#define PTHREAD_MUTEX_RECURSIVE		1
#define PTHREAD_MUTEX_ERRORCHECK	2
#define PTHREAD_MUTEX_DEFAULT		PTHREAD_MUTEX_NORMAL
#define PTHREAD_MUTEX_STALLED		0
#define PTHREAD_MUTEX_ROBUST		1

/* struct wait_fifo of lib/thread/wait_fifo.h and struct mutex of lib/thread/mutex.h. */
struct __wait_fifo {
	void *__first, *__last;
};

struct __pthread_lock {
	unsigned long __owner;
	struct __wait_fifo __waiters;
	unsigned __depth;
};

typedef struct pthread *pthread_t;
typedef unsigned pthread_key_t;

typedef struct {
	size_t stacksize;		/* 0: default */
	size_t guardsize;
	void *stackaddr;
	int detachstate;
	int scope;
	int inheritsched;
	int schedpolicy;
	struct sched_param schedparam;
	unsigned __initialized;
} pthread_attr_t;

typedef struct {
	unsigned char __state;
} pthread_once_t;

#define _PTHREAD_ONCE_INIT { 0 }

typedef struct __pthread_mutex {
	struct __pthread_lock __mutex;
	int __type;
	int __robust;
	struct __pthread_mutex *__next;	/* robust, with the same owner */
} pthread_mutex_t;

typedef struct {
	int type;
	int process_shared;
	int protocol;
	int prio_ceiling;
	int robust;
	unsigned __initialized;
} pthread_mutexattr_t;

#define _PTHREAD_MUTEX_INITIALIZER { .__type = PTHREAD_MUTEX_NORMAL }

typedef struct {
	struct __wait_fifo __waiters;
	unsigned __clock;		/* clockid_t; 0: CLOCK_REALTIME */
} pthread_cond_t;

typedef struct {
	unsigned clock;
	int process_shared;
	unsigned __initialized;
} pthread_condattr_t;

#define _PTHREAD_COND_INITIALIZER { .__clock = 0 }

typedef struct {
	struct __wait_fifo __waiters;
	void *__writer;
	unsigned __readers;
} pthread_rwlock_t;

typedef struct {
	int process_shared;
	unsigned __initialized;
} pthread_rwlockattr_t;

#define _PTHREAD_RWLOCK_INITIALIZER { .__readers = 0 }

typedef struct {
	struct __wait_fifo __waiters;
	unsigned __count, __arrived;
} pthread_barrier_t;

typedef struct {
	int process_shared;
	unsigned __initialized;
} pthread_barrierattr_t;

typedef struct {
	struct __pthread_lock __mutex;
} pthread_spinlock_t;

#endif
