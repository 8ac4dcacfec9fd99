/* SPDX-License-Identifier: ISC */
/*
 * drivers/border/turn.h, from any queue of up to LEN threads: it is first in, first out, and only
 * the first is woken.
 */
#include "tests/prove/prove.h"
#include "drivers/border/turn.h"
#include "tests/prove/waits.h"

#define LEN 4u

static struct turn t[LEN + 1];		/* in the order of arrival */
static struct turns line;
static unsigned n, woken[LEN + 1];

static void others_run(void)
{
}

static void on_wake(const struct waitq *queue)
{
	for (unsigned i = 0; i <= LEN; i++)
		woken[i] += queue == &t[i].queue;
}

static void any_line(void)
{
	n = nondet_uint32();
	ASSUME(n <= LEN);
	for (unsigned i = 0; i < LEN; i++) {
		t[i] = (struct turn){ .n = nondet_uint32(), .next = i + 1 < n ? &t[i + 1] : NULL };
		ASSUME(t[i].n);
	}
	line = (struct turns){ n ? &t[0] : NULL, n ? &t[n - 1] : NULL };
	REACHED("any line");
}

/* Whether the line has t[0] to t[count - 1] without t[but]. */
static bool is_line(unsigned count, unsigned but)
{
	const struct turn *at = line.first, *last = NULL;
	bool right = true;

	for (unsigned i = 0; i <= LEN; i++) {
		if (i >= count || i == but)
			continue;
		right = right && at == &t[i];
		last = &t[i];
		at = right ? at->next : NULL;
	}
	return right && !at && line.last == last;
}

/* prove: unwind 7 */
void prove_join(void)
{
	uint32_t units = nondet_uint32();
	const struct waitq *q;

	any_line();
	q = &t[n].queue;
	turn_join(&line, &t[n], units);
	CLAIM("it is the last", is_line(n + 1, LEN + 1));
	CLAIM("it wants so many, and nobody waits in it", t[n].n == units && !q->first && !q->last);
	CLAIM("it is first only if it is alone", turn_first(&line, &t[n]) == (n == 0));
	REACHED("joined");
}

/* prove: unwind 7 */
void prove_leave(void)
{
	unsigned i = nondet_uint32();

	any_line();
	ASSUME(i < n);
	turn_leave(&line, &t[i]);
	CLAIM("only it has left, the others keep their order", is_line(n, i));
	CLAIM("it is not first", !turn_first(&line, &t[i]));
	REACHED("left");
	if (i && i + 1 < n)
		REACHED("left from the middle");
}

/* prove: unwind 7 */
void prove_wake(void)
{
	uint32_t room = nondet_uint32();

	any_line();
	turn_wake(&line, room);
	CLAIM("the first is woken if there is room for it", woken[0] == (n && t[0].n <= room));
	for (unsigned i = 1; i <= LEN; i++)
		CLAIM("no other one is", !woken[i]);
	CLAIM("nobody leaves", is_line(n, LEN + 1));
	REACHED("woken");
}

/* prove: unwind 7 */
void prove_wake_all(void)
{
	any_line();
	turn_wake_all(&line);
	for (unsigned i = 0; i <= LEN; i++)
		CLAIM("each is woken once", woken[i] == (i < n));
	CLAIM("nobody leaves", is_line(n, LEN + 1));
	REACHED("woken");
}
