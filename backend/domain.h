/* SPDX-License-Identifier: ISC */
/*
 * The functions that a backend needs from the domain that it runs in.
 *
 *	domain_guest.c		a Xenolith guest, and the host tests
 *	dom0/domain.c		a process of dom0, over Xen's libraries
 *
 * There is no implementation for tools/unix.
 *
 * The code above is a monitor on all of them, as in kernel/sched.h: between domain_enter() and
 * domain_leave() one thread runs at a time, and only functions that sleep let others in.  Calls of
 * stores are outside.  All functions but domain_enter() are for the inside.  Times are in ns of
 * domain_clock().  Errors are 0 or -errno.
 */
#ifndef BACKEND_DOMAIN_H
#define BACKEND_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DOMAIN_NEVER UINT64_MAX		/* no deadline */

void domain_enter(void);
void domain_leave(void);

/* Starts a thread, which calls main(arg) outside of the monitor.  Returns 0 or -errno. */
int domain_thread(void (*main)(void *arg), void *arg);

/*
 * Threads that wait.  A zeroed queue is empty.  domain_sleep() returns after domain_wake() or at the
 * deadline: the caller tests its condition again.  wake_one() wakes the one that has slept longest.
 */
struct domain_queue {
	struct domain_waiter *first, *last;
};
void domain_sleep(struct domain_queue *q, uint64_t deadline);
void domain_wake(struct domain_queue *q);
void domain_wake_one(struct domain_queue *q);

uint64_t domain_clock(void);

/* ---- Grants of another domain.  Both sleep. */

struct domain_map {
	void *addr;			/* n consecutive pages; NULL: nothing is mapped */
	unsigned n;
	void *handle;
};

/* Maps n granted pages: all of them, or none (-EACCES, -ENOMEM). */
int domain_map(struct domain_map *m, unsigned domid, const uint32_t *refs, unsigned n,
	       bool readonly);
void domain_unmap(struct domain_map *m);

/* ---- Events */

struct domain_event;

/* Binds another domain's port.  Returns NULL if it cannot be bound. */
struct domain_event *domain_event_bind(unsigned domid, uint32_t port);
void domain_event_notify(struct domain_event *e);

/*
 * Sleeps until there was an event since the last call, or domain_event_kick() was called.  Only one
 * thread may wait.  Events that come while nobody waits cost nothing.
 */
void domain_event_wait(struct domain_event *e);
void domain_event_kick(struct domain_event *e);		/* from now on nobody sleeps */
void domain_event_close(struct domain_event *e);

/* ---- Xenstore.  Relative paths are below the domain's own folder.  All but kick() sleep. */

/* Returns 0 and a copy to be freed, or -errno. */
int domain_read(const char *path, char **value);

/*
 * Writes keys of a folder, the last one not before the others.  -ENOENT or -EACCES if the folder does not
 * exist: the toolstack may remove it at any moment, and it must not come back.
 */
struct domain_key {
	const char *key;
	char value[64];
};
int domain_write(const char *folder, const struct domain_key *keys, unsigned n);
int domain_remove(const char *path);

/* Returns the number of names in a folder, and an array to be freed by one free(); or -errno. */
int domain_list(const char *path, char ***names);

/* A set of watched paths. */
struct domain_watch;
struct domain_watch *domain_watch_new(void);
int domain_watch_add(struct domain_watch *w, const char *path);

/*
 * Sleeps until something below one of the paths may have changed since the last call, or it was
 * kicked.  Only one thread may wait.  Returns 0, or -EIO if xenstore is lost.
 */
int domain_watch_wait(struct domain_watch *w);
void domain_watch_kick(struct domain_watch *w);
void domain_watch_free(struct domain_watch *w);

/* ---- The toolstack */

/*
 * Whether the backend's folder may be used now.  dom0's is shared with other backends, and its
 * hotplug script must have requested it.  Sleeps.
 */
bool domain_may_serve(const char *backend);

/* Tells the hotplug script that the disk is served; error NULL: it is.  Sleeps. */
void domain_answer(const char *backend, const char *error);

/*
 * The device was detached.  linger() is called first, and sleeps until the toolstack has seen the state
 * Closed.  release() removes the backend's folder if the toolstack does not.
 */
void domain_linger(void);
void domain_release(const char *backend);

void domain_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
