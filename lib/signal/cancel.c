/* SPDX-License-Identifier: ISC */
/*
 * Cancellation of threads (POSIX.1-2017, 2.9.5).
 *
 * A cancellation point acts on a request when it would sleep, and before it has an effect: the
 * call returns from the kernel as if it was interrupted by a signal, and there the thread ends.
 * pthread_testcancel() always acts. A thread of PTHREAD_CANCEL_ASYNCHRONOUS also ends when it
 * leaves the kernel, or continues after an upcall interrupted it, but not in a handler that
 * interrupted a call.
 *
 * Locks of streams that the thread holds are released. Signals are the machinery, so this file
 * is linked with them (signal.c).
 */
#include "kernel/sched.h"
#include "lib/libc/locks.h"
#include "lib/signal/signal.h"

#include <errno.h>
#include <pthread.h>

static bool wanted(const struct pthread *p)
{
	return p->cancelled && p->cancel_state == PTHREAD_CANCEL_ENABLE && !p->nested;
}

bool cancel_waits(void)
{
	struct pthread *p = current->local;

	if (!wanted(p))
		return false;
	p->cancel_now = true;
	current->signal_due = true;
	return true;
}

void cancel_act(void)
{
	struct pthread *p = current->local;

	if (!wanted(p) || !(p->cancel_now || p->cancel_type == PTHREAD_CANCEL_ASYNCHRONOUS))
		return;
	p->cancel_now = false;		/* cleanup handlers may wait */
	locks_release_all();
	pthread_exit(PTHREAD_CANCELED);
}

int pthread_cancel(pthread_t id)
{
	struct pthread *p;

	pthread_current();
	kernel_enter();
	p = pthread_lookup(id);
	if (p && p->thread) {
		p->cancelled = true;
		signal_notify(p);
	}
	kernel_leave();
	return p ? 0 : ESRCH;
}

int pthread_setcancelstate(int state, int *old)
{
	struct pthread *p = pthread_current();

	if (state != PTHREAD_CANCEL_ENABLE && state != PTHREAD_CANCEL_DISABLE)
		return EINVAL;
	kernel_enter();
	if (old)
		*old = p->cancel_state;
	p->cancel_state = state;
	current->signal_due |= p->cancelled;
	kernel_leave();
	return 0;
}

int pthread_setcanceltype(int type, int *old)
{
	struct pthread *p = pthread_current();

	if (type != PTHREAD_CANCEL_DEFERRED && type != PTHREAD_CANCEL_ASYNCHRONOUS)
		return EINVAL;
	kernel_enter();
	if (old)
		*old = p->cancel_type;
	p->cancel_type = type;
	current->signal_due |= p->cancelled;
	kernel_leave();
	return 0;
}

void pthread_testcancel(void)
{
	pthread_current();
	kernel_enter();
	cancel_waits();
	kernel_leave();
}
