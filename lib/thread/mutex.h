/* SPDX-License-Identifier: ISC */
/*
 * The lock on which pthread mutexes and newlib's locks are built.
 *
 * A zeroed struct is unlocked. Kernel code only; the application may hold it while it is
 * outside the kernel. The owner may sleep.
 */
#ifndef LIB_THREAD_MUTEX_H
#define LIB_THREAD_MUTEX_H

#include "kernel/sched.h"
#include "lib/thread/line.h"

/* Same layout as struct __mutex in lib/include/sys/_pthreadtypes.h. */
struct mutex {
	struct thread *owner;
	struct line line;
	unsigned depth;			/* recursion count, used by the callers */
};

/* Locks the mutex; sleeps. Returns false if the deadline has passed. */
bool mutex_lock(struct mutex *m, uint64_t deadline);
bool mutex_trylock(struct mutex *m);
void mutex_unlock(struct mutex *m);

#endif
