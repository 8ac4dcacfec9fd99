/* SPDX-License-Identifier: ISC */
/*
 * The kernel's implementation of fs/os.h.
 *
 * Memory of files is not of malloc()'s heap: malloc() reclaims it when memory is short
 * (page_set_reclaim()), and then its own heap may be in the middle of a change.  Small objects
 * are pieces of pages.  All pieces of a page have the same size, the largest of which as many
 * fit.  A larger object has pages of its own.
 */
#include "fs/fs.h"
#include "fs/os.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/random.h"
#include "kernel/sched.h"

#include <assert.h>
#include <string.h>

#define STACK (32 * 1024)		/* of the thread that writes back */
#define LEAST 32			/* bytes of a piece */

/* The beginning of a page, or of the first of several. */
struct slab {
	struct slab *next, **link;	/* slabs with a free piece, of the same number of pieces */
	void *free;			/* pieces that were freed */
	uint32_t fresh;			/* so many pieces at the end were never used */
	uint32_t pieces, used;
	size_t pages;			/* of an object with pages of its own; otherwise 0 */
} __attribute__((aligned(64)));

#define ROOM (OS_PAGE - sizeof(struct slab))

static struct slab *open_slabs[ROOM / LEAST + 1];	/* by the number of pieces */

static size_t piece_size(unsigned pieces)
{
	return ROOM / pieces & ~(size_t)15;
}

static void slab_open(struct slab *s)
{
	struct slab **list = &open_slabs[s->pieces];

	s->next = *list;
	s->link = list;
	if (s->next)
		s->next->link = &s->next;
	*list = s;
}

static void slab_close(struct slab *s)
{
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
}

static size_t (*reclaim)(size_t bytes);

/* The cache uses its own pages again before it takes memory that malloc() may need. */
void *os_page_alloc(void)
{
	void *page;

	while (!(page = page_alloc_spare()))
		if (!reclaim || !reclaim(OS_PAGE))
			return page_alloc(1);
	return page;
}

static struct slab *slab_new(unsigned pieces)
{
	struct slab *s = os_page_alloc();

	if (!s)
		return NULL;
	*s = (struct slab){ .pieces = pieces, .fresh = pieces };
	slab_open(s);
	return s;
}

static void *take_piece(struct slab *s)
{
	void *p = s->free;

	if (p)
		memcpy(&s->free, p, sizeof(s->free));
	else
		p = (char *)s + OS_PAGE - s->fresh-- * piece_size(s->pieces);
	if (++s->used == s->pieces)
		slab_close(s);
	return p;
}

static void *alloc_pages(size_t size)
{
	size_t n = (size + sizeof(struct slab) + OS_PAGE - 1) / OS_PAGE;
	struct slab *s = page_alloc(n);

	if (!s)
		return NULL;
	*s = (struct slab){ .pages = n };
	return memset(s + 1, 0, size);
}

void *os_alloc(size_t size)
{
	size_t piece = size < LEAST ? LEAST : (size + 15) & ~(size_t)15;
	struct slab *s;

	if (size > SIZE_MAX / 2)
		return NULL;
	if (piece > piece_size(2))
		return alloc_pages(size);
	s = open_slabs[ROOM / piece];
	if (!s)
		s = slab_new(ROOM / piece);
	return s ? memset(take_piece(s), 0, size) : NULL;
}

void os_free(void *p)
{
	struct slab *s = (struct slab *)((uintptr_t)p & ~(uintptr_t)(OS_PAGE - 1));

	if (!p)
		return;
	if (s->pages) {
		page_free(s, s->pages);
		return;
	}
	assert(s->used);
	if (s->used-- == s->pieces)
		slab_open(s);
	if (!s->used) {
		slab_close(s);
		page_free(s, 1);
		return;
	}
	memcpy(p, &s->free, sizeof(s->free));
	s->free = p;
}

void os_page_free(void *page)
{
	page_free(page, 1);
}

size_t os_memory_free(void)
{
	struct page_stats s;

	page_stats(&s);
	return s.free * OS_PAGE;
}

/* ---- Threads. */

static struct waitq *waitq(struct os_queue *q)
{
	_Static_assert(offsetof(struct os_queue, first) == offsetof(struct waitq, first) &&
		       offsetof(struct os_queue, last) == offsetof(struct waitq, last) &&
		       sizeof(struct waitq) <= offsetof(struct os_queue, wakes), "struct waitq");
	return (struct waitq *)q;
}

bool os_wait_until(struct os_queue *q, uint64_t deadline)
{
	uint64_t seen = q->wakes;

	return wait_until_deadline(waitq(q), deadline, q->wakes != seen);
}

void os_wait(struct os_queue *q)
{
	os_wait_until(q, NEVER);
}

void os_wake(struct os_queue *q)
{
	q->wakes++;
	wake(waitq(q));
}

void os_pause(void)
{
	kernel_pause();
}

/* Weak: an image that has tmpfs alone has none. */
void fs_background(void) __attribute__((weak));

static uint64_t due = NEVER;
static struct waitq sooner;
static bool running;			/* the thread */

static void write_back(void *arg)
{
	(void)arg;
	while (due != NEVER) {
		uint64_t at = due;

		wait_until_deadline(&sooner, at, due < at);
		if (clock_now() < due)
			continue;
		due = NEVER;
		fs_background();
	}
	running = false;
}

static void start_thread(void)
{
	running = thread_start("write-back", THREAD_KERNEL, STACK, write_back, NULL, NULL);
}

/* The caller's part of the cache may not be pinned, so memory for the thread is not reclaimed.  If
   there is none, the next allocation for the cache starts the thread (os_set_reclaim()). */
void os_background_at(uint64_t when)
{
	if (!fs_background || when >= due)
		return;
	due = when;
	if (running) {
		wake(&sooner);
		return;
	}
	page_set_reclaim(NULL);
	start_thread();
	page_set_reclaim(reclaim);
}

void os_set_reclaim(size_t (*function)(size_t bytes))
{
	reclaim = function;
	page_set_reclaim(function);
	if (due != NEVER && !running)
		start_thread();
}

/* ---- Time, random numbers, text. */

int64_t os_time(void)
{
	return clock_wall();
}

uint64_t os_clock(void)
{
	return clock_now();
}

uint32_t os_random(void)
{
	return random_word();
}

void os_log(enum os_log level, const char *fmt, ...)
{
	static const enum log_level levels[] = {
		[OS_ERROR] = LOG_ERROR, [OS_WARNING] = LOG_WARNING,
		[OS_INFO] = LOG_INFO, [OS_DEBUG] = LOG_DEBUG,
	};
	char text[200];
	va_list args;

	va_start(args, fmt);
	vformat(text, sizeof(text), fmt, args);
	va_end(args);
	log_at(levels[level], "%s", text);
}

int os_format(char *to, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vformat(to, size, fmt, args);
	va_end(args);
	return n;
}
