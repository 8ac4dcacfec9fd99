/* SPDX-License-Identifier: ISC */
/*
 * Signals: how they become pending, and how they are delivered (POSIX.1-2017, 2.4).
 *
 * A signal is pending, for a thread or for the process, until a thread that does not block it
 * leaves the kernel, or continues after an upcall interrupted it. There the handler is called as
 * an ordinary function on the thread's stack. A call that sleeps is woken
 * (lib/thread/signals.h). A signal whose action ends the program ends it immediately.
 *
 * Signals from SIGRTMIN on are queued with their information; the others are pending once, with
 * the information of the first.
 */
#include "lib/signal/signal.h"
#include "kernel/sched.h"
#include "kernel/shutdown.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Signals whose default action does nothing ... */
#define IGNORED (BIT(SIGCHLD) | BIT(SIGURG) | BIT(SIGWINCH) | BIT(SIGCONT))
/* ... and those that would stop the process: nothing could continue it. */
#define STOPS (BIT(SIGSTOP) | BIT(SIGTSTP) | BIT(SIGTTIN) | BIT(SIGTTOU))

struct sigaction signal_actions[NSIG];

static struct pending process;		/* any thread may take them */
static unsigned queued;			/* allocated struct signal_info */

static bool ignored(int sig)
{
	return signal_actions[sig].sa_handler == SIG_IGN ||
	       (signal_actions[sig].sa_handler == SIG_DFL && BIT(sig) & IGNORED);
}

static bool stops(int sig)
{
	return signal_actions[sig].sa_handler == SIG_DFL && BIT(sig) & STOPS;
}

/* A signal that sigwait() waits for is not delivered to a handler. */
bool signal_accepted(const struct pthread *p, int sig)
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

/* ---- pending signals */

static void release(struct signal_info *s)
{
	s->queued = false;
	if (s->taken)
		return;
	free(s);
	queued--;
}

static struct signal_info *unlink_info(struct pending *from, int sig)
{
	struct signal_info **link = &from->first, *s;

	while ((s = *link) && s->info.si_signo != sig)
		link = &s->next;
	if (s)
		*link = s->next;
	return s;
}

/* Removes the first one with this number, and sets *info. */
static void take_from(struct pending *from, int sig, siginfo_t *info)
{
	struct signal_info *s = unlink_info(from, sig), *t;

	*info = (siginfo_t){ .si_signo = sig };
	if (s) {
		if (s->taken)
			s->taken(s);
		*info = s->info;
		release(s);
	}
	for (t = from->first; t && t->info.si_signo != sig; t = t->next)
		;
	if (!t)
		from->set &= ~BIT(sig);
}

static void discard_from(struct pending *from, int sig)
{
	struct signal_info *s;

	while ((s = unlink_info(from, sig)))
		release(s);
	from->set &= ~BIT(sig);
}

void signal_discard(int sig)
{
	if (!ignored(sig))
		return;
	discard_from(&process, sig);
	for (struct pthread *p = pthread_next(NULL); p; p = pthread_next(p))
		discard_from(&p->pending, sig);
}

void signal_thread_ends(struct pending *p)
{
	for (int sig = 1; p->set && sig < NSIG; sig++)
		if (p->set & BIT(sig))
			discard_from(p, sig);
}

sigset_t signal_pending(const struct pthread *p)
{
	return p->pending.set | process.set;
}

int signal_take(struct pthread *p, sigset_t set, siginfo_t *info)
{
	siginfo_t unused;

	set &= signal_pending(p);
	if (!set)
		return 0;
	for (int sig = 1; sig < NSIG; sig++) {
		if (!(set & BIT(sig)))
			continue;
		take_from(p->pending.set & BIT(sig) ? &p->pending : &process, sig,
			  info ? info : &unused);
		return sig;
	}
	return 0;
}

static void withdraw_from(struct pending *from, struct signal_info *own)
{
	struct signal_info **link = &from->first;
	bool more = false;

	while (*link && *link != own)
		link = &(*link)->next;
	if (!*link)
		return;
	*link = own->next;
	for (struct signal_info *s = from->first; s; s = s->next)
		more |= s->info.si_signo == own->info.si_signo;
	if (!more)
		from->set &= ~BIT(own->info.si_signo);
	own->queued = false;
}

void signal_withdraw(struct signal_info *own)
{
	withdraw_from(&process, own);
	for (struct pthread *p = pthread_next(NULL); p; p = pthread_next(p))
		withdraw_from(&p->pending, own);
}

/* Returns 0 or -EAGAIN. */
static int add(struct pending *to, const siginfo_t *info, struct signal_info *own)
{
	struct signal_info **link = &to->first, *s = own;
	int sig = info->si_signo;

	if (sig < SIGRTMIN && to->set & BIT(sig))
		return 0;
	if (!s && queued < QUEUED_MAX && (s = calloc(1, sizeof(*s))))
		queued++;
	if (!s && info->si_code == SI_QUEUE)
		return -EAGAIN;
	to->set |= BIT(sig);
	if (!s)
		return 0;	/* without its information */
	s->info = *info;
	s->next = NULL;
	s->queued = true;
	while (*link)
		link = &(*link)->next;
	*link = s;
	return 0;
}

/* ---- delivery */

/* Returns the signals that the thread must handle now; removes those that are ignored. */
static sigset_t deliverable(struct pthread *p)
{
	sigset_t set = signal_pending(p) & ~p->blocked & ~p->waited_for, rest = set;

	for (int sig = 1; rest; sig++, rest >>= 1) {
		if (!(rest & 1) || !ignored(sig))
			continue;
		set &= ~BIT(sig);
		discard_from(&p->pending, sig);
		discard_from(&process, sig);
	}
	return set;
}

static _Noreturn void end_by(int sig)
{
	if (sig == SIGABRT)
		abort();
	_exit(128 + sig);
}

void signal_notify(struct pthread *p)
{
	if (!p->thread)
		return;
	p->thread->signal_due = true;
	thread_wake(p->thread);
}

bool signal_waiting(void)
{
	return current->local && ((cancel_waits && cancel_waits()) ||
				  deliverable(current->local));
}

bool signal_handled(enum signal_way way)
{
	struct pthread *p = current->local;

	p->restarts = way == SIGNAL_RESTARTS && !p->cancel_now;
	current->signal_due = true;	/* also if another thread was notified */
	if (way != SIGNAL_CONTINUES || current->depth != 1 || p->cancel_now)
		return false;
	p->nested++;
	kernel_leave();
	kernel_enter();
	p->nested--;
	return true;
}

bool signal_restarts(void)
{
	struct pthread *p = current->local;

	return p && !current->depth && p->restarts;
}

int signal_wait_until(struct waitq *queue, uint64_t deadline, bool (*held)(void *arg), void *arg)
{
	struct pthread *p = current->local;
	bool no_cancel;
	int rc;

	/* No handler runs in a call within the kernel. */
	if (!p || current->depth > 1)
		return wait_until_deadline(queue, deadline, held(arg));
	/* Asynchronous cancellation ends the thread when the call leaves the kernel. */
	no_cancel = p->cancel_type != PTHREAD_CANCEL_ASYNCHRONOUS;
	p->nested += no_cancel;
	rc = wait_or_signal(queue, deadline, SIGNAL_ENDS, held(arg));
	p->nested -= no_cancel;
	current->signal_due |= p->cancelled || rc < 0;
	return rc;
}

static void call(const struct sigaction *act, siginfo_t *info)
{
	if (act->sa_flags & SA_SIGINFO)
		act->sa_sigaction(info->si_signo, info, NULL);
	else
		act->sa_handler(info->si_signo);
}

/* Called in the kernel; leaves it for the handler. */
static void handle(struct pthread *p, siginfo_t *info)
{
	struct sigaction act = signal_actions[info->si_signo];
	sigset_t before = p->blocked;
	bool restarts = p->restarts;	/* the handler's own calls change it */

	if (act.sa_handler == SIG_DFL)
		end_by(info->si_signo);
	if (act.sa_flags & SA_RESETHAND)
		signal_actions[info->si_signo].sa_handler = SIG_DFL;
	p->blocked |= act.sa_mask & ~NOT_BLOCKED;
	if (!(act.sa_flags & SA_NODEFER))
		p->blocked |= BIT(info->si_signo);
	kernel_leave();
	call(&act, info);
	kernel_enter();
	signal_block(p, before);
	p->restarts = restarts && act.sa_flags & SA_RESTART;
}

void thread_deliver_signals(void)
{
	struct pthread *p = current->local;
	uint64_t by_wall;
	siginfo_t info;

	kernel_enter();
	current->signal_due = false;
	by_wall = current->by_wall;
	current->by_wall = 0;		/* handlers wait, too */
	while (p && signal_take(p, deliverable(p), &info))
		handle(p, &info);
	current->by_wall = by_wall;
	kernel_leave();
	if (p && cancel_act)
		cancel_act();
}

void signal_block(struct pthread *p, sigset_t set)
{
	p->blocked = set & ~NOT_BLOCKED;
	p->thread->signal_due |= deliverable(p) != 0;
}

/* ---- sending */

/* The thread that takes a signal for the process: the current one if it can. */
static struct pthread *receiver(int sig)
{
	struct pthread *self = current->kind == THREAD_APP ? pthread_current() : NULL;

	if (self && signal_accepted(self, sig))
		return self;
	for (struct pthread *p = pthread_next(NULL); p; p = pthread_next(p))
		if (p->thread && signal_accepted(p, sig))
			return p;
	return NULL;
}

int signal_send(struct pthread *to, const siginfo_t *info, struct signal_info *own)
{
	int sig = info->si_signo, rc;
	struct pthread *p = to ? to : receiver(sig);
	bool kept = !p || stays_pending(p, sig);

	if (stops(sig))
		return -ENOTSUP;
	if (ignored(sig) && !kept)
		return 0;
	if (signal_actions[sig].sa_handler == SIG_DFL && !kept && current->kind == THREAD_APP)
		end_by(sig);
	rc = add(to ? &to->pending : &process, info, own);
	if (!rc && p)
		signal_notify(p);
	if (!rc && signalfd_changed)
		signalfd_changed();
	return rc;
}

/* From outside the process: the default action is not taken. */
int shutdown_signal(int sig)
{
	siginfo_t info = { .si_signo = sig };
	struct pthread *to = NULL;

	if (!is_signal(sig))
		return -EINVAL;
	to = receiver(sig);
	if (signal_actions[sig].sa_handler == SIG_IGN ||
	    (signal_actions[sig].sa_handler == SIG_DFL && !(to && BIT(sig) & to->waited_for) &&
	     !(!to && signalfd_has && signalfd_has(sig))))
		return -ENOENT;
	return signal_send(NULL, &info, NULL);
}
