/* SPDX-License-Identifier: ISC */
/*
 * Signals of a process that gets none from outside (POSIX.1-2017): who raises one has its
 * handler called, on the spot; while its thread blocks it, it is pending there.
 */
#include "kernel/clock.h"
#include "kernel/sched.h"
#include "lib/result.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define BIT(sig) ((sigset_t)1 << (sig))
/* What is ignored where nothing else is said. */
#define IGNORED (BIT(SIGCHLD) | BIT(SIGURG) | BIT(SIGWINCH) | BIT(SIGCONT))

static struct sigaction actions[NSIG];
static _Thread_local sigset_t blocked, pending;

static bool is_signal(int sig)
{
	return sig > 0 && sig < NSIG;
}

static void deliver(int sig)
{
	_sig_func_ptr handler = actions[sig].sa_handler;

	if (handler == SIG_DFL && sig == SIGABRT)
		abort();
	if (handler == SIG_DFL && !(BIT(sig) & IGNORED))
		_exit(128 + sig);
	if (handler == SIG_DFL || handler == SIG_IGN)
		return;
	if (actions[sig].sa_flags & SA_RESETHAND)
		actions[sig].sa_handler = SIG_DFL;
	handler(sig);
}

static void deliver_pending(void)
{
	for (int sig = 1; sig < NSIG; sig++) {
		if (pending & ~blocked & BIT(sig)) {
			pending &= ~BIT(sig);
			deliver(sig);
		}
	}
}

int raise(int sig)
{
	if (!is_signal(sig))
		return result(-EINVAL);
	pending |= BIT(sig);
	deliver_pending();
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

int sigaction(int sig, const struct sigaction *restrict new, struct sigaction *restrict old)
{
	struct sigaction before;

	if (!is_signal(sig) || ((sig == SIGKILL || sig == SIGSTOP) && new))
		return result(-EINVAL);
	before = actions[sig];
	if (new)
		actions[sig] = *new;
	if (old)
		*old = before;
	return 0;
}

_sig_func_ptr signal(int sig, _sig_func_ptr handler)
{
	struct sigaction act = { .sa_handler = handler }, old;

	return sigaction(sig, &act, &old) ? SIG_ERR : old.sa_handler;
}

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
	deliver_pending();
	return 0;
}

int sigprocmask(int how, const sigset_t *new, sigset_t *old)
{
	return result(-pthread_sigmask(how, new, old));
}

int sigpending(sigset_t *set)
{
	*set = pending;
	return 0;
}

/* Nobody else can raise one for us: what is not there by now never comes. */
static _Noreturn void sleep_for_good(void)
{
	kernel_enter();
	for (;;)
		thread_sleep(NEVER);
}

int pause(void)
{
	sleep_for_good();
}

int sigsuspend(const sigset_t *mask)
{
	sigset_t before = blocked, would = pending & ~*mask;

	if (!would)
		sleep_for_good();
	pthread_sigmask(SIG_SETMASK, mask, NULL);
	blocked = before;
	return result(-EINTR);
}

int sigwait(const sigset_t *restrict set, int *restrict sig)
{
	for (*sig = 1; *sig < NSIG; ++*sig) {
		if (pending & *set & BIT(*sig)) {
			pending &= ~BIT(*sig);
			return 0;
		}
	}
	sleep_for_good();
}
