/* SPDX-License-Identifier: ISC */
/*
 * POSIX threads: from pthread_create() to pthread_join() (POSIX.1-2017, 2.9 Threads).
 *
 * main() is a thread like the others; its struct pthread is made when it is first needed.
 * When the last thread has ended the guest ends as by exit(0).
 */
#define _GNU_SOURCE
#include "kernel/arch.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/sched.h"
#include "lib/thread/clocks.h"
#include "lib/thread/pthread.h"
#include "lib/thread/signals.h"
#include "lib/thread/tls.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct pthread main_half;
static struct pthread *all;		/* includes main's, once it exists */
static unsigned living = 1;		/* threads that have not ended, including main */

static void link_half(struct pthread *p)
{
	p->next = all;
	all = p;
}

static void free_half(struct pthread *p)
{
	struct pthread **link = &all;

	while (*link != p)
		link = &(*link)->next;
	*link = p->next;
	if (p != &main_half)
		free(p);
}

struct pthread *pthread_current(void)
{
	if (!current->local) {
		kernel_enter();
		main_half.reent = _impure_ptr;
		main_half.thread = current;
		link_half(&main_half);
		current->local = &main_half;
		kernel_leave();
	}
	return current->local;
}

struct pthread *pthread_lookup(pthread_t id)
{
	struct pthread *p = all;

	while (p && p != id)
		p = p->next;
	return p;
}

struct pthread *pthread_next(const struct pthread *p)
{
	return p ? p->next : all;
}

void pthread_clear_key(pthread_key_t key)
{
	for (struct pthread *p = all; p; p = p->next)
		if (p->values)
			p->values[key] = NULL;
}

pthread_t pthread_self(void)
{
	return pthread_current();
}

int pthread_equal(pthread_t a, pthread_t b)
{
	return a == b;
}

/* In the kernel from here on: the application's part is freed. */
static _Noreturn void end(struct pthread *p)
{
	uintptr_t tls = current->tls;

	if (tls) {
		current->tls = 0;
		arch_set_tls(0);
		tls_free(tls);
	}
	time_thread_ended();
	if (signal_thread_ends)
		signal_thread_ends(&p->pending);
	if (mutex_thread_ends)
		mutex_thread_ends(p);
	p->thread = NULL;
	current->local = NULL;
	wake(&p->ended);
	if (p->detached)
		free_half(p);
	thread_exit();
}

_Noreturn void pthread_exit(void *result)
{
	struct pthread *p = pthread_current();

	p->cancel_state = PTHREAD_CANCEL_DISABLE;
	while (p->cleanup)
		_pthread_cleanup_pop(p->cleanup, 1);
	pthread_key_destroy_values();
	p->result = result;
	kernel_enter();
	if (--living == 0) {
		kernel_leave();
		exit(0);
	}
	_reclaim_reent(p->reent);	/* no effect for main's */
	end(p);
}

static void thread_main(void *arg)
{
	struct pthread *p = arg;

	pthread_exit(p->main(p->arg));
}

/* Kernel code. Returns 0 or EAGAIN. */
static int start_thread(struct pthread *p, size_t stack)
{
	uintptr_t tls;

	if (tls_new(&tls))
		return EAGAIN;
	p->thread = thread_start("pthread", THREAD_APP, stack, thread_main, p, p);
	if (!p->thread) {
		tls_free(tls);
		return EAGAIN;
	}
	p->thread->tls = tls;
	format(p->thread->name, sizeof(p->thread->name), "pthread-%u", p->thread->id);
	link_half(p);
	living++;
	return 0;
}

int pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*main)(void *),
		   void *arg)
{
	struct pthread *p;
	int error;

	if (attr && attr->__initialized != PTHREAD_INITIALIZED)
		return EINVAL;
	if (attr && attr->inheritsched == PTHREAD_EXPLICIT_SCHED &&
	    attr->schedpolicy != SCHED_OTHER)
		return ENOTSUP;
	p = calloc(1, sizeof(*p));
	if (!p)
		return EAGAIN;
	_REENT_INIT_PTR_ZEROED(&p->own);
	p->reent = &p->own;
	p->main = main;
	p->arg = arg;
	p->detached = attr && attr->detachstate == PTHREAD_CREATE_DETACHED;
	p->blocked = pthread_current()->blocked;
	kernel_enter();
	while (page_prepare_pages(1 + pthread_stack_size(attr) / PAGE_SIZE))
		kernel_pause();
	*id = p;			/* before it runs, since it may read it */
	error = start_thread(p, pthread_stack_size(attr));
	kernel_leave();
	if (error)
		free(p);
	return error;
}

/* Kernel code. */
static int joinable(const struct pthread *p)
{
	const struct pthread *self = pthread_current();

	if (!p)
		return ESRCH;
	if (p == self || p->joining == self)
		return EDEADLK;
	return p->detached || p->joined ? EINVAL : 0;
}

int pthread_join(pthread_t id, void **result)
{
	struct pthread *p, *self = pthread_current();
	bool ended;
	int error;

	kernel_enter();
	p = pthread_lookup(id);
	error = joinable(p);
	if (!error) {
		p->joined = true;
		self->joining = p;
		ended = wait_or_signal(&p->ended, NEVER, SIGNAL_CONTINUES, !p->thread) > 0;
		self->joining = NULL;
		p->joined = false;	/* if this thread was cancelled */
		if (ended && result)
			*result = p->result;
		if (ended)
			free_half(p);
	}
	kernel_leave();
	return error;
}

int pthread_detach(pthread_t id)
{
	struct pthread *p;
	int error = 0;

	kernel_enter();
	p = pthread_lookup(id);
	if (!p)
		error = ESRCH;
	else if (p->detached || p->joined)
		error = EINVAL;
	else if (p->thread)
		p->detached = true;
	else
		free_half(p);
	kernel_leave();
	return error;
}

void _pthread_cleanup_push(struct _pthread_cleanup_context *c, void (*routine)(void *),
			   void *arg)
{
	struct pthread *p = pthread_current();

	c->_routine = routine;
	c->_arg = arg;
	c->_previous = p->cleanup;
	p->cleanup = c;
}

void _pthread_cleanup_pop(struct _pthread_cleanup_context *c, int execute)
{
	pthread_current()->cleanup = c->_previous;
	if (execute)
		c->_routine(c->_arg);
}

int pthread_getcpuclockid(pthread_t id, clockid_t *clock)
{
	struct pthread *p;
	int error = ESRCH;

	pthread_current();
	kernel_enter();
	p = pthread_lookup(id);
	if (p && p->thread) {
		*clock = time_thread_clock(p->thread);
		error = 0;
	}
	kernel_leave();
	return error;
}

int pthread_setname_np(pthread_t id, const char *name)
{
	struct pthread *p;
	int error = ESRCH;

	kernel_enter();
	p = pthread_lookup(id);
	if (p && p->thread) {
		error = strlen(name) < sizeof(p->thread->name) ? 0 : ERANGE;
		if (!error)
			strcpy(p->thread->name, name);
	}
	kernel_leave();
	return error;
}

int pthread_getname_np(pthread_t id, char *to, size_t size)
{
	struct pthread *p;
	int error = ESRCH;

	kernel_enter();
	p = pthread_lookup(id);
	if (p && p->thread) {
		error = strlen(p->thread->name) < size ? 0 : ERANGE;
		if (!error)
			strcpy(to, p->thread->name);
	}
	kernel_leave();
	return error;
}
