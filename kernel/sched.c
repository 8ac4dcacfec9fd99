/* SPDX-License-Identifier: ISC */
/*
 * Which thread runs: two run queues, kernel threads before application threads; see sched.h.
 * thread.c has the threads, wait.c the wait queues, timer.c the deadlines.
 */
#include "kernel/clock.h"
#include "kernel/evtchn.h"
#include "kernel/hold.h"
#include "kernel/log.h"
#include "kernel/sched_internal.h"
#include "kernel/timer.h"
#include "kernel/trace.h"

#include <assert.h>

/*
 * Kernel threads run first, but a storm of events could keep them busy for ever (receive
 * livelock: Mogul and Ramakrishnan, 1996).  So while application threads want the CPU, kernel
 * threads run for at most KERNEL_BUDGET before them.  Then applications get APP_PERIOD, in which
 * kernel threads that are woken must wait.  Each ns that applications run gives kernel threads
 * PAYBACK ns of their budget back.  A run of an application that an event ends before SHORT_RUN
 * counts as time of kernel threads, since most of it went into switching.
 *
 * If applications wait for kernel threads, or kernel threads leave a fifth of the CPU, nothing
 * is delayed: the used budget is reset when no application wants to run.
 */
#define KERNEL_BUDGET (8 * NSEC_PER_MSEC)
#define APP_PERIOD (2 * NSEC_PER_MSEC)
#define PAYBACK (KERNEL_BUDGET / APP_PERIOD)
#define SHORT_RUN (20 * 1000)		/* ns */

struct runq {
	struct thread *first, **last;
	struct thread **after_ahead;	/* `next` of the last thread that is ahead; NULL: none */
	unsigned length;
};

#define FROZEN 2			/* not a kind: frozen threads of any kind */

static struct runq runq[3] = {
	[THREAD_KERNEL] = { .last = &runq[THREAD_KERNEL].first },
	[THREAD_APP] = { .last = &runq[THREAD_APP].first },
	[FROZEN] = { .last = &runq[FROZEN].first },
};
static struct thread *slice_of;		/* the application thread that has the time slice */
static uint64_t slice_end;
static bool dispatching;		/* threads are woken by an event or a deadline now */
static bool app_woken;			/* an application thread was woken so */
static uint64_t kernel_time;		/* used of KERNEL_BUDGET when `current` began to run */
static bool preempted;			/* `current` gives up the CPU in an upcall */
static uint64_t app_period_end;		/* of the present APP_PERIOD; 0: there is none */

/* Until sched_init(): the flow that Xen started, in the kernel. */
static struct thread boot = { .name = "boot", .depth = 1, .runnable = true };

struct thread *current = &boot;
uint8_t kernel_mask = 1;
void (*trace_put)(enum trace_event e, uint32_t a, uint32_t b);
struct sched_stats sched_stats;

/*
 * A woken application thread is queued before the others ("ahead").  If an event or a deadline
 * woke it, it also ends the slice of the running thread, since it has slept and probably needs
 * little.  It runs on credit, which each regular slice restores to SCHED_SLICE.  So it can at
 * most double the length of a round, and no thread starves.
 *
 * first: t is queued before the others, but behind those that are ahead.
 */
static void enqueue(struct thread *t, bool first)
{
	struct runq *q = &runq[t->frozen ? FROZEN : t->kind];
	struct thread **p = !first && !t->ahead ? q->last :
			    q->after_ahead && !(first && t->ahead) ? q->after_ahead : &q->first;

	if (t->ahead && (!q->after_ahead || p == q->after_ahead))
		q->after_ahead = &t->next;
	t->next = *p;
	*p = t;
	if (!t->next)
		q->last = &t->next;
	q->length++;
	t->queued = true;
}

static struct thread *unlink_thread(struct runq *q, struct thread **p)
{
	struct thread *t = *p;

	*p = t->next;
	if (q->after_ahead == &t->next)
		q->after_ahead = p == &q->first ? NULL : p;
	if (!t->next)
		q->last = p;
	q->length--;
	t->queued = false;
	return t;
}

static struct thread *dequeue(struct runq *q)
{
	struct thread **p = &q->first;
	struct thread *t;

	if (!q->length)
		return NULL;
	for (unsigned n = q->first->ahead ? 0 : arch_choose(q->length); n; n--)
		p = &(*p)->next;
	t = unlink_thread(q, p);
	t->boosted = t->ahead;
	t->ahead = false;
	if (!t->boosted)
		t->credit = SCHED_SLICE;
	return t;
}

void thread_wake(struct thread *t)
{
	if (t->runnable)
		return;
	t->runnable = true;
	trace(TRACE_WAKE, t->id, 0);
	if (t == current)
		return;
	t->ahead = t->kind == THREAD_APP && t->credit;
	app_woken |= t->ahead && (dispatching || current->kind == THREAD_KERNEL);
	enqueue(t, false);
}

/* Handles the events and deadlines that are due. */
static void dispatch(const struct regs *where, bool idle)
{
	dispatching = true;
	if (evtchn_any_pending())
		evtchn_dispatch();
	timer_dispatch(where, idle);
	dispatching = false;
}

static void idle(void)
{
	current->cpu_time += clock_now() - current->switched_in;
	sched_stats.idles++;
	upcall_disable();
	hold_end();
	if (!events_pending())
		arch_idle(timer_next());
	hold_begin();
	dispatch(NULL, true);
	upcall_restore(kernel_mask);
	timer_expire();
	current->switched_in = clock_now();
}

/* prev has run for so many ns, and next runs now: how much of the budget is used. */
static void account(const struct thread *prev, const struct thread *next, uint64_t ran)
{
	bool short_run = preempted && next->kind == THREAD_KERNEL && ran < SHORT_RUN;

	preempted = false;
	if (!runq[THREAD_APP].length && next->kind == THREAD_KERNEL)
		kernel_time = 0;	/* no application had to wait */
	else if (prev->kind == THREAD_KERNEL || short_run)
		kernel_time = ran < KERNEL_BUDGET - kernel_time ? kernel_time + ran :
								  KERNEL_BUDGET;
	else
		kernel_time -= kernel_time / PAYBACK < ran ? kernel_time : ran * PAYBACK;
}

static void switch_to(struct thread *next)
{
	struct thread *prev = current;
	uint64_t now = clock_now();

	prev->cpu_time += now - prev->switched_in;
	account(prev, next, now - prev->switched_in);
	if (prev->boosted) {
		uint64_t ran = now - prev->switched_in;

		prev->credit -= ran < prev->credit ? ran : prev->credit;
		slice_end += ran;	/* of the thread whose slice was interrupted */
	}
	next->switched_in = now;
	if (next->kind == THREAD_APP)
		app_woken = false;
	if (next->kind == THREAD_APP && !next->boosted && slice_of != next) {
		slice_of = next;
		slice_end = now + SCHED_SLICE;
	}
	trace(TRACE_SWITCH, next->id, 0);
	current = next;
	sched_stats.switches++;
	if (next->tls != prev->tls)
		arch_set_tls(next->tls);
	arch_switch(prev->context, next->context);
	thread_reap();		/* a thread cannot free the stack it runs on */
}

/* Whether application threads are ready, and must run before kernel threads. */
static bool applications_first(void)
{
	uint64_t now;

	if (!runq[THREAD_APP].length) {
		kernel_time = app_period_end = 0;
		return false;
	}
	if (!app_period_end && current->kind == THREAD_APP)
		return false;
	now = clock_now();
	if (!app_period_end && kernel_time + (now - current->switched_in) > KERNEL_BUDGET) {
		app_period_end = now + APP_PERIOD;
		sched_stats.turns++;
	}
	if (app_period_end > now)
		return true;
	app_period_end = 0;
	return false;
}

/* Whether kernel threads are ready, and may run now. */
static bool kernel_threads_first(void)
{
	if (!runq[THREAD_KERNEL].length)
		return false;
	if (app_period_end && app_period_end > clock_now()) {
		timer_set(app_period_end);
		return false;
	}
	app_period_end = 0;
	return true;
}

/*
 * Lets another thread run.  keep_turn: the current thread was interrupted, and stays the first
 * of its kind.
 */
static void schedule(bool keep_turn)
{
	struct thread *next;

	hold_end();
	hold_begin();
	if (slice_of == current && !keep_turn)
		slice_of = NULL;
	dispatch(NULL, false);
	for (;;) {
		if (current->runnable && !current->queued) {
			current->ahead = keep_turn && current->boosted;
			enqueue(current, keep_turn);
		}
		next = applications_first() ? NULL : dequeue(&runq[THREAD_KERNEL]);
		if (!next)
			next = dequeue(&runq[THREAD_APP]);
		if (next)
			break;
		idle();
	}
	if (next != current)
		switch_to(next);
}

static bool slice_over(void)
{
	uint64_t end = current->boosted ? current->switched_in + current->credit : slice_end;

	if (!runq[THREAD_APP].length)
		return false;
	if (clock_now() >= end)
		return true;
	timer_set(end);
	return false;
}

/* Whether a woken application thread must run before the current one. */
static bool woken_first(void)
{
	return app_woken && !current->boosted && runq[THREAD_APP].length &&
	       runq[THREAD_APP].first->ahead;
}

/* Lets those threads run that come before the current one; returns when it may continue. */
static void run_others(void)
{
	while (kernel_threads_first() || woken_first() || slice_over())
		schedule(!slice_over());
}

bool sched_upcall(const struct regs *where)
{
	if (current->depth) {	/* in kernel code, which only a profile leaves unmasked */
		timer_defer(where);
		return false;
	}
	current->depth++;
	hold_begin();
	sched_stats.upcalls++;
	dispatch(where, false);
	if (kernel_threads_first() || woken_first() || slice_over())
		return true;
	hold_end();
	current->depth--;
	return false;
}

void sched_preempt(void)
{
	sched_stats.preemptions++;
	for (;;) {
		upcall_restore(kernel_mask);
		preempted = true;
		run_others();
		preempted = false;
		if (current->signal_due && thread_deliver_signals) {
			kernel_leave();
			kernel_enter();
		}
		upcall_disable();	/* until the interrupted code continues */
		if (!events_pending())
			break;
		dispatch(NULL, false);	/* Xen does not signal deferred events again */
	}
	hold_end();
	current->depth--;
}

void kernel_enter(void)
{
	*upcall_mask() = kernel_mask;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (current->depth++ == 0)	/* no other thread runs until this one sleeps */
		hold_begin();
}

void kernel_leave(void)
{
	assert(current->depth);
	if (current->depth > 1) {
		current->depth--;
		return;
	}
	for (;;) {
		dispatch(NULL, false);
		run_others();
		hold_end();
		current->depth = 0;
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		*upcall_mask() = 0;
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		if (!events_pending())
			break;
		/* Xen makes no upcall for events that came before the mask was cleared. */
		*upcall_mask() = kernel_mask;
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		current->depth = 1;
		hold_begin();
	}
	if (current->signal_due && thread_deliver_signals)
		thread_deliver_signals();
}

void kernel_pause(void)
{
	if (current->kind == THREAD_KERNEL) {
		thread_yield();
		return;
	}
	hold_end();
	hold_begin();
	dispatch(NULL, false);
	run_others();
}

void sched_profile(sched_tick *tick, uint64_t deadline)
{
	timer_set_tick(tick);
	kernel_mask = !tick;
	*upcall_mask() = kernel_mask;
	if (tick)
		timer_set(deadline);
}

void sched_init(const char *name, enum thread_kind kind)
{
	current = thread_adopt(name, kind);
}

void thread_yield(void)
{
	schedule(false);
}

void sched_freeze(struct thread *t, bool frozen)
{
	struct runq *q = &runq[t->frozen ? FROZEN : t->kind];
	struct thread **p = &q->first;

	if (t->frozen == frozen)
		return;
	t->frozen = frozen;
	if (!t->queued)
		return;
	while (*p != t)
		p = &(*p)->next;
	enqueue(unlink_thread(q, p), false);
}
