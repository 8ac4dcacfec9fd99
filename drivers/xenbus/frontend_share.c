/* SPDX-License-Identifier: ISC */
/*
 * Resources that offer() shares and keys that it writes; each is recorded with a function that
 * undoes it.
 */
#include "drivers/xenbus/frontend_internal.h"
#include "kernel/arch.h"
#include "kernel/gnttab.h"
#include "kernel/page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct share {
	struct share *next;
	void (*undo)(struct frontend *fe, struct share *s);
	void *what;
	grant_ref_t ref;
	unsigned (*undo_driver)(struct frontend *fe);
	const char *name;		/* of a ring, for reports */
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

/* Records what to undo.  Without memory for the record, it is undone at once. */
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

static void undo_page(struct frontend *fe, struct share *s)
{
	fe->still_mapped += !gnttab_revoke_and_free(s->ref, s->what);
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

	ref = gnttab_grant_zeroed(fe->peer, page, false);
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

void frontend_unshare(struct frontend *fe)
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

void frontend_rings(const struct frontend *fe,
		    void (*visit)(const char *key, const struct ring *r, void *arg), void *arg)
{
	for (struct share *s = fe->shares; s; s = s->next)
		if (s->undo == undo_ring)
			visit(s->name, s->what, arg);
}
