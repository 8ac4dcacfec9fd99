/* SPDX-License-Identifier: ISC */
#include "tests/fs/host_os.h"
#include "fs/fs.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct host_os host_os = { .clock = 1000000000, .time_offset = 1700000000000000000, .random = 1 };

static size_t (*reclaim_function)(size_t bytes);

/* In front of each block. */
struct header {
	size_t size;
	size_t unused;
};

/* Whether so many bytes may be taken, if need be after the cache has given some back. */
static bool take(size_t size)
{
	if (host_os.fail_at && --host_os.fail_at == 0)
		return false;
	if (host_os.limit && host_os.used + size > host_os.limit && reclaim_function)
		reclaim_function(host_os.used + size - host_os.limit);
	if (host_os.limit && host_os.used + size > host_os.limit)
		return false;
	host_os.used += size;
	return true;
}

void *os_alloc(size_t size)
{
	struct header *h = take(size) ? calloc(1, sizeof(*h) + size) : NULL;

	if (!h)
		return NULL;
	h->size = size;
	return h + 1;
}

void os_free(void *p)
{
	struct header *h = p;

	if (!p)
		return;
	host_os.used -= h[-1].size;
	free(h - 1);
}

void *os_page_alloc(void)
{
	void *page = take(OS_PAGE) ? aligned_alloc(OS_PAGE, OS_PAGE) : NULL;

	if (page)
		memset(page, 0xa5, OS_PAGE);
	return page;
}

void os_page_free(void *page)
{
	if (!page)
		return;
	host_os.used -= OS_PAGE;
	free(page);
}

void os_set_reclaim(size_t (*reclaim)(size_t bytes))
{
	reclaim_function = reclaim;
}

size_t os_memory_free(void)
{
	if (!host_os.limit)
		return 1ul << 30;
	return host_os.limit > host_os.used ? host_os.limit - host_os.used : 0;
}

/* One thread: nobody else could wake it, except by what run() does. */
void os_wait(struct os_queue *q)
{
	if (host_os.run && host_os.run())
		return;
	fprintf(stderr, "os_wait(%p): nobody can wake the only thread\n", (void *)q);
	abort();
}

bool os_wait_until(struct os_queue *q, uint64_t deadline)
{
	(void)q;
	if (host_os.run && host_os.run())
		return true;
	if (host_os.clock < deadline)
		host_os.clock = deadline;
	return false;
}

void os_wake(struct os_queue *q)
{
	q->wakes++;
}

void os_pause(void)
{
	if (host_os.run)
		host_os.run();
}

uint64_t os_clock(void)
{
	return host_os.clock += 1000;
}

int64_t os_time(void)
{
	return (int64_t)os_clock() + host_os.time_offset;
}

void os_background_at(uint64_t when)
{
	if (!host_os.background_at || when < host_os.background_at)
		host_os.background_at = when ? when : 1;
}

bool host_os_background(void)
{
	if (!host_os.background_at || host_os.clock < host_os.background_at)
		return false;
	host_os.background_at = 0;
	fs_background();
	return true;
}

/* A test without ext4 has none. */
__attribute__((weak)) void fs_background(void)
{
}

uint32_t os_random(void)
{
	host_os.random = host_os.random * 6364136223846793005ull + 1442695040888963407ull;
	return host_os.random >> 32;
}

void os_log(enum os_log level, const char *fmt, ...)
{
	static const char *const names[] = { "error", "warning", "info", "debug" };
	va_list args;

	va_start(args, fmt);
	vsnprintf(host_os.last_log, sizeof(host_os.last_log), fmt, args);
	va_end(args);
	if (host_os.verbose)
		fprintf(stderr, "%s: %s\n", names[level], host_os.last_log);
}

int os_format(char *to, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(to, size, fmt, args);
	va_end(args);
	return n;
}
