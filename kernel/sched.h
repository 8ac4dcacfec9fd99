/* SPDX-License-Identifier: ISC */
/*
 * Threads and wait queues.  The kernel is a monitor.
 *
 * There is one virtual CPU.  Kernel code is all code except the application and the C library.
 * It runs one thread at a time with upcalls masked, and is never preempted: between two sleeps
 * nothing else changes, so it needs no locks.  Kernel threads are in the kernel all their life.
 * Application threads enter it by kernel_enter() and leave it by kernel_leave().  Outside, an
 * event may switch at once to a kernel thread that it wakes, and time slices share the CPU among
 * application threads.
 *
 * All times are in ns of clock_now() (kernel/clock.h).  All functions are for kernel code, except
 * kernel_enter().  Those that sleep say so.  See docs/architecture.md.
 */
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NEVER UINT64_MAX		/* no deadline */
#define STACK_KERNEL (16 * 1024)	/* bytes, enough for a kernel thread */
#define SCHED_SLICE 10000000ull		/* ns: the time slice of an application thread */

enum thread_kind { THREAD_KERNEL, THREAD_APP };

/* A queue of threads that wait for a condition.  A zeroed one is empty. */
struct waitq {
	struct waiter *first, *last;
};

struct thread {
	struct thread *next;		/* in the run queue, or in the list of ended threads */
	struct thread *all_next, **all_link;
	struct arch_context *context;
	void (*main)(void *arg);
	void *arg;
	void *local;			/* the POSIX part of a thread, of lib/thread */
	uintptr_t tls;			/* its thread pointer; 0: the one made at boot */
	char name[16];
	unsigned id;
	enum thread_kind kind;
	bool runnable;			/* wants the CPU, or has it */
	bool queued;			/* in the run queue; the running thread is not */
	bool ahead;			/* in the run queue before the threads that were not woken */
	bool boosted;			/* runs because it was ahead, on credit */
	uint64_t credit;		/* ns that it may run boosted */
	bool frozen;			/* may not run: sched_freeze() */
	unsigned depth;			/* of kernel_enter(); 0: in application code */
	bool signal_due;		/* call thread_deliver_signals() when it leaves the kernel */
	const char *waits;		/* the function in which it sleeps, or NULL */
	struct waiter *waiter;		/* of that wait */
	/*
	 * Not 0: its deadline is of a clock that runs during a suspend, and was calculated when
	 * clock_suspended was this minus 1.  Set by clock_by_wall(), and 0 after each wait.
	 */
	uint64_t by_wall;
	uint64_t deadline;		/* when it is woken at the latest, or NEVER */
	struct thread *later, **sooner;	/* in the list of timer.c */
	uint64_t switched_in, cpu_time;
};

/* The running thread. */
extern struct thread *current;

/* Makes the running flow, which is in the kernel, the first thread.  Panics on failure. */
void sched_init(const char *name, enum thread_kind kind);

/*
 * Starts a thread that calls main(arg); a thread of THREAD_KERNEL is in the kernel.  It is ready,
 * but does not run before the caller sleeps.  Returns NULL without memory.
 */
struct thread *thread_start(const char *name, enum thread_kind kind, size_t stack_size,
			    void (*main)(void *), void *arg, void *local);

_Noreturn void thread_exit(void);	/* as a return from main() */
void thread_yield(void);		/* sleeps until the other ready threads of its kind ran */
void thread_sleep(uint64_t deadline);	/* sleeps */

/* If t sleeps, it tests its condition again, as after wake(). */
void thread_wake(struct thread *t);

/*
 * Delivers signals to the current thread.  lib/signal/signal.c defines it, if it is linked.
 * Called each time that a thread whose signal_due is set leaves the kernel, or would continue after
 * an upcall in which other threads ran.  May sleep, and need not return.
 */
void thread_deliver_signals(void) __attribute__((weak));

/* Calls visit() for each thread, in order of creation. */
void thread_list(void (*visit)(const struct thread *t, void *arg), void *arg);
unsigned thread_count(void);

/* The thread created after t, or NULL; for t == NULL the first.  t must still exist. */
struct thread *thread_next(const struct thread *t);

/*
 * For a debugger.  A frozen thread can be woken, but does not run until it is unfrozen.  If it
 * runs now, it does so until it sleeps.
 */
void sched_freeze(struct thread *t, bool frozen);

struct sched_stats {
	uint64_t switches, upcalls, preemptions, idles;
	uint64_t turns;			/* times that applications ran before kernel threads */
};
extern struct sched_stats sched_stats;

/*
 * Enters the kernel from application code; calls nest.  kernel_leave() handles pending events,
 * and lets the kernel threads run that they woke: it may sleep.
 */
void kernel_enter(void);
void kernel_leave(void);

/*
 * For the steps of a long operation: handles events, and lets other threads run.  May sleep.
 * Kernel code may keep the monitor for a few ms at most (kernel/hold.h).
 */
void kernel_pause(void);

/*
 * For a profiler.  From now on tick() is called when the timer fires, and returns the time of
 * the next call at the latest; the first is at deadline.  NULL ends the profile.  tick() runs in
 * the upcall, may interrupt kernel code at any instruction, and must not sleep.  While a profile
 * runs, kernel code runs with upcalls unmasked, so that `where` (for arch_callers()) may be in
 * kernel code.  Other events are deferred there.  idle: no thread was running.
 */
struct regs;
typedef uint64_t sched_tick(const struct regs *where, bool idle);
void sched_profile(sched_tick *tick, uint64_t deadline);

/*
 * wait_until() sleeps until the condition holds.  wait_until_deadline() also ends at the
 * deadline, and is true if the condition held at the end.  The thread counts as asleep before
 * the condition is tested, so a wake() during or after the test is not lost.  The test is
 * repeated after each wake().  The condition must not sleep.
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

void wake(struct waitq *queue);		/* wakes all of them */
void wake_one(struct waitq *queue);	/* wakes the one that has slept longest */

/* The steps of wait_until(), in wait.c; not for direct use. */
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
