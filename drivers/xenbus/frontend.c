/* SPDX-License-Identifier: ISC */
#include "drivers/xenbus/frontend.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/dump.h"
#include "kernel/gnttab.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/shutdown.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/xenbus.h>

#define PATIENCE (10 * NSEC_PER_SEC)	/* with a backend that should let go */
#define PAUSE (1 * NSEC_PER_SEC)	/* before another try, with what went wrong */

#define IN(state) (1u << XenbusState##state)
#define ANY (~0u)

/* All devices of a driver, and the thread that finds them. */
struct kind {
	struct kind *next;
	const struct frontend_driver *driver;
	struct frontend *devices;
	struct xs_watch watch;
	char directory[16];
	bool listed;
	unsigned scans;			/* times the devices were listed */
	struct waitq changed;
};

static struct kind *kinds;

/* ---- what offer() says and shares */

struct frontend_key {
	struct frontend_key *next;
	char *value;
	char key[];
};

struct share {
	struct share *next;
	void (*undo)(struct frontend *fe, struct share *s);
	void *what;
	grant_ref_t ref;
	unsigned (*undo_driver)(struct frontend *fe);
	const char *name;		/* of a ring */
};

int frontend_write(struct frontend *fe, const char *key, const char *fmt, ...)
{
	char value[64];
	struct frontend_key *s;
	va_list args;
	size_t size;

	va_start(args, fmt);
	size = vformat(value, sizeof(value), fmt, args) + 1;
	va_end(args);
	s = size > sizeof(value) ? NULL : malloc(sizeof(*s) + strlen(key) + 1 + size);
	if (!s)
		return -ENOMEM;
	strcpy(s->key, key);
	s->value = s->key + strlen(key) + 1;
	strcpy(s->value, value);
	s->next = fe->keys;
	fe->keys = s;
	return 0;
}

/* Takes over what to undo, and undoes it at once if there is no memory to remember it. */
static int record_share(struct frontend *fe, struct share now)
{
	struct share *s = malloc(sizeof(*s));

	if (!s) {
		now.undo(fe, &now);
		return -ENOMEM;
	}
	*s = now;
	s->next = fe->shares;
	fe->shares = s;
	return 0;
}

static int add_share(struct frontend *fe, void (*undo)(struct frontend *, struct share *),
		 void *what, grant_ref_t ref)
{
	return record_share(fe, (struct share){ .undo = undo, .what = what, .ref = ref });
}

/* A page it has mapped still is freed by gnttab.c when it lets go, if ever. */
static void undo_page(struct frontend *fe, struct share *s)
{
	if (gnttab_revoke(s->ref) == 0) {
		page_free(s->what, 1);
		return;
	}
	fe->still_mapped++;
	gnttab_revoke_and_free(s->ref, s->what);
}

static void undo_ring(struct frontend *fe, struct share *s)
{
	(void)fe;
	ring_fail(s->what, -EIO);
	ring_close(s->what);
}

static void undo_event(struct frontend *fe, struct share *s)
{
	(void)fe;
	evtchn_close(s->what);
}

static void undo_pool(struct frontend *fe, struct share *s)
{
	pool_fail(s->what, -EIO);
	fe->still_mapped += pool_end(s->what);
}

static void undo_driver(struct frontend *fe, struct share *s)
{
	fe->still_mapped += s->undo_driver(fe);
}

static int share_page(struct frontend *fe, void *page, const char *key)
{
	int ref, rc;

	memset(page, 0, PAGE_SIZE);
	ref = gnttab_grant(fe->peer, page, false);
	if (ref < 0) {
		page_free(page, 1);
		return ref;
	}
	rc = add_share(fe, undo_page, page, ref);
	return rc ? rc : frontend_write(fe, key, "%u", ref);
}

int frontend_ring(struct frontend *fe, struct ring *r, unsigned order, size_t request_size,
		  size_t response_size, const char *key)
{
	unsigned n = 1u << order, i;
	char *pages = page_alloc(n);
	char numbered[32];
	int rc = pages ? 0 : -ENOMEM;

	for (i = 0; i < n && !rc; i++) {
		if (order)
			format(numbered, sizeof(numbered), "%s%u", key, i);
		rc = share_page(fe, pages + i * PAGE_SIZE, order ? numbered : key);
	}
	if (rc && pages && i < n)
		page_free(pages + i * PAGE_SIZE, n - i);
	if (rc)
		return rc;
	ring_init(r, pages, n * PAGE_SIZE, request_size, response_size);
	return record_share(fe, (struct share){ .undo = undo_ring, .what = r, .name = key });
}

int frontend_event(struct frontend *fe, struct evtchn *e, const char *key)
{
	int rc = evtchn_listen(e, fe->driver->kind, fe->peer);

	if (!rc)
		rc = add_share(fe, undo_event, e, 0);
	return rc ? rc : frontend_write(fe, key, "%u", e->port);
}

int frontend_pool(struct frontend *fe, struct pool *pool, uint32_t min, uint32_t max)
{
	int rc = pool_init(pool, fe->peer, min, max);

	return rc ? rc : add_share(fe, undo_pool, pool, 0);
}

int frontend_undo(struct frontend *fe, unsigned (*undo)(struct frontend *fe))
{
	return record_share(fe, (struct share){ .undo = undo_driver, .undo_driver = undo });
}

static void frontend_unshare(struct frontend *fe)
{
	struct frontend_key *key;
	struct share *s;

	while ((key = fe->keys)) {
		fe->keys = key->next;
		free(key);
	}
	while ((s = fe->shares)) {
		fe->shares = s->next;
		s->undo(fe, s);
		free(s);
	}
}

/* Its directory is not there, or has been away. */
static bool frontend_removed(const struct frontend *fe)
{
	return !fe->present || fe->generation != fe->handled_generation;
}

/* ---- xenstore */

/*
 * That there is no memory for a question says nothing of the device: this asks again, but
 * not for ever.
 */
static int frontend_read_retry(const char *path, uint64_t min, uint64_t max, uint64_t *value)
{
	uint64_t deadline = clock_now() + PATIENCE;
	int rc;

	while ((rc = xs_read_number(NULL, path, min, max, value)) == -ENOMEM &&
	       clock_now() < deadline)
		thread_sleep(clock_now() + PAUSE / 10);
	return rc;
}

int frontend_read_number(struct frontend *fe, const char *key, uint64_t min, uint64_t max,
		 uint64_t fallback, uint64_t *value)
{
	char path[sizeof(fe->backend) + 40];
	int rc;

	format(path, sizeof(path), "%s/%s", fe->backend, key);
	rc = xs_read_number(NULL, path, min, max, value);
	if (rc == -ENOENT) {
		*value = fallback;
		return 0;
	}
	if (rc == -EPROTO) {
		frontend_log(fe, LOG_ERROR, "%s of the backend is no number we can use", key);
		return frontend_fail(fe, "a parameter");
	}
	return rc;
}

int frontend_fail(struct frontend *fe, const char *why)
{
	if (!fe->broken) {
		frontend_log(fe, LOG_ERROR, "the backend broke the protocol: %s", why);
		fe->broken = why;
		wake(&fe->changed);
	}
	return -EPROTO;
}

struct publication {
	struct frontend *fe;
	unsigned state;
	bool with_keys;
};

static bool has_prefix(const char *name, const char *with)
{
	return strncmp(name, with, strlen(with)) == 0;
}

/*
 * What a frontend says of its connection (xen/io/netif.h, blkif.h): keys of an earlier one,
 * of ours or of a loader or firmware that had the device before, would be taken for ours
 * where we do not say them.  A toolstack writes none of these names here.
 */
static bool is_connection_key(const char *name)
{
	static const char *const names[] = {
		"ring-ref", "ring-page-order", "num-ring-pages", "tx-ring-ref", "rx-ring-ref",
		"ctrl-ring-ref", "event-channel", "queue-", "multi-queue-", "feature-",
		"request-", "xdp-headroom",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (has_prefix(name, names[i]))
			return true;
	return false;
}

static bool publishes(const struct frontend *fe, const char *name)
{
	for (const struct frontend_key *s = fe->keys; s; s = s->next)
		if (strcmp(s->key, name) == 0)
			return true;
	return false;
}

static int remove_stale_keys(struct frontend *fe, const struct xs_tx *tx)
{
	char path[sizeof(fe->node) + 100], **names;
	int n = xs_list(tx, fe->node, &names), rc = 0;

	if (n < 0)
		return n;
	for (int i = 0; i < n && !rc; i++) {
		if (!is_connection_key(names[i]) || publishes(fe, names[i]))
			continue;
		if (strlen(names[i]) + sizeof(fe->node) >= sizeof(path))
			continue;	/* no backend asks for so long a name */
		format(path, sizeof(path), "%s/%s", fe->node, names[i]);
		rc = xs_rm(tx, path);
		if (rc == -ENOENT || rc == -EACCES)
			rc = 0;		/* what is not ours, we cannot help */
	}
	free(names);
	return rc;
}

/* What vanished must not come back by our writing to it. */
static int publish_body(const struct xs_tx *tx, void *arg)
{
	struct publication *p = arg;
	struct frontend *fe = p->fe;
	char path[sizeof(fe->node) + 40], *backend;
	int rc;

	format(path, sizeof(path), "%s/backend", fe->node);
	rc = xs_read(tx, path, &backend);
	if (rc < 0)
		return rc;
	free(backend);
	rc = p->with_keys ? remove_stale_keys(fe, tx) : 0;
	for (struct frontend_key *s = p->with_keys ? fe->keys : NULL; s && !rc; s = s->next) {
		format(path, sizeof(path), "%s/%s", fe->node, s->key);
		rc = xs_write(tx, path, s->value);
	}
	format(path, sizeof(path), "%s/state", fe->node);
	return rc ? rc : xs_printf(tx, path, "%u", p->state);
}

static int frontend_publish(struct frontend *fe, unsigned state, bool with_keys)
{
	struct publication p = { fe, state, with_keys };
	uint64_t deadline = clock_now() + PATIENCE;
	int rc;

	/* As frontend_read_retry() has it: who is not told that we close keeps our pages. */
	while ((rc = xs_transaction(NEVER, publish_body, &p)) == -ENOMEM &&
	       clock_now() < deadline)
		thread_sleep(clock_now() + PAUSE / 10);
	return rc;
}

/* Unknown: it is gone, or says nothing that makes sense. */
static unsigned frontend_backend_state(struct frontend *fe)
{
	uint64_t state;

	if (frontend_read_retry(fe->state_path, 0, XenbusStateReconfigured, &state))
		return XenbusStateUnknown;
	return state;
}

/*
 * Sleep until the backend is in one of these states: 0.  Else why not: -ENODEV, the device
 * is gone; -EPROTO, it is broken; -EINTR, the guest ends; -ETIMEDOUT; -EIO, no xenstore.
 */
static int frontend_wait_state(struct frontend *fe, unsigned states, uint64_t deadline,
			       bool abortable)
{
	for (;;) {
		int rc;

		do
			rc = xs_watch_wait(&fe->watch, 0, NULL);
		while (rc == 0);
		if (rc != -ETIMEDOUT)
			return rc;
		if (abortable && (fe->broken || fe->shutting_down))
			return fe->broken ? -EPROTO : -EINTR;
		if (states & (1u << frontend_backend_state(fe)))
			return 0;
		if (frontend_removed(fe))
			return -ENODEV;
		if (!wait_until_deadline(&fe->changed, deadline,
					 xs_watch_pending(&fe->watch) || frontend_removed(fe) ||
						 (abortable && (fe->broken || fe->shutting_down))))
			return -ETIMEDOUT;
	}
}

/* ---- a life */

/* Where the backend is, and a watch on its state. */
static int read_backend(struct frontend *fe)
{
	char path[sizeof(fe->node) + 40], *backend;
	uint64_t peer;
	ssize_t len;
	int rc;

	format(path, sizeof(path), "%s/backend-id", fe->node);
	rc = xs_read_number(NULL, path, 0, DOMID_FIRST_RESERVED - 1, &peer);
	if (rc)
		return rc;
	format(path, sizeof(path), "%s/backend", fe->node);
	len = xs_read(NULL, path, &backend);
	if (len < 0)
		return len;
	if (len == 0 || (size_t)len >= sizeof(fe->backend))
		rc = -EPROTO;
	else
		strcpy(fe->backend, backend);
	free(backend);
	if (rc)
		return rc;
	fe->peer = peer;
	format(fe->state_path, sizeof(fe->state_path), "%s/state", fe->backend);
	return xs_watch(&fe->watch, fe->state_path, &fe->changed);
}

/* The toolstack wants it to be connected; it writes 0 to have it closed for good. */
static bool backend_online(struct frontend *fe)
{
	char path[sizeof(fe->backend) + 16];
	uint64_t n;
	int rc;

	format(path, sizeof(path), "%s/online", fe->backend);
	rc = frontend_read_retry(path, 0, 1, &n);
	return rc == -ENOENT || (rc == 0 && n);
}

/*
 * Both go down: Closing, then Closed, upon which the backend unmaps what it has.  One
 * that was not connected has nothing.
 */
static void close_handshake(struct frontend *fe)
{
	uint64_t deadline = clock_now() + PATIENCE;

	if (frontend_publish(fe, XenbusStateClosing, false) == 0)
		frontend_wait_state(fe, ANY & ~IN(Initialised) & ~IN(Connected), deadline, false);
	if (frontend_publish(fe, XenbusStateClosed, false) == 0 &&
	    frontend_wait_state(fe, IN(Unknown) | IN(Initialising) | IN(InitWait) | IN(Closed),
				deadline, false) == -ETIMEDOUT)
		frontend_log(fe, LOG_WARNING, "the backend does not close");
}

/* From wherever a connection before us, or a loader's, left it. */
static int wait_for_backend(struct frontend *fe)
{
	int rc = frontend_wait_state(fe, ANY & ~IN(Unknown) & ~IN(Initialising), NEVER, true);
	unsigned state;

	if (rc)
		return rc;
	state = frontend_backend_state(fe);
	if (state == XenbusStateConnected || state == XenbusStateClosing)
		close_handshake(fe);
	if (!backend_online(fe))
		return -ENODEV;
	if (state != XenbusStateInitWait && state != XenbusStateInitialised)
		rc = frontend_publish(fe, XenbusStateInitialising, false);
	return rc ? rc : frontend_wait_state(fe, IN(InitWait) | IN(Initialised), NEVER, true);
}

/* Who opens it while the one before it still goes waits. */
static void set_error(struct frontend *fe, int error)
{
	bool next = fe->present && fe->generation != fe->handled_generation && !fe->shutting_down;

	fe->error = next ? -EAGAIN : error;
	wake(&fe->changed);
}

static int connect(struct frontend *fe)
{
	const struct frontend_driver *driver = fe->driver;
	int rc = driver->offer(fe);

	if (!rc)
		rc = frontend_publish(fe, driver->publish_as, true);
	if (!rc)
		rc = frontend_wait_state(fe, ANY & ~IN(InitWait) & ~IN(Initialised), NEVER, true);
	if (!rc && frontend_backend_state(fe) != XenbusStateConnected)
		rc = -ECONNREFUSED;
	if (!rc)
		rc = driver->start(fe);
	if (!rc && driver->publish_as != XenbusStateConnected)
		rc = frontend_publish(fe, XenbusStateConnected, false);
	return rc;
}

static void disconnect(struct frontend *fe)
{
	fe->driver->stop(fe);
	close_handshake(fe);
	fe->still_mapped = 0;
	frontend_unshare(fe);
	if (fe->still_mapped) {
		frontend_log(fe, LOG_ERROR, "the backend keeps %u of our pages", fe->still_mapped);
		frontend_fail(fe, "pages kept");
	}
}

/*
 * One connection, from its beginning to its end: why it ended.  -EAGAIN, the backend
 * closed, and shall come back; else as frontend_wait_state().
 */
static int run_connection(struct frontend *fe)
{
	int rc = wait_for_backend(fe);

	if (rc)
		return rc;
	rc = connect(fe);
	if (!rc) {
		fe->logged_error = 0;
		fe->was_connected = true;
		set_error(fe, 0);
		rc = frontend_wait_state(fe, ANY & ~IN(Connected), NEVER, true);
		if (rc == -EINTR && fe->driver->flush)
			fe->driver->flush(fe);
		if (!rc)
			rc = backend_online(fe) ? -EAGAIN : -ENODEV;
	} else if (rc != -EPROTO && rc != -EINTR && rc != -ENODEV && rc != fe->logged_error) {
		frontend_log(fe, LOG_ERROR, "cannot connect (%d)", rc);
		fe->logged_error = rc;
	}
	if (fe->broken)
		set_error(fe, -EPROTO);
	else
		set_error(fe, rc == -ENODEV || rc == -EINTR ? -ENODEV : -EAGAIN);
	disconnect(fe);
	return fe->broken ? -EPROTO : rc;
}

/* We have written Closed, and the toolstack Initialising over it. */
static bool reattached(struct frontend *fe)
{
	char path[sizeof(fe->node) + 16];
	uint64_t state;

	format(path, sizeof(path), "%s/state", fe->node);
	return frontend_read_retry(path, XenbusStateInitialising, XenbusStateInitialising,
				   &state) == 0;
}

/*
 * Sleep until it is worth trying again, after a connection that ended so: for good or not
 * we go on being polite, since a toolstack that detaches the device waits for us to say
 * Closed after it wrote Closing.  -ENODEV: it has been attached anew; -EIO, no xenstore.
 */
static int wait_before_retry(struct frontend *fe, int why)
{
	bool for_good = why == -ENODEV || why == -EPROTO;
	uint64_t until = clock_now() + (why == -EAGAIN ? PAUSE / 10 : PAUSE);
	int rc = why == -EIO ? -EIO : 0;

	while (!frontend_removed(fe) && !fe->shutting_down && !rc) {
		unsigned state = frontend_backend_state(fe);
		bool over = !for_good && clock_now() >= until;

		if (why == -EPROTO && reattached(fe))
			return -ENODEV;
		if (state == XenbusStateClosing)
			frontend_publish(fe, XenbusStateClosed, false);
		else if (over || (why == -ENODEV && state > XenbusStateInitialising &&
				  backend_online(fe)))
			break;
		wait_until_deadline(&fe->changed, for_good ? NEVER : until,
				    frontend_removed(fe) || fe->shutting_down ||
					    xs_watch_pending(&fe->watch));
		while ((rc = xs_watch_wait(&fe->watch, 0, NULL)) == 0)
			;
		rc = rc == -EIO ? rc : 0;
	}
	return rc;
}

/* It was connected, and will not be again unless somebody attaches it anew. */
static void report_lost(struct frontend *fe)
{
	static char why[sizeof(fe->node) + 8];

	if (!fe->was_connected)
		return;
	format(why, sizeof(why), "lost %s", fe->node);
	shutdown_loss("onlost", STATUS_LOST, why);
}

/* From when its directory is there until it is not, or the guest ends. */
static int run_attachment(struct frontend *fe)
{
	int rc = read_backend(fe), waited;

	if (rc) {
		wait_until_deadline(&fe->changed, clock_now() + PAUSE,
				    frontend_removed(fe) || fe->shutting_down);
		return rc;
	}
	fe->attached++;
	do {
		set_error(fe, -EAGAIN);
		rc = run_connection(fe);
		if (rc == -ENODEV || rc == -EPROTO) {
			set_error(fe, rc);
			report_lost(fe);
		}
		if (rc == -ENODEV)
			frontend_log(fe, LOG_INFO, "detached");
		waited = wait_before_retry(fe, rc);
		if (waited)
			rc = waited;
	} while (!frontend_removed(fe) && !fe->shutting_down && rc != -ENODEV && rc != -EIO);
	xs_unwatch(&fe->watch);
	return rc;
}

static void frontend_thread(void *arg)
{
	struct frontend *fe = arg;

	while (!fe->shutting_down) {
		fe->handled_generation = fe->generation;
		fe->broken = NULL;
		if (run_attachment(fe) == -EIO)
			break;
		if (!fe->present)
			set_error(fe, -ENODEV);
		wait_until(&fe->changed, fe->present || fe->shutting_down);
	}
	fe->thread_ended = true;
	set_error(fe, -ENODEV);
}

/* ---- which devices there are */

static struct frontend *get_device(struct kind *k, uint64_t id)
{
	struct frontend *fe;

	for (fe = k->devices; fe && fe->id != id; fe = fe->next)
		;
	return fe;
}

/* Its number, if this is the name of a device. */
static bool parse_id(const char *name, size_t len, uint64_t *id)
{
	*id = 0;
	for (size_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9' || *id > UINT32_MAX / 10)
			return false;
		*id = *id * 10 + (name[i] - '0');
	}
	return len && *id <= UINT32_MAX;
}

/* False: no memory. */
static bool add_device(struct kind *k, unsigned id)
{
	struct frontend *fe = calloc(1, k->driver->size), **p = &k->devices;
	char name[16];

	if (!fe)
		return false;
	fe->driver = k->driver;
	fe->id = id;
	fe->error = -EAGAIN;
	fe->present = true;
	fe->generation = 1;
	format(fe->node, sizeof(fe->node), "%s/%u", k->directory, id);
	format(name, sizeof(name), "%s-%u", k->driver->kind, id);
	if (!thread_start(name, THREAD_KERNEL, STACK_KERNEL, frontend_thread, fe, NULL)) {
		free(fe);
		return false;
	}
	while (*p && (*p)->id < id)
		p = &(*p)->next;
	fe->next = *p;
	*p = fe;
	return true;
}

/* 1, 0, or -ENOMEM: cannot say. */
static int has_backend(struct kind *k, unsigned id)
{
	char path[40], *value;
	ssize_t len;

	format(path, sizeof(path), "%s/%u/backend", k->directory, id);
	len = xs_read(NULL, path, &value);
	if (len < 0)
		return len == -ENOMEM ? len : 0;
	free(value);
	return len > 0;
}

static bool listed(char **names, int n, unsigned id)
{
	uint64_t found;

	for (int i = 0; i < n; i++)
		if (parse_id(names[i], strlen(names[i]), &found) && found == id)
			return true;
	return false;
}

static void set_present(struct frontend *fe, bool present)
{
	if (fe->present == present)
		return;
	fe->present = present;
	fe->generation += present;
	/* Who opens it now waits for it; its thread has not run yet. */
	fe->error = present ? -EAGAIN : -ENODEV;
	wake(&fe->changed);
}

/* False: there was no memory to learn all of it. */
static bool list_devices(struct kind *k)
{
	char **names = NULL;
	int n = xs_list(NULL, k->directory, &names), has;
	bool all = true;
	uint64_t id;

	if (n < 0 && n != -ENOENT)
		return n != -ENOMEM;
	for (int i = 0; i < n; i++) {
		if (!parse_id(names[i], strlen(names[i]), &id) || get_device(k, id))
			continue;
		has = has_backend(k, id);
		all &= has >= 0 && (!has || add_device(k, id));
	}
	for (struct frontend *fe = k->devices; fe; fe = fe->next) {
		has = listed(names, n, fe->id) ? has_backend(k, fe->id) : 0;
		all &= has >= 0;
		if (has >= 0)
			set_present(fe, has);
	}
	free(names);
	return all;
}

/* What we write ourselves below a device that is known is no news. */
static bool may_change_devices(struct kind *k, const char *path)
{
	size_t skip = strlen(k->directory) + 1, len;
	struct frontend *fe;
	uint64_t id;

	if (strlen(path) <= skip)
		return true;
	len = strcspn(path + skip, "/");
	if (!parse_id(path + skip, len, &id))
		return false;
	fe = get_device(k, id);
	return path[skip + len] == '\0' || !fe || !fe->present;
}

/* Sleep until devices may have come or gone, or the deadline: 0; -EIO, xenstore is lost. */
static int wait_for_change(struct kind *k, uint64_t deadline)
{
	bool any = false;
	char *path;
	int rc = 0;

	while (!any && !(rc = xs_watch_wait(&k->watch, deadline, &path))) {
		any = may_change_devices(k, path);
		free(path);
	}
	if (rc == -ENOMEM)		/* something, and it stays to be taken */
		thread_sleep(clock_now() + PAUSE);
	return rc == -EIO ? rc : 0;
}

/* All its devices are to be closed, as far as that is possible. */
static void shut_down_devices(struct kind *k)
{
	for (struct frontend *fe = k->devices; fe; fe = fe->next) {
		fe->shutting_down = true;
		wake(&fe->changed);
	}
}

static void discover(void *arg)
{
	struct kind *k = arg;
	int rc = gnttab_init();

	if (!rc)
		rc = xs_init();
	if (!rc)
		rc = xs_watch(&k->watch, k->directory, NULL);
	while (!rc) {
		bool all = list_devices(k);

		k->listed = true;
		k->scans++;
		wake(&k->changed);
		rc = wait_for_change(k, all ? NEVER : clock_now() + PAUSE);
	}
	log_warning("%s: no xenstore or no grants (%d)", k->directory, rc);
	shut_down_devices(k);
	k->listed = true;
	wake(&k->changed);
}

/* ---- to be shown */

void frontend_each(const struct frontend_driver *driver,
		   void (*visit)(const struct frontend *fe, void *arg), void *arg)
{
	for (struct kind *k = kinds; k; k = k->next)
		for (struct frontend *fe = k->devices; fe; fe = fe->next)
			if (!driver || driver == k->driver)
				visit(fe, arg);
}

void frontend_rings(const struct frontend *fe,
		    void (*visit)(const char *key, const struct ring *r, void *arg), void *arg)
{
	for (struct share *s = fe->shares; s; s = s->next)
		if (s->undo == undo_ring)
			visit(s->name, s->what, arg);
}

/* ---- the end of the guest */

static void flush_all(void)
{
	for (struct kind *k = kinds; k; k = k->next)
		for (struct frontend *fe = k->devices; fe; fe = fe->next)
			if (!fe->error && k->driver->flush)
				k->driver->flush(fe);
}

/*
 * Each in its own thread, so that one that hangs keeps no other from it; and a quarter of
 * the time is for the hooks behind us.
 */
static void close_all(const struct shutdown_order *order)
{
	uint64_t now = clock_now();
	uint64_t deadline = now < order->deadline ? now + (order->deadline - now) / 4 * 3 : now;

	for (struct kind *k = kinds; k; k = k->next)
		shut_down_devices(k);
	for (struct kind *k = kinds; k; k = k->next)
		for (struct frontend *fe = k->devices; fe; fe = fe->next)
			wait_until_deadline(&fe->changed, deadline, fe->thread_ended);
}

/* ---- */

static void report_ring(const char *key, const struct ring *r, void *arg)
{
	(void)arg;
	print("  %s: ", key);
	ring_report(r);
}

/* Each device, and each of its rings. */
static void report_device(const struct frontend *fe, void *arg)
{
	(void)arg;
	print("%s: ", fe->node);
	if (fe->log.left_out)
		print("%u lines left out of the log; ", fe->log.left_out);
	if (fe->error)
		print("not connected (%d)%s%s\n", fe->error, fe->broken ? ", broken: " : "",
		      fe->broken ? fe->broken : "");
	else
		print("connected to %s\n", fe->backend);
	frontend_rings(fe, report_ring, NULL);
}

static void report(void)
{
	frontend_each(NULL, report_device, NULL);
}

static struct kind *get_kind(const struct frontend_driver *driver)
{
	static struct shutdown_hook hook = {
		.name = "devices", .run = close_all, .sync = flush_all,
	};
	static struct dump dump = { .report = report };
	struct kind *k;

	for (k = kinds; k && k->driver != driver; k = k->next)
		;
	if (k)
		return k;
	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->driver = driver;
	format(k->directory, sizeof(k->directory), "device/%s", driver->kind);
	if (!thread_start(k->directory, THREAD_KERNEL, STACK_KERNEL, discover, k, NULL)) {
		free(k);
		return NULL;
	}
	if (!kinds) {
		shutdown_hook(&hook);
		dump_add(&dump);
		frontend_methods_add();
	}
	if (driver->methods_add)
		driver->methods_add();
	k->next = kinds;
	kinds = k;
	return k;
}

struct frontend *frontend_get(const struct frontend_driver *driver, unsigned id)
{
	struct frontend *fe = frontend_next(driver, id);

	return fe && fe->id == id ? fe : NULL;
}

struct frontend *frontend_next(const struct frontend_driver *driver, unsigned id)
{
	struct kind *k = get_kind(driver);
	struct frontend *fe;

	if (!k)
		return NULL;
	wait_until(&k->changed, k->listed);
	for (fe = k->devices; fe && (fe->id < id || !fe->present); fe = fe->next)
		;
	return fe;
}

void frontend_wait_change(const struct frontend_driver *driver, unsigned *seen)
{
	struct kind *k = get_kind(driver);

	if (!k)
		thread_sleep(clock_now() + PAUSE);
	else
		wait_until(&k->changed, k->scans != *seen);
	*seen = k ? k->scans : *seen;
}

int frontend_wait(struct frontend *fe, uint64_t deadline)
{
	if (!wait_until_deadline(&fe->changed, deadline, fe->error != -EAGAIN))
		return -ETIMEDOUT;
	return fe->error;
}
