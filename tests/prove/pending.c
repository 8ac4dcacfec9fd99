/* SPDX-License-Identifier: ISC */
/*
 * drivers/border/pending.c, from each state that the invariant allows for up to SIZE ids, the
 * backend's id being anything: each id is given out once at a time, and taken back once.
 */
#include "tests/prove/prove.h"
#include "drivers/border/pending.c"

#define SIZE 4u

static struct pending p;
static struct pending_entry entries[SIZE], before[SIZE];
static uint32_t old_free;

/* The list of free ids has each that is free once, and ends with size. */
static bool invariant(const struct pending *p)
{
	uint32_t id = p->free, listed = 0, free = 0;

	for (uint32_t i = 0; i < p->size; i++)
		free += !p->entry[i].what;
	for (; listed < free && id < p->size && !p->entry[id].what; listed++)
		id = p->entry[id].next;
	return p->free <= p->size && listed == free && id == p->size;
}

static void any_pending(void)
{
	any_bytes(&p, sizeof(p));
	any_bytes(entries, sizeof(entries));
	p.entry = entries;
	ASSUME(p.size <= SIZE);
	ASSUME(invariant(&p));
	for (uint32_t i = 0; i < SIZE; i++)
		before[i] = entries[i];
	old_free = p.free;
	REACHED("any state");
}

static bool others_unchanged(uint32_t id)
{
	bool same = true;

	for (uint32_t i = 0; i < p.size; i++)
		same = same && (i == id || entries[i].what == before[i].what);
	return same;
}

/* prove: unwind 6 */
void prove_add(void)
{
	int what, id;

	any_pending();
	id = pending_add(&p, &what);
	CLAIM("the invariant holds", invariant(&p));
	if (id == -EAGAIN) {
		CLAIM("all are in flight", old_free == p.size);
		for (uint32_t i = 0; i < p.size; i++)
			CLAIM("each is in flight", entries[i].what);
		CLAIM("nothing is changed", others_unchanged(p.size));
		REACHED("all in flight");
	} else {
		CLAIM("the id was free, and is not", id >= 0 && (uint32_t)id < p.size &&
		      !before[id].what && entries[id].what == &what);
		CLAIM("the others are as they were", others_unchanged(id));
		REACHED("an id");
	}
}

/* prove: unwind 6 */
void prove_take(void)
{
	uint64_t id = nondet_uint64();
	void *what;

	any_pending();
	what = pending_take(&p, id);
	CLAIM("the invariant holds", invariant(&p));
	CLAIM("only what is in flight is taken", what == (id < p.size ? before[id].what : NULL));
	CLAIM("it is free then", id >= p.size || !entries[id].what);
	CLAIM("the others are as they were", others_unchanged(id < p.size ? id : p.size));
	CLAIM("it is not taken twice", !pending_take(&p, id));
	if (what)
		REACHED("taken");
	else
		REACHED("not in flight");
}

/* prove: unwind 6 */
void prove_take_any(void)
{
	void *what;
	bool some = false;

	any_pending();
	for (uint32_t i = 0; i < p.size; i++)
		some = some || before[i].what;
	what = pending_take_any(&p);
	CLAIM("the invariant holds", invariant(&p));
	CLAIM("one is taken if there is one", !what == !some);
	if (what) {
		unsigned gone = 0;

		for (uint32_t i = 0; i < p.size; i++)
			gone += before[i].what && !entries[i].what;
		CLAIM("exactly one", gone == 1);
		REACHED("taken");
	}
}

/* prove: unwind 6 */
void prove_init(void)
{
	uint32_t size = 3;
	int rc = pending_init(&p, size);

	CLAIM("it works, or there is no memory", rc == 0 || rc == -ENOMEM);
	if (rc == 0) {
		CLAIM("the invariant holds", invariant(&p) && p.size == size);
		for (uint32_t i = 0; i < size; i++)
			CLAIM("none is in flight", !p.entry[i].what);
		REACHED("made");
	} else {
		CLAIM("it has no ids", p.size == 0);
		REACHED("no memory");
	}
	pending_free(&p);
	CLAIM("a zeroed one has no ids", pending_add(&p, &rc) == -EAGAIN && !pending_take(&p, 0));
}
