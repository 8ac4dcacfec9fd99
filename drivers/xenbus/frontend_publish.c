/* SPDX-License-Identifier: ISC */
/* Keys and states of frontend and backend in xenstore (xen/io/xenbus.h). */
#include "drivers/xenbus/frontend_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool frontend_removed(const struct frontend *fe)
{
	return !fe->present || fe->generation != fe->handled_generation;
}

/*
 * -ENOMEM says nothing about the device, so the read is repeated until PATIENCE has
 * passed.
 */
int frontend_read_retry(const char *path, uint64_t min, uint64_t max, uint64_t *value)
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
		frontend_log(fe, LOG_ERROR, "the backend's %s is not a number, or out of range",
			     key);
		return frontend_fail(fe, "invalid value in xenstore");
	}
	return rc;
}

int frontend_fail(struct frontend *fe, const char *why)
{
	if (!fe->broken) {
		frontend_log(fe, LOG_ERROR, "disabled until it is attached again: %s", why);
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
 * Keys that describe a connection (xen/io/netif.h, blkif.h). If an earlier connection, a
 * boot loader or a firmware wrote some that this connection does not write, the backend
 * would use them.  A toolstack writes none of these names here.
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
			continue;	/* no backend reads so long a name */
		format(path, sizeof(path), "%s/%s", fe->node, names[i]);
		rc = xs_rm(tx, path);
		if (rc == -ENOENT || rc == -EACCES)
			rc = 0;		/* a key without permission stays */
	}
	free(names);
	return rc;
}

/*
 * Reads `backend` first: a directory that was removed must not be created again by a
 * write.
 */
static int publish_body(const struct xs_tx *tx, void *arg)
{
	struct publication *p = arg;
	struct frontend *fe = p->fe;
	char path[sizeof(fe->node) + 40], *backend;
	int rc;

	if (fe->restored)		/* its directory is that of the next connection */
		return -ENODEV;
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

int frontend_publish(struct frontend *fe, unsigned state, bool with_keys)
{
	struct publication p = { fe, state, with_keys };
	uint64_t deadline = clock_now() + PATIENCE;
	int rc;

	/*
	 * Repeated like frontend_read_retry(): a backend that does not see Closed keeps
	 * pages mapped.
	 */
	while ((rc = xs_transaction(NEVER, publish_body, &p)) == -ENOMEM &&
	       clock_now() < deadline)
		thread_sleep(clock_now() + PAUSE / 10);
	return rc;
}

unsigned frontend_backend_state(struct frontend *fe)
{
	uint64_t state;

	if (frontend_read_retry(fe->state_path, 0, XenbusStateReconfigured, &state))
		return XenbusStateUnknown;
	return state;
}

int frontend_wait_state(struct frontend *fe, unsigned states, uint64_t deadline,
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
