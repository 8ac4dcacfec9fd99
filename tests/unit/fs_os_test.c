/* SPDX-License-Identifier: ISC */
/* fs/os.c: memory, threads and time of the file systems in the kernel. */
#include "fs/fs.h"
#include "fs/os.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/page.h"
#include "kernel/sched.h"
#include "tests/host/host.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static size_t used(void)
{
	struct page_stats s;

	page_stats(&s);
	return s.used;
}

/* ---- memory */

#define OBJECTS 400

static struct object {
	uint8_t *p;
	size_t size;
	uint8_t mark;
} objects[OBJECTS];

static size_t some_size(void)
{
	switch (host_below(6)) {
	case 0:
		return host_below(40);
	case 1:
		return 900 + host_below(2500);
	case 2:
		return host_chance(4) ? host_below(60000) : 4096;
	default:
		return host_below(700);
	}
}

static void put(struct object *o)
{
	for (size_t i = 0; i < o->size; i++)
		assert(o->p[i] == o->mark);
	os_free(o->p);
	o->p = NULL;
}

static void objects_keep_their_contents(void)
{
	size_t before;

	host_set_memory(8 << 20);
	host_boot();
	os_free(os_alloc(1));
	before = used();
	for (unsigned step = 0; step < 3000; step++) {
		struct object *o = &objects[host_below(OBJECTS)];

		if (o->p) {
			put(o);
			continue;
		}
		*o = (struct object){ .size = some_size(), .mark = host_random() };
		o->p = os_alloc(o->size);
		assert(o->p && (uintptr_t)o->p % 16 == 0);
		for (size_t i = 0; i < o->size; i++)
			assert(o->p[i] == 0);
		memset(o->p, o->mark, o->size);
	}
	for (unsigned i = 0; i < OBJECTS; i++)
		if (objects[i].p)
			put(&objects[i]);
	os_free(NULL);
	assert(used() == before + host_page_tables() || used() == before);
}

static void small_objects_share_pages(void)
{
	size_t before;
	void *p[1000];

	host_boot();
	os_page_free(os_page_alloc());
	before = used();
	for (unsigned i = 0; i < 1000; i++)
		assert((p[i] = os_alloc(100)));
	assert(used() - before <= 1000 * 112 / 4000 + 2);
	for (unsigned i = 0; i < 1000; i++)
		os_free(p[i]);
	assert(used() == before);
}

static void too_much_is_no_memory(void)
{
	size_t before;

	host_set_memory(4 << 20);
	host_boot();
	before = used();
	assert(!os_alloc(SIZE_MAX) && !os_alloc(SIZE_MAX / 2) && !os_alloc(64 << 20));
	assert(used() == before);
}

/* ---- threads */

static struct os_queue queue;
static unsigned woken, waiting, waiters;

static void wait_for_wake(void *arg)
{
	(void)arg;
	waiting++;
	os_wait(&queue);
	woken++;
	waiters--;
}

static void wake_is_for_all_that_wait(void)
{
	uint64_t then;

	host_boot();
	waiters = 5;
	for (unsigned i = 0; i < 5; i++)
		assert(thread_start("waits", THREAD_KERNEL, 4 * STACK_KERNEL, wait_for_wake, NULL,
				    NULL));
	while (waiting < 5)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	thread_sleep(clock_now() + NSEC_PER_MSEC);
	assert(woken == 0);
	os_wake(&queue);
	while (waiters)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	then = os_clock() + 5 * NSEC_PER_MSEC;
	assert(!os_wait_until(&queue, then) && os_clock() >= then);
}

static uint64_t called_at[4], again_at;
static unsigned calls;

void fs_background(void)
{
	assert(calls < HOST_COUNT(called_at));
	called_at[calls++] = os_clock();
	if (again_at)
		os_background_at(again_at);
	again_at = 0;
}

static void background_at_the_soonest_time(void)
{
	unsigned threads;
	uint64_t now;

	host_boot();
	threads = thread_count();
	now = os_clock();
	os_background_at(now + 500 * NSEC_PER_MSEC);
	assert(thread_count() == threads + 1);
	if (host_chance(2))
		thread_sleep(now + 10 * NSEC_PER_MSEC);
	os_background_at(now + 50 * NSEC_PER_MSEC);
	os_background_at(now + 900 * NSEC_PER_MSEC);
	again_at = now + 700 * NSEC_PER_MSEC;
	while (thread_count() != threads)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	assert(calls == 2 && called_at[0] >= now + 50 * NSEC_PER_MSEC &&
	       called_at[0] < now + 450 * NSEC_PER_MSEC &&
	       called_at[1] >= now + 700 * NSEC_PER_MSEC);
	/* And again, when the thread has ended. */
	os_background_at(os_clock());
	while (calls == 2)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
}

static void *cached;
static unsigned reclaims;

static size_t give_back(size_t bytes)
{
	reclaims++;
	while (cached && bytes) {
		void *page = cached;

		memcpy(&cached, page, sizeof(cached));
		os_page_free(page);
		bytes -= bytes < OS_PAGE ? bytes : OS_PAGE;
	}
	return !bytes;
}

static void background_without_memory(void)
{
	unsigned threads;
	void *page;

	host_set_memory(4 << 20);
	host_boot();
	threads = thread_count();
	os_set_reclaim(give_back);
	while ((page = page_alloc(1))) {
		memcpy(page, &cached, sizeof(cached));
		cached = page;
		if (os_memory_free() == 0)
			break;
	}
	reclaims = 0;
	os_background_at(os_clock() + 20 * NSEC_PER_MSEC);
	assert(!reclaims && thread_count() == threads);
	os_set_reclaim(give_back);		/* as each allocation does */
	assert(reclaims && thread_count() == threads + 1);
	while (thread_count() != threads)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	assert(calls == 1);
	give_back(SIZE_MAX);
	os_set_reclaim(NULL);
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "objects are zeroed, aligned, and keep their contents",
		  objects_keep_their_contents, 30 },
		{ "small objects share pages, which are freed with the last",
		  small_objects_share_pages, 1 },
		{ "a request for too much memory returns NULL", too_much_is_no_memory, 1 },
		{ "os_wake() wakes all that wait, and a deadline ends a wait",
		  wake_is_for_all_that_wait, 30 },
		{ "the thread that writes back exists until nothing is due, and is called in time",
		  background_at_the_soonest_time, 50 },
		{ "without memory for that thread, it is started by a later allocation",
		  background_without_memory, 10 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}
