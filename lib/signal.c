/* SPDX-License-Identifier: ISC */
/*
 * Signals of a process that gets none from outside (POSIX.1-2017): handlers are kept, and
 * raise() calls them; masks are kept, and nothing is ever pending.
 */
#include "kernel/clock.h"
#include "kernel/sched.h"
#include "lib/result.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

int sigaction(int sig, const struct sigaction *restrict new, struct sigaction *restrict old)
{
	_sig_func_ptr before;

	if (sig <= 0 || sig >= NSIG || ((sig == SIGKILL || sig == SIGSTOP) && new))
		return result(-EINVAL);
	before = signal(sig, new ? new->sa_handler : SIG_DFL);
	if (before == SIG_ERR)
		return -1;
	if (!new)
		signal(sig, before);
	if (old)
		*old = (struct sigaction){ .sa_handler = before };
	return 0;
}

static _Thread_local sigset_t blocked;

int pthread_sigmask(int how, const sigset_t *new, sigset_t *old)
{
	sigset_t before = blocked;

	if (new && how == SIG_SETMASK)
		blocked = *new;
	else if (new && how == SIG_BLOCK)
		blocked |= *new;
	else if (new && how == SIG_UNBLOCK)
		blocked &= ~*new;
	else if (new)
		return EINVAL;
	if (old)
		*old = before;
	return 0;
}

int sigprocmask(int how, const sigset_t *new, sigset_t *old)
{
	return result(-pthread_sigmask(how, new, old));
}

int sigpending(sigset_t *set)
{
	sigemptyset(set);
	return 0;
}

/* To the one process there is, by any of its names. */
int kill(pid_t pid, int sig)
{
	if (sig < 0 || sig >= NSIG)
		return result(-EINVAL);
	if (pid > 1 || pid < -1)
		return result(-ESRCH);
	return sig ? raise(sig) : 0;
}

/* Sleeps until a signal comes, which is for good. */
int pause(void)
{
	kernel_enter();
	for (;;)
		thread_sleep(NEVER);
}

int sigsuspend(const sigset_t *mask)
{
	(void)mask;
	return pause();
}

int sigwait(const sigset_t *restrict set, int *restrict sig)
{
	(void)set, (void)sig;
	return pause();
}
