/* SPDX-License-Identifier: ISC */
/* Threads: how they begin and end, and the list of them.  See sched.h. */
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/sched_internal.h"

#include <assert.h>
#include <stdlib.h>

static struct thread *all, **all_last = &all;
static struct thread *dead;		/* ended, their stacks not freed yet */
static unsigned threads, next_id;

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

struct thread *thread_adopt(const char *name, enum thread_kind kind)
{
	struct thread *t = thread_new(name, kind);

	if (t)
		t->context = arch_context_new(NULL, NULL, 0);
	if (!t || !t->context)
		panic("no memory for the first thread");
	t->runnable = true;
	t->switched_in = clock_now();
	thread_add(t);
	return t;
}

static void thread_main(void *arg)
{
	struct thread *t = arg;

	thread_reap();
	if (t->kind == THREAD_APP)
		kernel_leave();
	t->main(t->arg);
	if (t->kind == THREAD_APP)
		kernel_enter();
	thread_exit();
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
	thread_wake(t);
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
	thread_yield();
	panic("a thread runs that has ended");
}

void thread_reap(void)
{
	struct thread *t;

	while ((t = dead)) {
		dead = t->next;
		arch_context_free(t->context);
		free(t);
	}
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

unsigned thread_count(void)
{
	return threads;
}
