/* SPDX-License-Identifier: ISC */
/*
 * backend/domain.h in a Xenolith guest: the monitor is the kernel.  Threads are the application's
 * (lib/xenolith/disk_thread.c), since they run stores, which are code of the application.
 */
#include "backend/domain.h"
#include "drivers/xenbus/xenstore.h"
#include "kernel/clock.h"
#include "kernel/evtchn.h"
#include "kernel/gnttab.h"
#include "kernel/log.h"
#include "kernel/sched.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void domain_enter(void)
{
	kernel_enter();
}

void domain_leave(void)
{
	kernel_leave();
}

/* ---- waiting */

struct domain_waiter {
	struct domain_waiter *next;
	struct waitq queue;
	bool woken;
};

void domain_sleep(struct domain_queue *q, uint64_t deadline)
{
	struct domain_waiter me = { .woken = false }, **p = &q->first;

	if (q->last)
		q->last->next = &me;
	else
		q->first = &me;
	q->last = &me;
	wait_until_deadline(&me.queue, deadline, me.woken);
	if (me.woken)
		return;
	while (*p != &me)
		p = &(*p)->next;
	*p = me.next;
	if (q->last == &me)
		q->last = p == &q->first ? NULL :
			  (struct domain_waiter *)((char *)p - offsetof(struct domain_waiter, next));
}

void domain_wake_one(struct domain_queue *q)
{
	struct domain_waiter *w = q->first;

	if (!w)
		return;
	q->first = w->next;
	if (!q->first)
		q->last = NULL;
	w->woken = true;
	wake(&w->queue);
}

void domain_wake(struct domain_queue *q)
{
	while (q->first)
		domain_wake_one(q);
}

uint64_t domain_clock(void)
{
	return clock_now();
}

/* ---- grants */

/* The handle is the kernel's struct: it stays where it is while the pages are mapped. */
int domain_map(struct domain_map *m, unsigned domid, const uint32_t *refs, unsigned n, bool readonly)
{
	struct gnttab_map *map = malloc(sizeof(*map));
	int rc = map ? gnttab_init() : -ENOMEM;

	if (!rc)
		rc = gnttab_map(map, domid, refs, n, readonly);
	*m = (struct domain_map){ .addr = NULL };
	if (rc)
		free(map);
	else
		*m = (struct domain_map){ .addr = map->addr, .n = n, .handle = map };
	return rc;
}

void domain_unmap(struct domain_map *m)
{
	gnttab_unmap(m->handle);
	free(m->handle);
	*m = (struct domain_map){ .addr = NULL };
}

/* ---- events */

struct domain_event {
	struct evtchn port;
	bool kicked;
};

struct domain_event *domain_event_bind(unsigned domid, uint32_t port)
{
	struct domain_event *e = calloc(1, sizeof(*e));

	if (e && evtchn_connect(&e->port, "disk", domid, port)) {
		free(e);
		return NULL;
	}
	return e;
}

void domain_event_notify(struct domain_event *e)
{
	evtchn_notify(&e->port);
}

void domain_event_wait(struct domain_event *e)
{
	wait_until(&e->port.waiters, e->port.signalled || e->kicked);
	evtchn_take(&e->port);
}

void domain_event_kick(struct domain_event *e)
{
	e->kicked = true;
	wake(&e->port.waiters);
}

void domain_event_close(struct domain_event *e)
{
	evtchn_close(&e->port);
	free(e);
}

/* ---- xenstore */

int domain_read(const char *path, char **value)
{
	ssize_t len = xs_read(NULL, path, value);

	return len < 0 ? len : 0;
}

/* Only the toolstack may make the folder, so a write cannot bring it back. */
int domain_write(const char *folder, const struct domain_key *keys, unsigned n)
{
	char path[200];
	int rc = 0;

	for (unsigned i = 0; i < n && !rc; i++) {
		format(path, sizeof(path), "%s/%s", folder, keys[i].key);
		rc = xs_write(NULL, path, keys[i].value);
	}
	return rc;
}

int domain_remove(const char *path)
{
	return xs_rm(NULL, path);
}

int domain_list(const char *path, char ***names)
{
	return xs_list(NULL, path, names);
}

#define PATHS 4

struct domain_watch {
	struct xs_watch watch[PATHS];
	char *path[PATHS];
	unsigned n;
	struct waitq queue;
	bool kicked;
};

struct domain_watch *domain_watch_new(void)
{
	return xs_init() ? NULL : calloc(1, sizeof(struct domain_watch));
}

int domain_watch_add(struct domain_watch *w, const char *path)
{
	char *copy = strdup(path);
	int rc = copy && w->n < PATHS ? 0 : -ENOMEM;

	if (!rc)
		rc = xs_watch(&w->watch[w->n], copy, &w->queue);
	if (rc)
		free(copy);
	else
		w->path[w->n++] = copy;
	return rc;
}

static bool pending(const struct domain_watch *w)
{
	bool any = w->kicked;

	for (unsigned i = 0; i < w->n; i++)
		any |= xs_watch_pending(&w->watch[i]);
	return any;
}

/* All events mean the same: a frontend that causes many (XSA-349) costs one look. */
int domain_watch_wait(struct domain_watch *w)
{
	int rc = 0;

	wait_until(&w->queue, pending(w));
	w->kicked = false;
	for (unsigned i = 0; i < w->n && !rc; i++)
		while (xs_watch_pending(&w->watch[i]) && !rc)
			rc = xs_watch_wait(&w->watch[i], 0, NULL);
	return rc;
}

void domain_watch_kick(struct domain_watch *w)
{
	w->kicked = true;
	wake(&w->queue);
}

void domain_watch_free(struct domain_watch *w)
{
	for (unsigned i = 0; i < w->n; i++) {
		xs_unwatch(&w->watch[i]);
		free(w->path[i]);
	}
	free(w);
}

/* ---- the toolstack: nobody else serves disks in this guest */

bool domain_may_serve(const char *backend)
{
	(void)backend;
	return true;
}

void domain_answer(const char *backend, const char *error)
{
	if (error)
		log_warning("%s: %s", backend, error);
}

/*
 * libxl waits for the state Closed, and then until the folder does not exist.  It reports an error if
 * it finds no folder while it waits for the state, and does not say when it has seen the state.
 */
#define LINGER NSEC_PER_SEC

void domain_linger(void)
{
	thread_sleep(clock_now() + LINGER);
}

void domain_release(const char *backend)
{
	domain_remove(backend);
}

void domain_log(const char *fmt, ...)
{
	char line[200];
	va_list args;

	va_start(args, fmt);
	vformat(line, sizeof(line), fmt, args);
	va_end(args);
	log_warning("%s", line);
}
