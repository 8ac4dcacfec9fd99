/* SPDX-License-Identifier: ISC */
/* Wait queues: the steps of wait_until(), and wake().  See sched.h. */
#include "kernel/clock.h"
#include "kernel/sched.h"
#include "kernel/timer.h"

/* The guest may have been suspended since the deadline was calculated, in application code. */
static uint64_t since_suspended(uint64_t deadline)
{
	uint64_t ns;

	if (!current->by_wall || deadline == NEVER)
		return deadline;
	ns = clock_suspended + 1 - current->by_wall;
	return deadline - (ns < deadline ? ns : deadline);
}

void wait_begin(struct waiter *w, struct waitq *queue, uint64_t deadline, const char *where)
{
	*w = (struct waiter){
		.queue = queue, .thread = current, .deadline = since_suspended(deadline),
		.prev = queue->last,
	};
	if (queue->last)
		queue->last->next = w;
	else
		queue->first = w;
	queue->last = w;
	current->waits = where;
	current->waiter = w;
}

void wait_arm(void)
{
	current->runnable = false;
}

bool wait_sleep(struct waiter *w)
{
	struct thread *t = current;

	if (t->runnable)	/* woken while the condition was tested */
		return true;
	if (w->deadline != NEVER) {
		if (clock_now() >= w->deadline)
			return false;
		timer_add(t, w->deadline);
	}
	thread_yield();
	timer_remove(t);
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
	current->waiter = NULL;
	current->by_wall = 0;
}

void wake(struct waitq *queue)
{
	for (struct waiter *w = queue->first; w; w = w->next)
		thread_wake(w->thread);
}

void wake_one(struct waitq *queue)
{
	for (struct waiter *w = queue->first; w; w = w->next)
		if (!w->thread->runnable) {
			thread_wake(w->thread);
			return;
		}
}

void thread_sleep(uint64_t deadline)
{
	struct waitq nobody = { 0 };

	wait_until_deadline(&nobody, deadline, false);
}
