/* SPDX-License-Identifier: ISC */
/* The older functions of XSI on signals (POSIX.1-2017: sighold, sigset, siginterrupt, ...). */
#include "lib/signal/signal.h"
#include "lib/result.h"

#include <errno.h>

static int change(int how, int sig)
{
	sigset_t set = is_signal(sig) ? BIT(sig) : 0;

	return result(set ? -pthread_sigmask(how, &set, NULL) : -EINVAL);
}

int sighold(int sig)
{
	return change(SIG_BLOCK, sig);
}

int sigrelse(int sig)
{
	return change(SIG_UNBLOCK, sig);
}

int sigignore(int sig)
{
	return signal(sig, SIG_IGN) == SIG_ERR ? -1 : 0;
}

int sigpause(int sig)
{
	sigset_t mask = pthread_current()->blocked;

	if (!is_signal(sig))
		return result(-EINVAL);
	mask &= ~BIT(sig);
	return sigsuspend(&mask);
}

/* SIG_HOLD blocks the signal and does not change its action. */
_sig_func_ptr sigset(int sig, _sig_func_ptr handler)
{
	struct sigaction act = { .sa_handler = handler }, old;
	bool held;

	if (!is_signal(sig))
		return (void)result(-EINVAL), SIG_ERR;
	held = pthread_current()->blocked & BIT(sig);
	if (sigaction(sig, handler == SIG_HOLD ? NULL : &act, &old) ||
	    change(handler == SIG_HOLD ? SIG_BLOCK : SIG_UNBLOCK, sig))
		return SIG_ERR;
	return held ? SIG_HOLD : old.sa_handler;
}

int siginterrupt(int sig, int flag)
{
	struct sigaction act;

	if (sigaction(sig, NULL, &act))
		return -1;
	act.sa_flags = flag ? act.sa_flags & ~SA_RESTART : act.sa_flags | SA_RESTART;
	return sigaction(sig, &act, NULL);
}
