/* SPDX-License-Identifier: ISC */
/* The event loop of the tender: descriptors, times, and events of the guest. */
#include "tender.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define SOURCES_MAX 1024

static struct source *sources;
static struct pollfd polled[SOURCES_MAX];
static struct source *source_of[SOURCES_MAX];
static unsigned npolled;

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

void source_add(struct source *s)
{
	s->next = sources;
	s->revents = 0;
	sources = s;
}

void source_remove(struct source *s)
{
	struct source **p = &sources;

	while (*p && *p != s)
		p = &(*p)->next;
	if (*p)
		*p = s->next;
	s->revents = 0;
	s->at = 0;
}

/* Calls handlers until no source is left that is ready: a handler may remove any source. */
static void call_ready(uint64_t now)
{
	struct source *s;

	do {
		for (s = sources; s; s = s->next) {
			if (s->revents) {
				s->revents = 0;
				s->ready(s);
				break;
			}
			if (s->at && s->at <= now) {
				s->at = 0;
				s->due(s);
				break;
			}
		}
	} while (s);
}

static int add(int fd, short events, struct source *s)
{
	if (npolled == SOURCES_MAX)
		return -1;
	source_of[npolled] = s;
	polled[npolled] = (struct pollfd){ .fd = fd, .events = events };
	return npolled++;
}

int loop_add(int fd, short events)
{
	return add(fd, events, NULL);
}

short loop_revents(int slot)
{
	return slot < 0 ? 0 : polled[slot].revents;
}

/* Returns the first time that a source waits for, in ns; UINT64_MAX: none. */
static uint64_t prepare(void)
{
	uint64_t first = UINT64_MAX;

	npolled = 0;
	for (struct source *s = sources; s; s = s->next)
		if (s->prepare)
			s->prepare(s);
	for (struct source *s = sources; s; s = s->next) {
		if (s->at && s->at < first)
			first = s->at;
		if (s->fd >= 0 && s->events) /* poll() reports a hang-up also without events */
			add(s->fd, s->events, s);
	}
	return first;
}

void loop_once(void)
{
	uint64_t first = prepare(), now = now_ns();
	struct timespec left;

	__atomic_store_n(&domain.link->tender_sleeps, 1, __ATOMIC_SEQ_CST);
	if (dispatch_events())
		first = 0;
	first = first > now ? first - now : 0;
	left.tv_sec = first / 1000000000;
	left.tv_nsec = first % 1000000000;
	if (ppoll(polled, npolled, first > 1ull << 60 ? NULL : &left, NULL) < 0)
		npolled = 0;
	__atomic_store_n(&domain.link->tender_sleeps, 0, __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < npolled; i++)
		if (source_of[i])
			source_of[i]->revents = polled[i].revents;
	for (struct source *s = sources; s; s = s->next)
		if (s->after) { /* libslirp's, which may remove any source */
			s->after(s);
			break;
		}
	dispatch_events();
	call_ready(now_ns());
}
