/* SPDX-License-Identifier: ISC */
/*
 * The lock that pthread mutexes and newlib's locks are made of.
 *
 * Zero is unlocked.  Kernel code only; an application holds it from one entry into the
 * kernel to another.  Its owner may sleep.
 */
#ifndef LIB_THREAD_MUTEX_H
#define LIB_THREAD_MUTEX_H

#include "kernel/sched.h"
#include "lib/thread/line.h"

/* lib/include/sys/_pthreadtypes.h has it as struct __mutex. */
struct mutex {
	struct thread *owner;
	struct line line;
	unsigned depth;			/* of a recursive lock: for its user */
};

/* It is ours: true.  False: the deadline has passed first. */
bool mutex_lock(struct mutex *m, uint64_t deadline);
bool mutex_trylock(struct mutex *m);
void mutex_unlock(struct mutex *m);

#endif
