/* SPDX-License-Identifier: ISC */
/* Watches and the queues of their events; xenstore.h defines their semantics. */
#include "drivers/xenbus/xenstore.h"
#include "drivers/xenbus/xs_link.h"
#include "kernel/arch.h"
#include "kernel/log.h"
#include "kernel/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct xs_event {
	struct xs_event *next;
	uint32_t hash;
	uint32_t len;			/* of path */
	char path[];
};

static struct xs_watch *watches;
static uint32_t next_token;

static uint32_t hash(const char *s, size_t len)		/* FNV-1a */
{
	uint32_t h = 2166136261;

	while (len--)
		h = (h ^ (uint8_t)*s++) * 16777619;
	return h;
}

static size_t cost(size_t len)
{
	return sizeof(struct xs_event) + len + 1 + 2 * sizeof(size_t);	/* of malloc() */
}

/* Whether path is parent, or below it. */
static bool below(const char *path, const char *parent)
{
	size_t n = strlen(parent);

	if (strncmp(path, parent, n) != 0)
		return false;
	return path[n] == '\0' || path[n] == '/' || strcmp(parent, "/") == 0;
}

static bool queued(const struct xs_watch *w, const char *path, size_t len, uint32_t h)
{
	for (const struct xs_event *e = w->first; e; e = e->next)
		if (e->hash == h && e->len == len && memcmp(e->path, path, len) == 0)
			return true;
	return false;
}

static void enqueue(struct xs_watch *w, const char *path)
{
	size_t len = strlen(path);
	uint32_t h = hash(path, len);
	struct xs_event *e;

	if (w->cut || queued(w, path, len, h))
		return;
	e = w->bytes + cost(len) <= XS_WATCH_BYTES ? malloc(sizeof(*e) + len + 1) : NULL;
	if (!e) {
		w->cut = true;
		return;
	}
	*e = (struct xs_event){ .hash = h, .len = len };
	memcpy(e->path, path, len + 1);
	if (w->last)
		w->last->next = e;
	else
		w->first = e;
	w->last = e;
	w->bytes += cost(len);
}

void xs_watch_event(const char *payload, size_t len)
{
	size_t path_size = strlen(payload) + 1;
	const char *token = payload + path_size;
	struct xs_watch *w = watches;

	if (path_size >= len || path_size + strlen(token) + 1 != len) {
		xs_link_unexpected("a malformed watch event");
		return;
	}
	while (w && strcmp(w->token, token) != 0)
		w = w->next;
	if (!w) {		/* sent before the unwatch, or to an earlier user of the ring */
		log_debug("xenstore: event for %s, which is not watched", payload);
		return;
	}
	/* The consumer may rely on the prefix. */
	enqueue(w, below(payload, w->path) ? payload : w->path);
	wake(w->wakes);
}

void xs_watch_fail(int error)
{
	for (struct xs_watch *w = watches; w; w = w->next) {
		w->error = error;
		wake(w->wakes);
	}
}

int xs_watch_prepare(void)
{
	for (struct xs_watch *w = watches; w; w = w->next) {
		struct xs_piece pieces[2] = {
			{ w->path, strlen(w->path) + 1 }, { w->token, strlen(w->token) + 1 },
		};

		free(w->again);
		w->again = xs_link_prepare(pieces, 2);
		if (!w->again)
			return -ENOMEM;
	}
	return 0;
}

void xs_watch_restored(bool restored)
{
	for (struct xs_watch *w = watches; w; w = w->next) {
		if (restored && w->again)
			xs_link_post(w->again, XS_WATCH, 0);
		else
			free(w->again);
		w->again = NULL;
	}
}

static void forget(struct xs_watch *w)
{
	struct xs_watch **p = &watches;
	struct xs_event *e;

	while (*p != w)
		p = &(*p)->next;
	*p = w->next;
	free(w->again);
	while ((e = w->first)) {
		w->first = e->next;
		free(e);
	}
	w->last = NULL;
}

int xs_watch(struct xs_watch *w, const char *path, struct waitq *wakes)
{
	struct xs_piece pieces[2];
	ssize_t rc = -ENOMEM;

	if (!next_token)	/* different from the tokens of an earlier user of the ring */
		next_token = random_word() | 1;
	*w = (struct xs_watch){ .path = path };
	w->wakes = wakes ? wakes : &w->waiters;
	format(w->token, sizeof(w->token), "%08x", next_token++);
	w->next = watches;
	watches = w;		/* its first event may come before the reply */

	pieces[0] = (struct xs_piece){ path, strlen(path) + 1 };
	pieces[1] = (struct xs_piece){ w->token, strlen(w->token) + 1 };
	w->undo = xs_link_prepare(pieces, 2);
	if (w->undo)
		rc = xs_link_call(XS_WATCH, 0, NEVER, pieces, 2, NULL);
	if (rc >= 0)
		return 0;
	forget(w);
	free(w->undo);
	return rc;
}

void xs_unwatch(struct xs_watch *w)
{
	forget(w);
	xs_link_post(w->undo, XS_UNWATCH, 0);
}

bool xs_watch_pending(const struct xs_watch *w)
{
	return w->first || w->cut || w->error;
}

/* Returns the first event's path, in the memory of the event. */
static char *dequeue(struct xs_watch *w)
{
	struct xs_event *e = w->first;
	size_t len = e->len;

	w->first = e->next;
	if (!w->first)
		w->last = NULL;
	w->bytes -= cost(len);
	return memmove(e, e->path, len + 1);
}

int xs_watch_wait(struct xs_watch *w, uint64_t deadline, char **path)
{
	char *p = NULL;

	if (deadline)
		wait_until_deadline(w->wakes, deadline, xs_watch_pending(w));
	if (w->first) {
		p = dequeue(w);
	} else if (w->cut) {
		p = path ? strdup(w->path) : NULL;
		if (path && !p)
			return -ENOMEM;		/* it stays cut: no event is lost */
		w->cut = false;
	} else {
		return w->error ? w->error : -ETIMEDOUT;
	}
	if (path)
		*path = p;
	else
		free(p);
	return 0;
}
