/* SPDX-License-Identifier: ISC */
/* The life of a device: the steps of its thread, see frontend.h. */
#include "drivers/xenbus/frontend_internal.h"
#include "kernel/shutdown.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Reads which domain and path the backend has, and watches its state. */
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

/*
 * Whether the toolstack wants the device to be connected; it writes 0 to close it for
 * good.
 */
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
 * The close handshake: Closing, then Closed, at which the backend unmaps pages.  A
 * backend that was not connected has nothing mapped.
 */
static void close_handshake(struct frontend *fe)
{
	uint64_t deadline = clock_now() + PATIENCE;

	if (frontend_publish(fe, XenbusStateClosing, false) == 0)
		frontend_wait_state(fe, ANY & ~IN(Initialised) & ~IN(Connected), deadline, false);
	if (frontend_publish(fe, XenbusStateClosed, false) == 0 &&
	    frontend_wait_state(fe, IN(Unknown) | IN(Initialising) | IN(InitWait) | IN(Closed),
				deadline, false) == -ETIMEDOUT)
		frontend_log(fe, LOG_WARNING, "the backend did not close in time");
}

/* From any state in which an earlier connection, or a boot loader, left the backend. */
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

/*
 * If the device has appeared again while the old one is closed, callers wait (-EAGAIN).
 */
static void set_error(struct frontend *fe, int error)
{
	bool next = fe->present && fe->generation != fe->handled_generation &&
		    !fe->shutting_down;

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
	if (!fe->restored)
		close_handshake(fe);
	fe->still_mapped = 0;
	frontend_unshare(fe);
	if (fe->still_mapped) {
		frontend_log(fe, LOG_ERROR, "the backend still maps %u granted pages after closing",
			     fe->still_mapped);
		frontend_fail(fe, "granted pages are still mapped");
	}
}

/*
 * One connection from its beginning to its end.  Returns why it ended: -EAGAIN if the
 * backend closed and should come back; else as frontend_wait_state().
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
		frontend_log(fe, LOG_ERROR, "cannot connect (error %d)", rc);
		fe->logged_error = rc;
	}
	if (fe->broken)
		set_error(fe, -EPROTO);
	else
		set_error(fe, rc == -ENODEV || rc == -EINTR ? -ENODEV : -EAGAIN);
	disconnect(fe);
	return fe->broken ? -EPROTO : rc;
}

/* Whether the toolstack has written Initialising over the guest's Closed. */
static bool reattached(struct frontend *fe)
{
	char path[sizeof(fe->node) + 16];
	uint64_t state;

	format(path, sizeof(path), "%s/state", fe->node);
	return frontend_read_retry(path, XenbusStateInitialising, XenbusStateInitialising,
				   &state) == 0;
}

/*
 * Sleeps until another connection should be tried, after one that ended because of `why`.
 * Meanwhile it still answers Closing with Closed, for which a toolstack waits that
 * detaches the device.  Returns -ENODEV if the device was attached again, -EIO if
 * xenstore is lost, else 0.
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
		/* In Closing, only an event of the backend's state can change something. */
		wait_until_deadline(&fe->changed,
				    for_good || state == XenbusStateClosing ? NEVER : until,
				    frontend_removed(fe) || fe->shutting_down ||
					    xs_watch_pending(&fe->watch));
		while ((rc = xs_watch_wait(&fe->watch, 0, NULL)) == 0)
			;
		rc = rc == -EIO ? rc : 0;
	}
	return rc;
}

void frontend_report_lost(const struct frontend *fe)
{
	static char why[sizeof(fe->node) + 8];

	if (!fe->was_connected)
		return;
	format(why, sizeof(why), "lost %s", fe->node);
	shutdown_loss("onlost", STATUS_LOST, why);
}

/*
 * One attachment: from the creation of the directory to its removal, or the end of the
 * guest.
 */
static int run_attachment(struct frontend *fe)
{
	bool was_restored = fe->restored;
	int rc, waited;

	fe->restored = false;
	rc = read_backend(fe);
	if (rc) {
		fe->restored |= was_restored;
		wait_until_deadline(&fe->changed, clock_now() + PAUSE,
				    frontend_removed(fe) || fe->shutting_down);
		return rc;
	}
	if (!fe->restored) {		/* else this attachment is over, and the next one counts */
		fe->attached += !fe->lasts;
		fe->lasts = false;
	}
	do {
		set_error(fe, -EAGAIN);
		rc = run_connection(fe);
		if (fe->restored)
			break;
		if (rc == -ENODEV || rc == -EPROTO) {
			set_error(fe, rc);
			frontend_report_lost(fe);
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

void frontend_thread(void *arg)
{
	struct frontend *fe = arg;

	while (!fe->shutting_down) {
		fe->handled_generation = fe->generation;
		fe->broken = NULL;
		if (run_attachment(fe) == -EIO)
			break;
		if (!fe->present) {
			set_error(fe, -ENODEV);
			if (fe->restored)	/* the new domain does not have it */
				frontend_report_lost(fe);
		}
		wait_until(&fe->changed, fe->present || fe->shutting_down);
	}
	fe->thread_ended = true;
	set_error(fe, -ENODEV);
}
