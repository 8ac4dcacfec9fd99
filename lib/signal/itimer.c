/* SPDX-License-Identifier: ISC */
/* The three timers of a process (POSIX.1-2017: setitimer, alarm, ualarm). */
#include "kernel/clock.h"
#include "lib/signal/signal.h"
#include "lib/result.h"
#include "lib/thread/timers.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#define NSEC_PER_USEC 1000

static void fire(struct timer *t, uint64_t n);

/*
 * There is one kind of CPU time of a thread, so ITIMER_VIRTUAL counts time in the kernel, too.
 */
static struct itimer {
	struct timer timer;
	clockid_t clock;
	int signal;
} timers[] = {
	[ITIMER_REAL] = { { .fire = fire }, CLOCK_MONOTONIC, SIGALRM },
	[ITIMER_VIRTUAL] = { { .fire = fire }, CLOCK_PROCESS_CPUTIME_ID, SIGVTALRM },
	[ITIMER_PROF] = { { .fire = fire }, CLOCK_PROCESS_CPUTIME_ID, SIGPROF },
};

static void fire(struct timer *t, uint64_t n)
{
	siginfo_t info = { .si_signo = ((struct itimer *)t)->signal, .si_code = SI_KERNEL };

	(void)n;
	signal_send(NULL, &info, NULL);
}

static bool valid(const struct timeval *t)
{
	return t->tv_sec >= 0 && t->tv_usec >= 0 && t->tv_usec < 1000000;
}

static struct timespec to_spec(struct timeval t)
{
	return (struct timespec){ .tv_sec = t.tv_sec, .tv_nsec = t.tv_usec * NSEC_PER_USEC };
}

/* A timer that runs never has the time 0. */
static struct itimerval from_spec(const struct itimerspec *s)
{
	struct itimerval v = {
		.it_value = { s->it_value.tv_sec, s->it_value.tv_nsec / NSEC_PER_USEC },
		.it_interval = { s->it_interval.tv_sec, s->it_interval.tv_nsec / NSEC_PER_USEC },
	};

	if (!v.it_value.tv_sec && !v.it_value.tv_usec && s->it_value.tv_nsec)
		v.it_value.tv_usec = 1;
	return v;
}

int setitimer(int which, const struct itimerval *restrict to, struct itimerval *restrict old)
{
	struct itimerspec new, before;
	int rc;

	if (which < ITIMER_REAL || which > ITIMER_PROF || !to || !valid(&to->it_value) ||
	    !valid(&to->it_interval))
		return result(-EINVAL);
	new.it_value = to_spec(to->it_value);
	new.it_interval = to_spec(to->it_interval);
	pthread_current();
	kernel_enter();
	rc = timer_run(&timers[which].timer, timers[which].clock, false, &new, &before);
	kernel_leave();
	if (!rc && old)
		*old = from_spec(&before);
	return result(rc);
}

int getitimer(int which, struct itimerval *to)
{
	struct itimerspec left;

	if (which < ITIMER_REAL || which > ITIMER_PROF)
		return result(-EINVAL);
	kernel_enter();
	timer_left(&timers[which].timer, &left);
	kernel_leave();
	*to = from_spec(&left);
	return 0;
}

/* Returns the time that was left, in seconds: at least 1 if the timer ran. */
unsigned alarm(unsigned seconds)
{
	struct itimerval to = { .it_value.tv_sec = seconds }, old = { 0 };

	setitimer(ITIMER_REAL, &to, &old);
	return old.it_value.tv_sec + (old.it_value.tv_usec >= 500000 ||
				      (!old.it_value.tv_sec && old.it_value.tv_usec));
}

useconds_t ualarm(useconds_t us, useconds_t interval)
{
	struct itimerval to = {
		.it_value = { us / 1000000, us % 1000000 },
		.it_interval = { interval / 1000000, interval % 1000000 },
	}, old = { 0 };

	setitimer(ITIMER_REAL, &to, &old);
	return old.it_value.tv_sec * 1000000 + old.it_value.tv_usec;
}
