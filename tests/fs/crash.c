/* SPDX-License-Identifier: ISC */
#include "tests/fs/crash.h"

#include "tests/fs/sim.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Digests. */

static uint64_t *seen;
static uint64_t seen_count, seen_room;

static uint64_t mixed(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void insert(uint64_t digest)
{
	uint64_t at = mixed(digest) & (seen_room - 1);

	while (seen[at])
		at = (at + 1) & (seen_room - 1);
	seen[at] = digest;
}

bool crash_new(uint64_t digest)
{
	digest += !digest;
	for (uint64_t at = mixed(digest); seen_room; at++) {
		uint64_t other = seen[at & (seen_room - 1)];

		if (other == digest)
			return false;
		if (!other)
			break;
	}
	if (2 * (seen_count + 1) > seen_room) {
		uint64_t *old = seen, room = seen_room;

		seen_room = room ? 2 * room : 4096;
		seen = calloc(seen_room, sizeof(*seen));
		for (uint64_t i = 0; i < room; i++)
			if (old[i])
				insert(old[i]);
		free(old);
	}
	insert(digest);
	seen_count++;
	return true;
}

/* Of a sector and its place: the digest of an image is the sum of its sectors'. */
static uint64_t digest_of(uint64_t at, const uint8_t *sector)
{
	uint64_t z = at + 1, word;

	for (unsigned i = 0; i < SECTOR; i += 8) {
		memcpy(&word, sector + i, 8);
		z = (z ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		z ^= z >> 29;
	}
	return mixed(z);
}

/* ---- An image whose changes are undone. */

struct undo {
	uint64_t at;
	uint8_t old[SECTOR];
};

static struct undo *undos;
static size_t undo_count, undo_room;

static void keep(uint8_t *image, uint64_t at)
{
	if (undo_count == undo_room) {
		undo_room = undo_room ? 2 * undo_room : 1024;
		undos = realloc(undos, undo_room * sizeof(*undos));
	}
	undos[undo_count].at = at;
	memcpy(undos[undo_count++].old, image + at, SECTOR);
}

static void undo_to(uint8_t *image, size_t count)
{
	while (undo_count > count) {
		struct undo *u = &undos[--undo_count];

		memcpy(image + u->at, u->old, SECTOR);
	}
}

static size_t device_undo;

static void before_write(struct device *d, uint64_t at, size_t len)
{
	for (uint64_t s = at; s < at + len; s += SECTOR)
		keep(d->data, s);
}

void crash_device_begin(struct device *d, uint8_t *image, uint64_t size)
{
	device_memory(d, image, size);
	d->before_write = before_write;
	device_undo = undo_count;
}

void crash_device_end(struct device *d)
{
	undo_to(d->data, device_undo);
	device_end(d);
}

/* ---- Enumeration. */

struct enumeration {
	const struct device *device;
	uint8_t *image;
	const struct crash_limits *limits;
	bool (*state)(void *arg, const struct crash_state *s);
	void *arg;
	uint64_t digest;		/* of the image as it is now */
	uint64_t count;
	bool ended;

	unsigned *open, open_count;	/* writes that may be lost: indexes of events */
	unsigned since;			/* event up to which everything is durable */
	unsigned until;			/* event before which the crash comes */
};

static void put(struct enumeration *e, const struct event *w, unsigned from, unsigned to)
{
	for (unsigned s = from; s < to; s++) {
		uint64_t at = w->at + (uint64_t)s * SECTOR;

		keep(e->image, at);
		e->digest -= digest_of(at, e->image + at);
		memcpy(e->image + at, w->data + (size_t)s * SECTOR, SECTOR);
		e->digest += digest_of(at, e->image + at);
	}
}

static void moment(const struct device *d, unsigned event, unsigned *done, unsigned *begun)
{
	*done = *begun = 0;
	for (unsigned i = 0; i < event && i < d->event_count; i++) {
		if (d->events[i].kind == EVENT_BEGIN)
			*begun = d->events[i].number;
		else if (d->events[i].kind == EVENT_END)
			*done = d->events[i].number;
	}
}

/* A state has the writes with in[i], and of the last one perhaps only some sectors. */
static void one_state(struct enumeration *e, const bool *in, unsigned torn_from,
		      unsigned torn_to)
{
	const struct event *events = e->device->events;
	uint64_t digest = e->digest;
	size_t undo = undo_count;
	struct crash_state s = { 0 };
	unsigned last = e->since, n = 0, len;

	if (e->ended || (e->limits->one_of > 1 && !sim_chance(e->limits->one_of)))
		return;
	len = snprintf(s.name, sizeof(s.name), "writes");
	for (unsigned i = 0; i < e->open_count; i++) {
		bool is_last = true;

		if (!in[i])
			continue;
		for (unsigned j = i + 1; j < e->open_count; j++)
			is_last &= !in[j];
		if (is_last && torn_to)
			put(e, &events[e->open[i]], torn_from, torn_to);
		else
			put(e, &events[e->open[i]], 0, events[e->open[i]].len / SECTOR);
		if (e->open[i] + 1 > last)
			last = e->open[i] + 1;
		n++;
		if (len < sizeof(s.name) - 30)
			len += snprintf(s.name + len, sizeof(s.name) - len, " %u", i);
	}
	len += snprintf(s.name + len, sizeof(s.name) - len, " of %u", e->open_count);
	if (torn_to)
		snprintf(s.name + len, sizeof(s.name) - len, ", sectors %u-%u", torn_from,
			 torn_to - 1);
	s.digest = e->digest;
	moment(e->device, last, &s.done, &s.begun);
	moment(e->device, e->until, &s.done_late, &s.begun_late);
	e->count++;
	e->ended = !e->state(e->arg, &s);
	undo_to(e->image, undo);
	e->digest = digest;
}

static void all_subsets(struct enumeration *e, bool *in)
{
	for (uint64_t set = 0; set < UINT64_C(1) << e->open_count; set++) {
		for (unsigned i = 0; i < e->open_count; i++)
			in[i] = set >> i & 1;
		one_state(e, in, 0, 0);
	}
}

/* Prefixes; each with one lost; each single one kept. */
static void some_subsets(struct enumeration *e, bool *in)
{
	unsigned n = e->open_count;

	for (unsigned p = 0; p <= n; p++) {
		memset(in, 0, n);
		memset(in, 1, p);
		one_state(e, in, 0, 0);
		for (unsigned lost = p > 16 && p < n ? p - 8 : 0; lost + 1 < p; lost++) {
			in[lost] = false;
			one_state(e, in, 0, 0);
			in[lost] = true;
		}
		memset(in, 0, n);
		if (p < n) {
			in[p] = true;
			one_state(e, in, 0, 0);
		}
	}
	/* And some at random. */
	for (unsigned r = 0; r < n; r++) {
		for (unsigned i = 0; i < n; i++)
			in[i] = sim_below(2);
		one_state(e, in, 0, 0);
	}
}

static void torn_writes(struct enumeration *e, bool *in)
{
	memset(in, 0, e->open_count);
	for (unsigned p = 0; p < e->open_count; p++) {
		unsigned sectors = e->device->events[e->open[p]].len / SECTOR;
		unsigned step = sectors > 16 ? sectors / 8 : 1;

		in[p] = true;
		for (unsigned k = 1; k < sectors; k += step) {
			one_state(e, in, 0, k);
			one_state(e, in, k, sectors);
		}
	}
}

static bool durable(const struct device *d, const struct event *w, unsigned until)
{
	for (unsigned i = 0; i < d->event_count; i++) {
		const struct event *f = &d->events[i];

		if (f->kind == EVENT_FLUSH && f->done < until && w->done != UINT_MAX &&
		    w->done <= i)
			return true;
	}
	return false;
}

static void epoch(struct enumeration *e, bool *applied, bool *in)
{
	const struct device *d = e->device;

	e->open_count = 0;
	for (unsigned i = 0; i < d->event_count && i < e->until; i++) {
		struct event *w = &d->events[i];

		if (w->kind != EVENT_WRITE || applied[i])
			continue;
		if (durable(d, w, e->until)) {
			put(e, w, 0, w->len / SECTOR);
			applied[i] = true;
		} else {
			e->open[e->open_count++] = i;
		}
	}
	e->since = 0;
	for (unsigned i = 0; i < d->event_count; i++)
		if (d->events[i].kind == EVENT_FLUSH && d->events[i].done < e->until &&
		    d->events[i].done > e->since)
			e->since = d->events[i].done;
	if (e->open_count <= e->limits->all_below)
		all_subsets(e, in);
	else
		some_subsets(e, in);
	if (e->limits->torn)
		torn_writes(e, in);
}

uint64_t crash_states(const struct device *d, uint8_t *image, uint64_t size,
		      const struct crash_limits *limits,
		      bool (*state)(void *arg, const struct crash_state *s), void *arg)
{
	struct enumeration e = { .device = d, .image = image, .limits = limits, .state = state,
				 .arg = arg };
	bool *applied = calloc(d->event_count + 1, 1), *in = calloc(d->event_count + 1, 1);
	size_t undo = undo_count;

	(void)size;
	e.open = calloc(d->event_count + 1, sizeof(*e.open));
	for (unsigned i = 0; i <= d->event_count && !e.ended; i++) {
		if (i < d->event_count && d->events[i].kind != EVENT_FLUSH)
			continue;
		/* Just before the flush ends; and at the end of all. */
		e.until = i < d->event_count ? d->events[i].done : d->event_count + 1;
		if (e.until == UINT_MAX)
			continue;
		epoch(&e, applied, in);
	}
	undo_to(image, undo);
	free(applied);
	free(in);
	free(e.open);
	return e.count;
}
