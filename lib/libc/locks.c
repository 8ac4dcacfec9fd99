/* SPDX-License-Identifier: ISC */
/*
 * newlib's locks (declared by newlib's libc/misc/lock.c).
 *
 * A stream's lock is held while write() sleeps, so it is a mutex. malloc() never sleeps
 * and is called by kernel code, so the monitor is its lock.
 *
 * Before there are threads, no lock is needed.
 */
#include "kernel/clock.h"
#include "kernel/sched_brief.h"
#include "lib/libc/heap.h"
#include "lib/libc/locks.h"
#include "lib/thread/mutex.h"

#include <malloc.h>
#include <stdlib.h>
#include <sys/lock.h>

#define PATIENCE (500 * NSEC_PER_MSEC)

struct __lock {
	struct mutex mutex;
	struct __lock *next;		/* in the list of closed ones */
	bool closed;
};

struct __lock __lock___sinit_recursive_mutex;
struct __lock __lock___sfp_recursive_mutex;
struct __lock __lock___atexit_recursive_mutex;
struct __lock __lock___at_quick_exit_mutex;
struct __lock __lock___malloc_recursive_mutex;
struct __lock __lock___env_recursive_mutex;
struct __lock __lock___tz_mutex;
struct __lock __lock___dd_hash_mutex;
struct __lock __lock___arc4random_mutex;

static struct __lock *closed;
static bool wait_limited;

bool lock_held(const struct __lock *lock)
{
	return mutex_owner(&lock->mutex) == current;
}

void locks_limit_wait(void)
{
	wait_limited = true;
}

/* Without memory there is no lock: stdio has no way to report an error here. */
void __retarget_lock_init(_LOCK_T *lock)
{
	__malloc_lock(_REENT);
	*lock = closed;
	if (closed) {
		closed = closed->next;
		(*lock)->closed = false;
	} else {
		*lock = calloc(1, sizeof(**lock));
	}
	__malloc_unlock(_REENT);
}

/*
 * Kept for the next stream, and never freed: a FILE still points to its lock after
 * fclose(), and after a failed freopen(). Using it then is an error of the application,
 * but must not write to memory that is used otherwise.
 */
void __retarget_lock_close(_LOCK_T lock)
{
	if (!lock || lock->closed)
		return;
	__malloc_lock(_REENT);
	lock->closed = true;
	lock->next = closed;
	closed = lock;
	__malloc_unlock(_REENT);
}

/*
 * Locks, and counts recursion. exit() flushes all streams, and one of them may be locked
 * by a thread that waits for input: after locks_limit_wait() it continues without the lock.
 */
void __retarget_lock_acquire(_LOCK_T lock)
{
	if (!lock || !current)
		return;
	if (lock_held(lock) ||
	    mutex_lock(&lock->mutex, wait_limited ? clock_now() + PATIENCE : NEVER))
		lock->mutex.depth++;
}

int __retarget_lock_try_acquire(_LOCK_T lock)
{
	if (!lock || !current)
		return 1;
	if (!lock_held(lock) && !mutex_trylock(&lock->mutex))
		return 0;
	lock->mutex.depth++;
	return 1;
}

void __retarget_lock_release(_LOCK_T lock)
{
	if (!lock || !current)
		return;
	if (lock_held(lock) && --lock->mutex.depth == 0)
		mutex_unlock(&lock->mutex);
}

/* newlib never locks a non-recursive lock twice, so all can be recursive. */
#define SAME(name) __attribute__((alias(#name)))

void __retarget_lock_init_recursive(_LOCK_T *lock) SAME(__retarget_lock_init);
void __retarget_lock_close_recursive(_LOCK_T lock) SAME(__retarget_lock_close);
void __retarget_lock_acquire_recursive(_LOCK_T lock) SAME(__retarget_lock_acquire);
int __retarget_lock_try_acquire_recursive(_LOCK_T lock) SAME(__retarget_lock_try_acquire);
void __retarget_lock_release_recursive(_LOCK_T lock) SAME(__retarget_lock_release);

void __malloc_lock(struct _reent *reent)
{
	(void)reent;
	if (current)
		kernel_enter_briefly();
	heap_enter();
}

void __malloc_unlock(struct _reent *reent)
{
	(void)reent;
	heap_leave();
	if (current)
		kernel_leave_briefly();
}
