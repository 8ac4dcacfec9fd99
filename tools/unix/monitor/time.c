/* SPDX-License-Identifier: ISC */
/*
 * The guest's clock, which is the CPU's counter with a rate (xen/xen.h, struct vcpu_time_info), and
 * its one timer (VIRQ_TIMER).
 */
#include "monitor/monitor.h"

#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

static const struct domain *d;
static int timer;	  /* a POSIX timer, which sends TIMER_SIGNAL */
static uint64_t deadline; /* of VIRQ_TIMER, in the guest's time; 0: none */
static uint64_t armed;	  /* when the POSIX timer fires, in the guest's time; 0: never */
unsigned monitor_timer_port;
static uint64_t synced;	      /* CLOCK_MONOTONIC of the last correction of the rate */
static volatile bool syncing; /* the rate is being written */

#define SYNC_EVERY (NSEC / 10)
#define JUMP (NSEC / 100) /* a larger difference is corrected at once */

static uint64_t rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static uint64_t time_of(int clock)
{
	struct timespec t;

	monitor_syscall(SYS_clock_gettime, clock, (long)&t, 0, 0, 0, 0);
	return t.tv_sec * NSEC + t.tv_nsec;
}

uint64_t monitor_monotonic(void)
{
	return time_of(CLOCK_MONOTONIC);
}

static uint64_t scale(uint64_t cycles)
{
	const struct vcpu_time_info *t = &monitor_shared->vcpu_info[0].time;

	cycles = t->tsc_shift >= 0 ? cycles << t->tsc_shift : cycles >> -t->tsc_shift;
	return (unsigned __int128)cycles * t->tsc_to_system_mul >> 32;
}

static uint64_t guest_time(uint64_t tsc)
{
	const struct vcpu_time_info *t = &monitor_shared->vcpu_info[0].time;

	return t->system_time +
	       (tsc > t->tsc_timestamp ? scale(tsc - t->tsc_timestamp) : 0);
}

/* The wall clock at system time 0; set again when it was changed. */
static void sync_wall_clock(uint64_t guest)
{
	struct shared_info *s = monitor_shared;
	uint64_t wall = time_of(CLOCK_REALTIME) - guest;
	int64_t off = wall - ((uint64_t)s->wc_sec * NSEC + s->wc_nsec);

	if (off < (int64_t)JUMP && off > -(int64_t)JUMP)
		return;
	s->wc_version++;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	s->wc_sec = wall / NSEC;
	s->wc_nsec = wall % NSEC;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	s->wc_version++;
}

/*
 * Sets the rate of the guest's clock from the whole time since the start, and a little more or less
 * to correct the difference until the next call.  The clock never goes back.
 */
void monitor_sync_clock(bool first)
{
	struct vcpu_time_info *t = &monitor_shared->vcpu_info[0].time;
	uint64_t mono = monitor_monotonic(), tsc = rdtsc();
	uint64_t real = mono - d->mono, cycles = tsc - d->tsc, guest, mul;
	int64_t off;

	if (!first && mono - synced < SYNC_EVERY)
		return;
	synced = mono;
	guest = first ? real : guest_time(tsc);
	off = real - guest;
	/* ns per cycle, times 2^32, with a shift of 0: the counter is faster than 1 GHz, or t is. */
	mul = ((unsigned __int128)real << 32) / (cycles ? cycles : 1);
	if (off > (int64_t)JUMP) {
		guest = real;
	} else {
		int64_t part = off / 1000; /* in us, of a second: ppm */

		part = part > 500 ? 500 : part < -500 ? -500 : part;
		mul += (int64_t)mul / 1000000 * part;
	}
	syncing = true;
	t->version++;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	t->tsc_timestamp = tsc;
	t->system_time = guest;
	t->tsc_shift = 0;
	if (mul >> 32) {
		t->tsc_shift = 1;
		mul >>= 1;
	}
	t->tsc_to_system_mul = mul;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	t->version++;
	syncing = false;
	sync_wall_clock(guest);
}

#define SOON 50000ull /* ns */

/* Lets the POSIX timer fire; a signal may do the same in the middle of this. */
static void arm(uint64_t at, uint64_t left)
{
	struct itimerspec when = { { 0, 0 }, { 0, 1 } };

	armed = at;
	when.it_value.tv_sec = left / NSEC;
	when.it_value.tv_nsec = left % NSEC;
	monitor_syscall(SYS_timer_settime, timer, 0, (long)&when, 0, 0, 0);
}

/* Delivers VIRQ_TIMER if it is due; else lets the POSIX timer fire in time. */
void monitor_check_timer(bool running)
{
	uint64_t now;

	if (!deadline)
		return;
	if (syncing) { /* in a signal: the time cannot be read now */
		arm(0, SOON);
		return;
	}
	now = guest_time(rdtsc());
	if (now >= deadline) {
		deadline = 0;
		if (monitor_timer_port)
			set_pending(monitor_shared, monitor_timer_port);
	} else if (running && (!armed || armed > deadline || armed <= now)) {
		arm(deadline, deadline - now);
	}
}

long monitor_set_timer(uint64_t when)
{
	deadline = when;
	monitor_check_timer(true);
	return 0;
}

/* How long the guest may sleep, in ns; 0: for ever. */
uint64_t monitor_time_left(void)
{
	uint64_t now;

	if (!deadline)
		return 0;
	now = guest_time(rdtsc());
	return deadline > now ? deadline - now : 1;
}

void monitor_timer_fired(void)
{
	armed = 0;
}

int monitor_timer_init(const struct domain *domain)
{
	struct sigevent event;

	d = domain;
	for (size_t i = 0; i < sizeof(event); i++)
		((volatile char *)&event)[i] = 0;
	event.sigev_notify = SIGEV_SIGNAL;
	event.sigev_signo = TIMER_SIGNAL;
	if (monitor_syscall(SYS_timer_create, CLOCK_MONOTONIC, (long)&event, (long)&timer,
			    0, 0, 0)) {
		monitor_say("xenolith: no timer: too many are in use (RLIMIT_SIGPENDING)\n");
		monitor_exit(1);
	}
	monitor_sync_clock(true);
	return timer;
}
