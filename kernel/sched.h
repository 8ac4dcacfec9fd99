/* SPDX-License-Identifier: ISC */
/*
 * Threads and wait queues.  The kernel is a monitor.
 *
 * One virtual CPU.  Kernel code - all that is not application or C library - runs
 * one thread at a time with upcalls masked and is never preempted: between two
 * sleeps nothing else changes, so it needs no locks.  Kernel threads are in the
 * kernel all their life.  Application threads enter it by kernel_enter() and leave
 * it by kernel_leave(); outside, an event may switch at once to a kernel thread it
 * wakes, and a time slice shares the CPU among application threads.
 *
 * All times are in ns of clock_now() (kernel/clock.h).
 */
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NEVER UINT64_MAX		/* a deadline that does not come */
#define STACK_KERNEL (16 * 1024)	/* enough for a kernel thread */

enum thread_kind { THREAD_KERNEL, THREAD_APP };

/* A queue of threads waiting for something to become true.  Zero is empty. */
struct waitq {
	struct waiter *first, *last;
};

struct thread {
	struct thread *next;		/* in the run queue, or among the dead */
	struct thread *all_next, **all_link;
	struct arch_context *context;
	void (*main)(void *arg);
	void *arg;
	void *local;			/* of the layer above: POSIX's half of a thread */
	uintptr_t tls;			/* its thread pointer; 0: the one made at boot */
	char name[16];
	unsigned id;
	enum thread_kind kind;
	bool runnable;			/* wants the CPU, or has it */
	bool queued;			/* in the run queue; the running one is not */
	bool ahead;			/* in the queue: before those that were not woken */
	bool boosted;			/* runs because it was ahead, at the cost of credit */
	uint64_t credit;		/* so long it may run ahead of its turn */
	bool frozen;			/* and may not run: sched_freeze() */
	unsigned depth;			/* of kernel_enter(); 0: in application code */
	bool signal_due;			/* thread_deliver_signals() is due when it leaves the kernel */
	const char *waits;		/* the function it sleeps in, or NULL */
	uint64_t deadline;		/* wakes it at the latest; NEVER: none */
	struct thread *later, **sooner;	/* among those with a deadline */
	uint64_t switched_in, cpu_time;
};

/* The running thread. */
extern struct thread *current;

/* Adopt the running flow, which is in the kernel, as the first thread. */
void sched_init(const char *name, enum thread_kind kind);

/* A new runnable thread, in the kernel at first if it is THREAD_KERNEL.  NULL: no memory. */
struct thread *thread_start(const char *name, enum thread_kind kind, size_t stack_size,
			    void (*main)(void *), void *arg, void *local);

_Noreturn void thread_exit(void);	/* as returning from main */
void thread_yield(void);		/* let the others of our kind run first */
void thread_sleep(uint64_t deadline);

/* The thread, if it sleeps, tests its condition again, as after wake(). */
void thread_wake(struct thread *t);

/*
 * Of the layer above, which may be without it: called on behalf of a thread whose `called` is
 * set, each time that it leaves the kernel for application code.
 */
void thread_deliver_signals(void) __attribute__((weak));

/* Every thread, in order of creation; for reports. */
void thread_list(void (*visit)(const struct thread *t, void *arg), void *arg);
unsigned thread_count(void);

/* The one made after t, for who does not sleep between two calls; of NULL, the first. */
struct thread *thread_next(const struct thread *t);

/*
 * For a debugger.  A held thread is woken as others are, but does not run until it is let
 * go; the one that runs does so until it sleeps.
 */
void sched_freeze(struct thread *t, bool frozen);

struct sched_stats {
	uint64_t switches, upcalls, preemptions, idles;
	uint64_t turns;			/* that applications had before kernel threads */
};
extern struct sched_stats sched_stats;

/*
 * Enter the kernel from application code; nests.  On the way out pending events are
 * looked at, and kernel threads they woke run first.
 */
void kernel_enter(void);
void kernel_leave(void);

/*
 * Between two steps of something long, where the caller could also sleep: events are looked
 * at, and who goes before us runs.  Nothing may hold the monitor for more than a few ms
 * (kernel/hold.h).
 */
void kernel_pause(void);

/*
 * For a profiler.  From now on tick() is called when the timer fires, by deadline or by
 * anything else, and says when it shall fire next at the latest; NULL ends it.  It runs
 * in the upcall, and must neither sleep nor take the kernel to be between two things:
 * meanwhile kernel code runs with upcalls unmasked, so that `where` (of arch_callers()) may
 * be there too.  What else rings is put aside there as before, at the cost of an upcall.
 * idle: nobody ran.
 */
struct regs;
typedef uint64_t sched_tick(const struct regs *where, bool idle);
void sched_profile(sched_tick *tick, uint64_t deadline);

/*
 * Sleep until condition holds; the other form until then or the deadline, and says
 * whether the condition held at the end.  The thread counts as asleep before the
 * condition is tested, so a wake() by the test itself or between is never lost; the
 * test repeats after every wake().  The condition must not sleep.  Kernel code only.
 */
#define wait_until(queue, condition) \
	((void)wait_until_deadline(queue, NEVER, condition))

#define wait_until_deadline(queue, deadline, condition)				\
	({									\
		struct waiter w_;						\
		bool held_;							\
		wait_begin(&w_, (queue), (deadline), __func__);			\
		while (wait_arm(), !(held_ = (condition)) && wait_sleep(&w_))	\
			;							\
		wait_end(&w_);							\
		held_;								\
	})

void wake(struct waitq *queue);		/* all of them */
void wake_one(struct waitq *queue);	/* the one that has slept longest */

/* The steps of wait_until(); not for direct use. */
struct waiter {
	struct waiter *next, *prev;
	struct waitq *queue;
	struct thread *thread;
	uint64_t deadline;
};
void wait_begin(struct waiter *w, struct waitq *queue, uint64_t deadline, const char *where);
void wait_arm(void);
bool wait_sleep(struct waiter *w);	/* false: the deadline has passed */
void wait_end(struct waiter *w);

#endif
