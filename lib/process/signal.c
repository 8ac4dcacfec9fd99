/* SPDX-License-Identifier: ISC */
/*
 * Signals: from the program itself and from the operator (POSIX.1-2017, 2.4).
 *
 * A signal is pending, for a thread or for the process, until a thread that does not
 * block it leaves the kernel. There the handler is called as an ordinary function on the
 * thread's stack. So a thread that computes without a call gets its signal at its next
 * call; a call that sleeps is woken (lib/thread/signals.h). A signal whose action ends
 * the program ends it immediately.
 *
 * Signals are not queued: a pending signal is pending once.
 */
#include "kernel/clock.h"
#include "kernel/sched.h"
#include "kernel/shutdown.h"
#include "lib/result.h"
#include "lib/thread/clocks.h"
#include "lib/thread/pthread.h"
#include "lib/thread/signals.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define BIT(sig) ((sigset_t)1 << (sig))
#define ALL (BIT(NSIG) - 2)
#define NOT_BLOCKED (BIT(SIGKILL) | BIT(SIGSTOP))
/* Signals whose default action does nothing ... */
#define IGNORED (BIT(SIGCHLD) | BIT(SIGURG) | BIT(SIGWINCH) | BIT(SIGCONT))
/* ... and those that would stop the process: nothing could continue it. */
#define STOPS (BIT(SIGSTOP) | BIT(SIGTSTP) | BIT(SIGTTIN) | BIT(SIGTTOU))
/* The last three flags have no effect: there are no children and no alternate stack. */
#define FLAGS (SA_RESTART | SA_RESETHAND | SA_NODEFER | SA_ONSTACK | SA_NOCLDSTOP | \
	       SA_NOCLDWAIT)

static struct sigaction actions[NSIG];
static sigset_t pending;		/* for the process: any thread may take it */

static bool is_signal(int sig)
{
	return sig > 0 && sig < NSIG;
}

static bool ignored(int sig)
{
	return actions[sig].sa_handler == SIG_IGN ||
	       (actions[sig].sa_handler == SIG_DFL && BIT(sig) & IGNORED);
}

static bool stops(int sig)
{
	return actions[sig].sa_handler == SIG_DFL && BIT(sig) & STOPS;
}

/* A signal that sigwait() waits for is not delivered to a handler. */
static bool accepts(const struct pthread *p, int sig)
{
	return BIT(sig) & (~p->blocked | p->waited_for);
}

/*
 * Whether a signal stays pending although it is ignored or would end the program: it is
 * blocked or waited for.
 */
static bool stays_pending(const struct pthread *p, int sig)
{
	return BIT(sig) & (p->blocked | p->waited_for);
}

static bool ends(const struct pthread *p, int sig)
{
	return actions[sig].sa_handler == SIG_DFL && !ignored(sig) && !stays_pending(p, sig);
}

/* Returns the signals that the thread must handle now; removes those that are ignored. */
static sigset_t deliverable(struct pthread *p)
{
	sigset_t set = (p->pending | pending) & ~p->blocked & ~p->waited_for;

	for (int sig = 1; set && sig < NSIG; sig++) {
		if (set & BIT(sig) && ignored(sig)) {
			set &= ~BIT(sig);
			p->pending &= ~BIT(sig);
			pending &= ~BIT(sig);
		}
	}
	return set;
}

/* Takes a pending signal of the set. Returns its number, or 0. */
static int take(struct pthread *p, sigset_t set)
{
	for (int sig = 1; sig < NSIG; sig++) {
		sigset_t *from = p->pending & BIT(sig) ? &p->pending : &pending;

		if (set & *from & BIT(sig)) {
			*from &= ~BIT(sig);
			return sig;
		}
	}
	return 0;
}

static _Noreturn void end_by(int sig)
{
	if (sig == SIGABRT)
		abort();
	_exit(128 + sig);
}

static void notify(struct pthread *p)
{
	if (!p->thread)
		return;
	p->thread->signal_due = true;
	thread_wake(p->thread);
}

/* ---- delivery */

bool signal_waiting(void)
{
	return current->local && deliverable(current->local);
}

/* Whether all signals to be handled now have SA_RESTART. */
static bool all_restart(struct pthread *p)
{
	sigset_t set = deliverable(p);

	for (int sig = 1; sig < NSIG; sig++)
		if (set & BIT(sig) && !(actions[sig].sa_flags & SA_RESTART))
			return false;
	return true;
}

bool signal_handled(enum signal_way way)
{
	if (way == SIGNAL_ENDS || current->depth != 1)
		return false;
	if (way == SIGNAL_RESTARTS && !all_restart(current->local))
		return false;
	kernel_leave();
	kernel_enter();
	return true;
}

/* Called in the kernel; leaves it for the handler. */
static void handle(struct pthread *p, int sig)
{
	struct sigaction act = actions[sig];
	sigset_t before = p->blocked;

	if (act.sa_handler == SIG_DFL)
		end_by(sig);
	if (act.sa_flags & SA_RESETHAND)
		actions[sig].sa_handler = SIG_DFL;
	p->blocked |= act.sa_mask & ~NOT_BLOCKED;
	if (!(act.sa_flags & SA_NODEFER))
		p->blocked |= BIT(sig);
	kernel_leave();
	act.sa_handler(sig);
	kernel_enter();
	p->blocked = before;
}

/* Called by the scheduler when a thread with `signal_due` set leaves the kernel. */
void thread_deliver_signals(void)
{
	struct pthread *p = current->local;
	int sig;

	kernel_enter();
	current->signal_due = false;
	while (p && (sig = take(p, deliverable(p))))
		handle(p, sig);
	kernel_leave();
}

/* ---- sending */

/* Sends a signal to a thread, which may have ended. Returns 0 or an error number. */
static int send_to(struct pthread *p, int sig)
{
	if (!sig || !p->thread)
		return 0;
	if (stops(sig))
		return ENOTSUP;
	if (ends(p, sig))
		end_by(sig);
	if (stays_pending(p, sig) || !ignored(sig)) {
		p->pending |= BIT(sig);
		notify(p);
	}
	return 0;
}

int pthread_kill(pthread_t id, int sig)
{
	struct pthread *p;
	int error;

	if (sig < 0 || sig >= NSIG)
		return EINVAL;
	pthread_current();
	kernel_enter();
	p = pthread_lookup(id);
	error = p ? send_to(p, sig) : ESRCH;
	kernel_leave();
	return error;
}

int raise(int sig)
{
	return result(is_signal(sig) ? -pthread_kill(pthread_self(), sig) : -EINVAL);
}

/*
 * Sends a signal to the process. Any thread that does not block it takes it; preferably
 * the current one, whose handler then runs before kill() returns.
 */
static int send(int sig)
{
	struct pthread *self = pthread_current(), *to = accepts(self, sig) ? self : NULL;

	if (stops(sig))
		return -ENOTSUP;
	for (struct pthread *p = pthread_next(NULL); p && !to; p = pthread_next(p))
		if (p->thread && accepts(p, sig))
			to = p;
	if (ignored(sig) && !stays_pending(self, sig) && !(to && BIT(sig) & to->waited_for))
		return 0;
	if (to && actions[sig].sa_handler == SIG_DFL && !ignored(sig) &&
	    !(BIT(sig) & to->waited_for))
		end_by(sig);
	pending |= BIT(sig);
	if (to)
		notify(to);
	return 0;
}

/* From outside the process: the default action is not taken. */
int shutdown_signal(int sig)
{
	struct pthread *to = NULL;

	if (!is_signal(sig))
		return -EINVAL;
	for (struct pthread *p = pthread_next(NULL); p && !to; p = pthread_next(p))
		if (p->thread && accepts(p, sig))
			to = p;
	if (actions[sig].sa_handler == SIG_IGN ||
	    (actions[sig].sa_handler == SIG_DFL && !(to && BIT(sig) & to->waited_for)))
		return -ENOENT;
	pending |= BIT(sig);
	if (to)
		notify(to);
	return 0;
}

/* All values of pid that mean the own process are accepted. */
int kill(pid_t pid, int sig)
{
	int rc;

	if (sig < 0 || sig >= NSIG)
		return result(-EINVAL);
	if (pid > 1 || pid < -1)
		return result(-ESRCH);
	if (!sig)
		return 0;
	kernel_enter();
	rc = send(sig);
	kernel_leave();
	return result(rc);
}

/* ---- actions and masks */

int sigaction(int sig, const struct sigaction *restrict new, struct sigaction *restrict old)
{
	struct sigaction before;

	if (!is_signal(sig) || (BIT(sig) & NOT_BLOCKED && new) ||
	    (new && new->sa_flags & ~FLAGS))
		return result(-EINVAL);
	pthread_current();		/* a thread that gets signals from outside */
	kernel_enter();
	before = actions[sig];
	if (new)
		actions[sig] = *new;
	if (new && ignored(sig)) {	/* also one that is blocked and pending */
		pending &= ~BIT(sig);
		for (struct pthread *p = pthread_next(NULL); p; p = pthread_next(p))
			p->pending &= ~BIT(sig);
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

/* Kernel code. */
static void block(struct pthread *p, sigset_t set)
{
	p->blocked = set & ALL & ~NOT_BLOCKED;
	p->thread->signal_due |= deliverable(p) != 0;
}

int pthread_sigmask(int how, const sigset_t *new, sigset_t *old)
{
	struct pthread *p = pthread_current();
	sigset_t before = p->blocked;
	int error = 0;

	kernel_enter();
	if (new && how == SIG_SETMASK)
		block(p, *new);
	else if (new && how == SIG_BLOCK)
		block(p, before | *new);
	else if (new && how == SIG_UNBLOCK)
		block(p, before & ~*new);
	else if (new)
		error = EINVAL;
	kernel_leave();
	if (old && !error)
		*old = before;
	return error;
}

int sigprocmask(int how, const sigset_t *new, sigset_t *old)
{
	return result(-pthread_sigmask(how, new, old));
}

int sigpending(sigset_t *set)
{
	*set = (pthread_current()->pending | pending) & pthread_current()->blocked;
	return 0;
}

void signal_mask(const sigset_t *mask)
{
	struct pthread *p = pthread_current();

	p->unmasked = p->blocked;
	if (mask)
		block(p, *mask);
}

void signal_unmask(const sigset_t *mask)
{
	struct pthread *p = pthread_current();

	if (mask)
		pthread_sigmask(SIG_SETMASK, &p->unmasked, NULL);
}

/* ---- waiting */

int sigsuspend(const sigset_t *mask)
{
	static struct waitq nobody;
	sigset_t before = pthread_current()->blocked;

	kernel_enter();
	block(pthread_current(), *mask);
	wait_until(&nobody, signal_waiting());
	kernel_leave();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return result(-EINTR);
}

int pause(void)
{
	return sigsuspend(&pthread_current()->blocked);
}

static int wait_for(sigset_t set, uint64_t deadline)
{
	struct pthread *p = pthread_current();
	static struct waitq nobody;
	int sig, rc;

	kernel_enter();
	p->waited_for = set & ALL & ~NOT_BLOCKED;
	rc = wait_or_signal(&nobody, deadline, SIGNAL_ENDS, sig = take(p, p->waited_for));
	p->waited_for = 0;
	kernel_leave();
	return rc == 1 ? sig : rc ? rc : -EAGAIN;
}

int sigwait(const sigset_t *restrict set, int *restrict sig)
{
	int rc;

	while ((rc = wait_for(*set, NEVER)) == -EINTR)
		;
	*sig = rc;
	return 0;
}

int sigtimedwait(const sigset_t *restrict set, siginfo_t *restrict info,
		 const struct timespec *restrict timeout)
{
	uint64_t now = clock_now(), deadline = NEVER;
	int rc;

	if (timeout && (!timespec_valid(timeout) || timeout->tv_sec < 0))
		return result(-EINVAL);
	if (timeout && timespec_ns(timeout) < NEVER - now)
		deadline = now + timespec_ns(timeout);
	rc = wait_for(*set, deadline);
	if (rc > 0 && info)
		*info = (siginfo_t){ .si_signo = rc, .si_code = SI_USER };
	return result(rc);
}

int sigwaitinfo(const sigset_t *restrict set, siginfo_t *restrict info)
{
	return sigtimedwait(set, info, NULL);
}
