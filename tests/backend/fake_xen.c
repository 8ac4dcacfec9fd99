/* SPDX-License-Identifier: ISC */
#include "tests/backend/fake_xen.h"

#include "fake/xenevtchn.h"
#include "fake/xengnttab.h"
#include "fake/xenstore.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- grants: pages of a file in memory */

static int memory;
static uint8_t *pages;
static bool denied[FAKE_PAGES];
static unsigned mapped;

void fake_start(void)
{
	memory = memfd_create("pages", MFD_CLOEXEC);
	if (memory < 0 || ftruncate(memory, FAKE_PAGES * 4096))
		abort();
	pages = mmap(NULL, FAKE_PAGES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
}

uint8_t *fake_page(uint32_t ref)
{
	return pages + ref * 4096;
}

unsigned fake_mapped(void)
{
	return __atomic_load_n(&mapped, __ATOMIC_SEQ_CST);
}

void fake_deny(uint32_t ref, bool deny)
{
	pthread_mutex_lock(&lock);
	denied[ref] = deny;
	pthread_mutex_unlock(&lock);
}

xengnttab_handle *xengnttab_open(void *logger, unsigned flags)
{
	(void)flags;
	if (!logger)
		abort();		/* the library would report each refused map */
	return (xengnttab_handle *)&memory;
}

void *xengnttab_map_domain_grant_refs(xengnttab_handle *h, uint32_t n, uint32_t domid, uint32_t *refs,
				      int prot)
{
	uint8_t *where;
	bool all = domid == 7;

	(void)h;
	pthread_mutex_lock(&lock);
	for (uint32_t i = 0; i < n; i++)
		all &= refs[i] < FAKE_PAGES && !denied[refs[i]];
	pthread_mutex_unlock(&lock);
	if (!all) {
		errno = EINVAL;
		return NULL;
	}
	where = mmap(NULL, n * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (uint32_t i = 0; i < n; i++)
		if (mmap(where + i * 4096, 4096, prot, MAP_SHARED | MAP_FIXED, memory, refs[i] * 4096) ==
		    MAP_FAILED)
			abort();
	__atomic_fetch_add(&mapped, n, __ATOMIC_SEQ_CST);
	return where;
}

int xengnttab_unmap(xengnttab_handle *h, void *addr, uint32_t n)
{
	(void)h;
	__atomic_fetch_sub(&mapped, n, __ATOMIC_SEQ_CST);
	return munmap(addr, n * 4096);
}

/* ---- event channels: a port of the frontend has at most one handle of the server */

#define PORTS 4096

struct xenevtchn_handle {
	int fd;				/* an eventfd: the port has an event that was not read */
	uint32_t port;
	bool masked, pending;
};

static struct port {
	bool used, rung;
	struct xenevtchn_handle *server;
} ports[PORTS];
static pthread_cond_t rings = PTHREAD_COND_INITIALIZER;
static unsigned bound;

uint32_t fake_listen(void)
{
	uint32_t p = 1;

	pthread_mutex_lock(&lock);
	while (ports[p].used)
		p++;
	ports[p] = (struct port){ .used = true };
	pthread_mutex_unlock(&lock);
	return p;
}

static void deliver(struct xenevtchn_handle *h)
{
	uint64_t one = 1;

	h->pending = true;
	if (h->masked)
		return;
	h->masked = true;
	if (write(h->fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

void fake_notify(uint32_t port)
{
	pthread_mutex_lock(&lock);
	if (ports[port].server)
		deliver(ports[port].server);
	pthread_mutex_unlock(&lock);
}

bool fake_wait(uint32_t port, unsigned ms)
{
	struct timespec end;
	bool rung;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += ms / 1000;
	end.tv_nsec += ms % 1000 * 1000000;
	if (end.tv_nsec >= 1000000000) {
		end.tv_nsec -= 1000000000;
		end.tv_sec++;
	}
	pthread_mutex_lock(&lock);
	while (!ports[port].rung && pthread_cond_timedwait(&rings, &lock, &end) == 0)
		;
	rung = ports[port].rung;
	ports[port].rung = false;
	pthread_mutex_unlock(&lock);
	return rung;
}

unsigned fake_bound(void)
{
	return __atomic_load_n(&bound, __ATOMIC_SEQ_CST);
}

xenevtchn_handle *xenevtchn_open(void *logger, unsigned flags)
{
	struct xenevtchn_handle *h = calloc(1, sizeof(*h));

	(void)logger, (void)flags;
	h->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return h;
}

int xenevtchn_close(xenevtchn_handle *h)
{
	pthread_mutex_lock(&lock);
	if (h->port) {
		ports[h->port].server = NULL;
		__atomic_fetch_sub(&bound, 1, __ATOMIC_SEQ_CST);
	}
	pthread_mutex_unlock(&lock);
	close(h->fd);
	free(h);
	return 0;
}

int xenevtchn_fd(xenevtchn_handle *h)
{
	return h->fd;
}

/* The server's port has the number of the frontend's. */
xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *h, uint32_t domid,
						      evtchn_port_t port)
{
	int rc = -1;

	pthread_mutex_lock(&lock);
	if (domid == 7 && port < PORTS && ports[port].used && !ports[port].server) {
		ports[port].server = h;
		h->port = port;
		__atomic_fetch_add(&bound, 1, __ATOMIC_SEQ_CST);
		deliver(h);		/* as Xen does */
		rc = port;
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

int xenevtchn_notify(xenevtchn_handle *h, evtchn_port_t port)
{
	(void)h;
	pthread_mutex_lock(&lock);
	ports[port].rung = true;
	pthread_cond_broadcast(&rings);
	pthread_mutex_unlock(&lock);
	return 0;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *h)
{
	uint64_t n;
	int rc;

	pthread_mutex_lock(&lock);
	rc = read(h->fd, &n, sizeof(n)) == sizeof(n) ? (int)h->port : -1;
	h->pending = false;
	pthread_mutex_unlock(&lock);
	return rc;
}

int xenevtchn_unmask(xenevtchn_handle *h, evtchn_port_t port)
{
	(void)port;
	pthread_mutex_lock(&lock);
	h->masked = false;
	if (h->pending)
		deliver(h);
	pthread_mutex_unlock(&lock);
	return 0;
}

/* ---- xenstore */

#define KEYS 400
#define HANDLES 64

static struct key {
	char path[120], value[120];
} keys[KEYS];

struct xs_handle {
	bool used;
	int fd;
	char watch[120];
	unsigned events;
};
static struct xs_handle handles[HANDLES];

static bool below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return !strncmp(path, folder, n) && (path[n] == '/' || !path[n]);
}

static void event(struct xs_handle *h)
{
	uint64_t one = 1;

	h->events++;
	if (write(h->fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

static unsigned changes;

static void changed(const char *path)
{
	changes++;
	for (unsigned i = 0; i < HANDLES; i++)
		if (handles[i].used && handles[i].watch[0] &&
		    (below(path, handles[i].watch) || below(handles[i].watch, path)))
			event(&handles[i]);
}

static struct key *find(const char *path)
{
	for (unsigned i = 0; i < KEYS; i++)
		if (!strcmp(keys[i].path, path))
			return &keys[i];
	return NULL;
}

static void put(const char *path, const char *value)
{
	struct key *k = find(path);

	if (!k)
		k = find("");
	if (!k || strlen(path) >= sizeof(k->path) || strlen(value) >= sizeof(k->value))
		abort();
	strcpy(k->path, path);
	strcpy(k->value, value);
	changed(path);
}

void fake_write(const char *path, const char *value)
{
	pthread_mutex_lock(&lock);
	put(path, value);
	pthread_mutex_unlock(&lock);
}

static bool is_folder(const char *path)
{
	bool is = false;

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < KEYS; i++)
		is |= keys[i].path[0] && below(keys[i].path, path);
	pthread_mutex_unlock(&lock);
	return is;
}

bool fake_read(const char *path, char *value, unsigned size)
{
	struct key *k;

	pthread_mutex_lock(&lock);
	k = find(path);
	if (k)
		snprintf(value, size, "%s", k->value);
	pthread_mutex_unlock(&lock);
	return k;
}

void fake_rm(const char *path)
{
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < KEYS; i++)
		if (keys[i].path[0] && below(keys[i].path, path))
			keys[i] = (struct key){ "", "" };
	changed(path);
	pthread_mutex_unlock(&lock);
}

struct xs_handle *xs_open(unsigned long flags)
{
	struct xs_handle *h = handles;

	(void)flags;
	pthread_mutex_lock(&lock);
	while (h->used)
		h++;
	*h = (struct xs_handle){ .used = true, .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE) };
	pthread_mutex_unlock(&lock);
	return h;
}

void xs_close(struct xs_handle *h)
{
	pthread_mutex_lock(&lock);
	close(h->fd);
	h->used = false;
	pthread_mutex_unlock(&lock);
}

void *xs_read(struct xs_handle *h, unsigned t, const char *path, unsigned *len)
{
	char value[120] = "";

	(void)h, (void)t;
	if (!fake_read(path, value, sizeof(value)) && !is_folder(path)) {
		errno = ENOENT;
		return NULL;
	}
	*len = strlen(value);
	return strdup(value);
}

/*
 * Transactions, one at a time, whose writes are made at the end.  It fails if the store has changed since the
 * beginning, as often happens in xenstored.
 */
static struct {
	unsigned id;
	unsigned changes, n;
	bool open;
	char path[32][120], value[32][120];
} transaction;

bool xs_write(struct xs_handle *h, unsigned t, const char *path, const void *data, unsigned len)
{
	(void)h, (void)len;
	if (!t) {
		fake_write(path, data);
		return true;
	}
	strcpy(transaction.path[transaction.n], path);
	strcpy(transaction.value[transaction.n++], data);
	return true;
}

bool xs_rm(struct xs_handle *h, unsigned t, const char *path)
{
	(void)h, (void)t;
	fake_rm(path);
	return true;
}

/* The names are in the same block as the array. */
char **xs_directory(struct xs_handle *h, unsigned t, const char *path, unsigned *n)
{
	char **names = calloc(KEYS, sizeof(*names) + 120), *text = (char *)(names + KEYS);
	size_t len = strlen(path);

	(void)h, (void)t;
	*n = 0;
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < KEYS; i++) {
		const char *rest = keys[i].path + len + 1;
		bool known = false;

		if (!below(keys[i].path, path) || !keys[i].path[len])
			continue;
		snprintf(text, 120, "%.*s", (int)strcspn(rest, "/"), rest);
		for (unsigned k = 0; k < *n; k++)
			known |= !strcmp(names[k], text);
		if (known)
			continue;
		names[(*n)++] = text;
		text += 120;
	}
	pthread_mutex_unlock(&lock);
	return names;
}

/* A second one would take the first one's event for its response: libxenstore without threads. */
bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
	bool ok;

	(void)token;
	pthread_mutex_lock(&lock);
	ok = !h->watch[0];
	if (ok) {
		strcpy(h->watch, path);
		event(h);
	}
	pthread_mutex_unlock(&lock);
	errno = EINVAL;
	return ok;
}

/* It may be cancelled in poll() and read(), so it holds no lock. */
char **xs_read_watch(struct xs_handle *h, unsigned *n)
{
	struct pollfd p = { .fd = h->fd, .events = POLLIN };
	uint64_t count;

	poll(&p, 1, -1);
	if (read(h->fd, &count, sizeof(count)) < 0)
		abort();
	*n = 2;
	return calloc(2, sizeof(char *));
}

xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
	(void)h;
	pthread_mutex_lock(&lock);
	if (transaction.open)
		abort();
	transaction.open = true;
	transaction.n = 0;
	transaction.id++;
	transaction.changes = changes;
	pthread_mutex_unlock(&lock);
	return transaction.id;
}

bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abort)
{
	bool ok;

	(void)h, (void)t;
	pthread_mutex_lock(&lock);
	ok = abort || transaction.changes == changes;
	for (unsigned i = 0; ok && !abort && i < transaction.n; i++)
		put(transaction.path[i], transaction.value[i]);
	transaction.open = false;
	pthread_mutex_unlock(&lock);
	errno = EAGAIN;
	return ok;
}
