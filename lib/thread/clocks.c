/* SPDX-License-Identifier: ISC */
/*
 * POSIX's clocks and sleeping (POSIX.1-2017: clock_getres, clock_nanosleep, nanosleep,
 * sleep, times, gettimeofday).
 *
 * All clocks have a resolution of 1 ns.
 */
#define _GNU_SOURCE
#include "kernel/clock.h"
#include "kernel/sched.h"
#include "lib/result.h"
#include "lib/thread/clocks.h"
#include "lib/thread/signals.h"
#include "lib/thread/timers.h"

#include <errno.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_USEC 1000ull
#define CLOCK_THREAD 0x100000000ull	/* plus a thread's id: its CPU-time clock */

static struct waitq wall_sleepers;	/* they sleep until a time of CLOCK_REALTIME */
static unsigned wall_generation;	/* changes when it is set */
static uint64_t ended_time;		/* CPU time of threads that have ended */

bool timespec_valid(const struct timespec *ts)
{
	return ts->tv_nsec >= 0 && ts->tv_nsec < (long)NSEC_PER_SEC;
}

/* Times beyond 584 years are NEVER; times before the clock's zero are 0. */
uint64_t timespec_ns(const struct timespec *ts)
{
	if (ts->tv_sec < 0)
		return 0;
	if ((uint64_t)ts->tv_sec >= NEVER / NSEC_PER_SEC)
		return NEVER;
	return ts->tv_sec * NSEC_PER_SEC + ts->tv_nsec;
}

static struct timespec from_ns(uint64_t ns)
{
	return (struct timespec){
		.tv_sec = ns / NSEC_PER_SEC, .tv_nsec = ns % NSEC_PER_SEC,
	};
}

static uint64_t cpu_time(const struct thread *t)
{
	return t->cpu_time + (t == current ? clock_now() - t->switched_in : 0);
}

void time_thread_ended(void)
{
	ended_time += cpu_time(current);
}

clockid_t time_thread_clock(const struct thread *t)
{
	return CLOCK_THREAD + t->id;
}

struct process_time {
	uint64_t kind[2];		/* indexed by enum thread_kind */
};

static void add_time(const struct thread *t, void *arg)
{
	struct process_time *sum = arg;

	sum->kind[t->kind] += cpu_time(t);
}

/* CPU time of the application, and of the kernel for it. */
static struct process_time process_time(void)
{
	struct process_time sum = { .kind[THREAD_APP] = ended_time };

	kernel_enter();
	thread_list(add_time, &sum);
	kernel_leave();
	return sum;
}

struct search {
	unsigned id;
	bool found;
	uint64_t time;
};

static void look_at(const struct thread *t, void *arg)
{
	struct search *s = arg;

	if (t->id != s->id || t->kind != THREAD_APP)
		return;
	s->found = true;
	s->time = cpu_time(t);
}

static int thread_time(clockid_t clock, uint64_t *ns)
{
	struct search s = { .id = (unsigned)clock };

	kernel_enter();
	thread_list(look_at, &s);
	kernel_leave();
	*ns = s.time;
	return s.found ? 0 : EINVAL;
}

int time_read(clockid_t clock, uint64_t *ns)
{
	struct process_time sum;

	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:	/* the precise clock costs no more */
		*ns = clock_wall();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_MONOTONIC_RAW:	/* the clock is not adjusted */
		*ns = clock_now();
		return 0;
	case CLOCK_BOOTTIME:		/* includes the time in which the guest was suspended */
		*ns = clock_now() + clock_suspended;
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		kernel_enter();
		*ns = cpu_time(current);
		kernel_leave();
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		sum = process_time();
		*ns = sum.kind[THREAD_APP] + sum.kind[THREAD_KERNEL];
		return 0;
	}
	return clock & CLOCK_THREAD ? thread_time(clock, ns) : EINVAL;
}

int time_deadline(clockid_t clock, const struct timespec *when, uint64_t *deadline)
{
	uint64_t ns = timespec_ns(when), now;

	if (!timespec_valid(when) ||
	    (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME))
		return EINVAL;
	kernel_enter();
	if (clock == CLOCK_REALTIME && ns != NEVER) {
		now = clock_wall();
		ns = ns > now ? clock_now() + (ns - now) : 0;
	} else if (clock == CLOCK_BOOTTIME && ns != NEVER) {
		ns = ns > clock_suspended ? ns - clock_suspended : 0;
	}
	current->by_wall = clock != CLOCK_MONOTONIC ? clock_by_wall() : 0;
	kernel_leave();
	*deadline = ns;
	return 0;
}

int clock_gettime(clockid_t clock, struct timespec *to)
{
	uint64_t ns = 0;
	int error = time_read(clock, &ns);

	if (!error)
		*to = from_ns(ns);
	return result(-error);
}

int clock_getres(clockid_t clock, struct timespec *to)
{
	uint64_t ns = 0;
	int error = time_read(clock, &ns);

	if (!error && to)
		*to = from_ns(1);
	return result(-error);
}

int clock_settime(clockid_t clock, const struct timespec *from)
{
	if (clock != CLOCK_REALTIME || !timespec_valid(from) || from->tv_sec < 0)
		return result(-EINVAL);
	kernel_enter();
	clock_wall_set(timespec_ns(from));
	if (timers_clock_set)
		timers_clock_set();
	wall_generation++;
	wake(&wall_sleepers);
	kernel_leave();
	return 0;
}

int clock_getcpuclockid(pid_t pid, clockid_t *clock)
{
	if (pid && pid != getpid())
		return ESRCH;
	*clock = CLOCK_PROCESS_CPUTIME_ID;
	return 0;
}

/* Sleeps until the wall clock shows this time, also if it is set meanwhile. */
static int sleep_until_wall(uint64_t when)
{
	uint64_t deadline;
	int rc;

	kernel_enter();
	do {
		uint64_t now = clock_wall();
		unsigned generation = wall_generation;

		deadline = when == NEVER ? NEVER : clock_now() + (when > now ? when - now : 0);
		current->by_wall = clock_by_wall();
		rc = wait_or_signal(&wall_sleepers, deadline, SIGNAL_ENDS,
				    wall_generation != generation);
	} while (rc > 0 || (rc == 0 && clock_wall() < when));	/* the host's clock may be set, too */
	kernel_leave();
	return -rc;
}

/* Returns 0 or EINTR. */
static int sleep_until(uint64_t deadline)
{
	struct waitq nobody = { 0 };
	int rc;

	kernel_enter();
	rc = wait_or_signal(&nobody, deadline, SIGNAL_ENDS, false);
	kernel_leave();
	return -rc;
}

static uint64_t left(uint64_t deadline)
{
	uint64_t now = clock_now();

	return deadline > now ? deadline - now : 0;
}

static uint64_t after(uint64_t ns)
{
	uint64_t now = clock_now();

	return ns < NEVER - now ? now + ns : NEVER;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *request,
		    struct timespec *remain)
{
	uint64_t deadline;
	int error = time_deadline(clock, request, &deadline);

	switch (clock) {
	case CLOCK_THREAD_CPUTIME_ID:
	case CLOCK_PROCESS_CPUTIME_ID:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_MONOTONIC_RAW:
		return ENOTSUP;		/* as on Linux (EOPNOTSUPP) */
	}
	if (error || (!(flags & TIMER_ABSTIME) && request->tv_sec < 0))
		return EINVAL;
	if (!(flags & TIMER_ABSTIME)) {
		deadline = after(timespec_ns(request));
		current->by_wall = 0;
	}
	if (clock == CLOCK_REALTIME && flags & TIMER_ABSTIME)
		return sleep_until_wall(timespec_ns(request));
	error = sleep_until(deadline);
	if (error && remain && !(flags & TIMER_ABSTIME))
		*remain = from_ns(left(deadline));
	return error;
}

int nanosleep(const struct timespec *request, struct timespec *remain)
{
	return result(-clock_nanosleep(CLOCK_MONOTONIC, 0, request, remain));
}

int usleep(useconds_t us)
{
	return result(-sleep_until(after(us * NSEC_PER_USEC)));
}

unsigned sleep(unsigned seconds)
{
	uint64_t deadline = after(seconds * NSEC_PER_SEC);

	return sleep_until(deadline) ? (left(deadline) + NSEC_PER_SEC - 1) / NSEC_PER_SEC : 0;
}

int gettimeofday(struct timeval *restrict to, void *restrict zone)
{
	uint64_t ns = clock_wall();

	if (zone)
		*(struct timezone *)zone = (struct timezone){ 0 };
	if (to)
		*to = (struct timeval){
			.tv_sec = ns / NSEC_PER_SEC,
			.tv_usec = ns % NSEC_PER_SEC / NSEC_PER_USEC,
		};
	return 0;
}

int settimeofday(const struct timeval *from, const struct timezone *zone)
{
	if (zone && (zone->tz_minuteswest || zone->tz_dsttime))
		return result(-EINVAL);
	if (!from)
		return 0;
	if (from->tv_usec < 0 || from->tv_usec >= 1000000)
		return result(-EINVAL);
	return clock_settime(CLOCK_REALTIME, &(struct timespec){
		.tv_sec = from->tv_sec, .tv_nsec = from->tv_usec * (long)NSEC_PER_USEC,
	});
}

static clock_t ticks(uint64_t ns)
{
	return ns / (NSEC_PER_SEC / CLOCKS_PER_SEC);
}

/*
 * In units of sysconf(_SC_CLK_TCK), which newlib's CLK_TCK makes the same as clock()'s.
 */
clock_t times(struct tms *to)
{
	struct process_time sum = process_time();

	*to = (struct tms){
		.tms_utime = ticks(sum.kind[THREAD_APP]),
		.tms_stime = ticks(sum.kind[THREAD_KERNEL]),
	};
	return ticks(clock_now());
}
