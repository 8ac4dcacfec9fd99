/* SPDX-License-Identifier: ISC */
/* Who runs: two queues, kernel threads before application threads; see sched.h. */
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/evtchn.h"
#include "kernel/hold.h"
#include "kernel/log.h"
#include "kernel/sched.h"
#include "kernel/trace.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SCHED_SLICE (10 * NSEC_PER_MSEC)

/*
 * Kernel threads run first, but a storm of events could keep them busy for ever (receive
 * livelock: Mogul and Ramakrishnan, 1996).  So while application threads want the CPU,
 * kernel threads get LEAD ahead of them and no more: then applications have a TURN, in
 * which kernel threads that wake must wait.  What applications run pays LEAD / TURN times
 * as much back; but when an event cuts it off before STRETCH, it was all coming and going.
 *
 * Where applications wait for kernel threads nothing of this happens, as the lead is gone
 * when no application wants to run; nor where kernel threads leave a fifth of the CPU.
 */
#define KERNEL_BUDGET (8 * NSEC_PER_MSEC)
#define APP_PERIOD (2 * NSEC_PER_MSEC)
#define PAYBACK (KERNEL_BUDGET / APP_PERIOD)
#define SHORT_RUN (20 * 1000)		/* ns */

struct runq {
	struct thread *first, **last;
	struct thread **after_ahead;	/* NULL: nobody is ahead; else the last such one's `next` */
	unsigned length;
};

#define FROZEN 2				/* not a kind: who may not run, of any */

static struct runq runq[3] = {
	[THREAD_KERNEL] = { .last = &runq[THREAD_KERNEL].first },
	[THREAD_APP] = { .last = &runq[THREAD_APP].first },
	[FROZEN] = { .last = &runq[FROZEN].first },
};
static struct thread *all, **all_last = &all;
static struct thread *dead;		/* exited, their stacks not freed yet */
static struct thread *timers;		/* by deadline, the soonest first */
static struct evtchn timer = { .name = "timer" };
static uint64_t timer_set = NEVER;	/* when VIRQ_TIMER will fire: never after `timers` */
static bool fired;			/* it did, and nobody looked at `timers` */
static sched_tick *tick;		/* a profiler's */
static uint8_t kernel_mask = 1;		/* the upcall mask in kernel code; 0 for a profiler */
static struct thread *slice_of;		/* the application thread whose turn it is ... */
static uint64_t slice_end;		/* ... and until when */
static bool dispatching;			/* what is woken is woken by an event or a deadline */
static bool app_woken;			/* an application thread was, so */
static uint64_t kernel_time;			/* of kernel threads, when `current` began to run */
static bool preempted;			/* by an upcall */
static uint64_t app_period_end;		/* the applications' turn; 0: it is not */
static unsigned threads, next_id;

/* Before sched_init(): the flow Xen entered, in the kernel already. */
static struct thread boot = { .name = "boot", .depth = 1, .runnable = true };

struct thread *current = &boot;
void (*trace_put)(enum trace_event e, uint32_t a, uint32_t b);
struct sched_stats sched_stats;

static volatile uint8_t *upcall_mask(void)
{
	return &arch_shared_info.vcpu_info[0].evtchn_upcall_mask;
}

/* Against a profiler's upcalls, where kernel code cares; the old mask. */
static uint8_t mask(void)
{
	uint8_t was = *upcall_mask();

	*upcall_mask() = 1;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return was;
}

static void unmask(uint8_t was)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	*upcall_mask() = was;
}

static bool events_pending(void)
{
	return evtchn_any_pending() || fired;
}

/*
 * An application thread that is woken goes ahead of those that wait for their turn, and cuts
 * off the slice of who runs if an event or a deadline woke it: it has slept, and wants little.
 * That costs credit, which each turn of its own brings up to SLICE again.  So who runs ahead
 * at most doubles what a round of all threads takes, and nobody starves.
 *
 * first: before the others, but behind who is ahead.
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

/*
 * Xen takes what is 2^50 ns ahead for a mistake, and rings in 100 ms (do_set_timer_op() of
 * its sched/core.c): for ever, if we asked again each time.  Half of it is six days.
 */
#define FARTHEST (1ull << 49)

static uint64_t not_too_far(uint64_t when)
{
	uint64_t farthest = clock_now() + FARTHEST;

	return when < farthest ? when : farthest;
}

/*
 * The timer is set when somebody goes to sleep for less long than it is set for, and
 * never put back: a deadline that was not reached costs one early shot, not a
 * hypercall each time.
 */
static void timer_need(uint64_t when)
{
	uint8_t was;

	if (when >= timer_set)
		return;
	was = mask();
	when = not_too_far(when);
	if (when < timer_set && !xen_set_timer(clock_to_xen(when)))
		timer_set = when;
	unmask(was);
}

static void timer_fired(const struct regs *where, bool idle)
{
	uint8_t was = mask();

	timer_set = NEVER;
	fired = true;
	if (tick)
		timer_need(tick(where, idle));
	unmask(was);
}

static void make_runnable(struct thread *t)
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

static void deadline_clear(struct thread *t)
{
	if (!t->sooner)
		return;
	*t->sooner = t->later;
	if (t->later)
		t->later->sooner = t->sooner;
	t->sooner = NULL;
	t->deadline = NEVER;
}

static void deadline_set(struct thread *t, uint64_t deadline)
{
	struct thread **p = &timers;

	while (*p && (*p)->deadline <= deadline)
		p = &(*p)->later;
	t->deadline = deadline;
	t->later = *p;
	t->sooner = p;
	if (t->later)
		t->later->sooner = &t->later;
	*p = t;
	timer_need(deadline);
}

static void expire(void)
{
	uint64_t now;

	if (!timers)
		return;
	now = clock_now();
	while (timers && timers->deadline <= now) {
		struct thread *t = timers;

		deadline_clear(t);
		make_runnable(t);
	}
	if (timers)
		timer_need(timers->deadline);
}

/* What came in since we last looked. */
static void dispatch(const struct regs *where, bool idle)
{
	dispatching = true;
	if (evtchn_any_pending())
		evtchn_dispatch();
	if (evtchn_take(&timer))
		timer_fired(where, idle);
	if (fired) {
		fired = false;
		expire();
	}
	dispatching = false;
}

static void idle(void)
{
	current->cpu_time += clock_now() - current->switched_in;
	sched_stats.idles++;
	mask();
	hold_end();
	if (!events_pending())
		arch_idle(timers ? clock_to_xen(not_too_far(timers->deadline)) : 0);
	hold_begin();
	dispatch(NULL, true);
	unmask(kernel_mask);
	expire();
	current->switched_in = clock_now();
}

static void reap(void)
{
	struct thread *t;

	while ((t = dead)) {
		dead = t->next;
		arch_context_free(t->context);
		free(t);
	}
}

/* prev ran for so long, and next is to run. */
static void account(const struct thread *prev, const struct thread *next, uint64_t ran)
{
	bool short_run = preempted && next->kind == THREAD_KERNEL && ran < SHORT_RUN;

	preempted = false;
	if (!runq[THREAD_APP].length && next->kind == THREAD_KERNEL)
		kernel_time = 0;		/* nobody was ahead of anybody */
	else if (prev->kind == THREAD_KERNEL || short_run)
		kernel_time = ran < KERNEL_BUDGET - kernel_time ? kernel_time + ran : KERNEL_BUDGET;
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
		slice_end += ran;	/* of who was cut off */
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
	reap();			/* a thread cannot free the stack it stands on */
}

/* Whether it is the turn of application threads, who want it. */
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

/* Whether kernel threads wait that should run now. */
static bool kernel_threads_first(void)
{
	if (!runq[THREAD_KERNEL].length)
		return false;
	if (app_period_end && app_period_end > clock_now()) {
		timer_need(app_period_end);
		return false;
	}
	app_period_end = 0;
	return true;
}

/* Let another thread run.  keep_turn: we were put off and stay the first of our kind. */
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
	timer_need(end);
	return false;
}

/* Whether an application thread was woken that goes ahead of this one. */
static bool woken_first(void)
{
	return app_woken && !current->boosted && runq[THREAD_APP].length &&
	       runq[THREAD_APP].first->ahead;
}

/* Kernel threads first, then who was woken or waits longest; returns in our turn. */
static void run_others(void)
{
	while (kernel_threads_first() || woken_first() || slice_over())
		schedule(!slice_over());
}

bool sched_upcall(const struct regs *where)
{
	if (current->depth) {	/* in the kernel, for a profiler */
		if (evtchn_defer(&timer))
			timer_fired(where, false);
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
		unmask(kernel_mask);
		preempted = true;
		run_others();
		preempted = false;
		mask();		/* until we are back where we were interrupted */
		if (!events_pending())
			break;
		dispatch(NULL, false);	/* what was put aside calls nobody again */
	}
	hold_end();
	current->depth--;
}

void kernel_enter(void)
{
	*upcall_mask() = kernel_mask;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (current->depth++ == 0)	/* from here on nobody else runs unless we sleep */
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
		/* Xen does not call for what came in before we unmasked. */
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

void sched_profile(sched_tick *new_tick, uint64_t deadline)
{
	tick = new_tick;
	kernel_mask = !tick;
	*upcall_mask() = kernel_mask;
	if (tick)
		timer_need(deadline);
}

static void thread_main(void *arg)
{
	struct thread *t = arg;

	reap();
	if (t->kind == THREAD_APP)
		kernel_leave();
	t->main(t->arg);
	if (t->kind == THREAD_APP)
		kernel_enter();
	thread_exit();
}

static struct thread *thread_new(const char *name, enum thread_kind kind)
{
	struct thread *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	format(t->name, sizeof(t->name), "%s", name);
	t->kind = kind;
	t->depth = 1;
	t->deadline = NEVER;
	t->id = next_id++;
	return t;
}

static void thread_add(struct thread *t)
{
	t->all_link = all_last;
	*all_last = t;
	all_last = &t->all_next;
	threads++;
}

struct thread *thread_start(const char *name, enum thread_kind kind, size_t stack_size,
			    void (*main)(void *), void *arg, void *local)
{
	struct thread *t = thread_new(name, kind);

	if (!t)
		return NULL;
	t->main = main;
	t->arg = arg;
	t->local = local;
	t->context = arch_context_new(thread_main, t, stack_size);
	if (!t->context) {
		free(t);
		return NULL;
	}
	thread_add(t);
	make_runnable(t);
	return t;
}

_Noreturn void thread_exit(void)
{
	struct thread *t = current;

	*t->all_link = t->all_next;
	if (t->all_next)
		t->all_next->all_link = t->all_link;
	else
		all_last = t->all_link;
	threads--;
	t->runnable = false;
	t->next = dead;
	dead = t;
	schedule(false);
	panic("an ended thread runs");
}

void sched_init(const char *name, enum thread_kind kind)
{
	struct thread *t = thread_new(name, kind);

	if (t)
		t->context = arch_context_new(NULL, NULL, 0);
	if (!t || !t->context || evtchn_virq(&timer, "timer", VIRQ_TIMER))
		panic("no memory or no timer for the first thread");
	xen_stop_periodic_timer();
	t->runnable = true;
	t->switched_in = clock_now();
	current = t;
	thread_add(t);
}

void thread_yield(void)
{
	schedule(false);
}

void thread_sleep(uint64_t deadline)
{
	struct waitq nobody = { 0 };

	wait_until_deadline(&nobody, deadline, false);
}

void thread_wake(struct thread *t)
{
	make_runnable(t);
}

void thread_list(void (*visit)(const struct thread *t, void *arg), void *arg)
{
	for (struct thread *t = all; t; t = t->all_next)
		visit(t, arg);
}

struct thread *thread_next(const struct thread *t)
{
	return t ? t->all_next : all;
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

unsigned thread_count(void)
{
	return threads;
}

void wait_begin(struct waiter *w, struct waitq *queue, uint64_t deadline, const char *where)
{
	*w = (struct waiter){
		.queue = queue, .thread = current, .deadline = deadline, .prev = queue->last,
	};
	if (queue->last)
		queue->last->next = w;
	else
		queue->first = w;
	queue->last = w;
	current->waits = where;
}

void wait_arm(void)
{
	current->runnable = false;
}

bool wait_sleep(struct waiter *w)
{
	struct thread *t = current;

	if (t->runnable)	/* the condition itself, or an event it looked at, woke us */
		return true;
	if (w->deadline != NEVER) {
		if (clock_now() >= w->deadline)
			return false;
		deadline_set(t, w->deadline);
	}
	schedule(false);
	deadline_clear(t);
	return true;
}

void wait_end(struct waiter *w)
{
	struct waitq *queue = w->queue;

	if (w->prev)
		w->prev->next = w->next;
	else
		queue->first = w->next;
	if (w->next)
		w->next->prev = w->prev;
	else
		queue->last = w->prev;
	current->runnable = true;
	current->waits = NULL;
}

void wake(struct waitq *queue)
{
	for (struct waiter *w = queue->first; w; w = w->next)
		make_runnable(w->thread);
}

void wake_one(struct waitq *queue)
{
	for (struct waiter *w = queue->first; w; w = w->next)
		if (!w->thread->runnable) {
			make_runnable(w->thread);
			return;
		}
}
