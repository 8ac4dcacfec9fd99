/* SPDX-License-Identifier: ISC */
/*
 * epoll as on Linux (epoll(7)): the cost of a wait depends on the number of ready files.
 *
 * When a file changes, its item is put into a queue. A wait checks only the items in the
 * queue. A level-triggered item stays there until it is found not ready. An epoll may
 * watch another epoll, but no deeper nesting is allowed.
 */
#include "kernel/clock.h"
#include "kernel/sched.h"
#include "lib/file/file.h"
#include "lib/ready.h"
#include "lib/result.h"
#include "lib/thread/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>

#define ALWAYS (EPOLLERR | EPOLLHUP)
#define AT_ONCE 1024			/* events per call; other threads wait meanwhile */
#define FLAGS (EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP)

struct item {
	struct watcher watcher;
	struct epoll *epoll;
	struct file *file;		/* without a reference: closing it ends the watch */
	int fd;
	uint32_t events;		/* 0: disabled by EPOLLONESHOT */
	epoll_data_t data;
	struct item *next, **link;	/* in the list of all items */
	struct item *next_ready, *prev_ready;
	bool queued;			/* it may be ready */
};

struct epoll {
	struct file file;
	struct item *items;
	struct item *first, *last;	/* the queue of items that may be ready */
	struct waitq waiters;
	unsigned epolls;		/* number of epolls among the items */
};

static const struct file_ops epoll_ops;

static struct epoll *epoll_of(struct file *f)
{
	return f->ops == &epoll_ops ? (struct epoll *)f : NULL;
}

static uint32_t item_ready(const struct item *i)
{
	if (!i->events)
		return 0;
	return i->file->ops->ready(i->file) & ((i->events & ~FLAGS) | ALWAYS);
}

static void enqueue(struct item *i)
{
	struct epoll *e = i->epoll;

	i->queued = true;
	i->next_ready = NULL;
	i->prev_ready = e->last;
	if (e->last)
		e->last->next_ready = i;
	else
		e->first = i;
	e->last = i;
}

static void dequeue(struct item *i)
{
	struct epoll *e = i->epoll;

	i->queued = false;
	if (i->prev_ready)
		i->prev_ready->next_ready = i->next_ready;
	else
		e->first = i->next_ready;
	if (i->next_ready)
		i->next_ready->prev_ready = i->prev_ready;
	else
		e->last = i->prev_ready;
}

/* Queues an item if its file is ready. */
static void notice(struct item *i)
{
	if (i->queued || !item_ready(i))
		return;
	enqueue(i);
	wake_one(&i->epoll->waiters);
	file_changed(&i->epoll->file);
}

static void item_changed(struct watcher *w)
{
	notice((struct item *)w);
}

/* The file no longer has the watcher. */
static void item_free(struct item *i)
{
	if (i->queued)
		dequeue(i);
	i->epoll->epolls -= epoll_of(i->file) != NULL;
	*i->link = i->next;
	if (i->next)
		i->next->link = i->link;
	free(i);
}

static void item_closed(struct watcher *w)
{
	item_free((struct item *)w);
}

static struct item *item_lookup(struct epoll *e, struct file *f, int fd)
{
	for (struct watcher *w = f->watchers; w; w = w->next) {
		struct item *i = (struct item *)w;

		if (w->changed == item_changed && i->epoll == e && i->fd == fd)
			return i;
	}
	return NULL;
}

static bool watched_by_epoll(const struct file *f)
{
	for (struct watcher *w = f->watchers; w; w = w->next)
		if (w->changed == item_changed)
			return true;
	return false;
}

static int item_add(struct epoll *e, struct file *f, int fd, const struct epoll_event *event)
{
	struct epoll *inner = epoll_of(f);
	struct item *i;

	if (!f->ops->ready)
		return -EPERM;
	if (inner && (inner->epolls || watched_by_epoll(&e->file)))
		return -ELOOP;
	i = calloc(1, sizeof(*i));
	if (!i)
		return -ENOMEM;
	i->watcher.changed = item_changed;
	i->watcher.closed = item_closed;
	i->epoll = e;
	i->file = f;
	i->fd = fd;
	i->events = event->events | ALWAYS;
	i->data = event->data;
	i->next = e->items;
	i->link = &e->items;
	if (i->next)
		i->next->link = &i->next;
	e->items = i;
	e->epolls += inner != NULL;
	file_watch(f, &i->watcher);
	notice(i);
	return 0;
}

static int control(struct epoll *e, int op, struct file *f, int fd,
		   const struct epoll_event *event)
{
	struct item *i = item_lookup(e, f, fd);
	uint32_t exclusive = op == EPOLL_CTL_DEL ? 0 : event->events & EPOLLEXCLUSIVE;

	/*
	 * As Linux's ep_insert() and do_epoll_ctl(): only with EPOLL_CTL_ADD, and not
	 * with EPOLLONESHOT.
	 */
	if (exclusive && (op != EPOLL_CTL_ADD || epoll_of(f) ||
			  event->events & ~(EPOLLIN | EPOLLOUT | ALWAYS | EPOLLWAKEUP | EPOLLET |
					    EPOLLEXCLUSIVE)))
		return -EINVAL;
	if (op == EPOLL_CTL_MOD && i && i->events & EPOLLEXCLUSIVE)
		return -EINVAL;
	switch (op) {
	case EPOLL_CTL_ADD:
		return i ? -EEXIST : item_add(e, f, fd, event);
	case EPOLL_CTL_MOD:
		if (!i)
			return -ENOENT;
		i->events = event->events | ALWAYS;
		i->data = event->data;
		notice(i);
		return 0;
	case EPOLL_CTL_DEL:
		if (!i)
			return -ENOENT;
		file_unwatch(&i->watcher);
		item_free(i);
		return 0;
	}
	return -EINVAL;
}

/* Checks each queued item once, in order, until `to` is full. */
static int collect(struct epoll *e, struct epoll_event *to, int max)
{
	struct item *last = e->last, *i;
	int n = 0;

	if (max > AT_ONCE)
		max = AT_ONCE;
	while (n < max && (i = e->first)) {
		uint32_t events = item_ready(i);
		bool was_last = i == last;

		dequeue(i);
		if (events) {
			to[n++] = (struct epoll_event){ .events = events, .data = i->data };
			if (i->events & EPOLLONESHOT)
				i->events = 0;
			else if (!(i->events & EPOLLET))
				enqueue(i);
		}
		if (was_last)
			break;
	}
	if (n && e->first)
		wake_one(&e->waiters);	/* there are events for another thread too */
	return n;
}

static int wait_for(struct epoll *e, struct epoll_event *to, int max, int ms)
{
	uint64_t deadline;
	int n = collect(e, to, max), rc;

	if (n || !ms)
		return n;
	deadline = ms < 0 ? NEVER : clock_now() + ms * NSEC_PER_MSEC;
	do {
		rc = wait_or_signal(&e->waiters, deadline, SIGNAL_ENDS, e->first);
		if (rc > 0)
			n = collect(e, to, max);
	} while (rc > 0 && !n);
	return n ? n : rc;
}

static unsigned epoll_ready(struct file *f)
{
	struct epoll *e = (struct epoll *)f;

	while (e->first && !item_ready(e->first))
		dequeue(e->first);
	return e->first ? EPOLLIN | EPOLLRDNORM : 0;
}

static int epoll_stat(struct file *f, struct stat *st)
{
	(void)f, (void)st;
	return 0;
}

static void epoll_close(struct file *f)
{
	struct epoll *e = (struct epoll *)f;
	struct item *i;

	while ((i = e->items)) {
		file_unwatch(&i->watcher);
		item_free(i);
		kernel_pause();
	}
	free(e);
}

static const struct file_ops epoll_ops = {
	.ready = epoll_ready, .stat = epoll_stat, .close = epoll_close,
};

int epoll_create1(int flags)
{
	struct epoll *e;
	int rc = -ENOMEM;

	if (flags & ~EPOLL_CLOEXEC)
		return result(-EINVAL);
	kernel_enter();
	e = calloc(1, sizeof(*e));
	if (e) {
		e->file = (struct file){ .ops = &epoll_ops, .flags = O_RDWR, .refs = 1 };
		rc = file_set_cloexec(file_install(&e->file), flags);
		file_put(&e->file);
	}
	kernel_leave();
	return result(rc);
}

int epoll_create(int size)
{
	return size <= 0 ? result(-EINVAL) : epoll_create1(0);
}

int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	struct file *ef, *f;
	int rc = -EBADF;

	kernel_enter();
	ef = file_get(epfd);
	f = file_get(fd);
	if (ef && f)
		rc = !event && op != EPOLL_CTL_DEL ? -EFAULT :
		     !epoll_of(ef) || ef == f ? -EINVAL :
		     control(epoll_of(ef), op, f, fd, event);
	if (f)
		file_put(f);
	if (ef)
		file_put(ef);
	kernel_leave();
	return result(rc);
}

int epoll_wait(int epfd, struct epoll_event *events, int max, int ms)
{
	struct file *f;
	int rc = -EBADF;

	kernel_enter();
	if (ready_waits && ms)
		ready_waits();
	f = file_get(epfd);
	if (f) {
		rc = !epoll_of(f) || max <= 0 ? -EINVAL :
		     wait_for(epoll_of(f), events, max, ms);
		file_put(f);
	}
	kernel_leave();
	return result(rc);
}

/* The mask applies from before the first check until the handlers have run. */
int epoll_pwait(int epfd, struct epoll_event *events, int max, int ms, const sigset_t *mask)
{
	sigset_t before;
	int n;

	kernel_enter();
	if (mask && signal_mask)
		signal_mask(mask, &before);
	n = epoll_wait(epfd, events, max, ms);
	kernel_leave();
	if (mask && signal_unmask)
		signal_unmask(&before);
	return n;
}
