/* SPDX-License-Identifier: ISC */
/*
 * Timers that send a signal or call a function (POSIX.1-2017: timer_create).
 *
 * A timer's signal is pending once; further expirations are its overrun. SIGEV_THREAD: one
 * thread, which takes no signals, makes a thread for each notification.
 */
#include "kernel/sched.h"
#include "lib/signal/signal.h"
#include "lib/result.h"
#include "lib/thread/timers.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define TIMERS_MAX 1024

struct posix_timer {
	struct timer timer;
	struct posix_timer *next;
	int id;
	clockid_t clock;
	struct sigevent event;
	pthread_attr_t attr;		/* of SIGEV_THREAD */
	struct signal_info signal;
	int overrun;			/* of the signal that is pending */
	int last_overrun;		/* of the one that was delivered */
	unsigned calls;			/* of SIGEV_THREAD: to be made */
};

static struct posix_timer *all;
static unsigned count;
static int next_id;
static struct waitq notifier;
static bool notifier_started;

static struct posix_timer *find(timer_t id)
{
	struct posix_timer *t = all;

	while (t && (timer_t)t->id != id)
		t = t->next;
	return t;
}

static int add_limited(int a, uint64_t n)
{
	return n > (uint64_t)(INT_MAX - a) ? INT_MAX : a + (int)n;
}

static void taken(struct signal_info *s)
{
	struct posix_timer *t = (struct posix_timer *)
				((char *)s - offsetof(struct posix_timer, signal));

	t->last_overrun = t->overrun;
	s->info.si_overrun = t->overrun;
}

static void fire(struct timer *timer, uint64_t n)
{
	struct posix_timer *t = (struct posix_timer *)timer;
	siginfo_t info = {
		.si_signo = t->event.sigev_signo, .si_code = SI_TIMER, .si_timerid = t->id,
		.si_value = t->event.sigev_value,
	};

	if (t->event.sigev_notify == SIGEV_THREAD) {
		t->calls++;
		t->last_overrun = add_limited(0, n - 1);
		wake(&notifier);
	} else if (t->event.sigev_notify == SIGEV_SIGNAL && t->signal.queued) {
		t->overrun = add_limited(t->overrun, n);
	} else if (t->event.sigev_notify == SIGEV_SIGNAL) {
		t->overrun = add_limited(0, n - 1);
		signal_send(NULL, &info, &t->signal);
	}
}

/* ---- SIGEV_THREAD */

struct call {
	void (*function)(union sigval);
	union sigval value;
};

static void *make_call(void *arg)
{
	struct call c = *(struct call *)arg;

	free(arg);
	c.function(c.value);
	return NULL;
}

static struct posix_timer *due(void)
{
	struct posix_timer *t = all;

	while (t && !t->calls)
		t = t->next;
	return t;
}

/* If there is no memory for the thread, this notification is lost, as on Linux. */
static void notify(const struct call *what, const pthread_attr_t *attr)
{
	struct call *c = malloc(sizeof(*c));
	pthread_t thread;

	if (!c)
		return;
	*c = *what;
	if (pthread_create(&thread, attr, make_call, c))
		free(c);
}

static void *notify_all(void *arg)
{
	for (;;) {
		struct posix_timer *t;
		struct call c;
		pthread_attr_t attr;

		kernel_enter();
		wait_until(&notifier, (t = due()));
		t->calls--;
		c = (struct call){ t->event.sigev_notify_function, t->event.sigev_value };
		attr = t->attr;
		kernel_leave();
		notify(&c, &attr);
	}
	return arg;
}

static int start_notifier(void)
{
	sigset_t every = ~(sigset_t)0, before;
	pthread_attr_t attr;
	pthread_t thread;
	int error;

	if (notifier_started)
		return 0;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	error = pthread_create(&thread, &attr, notify_all, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	notifier_started = !error;
	return error ? -EAGAIN : 0;
}

/* ---- the calls */

static bool valid_event(const struct sigevent *e)
{
	switch (e->sigev_notify) {
	case SIGEV_NONE:
		return true;
	case SIGEV_SIGNAL:
		return is_signal(e->sigev_signo);
	case SIGEV_THREAD:
		return e->sigev_notify_function;
	}
	return false;
}

static void set_event(struct posix_timer *t, const struct sigevent *event)
{
	t->event = event ? *event : (struct sigevent){
		.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM,
		.sigev_value.sival_int = t->id,
	};
	pthread_attr_init(&t->attr);
	if (t->event.sigev_notify == SIGEV_THREAD && t->event.sigev_notify_attributes)
		t->attr = *t->event.sigev_notify_attributes;
	t->attr.detachstate = PTHREAD_CREATE_DETACHED;
	t->timer.fire = fire;
	t->signal.taken = taken;
}

int timer_create(clockid_t clock, struct sigevent *restrict event, timer_t *restrict id)
{
	struct itimerspec stopped = { 0 };
	struct posix_timer *t;
	int rc;

	if (event && !valid_event(event))
		return result(-EINVAL);
	rc = event && event->sigev_notify == SIGEV_THREAD ? start_notifier() : 0;
	t = count < TIMERS_MAX ? calloc(1, sizeof(*t)) : NULL;
	if (rc || !t) {
		free(t);
		return result(-EAGAIN);
	}
	kernel_enter();
	rc = timer_run(&t->timer, clock, false, &stopped, NULL);	/* is the clock valid? */
	if (!rc) {
		/* A CPU-time clock of the calling thread stays its clock. */
		t->clock = clock == CLOCK_THREAD_CPUTIME_ID ? t->timer.clock : clock;
		t->id = next_id++;
		set_event(t, event);
		t->next = all;
		all = t;
		count++;
		*id = t->id;
	}
	kernel_leave();
	if (rc)
		free(t);
	return result(rc);
}

int timer_settime(timer_t id, int flags, const struct itimerspec *restrict to,
		  struct itimerspec *restrict old)
{
	struct posix_timer *t;
	int rc = -EINVAL;

	kernel_enter();
	t = find(id);
	if (t && to)
		rc = timer_run(&t->timer, t->clock, flags & TIMER_ABSTIME, to, old);
	if (!rc) {
		t->overrun = 0;
		t->calls = 0;
	}
	kernel_leave();
	return result(rc);
}

int timer_gettime(timer_t id, struct itimerspec *to)
{
	struct posix_timer *t;

	kernel_enter();
	t = find(id);
	if (t)
		timer_left(&t->timer, to);
	kernel_leave();
	return result(t ? 0 : -EINVAL);
}

int timer_getoverrun(timer_t id)
{
	struct posix_timer *t;
	int rc = -EINVAL;

	kernel_enter();
	t = find(id);
	if (t)
		rc = t->last_overrun;
	kernel_leave();
	return result(rc);
}

int timer_delete(timer_t id)
{
	struct itimerspec stopped = { 0 };
	struct posix_timer *t, **link = &all;

	kernel_enter();
	t = find(id);
	if (t) {
		timer_run(&t->timer, CLOCK_MONOTONIC, false, &stopped, NULL);
		signal_withdraw(&t->signal);
		while (*link != t)
			link = &(*link)->next;
		*link = t->next;
		count--;
	}
	kernel_leave();
	free(t);
	return result(t ? 0 : -EINVAL);
}
