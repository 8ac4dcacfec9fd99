/* SPDX-License-Identifier: ISC */
/*
 * backend/domain.h in a process of dom0: libxengnttab, libxenevtchn, libxenstore and POSIX threads.
 * The monitor is a mutex.
 */
#include "backend/domain.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xentoollog.h>
#include <xenstore.h>

static pthread_mutex_t monitor = PTHREAD_MUTEX_INITIALIZER;

void domain_enter(void)
{
	pthread_mutex_lock(&monitor);
}

void domain_leave(void)
{
	pthread_mutex_unlock(&monitor);
}

/* ---- threads */

struct domain_waiter {
	struct domain_waiter *next;
	pthread_cond_t cond;
	bool woken;
};

static struct timespec time_of(uint64_t ns)
{
	return (struct timespec){ ns / 1000000000, ns % 1000000000 };
}

static void join(struct domain_queue *q, struct domain_waiter *w)
{
	if (q->last)
		q->last->next = w;
	else
		q->first = w;
	q->last = w;
}

static void leave(struct domain_queue *q, struct domain_waiter *w)
{
	struct domain_waiter *before = NULL;

	for (struct domain_waiter *v = q->first; v != w; v = v->next)
		before = v;
	if (before)
		before->next = w->next;
	else
		q->first = w->next;
	if (q->last == w)
		q->last = before;
}

void domain_sleep(struct domain_queue *q, uint64_t deadline)
{
	struct timespec until = time_of(deadline);
	struct domain_waiter me = { .woken = false };
	pthread_condattr_t attr;
	int rc = 0;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&me.cond, &attr);
	join(q, &me);
	while (!me.woken && rc == 0)
		rc = deadline == DOMAIN_NEVER ? pthread_cond_wait(&me.cond, &monitor) :
		     pthread_cond_timedwait(&me.cond, &monitor, &until);
	if (!me.woken)
		leave(q, &me);
	pthread_cond_destroy(&me.cond);
	pthread_condattr_destroy(&attr);
}

void domain_wake_one(struct domain_queue *q)
{
	struct domain_waiter *w = q->first;

	if (!w)
		return;
	leave(q, w);
	w->woken = true;
	pthread_cond_signal(&w->cond);
}

void domain_wake(struct domain_queue *q)
{
	while (q->first)
		domain_wake_one(q);
}

uint64_t domain_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/* ---- grants */

static xengnttab_handle *grants;	/* for the life of the process */

/* A frontend can cause any number of refused maps, and the library would report each. */
static void say_nothing(xentoollog_logger *l, xentoollog_level level, int error, const char *context,
			const char *format, va_list args)
{
	(void)l, (void)level, (void)error, (void)context, (void)format, (void)args;
}

static xentoollog_logger silent = { .vmessage = say_nothing };

int domain_map(struct domain_map *m, unsigned domid, const uint32_t *refs, unsigned n, bool readonly)
{
	if (!grants)
		grants = xengnttab_open(&silent, 0);
	*m = (struct domain_map){ .n = n };
	if (!grants)
		return -ENODEV;
	domain_leave();
	m->addr = xengnttab_map_domain_grant_refs(grants, n, domid, (uint32_t *)refs,
						  readonly ? PROT_READ : PROT_READ | PROT_WRITE);
	domain_enter();
	return m->addr ? 0 : -EACCES;
}

void domain_unmap(struct domain_map *m)
{
	struct domain_map map = *m;

	*m = (struct domain_map){ .addr = NULL };
	domain_leave();
	if (xengnttab_unmap(grants, map.addr, map.n))
		fprintf(stderr, "cannot unmap %u pages: %s\n", map.n, strerror(errno));
	domain_enter();
}

/* ---- events: a handle of its own for each, so that a thread can wait for one alone */

struct domain_event {
	xenevtchn_handle *handle;
	evtchn_port_t port;
	int kick;			/* an eventfd */
};

struct domain_event *domain_event_bind(unsigned domid, uint32_t port)
{
	struct domain_event *e = calloc(1, sizeof(*e));
	xenevtchn_port_or_error_t local = -1;

	if (!e)
		return NULL;
	e->handle = xenevtchn_open(NULL, 0);
	e->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (e->handle && e->kick >= 0)
		local = xenevtchn_bind_interdomain(e->handle, domid, port);
	if (local < 0) {
		domain_event_close(e);
		return NULL;
	}
	e->port = local;
	return e;
}

void domain_event_notify(struct domain_event *e)
{
	xenevtchn_notify(e->handle, e->port);
}

void domain_event_wait(struct domain_event *e)
{
	struct pollfd fds[2] = {
		{ .fd = xenevtchn_fd(e->handle), .events = POLLIN },
		{ .fd = e->kick, .events = POLLIN },
	};

	domain_leave();
	/* The port is masked from its event on until it is unmasked here: a storm has no effect. */
	if (poll(fds, 2, -1) > 0 && fds[0].revents & POLLIN) {
		xenevtchn_port_or_error_t port = xenevtchn_pending(e->handle);

		if (port >= 0)
			xenevtchn_unmask(e->handle, port);
	}
	domain_enter();
}

static void kick(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))	/* it is set already */
		return;
}

void domain_event_kick(struct domain_event *e)
{
	kick(e->kick);
}

void domain_event_close(struct domain_event *e)
{
	if (e->handle)
		xenevtchn_close(e->handle);
	if (e->kick >= 0)
		close(e->kick);
	free(e);
}

/* ---- xenstore */

/*
 * One connection for all requests, used inside of the monitor: the static libxenstore is not for
 * several threads.
 */
static struct xs_handle *store(void)
{
	static struct xs_handle *handle;

	if (!handle)
		handle = xs_open(0);
	return handle;
}

/* A connection to xenstored by a socket has no folder of its own. */
#define HOME "/local/domain/0/"
#define PATH_MAX_LEN 256

static const char *absolute(const char *path, char to[PATH_MAX_LEN])
{
	snprintf(to, PATH_MAX_LEN, "%s%s", path[0] == '/' ? "" : HOME, path);
	return to;
}

int domain_read(const char *path, char **value)
{
	char full[PATH_MAX_LEN];
	struct xs_handle *xs = store();
	unsigned len;

	if (!xs)
		return -ENODEV;
	*value = xs_read(xs, XBT_NULL, absolute(path, full), &len);
	return *value ? 0 : -errno;
}

static bool write_in_folder(struct xs_handle *xs, xs_transaction_t t, const char *folder,
			    const struct domain_key *keys, unsigned n)
{
	char full[PATH_MAX_LEN], path[PATH_MAX_LEN + 40];
	unsigned len;
	void *there = xs_read(xs, t, absolute(folder, full), &len);
	bool ok = there != NULL;

	free(there);
	for (unsigned i = 0; i < n && ok; i++) {
		snprintf(path, sizeof(path), "%s/%s", full, keys[i].key);
		ok = xs_write(xs, t, path, keys[i].value, strlen(keys[i].value));
	}
	return ok;
}

/* dom0 may write anywhere, so only a transaction prevents that a folder comes back. */
int domain_write(const char *folder, const struct domain_key *keys, unsigned n)
{
	struct xs_handle *xs = store();
	int error = xs ? EAGAIN : ENODEV;

	while (error == EAGAIN) {
		xs_transaction_t t = xs_transaction_start(xs);

		if (t == XBT_NULL)
			return -errno;
		error = write_in_folder(xs, t, folder, keys, n) ? 0 : errno;
		if (!xs_transaction_end(xs, t, error != 0) && !error)
			error = errno;
	}
	return -error;
}

int domain_remove(const char *path)
{
	char full[PATH_MAX_LEN];
	struct xs_handle *xs = store();

	if (!xs)
		return -ENODEV;
	return xs_rm(xs, XBT_NULL, absolute(path, full)) ? 0 : -errno;
}

int domain_list(const char *path, char ***names)
{
	char full[PATH_MAX_LEN];
	struct xs_handle *xs = store();
	unsigned n = 0;

	if (!xs)
		return -ENODEV;
	*names = xs_directory(xs, XBT_NULL, absolute(path, full), &n);
	return *names ? (int)n : -errno;
}

struct domain_watch {
	struct watched *first;
	bool changed, kicked, lost;
	struct domain_queue queue;
};

/*
 * Each path has a connection and a thread.  Without threads of its own, libxenstore takes the next
 * message for the response of a request: on a connection with a watch, that may be an event.
 */
struct watched {
	struct watched *next;
	struct domain_watch *set;
	struct xs_handle *xs;
	pthread_t thread;
};

struct domain_watch *domain_watch_new(void)
{
	return calloc(1, sizeof(struct domain_watch));
}

/*
 * It is cancelled in xs_read_watch() only.  xs_fileno() is no way to wait: without threads of its own,
 * libxenstore returns a pipe into which nobody writes.
 */
static void *read_watch(void *arg)
{
	struct watched *me = arg;
	bool lost = false;
	unsigned n;

	while (!lost) {
		char **event = xs_read_watch(me->xs, &n);

		lost = !event;
		free(event);
		domain_enter();
		me->set->changed = true;
		me->set->lost |= lost;
		domain_wake(&me->set->queue);
		domain_leave();
	}
	return NULL;
}

int domain_watch_add(struct domain_watch *w, const char *path)
{
	struct watched *new = calloc(1, sizeof(*new));
	char full[PATH_MAX_LEN];
	int rc = 0;

	if (!new)
		return -ENOMEM;
	new->set = w;
	new->xs = xs_open(0);
	if (!new->xs || !xs_watch(new->xs, absolute(path, full), "x"))
		rc = -errno;
	if (!rc)
		rc = -pthread_create(&new->thread, NULL, read_watch, new);
	if (rc) {
		if (new->xs)
			xs_close(new->xs);
		free(new);
		return rc;
	}
	new->next = w->first;
	w->first = new;
	return 0;
}

/* All events mean the same: a frontend that causes many (XSA-349) costs one look. */
int domain_watch_wait(struct domain_watch *w)
{
	while (!w->changed && !w->kicked)
		domain_sleep(&w->queue, DOMAIN_NEVER);
	if (w->lost)
		return -EIO;
	w->changed = w->kicked = false;
	return 0;
}

void domain_watch_kick(struct domain_watch *w)
{
	w->kicked = true;
	domain_wake(&w->queue);
}

void domain_watch_free(struct domain_watch *w)
{
	domain_leave();
	for (struct watched *v = w->first, *next; v; v = next) {
		next = v->next;
		pthread_cancel(v->thread);
		pthread_join(v->thread, NULL);
		xs_close(v->xs);
		free(v);
	}
	domain_enter();
	free(w);
}

/*
 * ---- The toolstack.  This server takes only disks with script=block-xenolith. The script writes
 * `xenolith` when xen-blkback has let the device go, and waits for `xenolith-answer`.
 */

#define SCRIPT "/block-xenolith"

static bool has_key(const char *backend, const char *key, const char *end)
{
	char path[200], *value;
	bool is;

	snprintf(path, sizeof(path), "%s/%s", backend, key);
	if (domain_read(path, &value))
		return false;
	is = strlen(value) >= strlen(end) && !strcmp(value + strlen(value) - strlen(end), end);
	free(value);
	return is;
}

bool domain_may_serve(const char *backend)
{
	if (!has_key(backend, "script", SCRIPT))
		return false;
	if (has_key(backend, "xenolith", ""))
		return true;
	/* xl runs the script only when the state is InitWait, which xen-blkback writes if it is there. */
	if (access("/sys/bus/xen-backend/drivers/vbd", F_OK) && has_key(backend, "state", "1"))
		domain_write(backend, &(struct domain_key){ "state", "2" }, 1);
	return false;
}

void domain_answer(const char *backend, const char *error)
{
	struct domain_key answer = { .key = "xenolith-answer" };

	snprintf(answer.value, sizeof(answer.value), "%s", error ? error : "ok");
	domain_write(backend, &answer, 1);
}

/* xl removes the folder. */
void domain_linger(void)
{
}

void domain_release(const char *backend)
{
	(void)backend;
}

void domain_log(const char *fmt, ...)
{
	char line[300];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	fprintf(stderr, "%s\n", line);
}
