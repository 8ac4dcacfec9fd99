/* SPDX-License-Identifier: ISC */
/*
 * The life of a disk, as a backend sees it (xen/io/blkif.h, xen/io/xenbus.h).
 *
 *	keys, InitWait
 *	the frontend is Initialised		map its rings, keys, Connected
 *	the frontend is Closing or Closed, or gone	unmap all, Closed
 *	it is Initialising again		InitWait
 *
 * until the toolstack writes online=0, or the frontend's folder does not exist.  A server that was
 * restarted finds Connected, and connects at once.
 */
#include "backend/blkback.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/protocols.h>
#include <xen/io/xenbus.h>

#define KEY_MAX 200

/* ---- xenstore */

/* Returns a decimal number in [0, max], or -EPROTO; -ENOENT if there is none. */
static int64_t number(const char *folder, const char *key, uint32_t max)
{
	char path[KEY_MAX], *value, *end;
	unsigned long long n;
	int rc;

	snprintf(path, sizeof(path), "%s/%s", folder, key);
	rc = domain_read(path, &value);
	if (rc)
		return rc;
	n = strtoull(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end || end - value > 10 || n > max)
		rc = -EPROTO;
	free(value);
	return rc ? rc : (int64_t)n;
}

/* Keys that are written together. */
struct says {
	unsigned n;
	struct domain_key key[20];
};

static void say(struct says *all, const char *key, uint64_t n)
{
	struct domain_key *k = &all->key[all->n++];

	assert(all->n <= sizeof(all->key) / sizeof(all->key[0]));
	k->key = key;
	snprintf(k->value, sizeof(k->value), "%llu", (unsigned long long)n);
}

static int said(const struct blkback *b, const struct says *all)
{
	return domain_write(b->path, all->key, all->n);
}

static int set_state(const struct blkback *b, unsigned state)
{
	struct says s = { 0 };

	say(&s, "state", state);
	return said(b, &s);
}

static int64_t state(const char *folder)
{
	return number(folder, "state", XenbusStateReconfigured);
}

/* The frontend reads these when it sees InitWait. */
static void say_offer(struct says *s, const struct blkback *b)
{
	say(s, "feature-persistent", 1);
	say(s, "feature-flush-cache", b->store->flush != NULL);
	say(s, "feature-barrier", 0);
	say(s, "feature-max-indirect-segments", BLKBACK_SEGMENTS);
	say(s, "max-ring-page-order", BLKBACK_RING_ORDER);
	say(s, "max-ring-pages", 1 << BLKBACK_RING_ORDER);
	/* Frontends take this key as proof that sectors are counted in units of 512 bytes. */
	say(s, "multi-queue-max-queues", 1);
}

static void say_size(struct says *s, struct blkback *b)
{
	b->published = b->store->size;
	say(s, "sectors", b->published / BLKBACK_SECTOR);
}

/* ... and these when it sees Connected. */
static void say_disk(struct says *s, struct blkback *b)
{
	unsigned unit = b->store->sector_size ? b->store->sector_size : BLKBACK_SECTOR;

	say_size(s, b);
	say(s, "sector-size", unit);
	say(s, "physical-sector-size", unit);
	say(s, "info", b->readonly ? VDISK_READONLY : 0);
	say(s, "feature-discard", b->store->discard != NULL);
	say(s, "discard-granularity", unit);
	say(s, "discard-alignment", 0);
	say(s, "discard-secure", 0);
}

/* ---- what the frontend publishes */

static int read_abi(struct blkback *b)
{
	char path[KEY_MAX], *protocol;
	int rc;

	b->abi = BLK_ABI_64;
	snprintf(path, sizeof(path), "%s/protocol", b->front);
	rc = domain_read(path, &protocol);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	if (!strcmp(protocol, XEN_IO_PROTO_ABI_X86_32))
		b->abi = BLK_ABI_32;
	else if (strcmp(protocol, XEN_IO_PROTO_ABI_X86_64))
		rc = -EPROTO;
	free(protocol);
	return rc;
}

/* The order of the ring; -1: its only ref has the old name. */
static int read_order(const struct blkback *b)
{
	int64_t order = number(b->front, "ring-page-order", BLKBACK_RING_ORDER);
	int64_t pages;

	if (order != -ENOENT)
		return order < 0 ? -EPROTO : order;
	/* An older name of the same, by Citrix. */
	pages = number(b->front, "num-ring-pages", 1 << BLKBACK_RING_ORDER);
	if (pages == -ENOENT || pages == 1)
		return -1;
	for (order = 0; pages > 0 && order <= BLKBACK_RING_ORDER; order++)
		if (pages == 1 << order)
			return order;
	return -EPROTO;
}

/* folder has the refs and the port of one queue. */
static int read_offer(const char *folder, int order, struct blk_offer *offer)
{
	char key[20];
	int64_t n;

	offer->pages = order < 0 ? 1 : 1u << order;
	for (unsigned i = 0; i < offer->pages; i++) {
		snprintf(key, sizeof(key), order < 0 ? "ring-ref" : "ring-ref%u", i);
		n = number(folder, key, UINT32_MAX);
		/* With order 0 there are frontends that use the old name. */
		if (n == -ENOENT && order == 0)
			n = number(folder, "ring-ref", UINT32_MAX);
		if (n < 0)
			return n;
		offer->refs[i] = n;
	}
	n = number(folder, "event-channel", UINT32_MAX);
	offer->port = n;
	return n < 0 ? n : 0;
}

static int connect_queue(struct blkback *b, unsigned i, bool several, int order)
{
	struct blk_offer offer;
	char folder[KEY_MAX];
	int rc;

	if (several)
		snprintf(folder, sizeof(folder), "%s/queue-%u", b->front, i);
	else
		snprintf(folder, sizeof(folder), "%s", b->front);
	rc = read_offer(folder, order, &offer);
	return rc ? rc : blk_queue_start(&b->queue[i], b, &offer);
}

/* Called outside, since a store may sleep. */
static void tell(struct blkback *b, enum disk_event event)
{
	if (!b->store->tell)
		return;
	domain_leave();
	b->store->tell(b->store, event);
	domain_enter();
}

/*
 * A frontend that closes may wait for its requests (Linux does), so they are answered; drain() waits for
 * late ones.  A connection of another server may follow END_SERVER, which repeats them.
 */
enum end { END_CLOSED, END_LOST, END_BROKEN, END_SERVER };

static void disconnect(struct blkback *b, enum end end)
{
	if (!b->queues)
		return;
	/* First, since a store ends calls with an error that wait by a fault. */
	for (unsigned i = 0; i < b->queues; i++)
		blk_queue_end(&b->queue[i], end == END_CLOSED);
	tell(b, DISK_STOPPED);
	for (unsigned i = 0; i < b->queues; i++)
		blk_queue_stop(&b->queue[i]);
	b->queues = 0;
	b->stats.connected = false;
	tell(b, end == END_LOST ? DISK_LOST : DISK_CLOSED);
}

#define QUIET (200 * 1000000ull)	/* ns without a request */
#define QUIET_ROUNDS 15			/* at most: xl waits for 10 s */

static uint32_t consumed(const struct blkback *b)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < b->queues; i++)
		sum += b->queue[i].ring.consumed;
	return sum;
}

static bool in_progress(const struct blkback *b)
{
	for (unsigned i = 0; i < b->queues; i++) {
		const struct back_ring *r = &b->queue[i].ring;

		if (r->consumed != r->produced || back_ring_any(r))
			return true;
	}
	return false;
}

/*
 * When Linux is asked to close, it stops its queue, writes Closed, and then waits for all its requests, also
 * for those in the stopped queue.  Only an event starts that queue again.  So the backend sends events, and
 * serves until no request follows.
 */
static void drain(struct blkback *b)
{
	bool quiet = b->queues == 0;

	for (unsigned n = 0; n < QUIET_ROUNDS && !quiet && !b->end && !b->broken; n++) {
		uint32_t before = consumed(b);

		for (unsigned i = 0; i < b->queues; i++)
			domain_event_notify(b->queue[i].event);
		domain_sleep(&b->changed, domain_clock() + QUIET);
		quiet = consumed(b) == before && !in_progress(b);
	}
}

static int connect_queues(struct blkback *b)
{
	int64_t queues = number(b->front, "multi-queue-num-queues", BLKBACK_QUEUES);
	int order = read_order(b), rc = read_abi(b);
	bool several = queues > 1;

	if (queues == -ENOENT)
		queues = 1;
	if (queues < 1 || order < -1 || rc)
		return -EPROTO;
	b->persistent = number(b->front, "feature-persistent", 1) == 1;
	b->grants_most = BLKBACK_PERSISTENT / queues;
	b->threads_most = b->store->threads > queues ? b->store->threads / queues : 1;
	tell(b, DISK_CONNECTED);
	for (unsigned i = 0; !rc && i < queues; i++) {
		rc = connect_queue(b, i, several, order);
		b->queues += !rc;
	}
	/* None of them: then there is nothing to disconnect. */
	if (rc && !b->queues)
		tell(b, DISK_CLOSED);
	return rc;
}

static void connect(struct blkback *b)
{
	struct says s = { 0 };
	int rc = connect_queues(b);

	if (!rc) {
		b->stats.connected = true;
		say_disk(&s, b);
		say(&s, "state", XenbusStateConnected);
		rc = said(b, &s);
	}
	if (rc) {
		blkback_log(b, "cannot connect (error %d)", rc);
		disconnect(b, END_BROKEN);
		blkback_break(b, "invalid keys from the frontend");
	}
}

/* ---- the life */

/* xenstored refuses what it does not have below a folder that this domain may not read. */
static bool is_gone(int64_t state)
{
	return state == -ENOENT || state == -EACCES;
}

/* One step, after any change in xenstore.  Returns whether the disk is still attached. */
static bool step(struct blkback *b)
{
	int64_t ours = state(b->path), theirs = state(b->front);
	bool online = number(b->path, "online", 1) != 0;

	if (ours == -ENOENT || is_gone(theirs)) {
		disconnect(b, END_LOST);
		if (ours != -ENOENT)
			set_state(b, XenbusStateClosed);
		return false;
	}
	if (b->broken && theirs != XenbusStateClosed && theirs != XenbusStateInitialising) {
		disconnect(b, END_BROKEN);
		if (ours != XenbusStateClosing)
			set_state(b, XenbusStateClosing);
		return true;
	}
	switch (theirs) {
	case XenbusStateInitialised:
	case XenbusStateConnected:
		if (!b->queues && ours != XenbusStateClosing && ours != XenbusStateClosed)
			connect(b);
		break;
	case XenbusStateClosing:
		disconnect(b, END_CLOSED);
		if (ours != XenbusStateClosing && ours != XenbusStateClosed)
			set_state(b, XenbusStateClosing);
		break;
	case XenbusStateClosed:
		if (ours == XenbusStateClosing)
			drain(b);
		disconnect(b, END_CLOSED);
		b->broken = NULL;
		if (ours != XenbusStateClosed)
			set_state(b, XenbusStateClosed);
		return online;
	case XenbusStateInitialising:
		b->broken = NULL;
		disconnect(b, END_BROKEN);
		if (ours == XenbusStateClosed && online)
			set_state(b, XenbusStateInitWait);
		if (ours == XenbusStateClosing && !online) {	/* nobody is there to close it */
			set_state(b, XenbusStateClosed);
			return false;
		}
	}
	/* Its state Closing was overwritten while this connected or told a new size. */
	if (!online && ours == XenbusStateConnected)
		set_state(b, XenbusStateClosing);
	if (b->resized) {
		b->resized = false;
		tell(b, DISK_RESIZED);
	}
	if (b->queues && ours == XenbusStateConnected && b->store->size != b->published) {
		struct says s = { 0 };

		say_size(&s, b);
		say(&s, "state", XenbusStateConnected);	/* this tells the frontend */
		said(b, &s);
	}
	return true;
}

static int watch(struct blkback *b)
{
	char path[KEY_MAX];
	int rc;

	b->watch = domain_watch_new();
	if (!b->watch)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s/state", b->front);
	rc = domain_watch_add(b->watch, path);
	snprintf(path, sizeof(path), "%s/state", b->path);
	if (!rc)
		rc = domain_watch_add(b->watch, path);
	snprintf(path, sizeof(path), "%s/online", b->path);
	return rc ? rc : domain_watch_add(b->watch, path);
}

static void begin(struct blkback *b)
{
	struct says s = { 0 };
	int64_t ours = state(b->path);

	say_offer(&s, b);
	say_disk(&s, b);
	if (ours == XenbusStateUnknown || ours == XenbusStateInitialising)
		say(&s, "state", XenbusStateInitWait);
	said(b, &s);
}

int blkback_run(struct blkback *b)
{
	int rc;

	domain_enter();
	rc = watch(b);
	if (rc)
		domain_log("%s: cannot watch it (error %d)", b->path, rc);
	else
		begin(b);
	while (!rc && !b->end && step(b))
		rc = domain_watch_wait(b->watch);
	disconnect(b, END_SERVER);
	if (b->watch)
		domain_watch_free(b->watch);
	b->watch = NULL;
	domain_leave();
	return rc;
}

void blkback_end(struct blkback *b)
{
	b->end = true;
	if (b->watch)
		domain_watch_kick(b->watch);
}

void blkback_break(struct blkback *b, const char *why)
{
	if (!b->broken)
		blkback_log(b, "the connection ends: %s", why);
	b->broken = why;
	if (b->watch)
		domain_watch_kick(b->watch);
}
