/* SPDX-License-Identifier: ISC */
/*
 * The lock on which pthread mutexes and newlib's locks are built.
 *
 * A zeroed struct is unlocked. The kernel is entered only if a thread must wait, or one waits:
 * otherwise one instruction locks or unlocks. All functions may be called in the kernel and
 * outside. The owner may sleep.
 */
#ifndef LIB_THREAD_MUTEX_H
#define LIB_THREAD_MUTEX_H

#include "kernel/sched.h"
#include "lib/thread/wait_fifo.h"

#define MUTEX_WAITED 1ul		/* in `owner`: to unlock, enter the kernel */

/* Same layout as struct __pthread_lock in lib/include/sys/_pthreadtypes.h. */
struct mutex {
	uintptr_t owner;		/* struct thread *, with MUTEX_WAITED; 0: unlocked */
	struct wait_fifo waiters;
	unsigned depth;			/* recursion count, used by the callers */
};

bool mutex_sleep(struct mutex *m, uint64_t deadline);
/* Kernel code. Returns 1, 0 at the deadline, or -EINTR: a handler runs when the caller, which tries
   again, has left the kernel. */
int mutex_wait(struct mutex *m, uint64_t deadline);
void mutex_wake(struct mutex *m);

static inline struct thread *mutex_owner(const struct mutex *m)
{
	return (struct thread *)(__atomic_load_n(&m->owner, __ATOMIC_RELAXED) & ~MUTEX_WAITED);
}

static inline bool mutex_trylock(struct mutex *m)
{
	uintptr_t none = 0;

	return __atomic_compare_exchange_n(&m->owner, &none, (uintptr_t)current, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* Locks the mutex; sleeps. Returns false if the deadline has passed. */
static inline bool mutex_lock(struct mutex *m, uint64_t deadline)
{
	return mutex_trylock(m) || mutex_sleep(m, deadline);
}

/* The caller is the owner. */
static inline void mutex_unlock(struct mutex *m)
{
	uintptr_t self = (uintptr_t)current;

	if (!__atomic_compare_exchange_n(&m->owner, &self, 0, false, __ATOMIC_RELEASE,
					 __ATOMIC_RELAXED))
		mutex_wake(m);
}

#endif
