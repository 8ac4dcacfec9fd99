/* SPDX-License-Identifier: ISC */
/* Waiting for signals (POSIX.1-2017: sigsuspend, pause, sigwait, sigtimedwait). */
#include "kernel/clock.h"
#include "lib/signal/signal.h"
#include "lib/result.h"
#include "lib/thread/clocks.h"

#include <errno.h>
#include <unistd.h>

int sigsuspend(const sigset_t *mask)
{
	static struct waitq nobody;
	sigset_t before = pthread_current()->blocked;

	kernel_enter();
	signal_block(pthread_current(), *mask);
	wait_until(&nobody, signal_waiting());
	kernel_leave();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return result(-EINTR);
}

int pause(void)
{
	return sigsuspend(&pthread_current()->blocked);
}

/* Returns the number of the signal, -EAGAIN or -EINTR. */
static int wait_for(sigset_t set, uint64_t deadline, siginfo_t *info)
{
	struct pthread *p = pthread_current();
	static struct waitq nobody;
	int sig, rc;

	kernel_enter();
	p->waited_for = set & ~NOT_BLOCKED;
	rc = wait_or_signal(&nobody, deadline, SIGNAL_ENDS,
			    sig = signal_take(p, p->waited_for, info));
	p->waited_for = 0;
	kernel_leave();
	return rc == 1 ? sig : rc ? rc : -EAGAIN;
}

int sigwait(const sigset_t *restrict set, int *restrict sig)
{
	int rc;

	while ((rc = wait_for(*set, NEVER, NULL)) == -EINTR)
		;
	*sig = rc;
	return 0;
}

int sigtimedwait(const sigset_t *restrict set, siginfo_t *restrict info,
		 const struct timespec *restrict timeout)
{
	uint64_t now = clock_now(), deadline = NEVER;

	if (timeout && (!timespec_valid(timeout) || timeout->tv_sec < 0))
		return result(-EINVAL);
	if (timeout && timespec_ns(timeout) < NEVER - now)
		deadline = now + timespec_ns(timeout);
	return result(wait_for(*set, deadline, info));
}

int sigwaitinfo(const sigset_t *restrict set, siginfo_t *restrict info)
{
	return sigtimedwait(set, info, NULL);
}
