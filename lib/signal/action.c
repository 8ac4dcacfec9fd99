/* SPDX-License-Identifier: ISC */
/* Actions and masks of signals (POSIX.1-2017: sigaction, signal, pthread_sigmask). */
#include "lib/signal/signal.h"
#include "lib/result.h"

#include <errno.h>

#define FLAGS (SA_RESTART | SA_RESETHAND | SA_NODEFER | SA_ONSTACK | SA_SIGINFO | SA_NOCLDSTOP | \
	       SA_NOCLDWAIT)

int sigaction(int sig, const struct sigaction *restrict new, struct sigaction *restrict old)
{
	struct sigaction before;

	if (!is_signal(sig) || (BIT(sig) & NOT_BLOCKED && new) ||
	    (new && new->sa_flags & ~FLAGS))
		return result(-EINVAL);
	pthread_current();		/* a thread that gets signals from outside */
	kernel_enter();
	before = signal_actions[sig];
	if (new) {
		signal_actions[sig] = *new;
		signal_discard(sig);	/* also one that is blocked and pending */
	}
	kernel_leave();
	if (old)
		*old = before;
	return 0;
}

/* As on BSD and Linux: the handler stays installed, and calls are restarted. */
_sig_func_ptr signal(int sig, _sig_func_ptr handler)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = SA_RESTART }, old;

	return sigaction(sig, &act, &old) ? SIG_ERR : old.sa_handler;
}

int pthread_sigmask(int how, const sigset_t *restrict new, sigset_t *restrict old)
{
	struct pthread *p = pthread_current();
	sigset_t before = p->blocked;
	int error = 0;

	kernel_enter();
	if (new && how == SIG_SETMASK)
		signal_block(p, *new);
	else if (new && how == SIG_BLOCK)
		signal_block(p, before | *new);
	else if (new && how == SIG_UNBLOCK)
		signal_block(p, before & ~*new);
	else if (new)
		error = EINVAL;
	kernel_leave();
	if (old && !error)
		*old = before;
	return error;
}

int sigprocmask(int how, const sigset_t *restrict new, sigset_t *restrict old)
{
	return result(-pthread_sigmask(how, new, old));
}

int sigpending(sigset_t *set)
{
	struct pthread *p = pthread_current();

	*set = signal_pending(p) & p->blocked;
	return 0;
}

void signal_mask(const sigset_t *mask, sigset_t *before)
{
	struct pthread *p = pthread_current();

	*before = p->blocked;
	signal_block(p, *mask);
}

void signal_unmask(const sigset_t *before)
{
	pthread_sigmask(SIG_SETMASK, before, NULL);
}
