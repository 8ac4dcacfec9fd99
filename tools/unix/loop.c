/* SPDX-License-Identifier: ISC */
/* The event loop of the tender: descriptors, times, and events of the guest. */
#include "tender.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define SOURCES_MAX 1024

static struct source *sources;

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

void loop_once(void)
{
	struct pollfd p[SOURCES_MAX];
	struct source *of[SOURCES_MAX], *s;
	uint64_t first = UINT64_MAX, now;
	struct timespec left;
	unsigned n = 0;

	for (s = sources; s; s = s->next)
		if (s->prepare)
			s->prepare(s);
	for (s = sources; s; s = s->next) {
		if (s->at && s->at < first)
			first = s->at;
		if (s->fd < 0 || n == SOURCES_MAX)
			continue;
		of[n] = s;
		p[n++] = (struct pollfd){ .fd = s->fd, .events = s->events };
	}
	__atomic_store_n(&domain.link->tender_sleeps, 1, __ATOMIC_SEQ_CST);
	if (dispatch_events())
		first = 0;
	now = now_ns();
	first = first > now ? first - now : 0;
	left.tv_sec = first / 1000000000;
	left.tv_nsec = first % 1000000000;
	if (ppoll(p, n, first > 1ull << 60 ? NULL : &left, NULL) > 0)
		for (unsigned i = 0; i < n; i++)
			of[i]->revents = p[i].revents;
	__atomic_store_n(&domain.link->tender_sleeps, 0, __ATOMIC_SEQ_CST);
	dispatch_events();
	call_ready(now_ns());
}
